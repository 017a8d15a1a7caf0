"""The two experiments with people, in a browser: what is shown when, whose the keys are, and a reload."""

import pytest

TEST = """
import numpy as np
from ipycolorize import RealOrFake
from ipycolorize.pairs import Pair
real, fake = (np.full((64, 96, 3), value, np.uint8) for value in (40, 200))
pairs = [Pair(f"p{n}", "m", real, fake) for n in range(4)]
test = RealOrFake(pairs, participant="NAME", folder="answers", practice=1, seconds=0.3)
test
"""
STUDY = """
from ipycolorize import Study
from sklearn.datasets import load_sample_image
photographs = {"china": load_sample_image("china.jpg")}
study = Study(photographs, participant="Ada", folder="study", seconds=600)
study
"""
WATCH = """() => {  // notes at every frame which pictures are visible
    window.seen = [];
    const look = () => {
        const on = [...document.querySelectorAll('.ipc-screen img')].map(
            (picture) => getComputedStyle(picture).visibility === 'visible' ? 1 : 0);
        const now = on.join('');
        if (now && now !== window.seen.at(-1)) window.seen.push(now);
        requestAnimationFrame(look);
    };
    look();
}"""


def wait(page, state):
    page.wait_for_selector(f".ipc-{state}")


def answers(notebook):
    read = "__import__('ipycolorize.fooling').fooling.read_answers('answers')"
    return notebook.value(
        f"[[a.participant, a.chosen, a.trial.synthetic, a.views, *a.shown] for a in {read}]"
    )


@pytest.mark.parametrize("host", ["lab", "notebook"])
def test_one_picture_after_the_other_and_the_keys_are_the_tests(open_notebook, host):
    notebook = open_notebook(TEST.replace("NAME", host), "1 + 1", host=host)
    page = notebook.page
    wait(page, "waiting")
    page.evaluate(WATCH)
    page.locator(".ipc-go").click()
    wait(page, "asking")
    assert page.evaluate("window.seen") == ["00", "10", "00", "01", "00"]
    page.keyboard.press("1")  # a heading, in the notebook's command mode
    wait(page, "waiting")
    assert "one was synthetic" in page.locator(".ipc-cover").inner_text()
    page.keyboard.press("Enter")
    wait(page, "asking")
    page.keyboard.press("p")
    page.keyboard.press("ArrowRight")
    wait(page, "waiting")
    assert "1 of 3 pairs are answered and saved" in page.locator(".ipc-cover").inner_text()
    page.locator(".ipc-go").click()
    for _ in range(2):
        wait(page, "asking")
        page.locator(".ipc-one").click()
        wait(page, "asking, .ipc-end")
    wait(page, "end")
    mine = [answer for answer in answers(notebook) if answer[0] == host]
    assert [chosen for _, chosen, *_ in mine] == [1, 2, 1, 1]
    assert all(views == 1 and min(shown) > 0.28 for _, _, _, views, *shown in mine)
    kinds = page.evaluate("jupyterapp.shell.currentWidget.model.toJSON().cells.map((c) => c.cell_type)")
    assert kinds == ["code", "code"], "no key has reached the notebook"
    assert not [text for text in notebook.console if "ipc" in text]


def test_after_a_reload_nothing_plays_unasked_and_the_second_look_is_noted(open_notebook):
    notebook = open_notebook(TEST.replace("NAME", "reload"))
    page = notebook.page
    wait(page, "waiting")
    page.locator(".ipc-go").click()
    wait(page, "asking")
    notebook.command("docmanager:save")
    page.reload()
    notebook.wait_kernel()
    wait(page, "waiting")
    page.locator(".ipc-go").click()
    wait(page, "asking")
    page.keyboard.press("2")
    wait(page, "waiting")
    (answer,) = [answer for answer in answers(notebook) if answer[0] == "reload"]
    assert answer[3] == 2


def test_a_study_runs_locks_and_keeps_what_was_done(open_notebook):
    notebook = open_notebook(STUDY)
    page = notebook.page
    start = page.locator(".ipc-study > .ipc-row button")
    start.click()
    wait(page, "clock time")
    assert not page.locator(".ipc-study .ipc-mood").is_visible()
    stage = page.locator(".ipc-study .ipc-stage")
    stage.click(position={"x": 120, "y": 100})
    notebook.value("study._pad._worker.wait(20, idle=1)")
    page.locator(".ipc-section:not(.ipc-recent) .ipc-swatch").nth(3).click()
    page.wait_for_timeout(300)
    assert notebook.value("len(study._pad.session.hints)") == 1
    notebook.execute("pad = study._pad; pad._start -= 600")
    wait(page, "locked")
    page.wait_for_function("document.querySelector('.ipc-clock').innerText.includes('Thank you')")
    stage.click(position={"x": 300, "y": 200}, force=True)
    page.wait_for_timeout(300)
    assert notebook.value("len(pad.session.hints)") == 1
    read = "__import__('ipycolorize.study').study.read_results('study')"
    (result,) = notebook.value(f"[[len(r.hints['hints']), [a['event'] for a in r.actions]] for r in {read}]")
    assert result == [1, ["Pointer", "Pointer", "Pick"]]
