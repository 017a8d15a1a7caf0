"""The real or fake test without a browser: what it shows after each message of its script, what it keeps."""

import base64
import html
import io
import json
import re

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances
from PIL import Image

from ipycolorize.fooling import read_answers
from ipycolorize.pairs import Pair
from ipycolorize.widget import RealOrFake


def pairs(count):
    pictures = np.random.default_rng(0).integers(0, 255, (count, 2, 5, 7, 3), np.uint8)
    return [Pair(f"p{n}", "live", real, synthetic) for n, (real, synthetic) in enumerate(pictures)]


@pytest.fixture
def sit(tmp_path):
    views = []

    def make(photographs=5, **settings):
        settings = {"participant": "Ada", "folder": tmp_path, "practice": 1} | settings
        views.append(RealOrFake(pairs(photographs), **settings))
        return views[-1]

    yield make
    for view in views:
        view.close()


clock = iter(range(10**6))


def tell(view, event, trial=None, **rest):
    """What the script writes into the hidden field."""
    number = view.done if trial is None else trial
    view._report.value = json.dumps({"trial": number, "at": next(clock), "event": event, **rest})


def answer(view, chosen, **rest):
    tell(view, "began")
    tell(view, "answer", chosen=chosen, **({"shown": [1.0, 1.0], "reaction": 0.4} | rest))


def text(view):
    """What a person can read on the stage."""
    return html.unescape(re.sub(r"<[^>]*>", " ", re.sub(r'onanimationstart="[^"]*"', "", view._stage.value)))


def settings(view):
    return json.loads(html.unescape(re.search(r'data-trial="([^"]*)"', view._stage.value)[1]))


def pictures(view):
    sources = re.findall(r'src="data:image/png;base64,([^"]*)"', view._stage.value)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(source)))) for source in sources]


def test_it_begins_with_what_to_do_and_plays_when_asked(sit):
    view = sit(seconds=0.5)
    assert "Each is shown for 0.5 s" in text(view) and "The first 1 are for practice" in text(view)
    assert settings(view)["wait"] is True
    assert settings(view)["seconds"] == 0.5
    assert "Practice 1 of 1" in text(view)


def test_both_pictures_arrive_before_they_are_shown_and_without_loss(sit):
    view = sit()
    trial = view._sitting.current
    shown = pictures(view)
    (pair,) = [pair for pair in pairs(5) if pair.photograph == trial.photograph]
    assert np.array_equal(shown[trial.synthetic - 1], pair.synthetic)
    assert np.array_equal(shown[2 - trial.synthetic], pair.real)


@pytest.mark.parametrize("is_right", [True, False])
def test_practice_tells_right_from_wrong(sit, is_right):
    view = sit()
    synthetic = view._sitting.current.synthetic
    answer(view, synthetic if is_right else 3 - synthetic)
    which = "first" if synthetic == 1 else "second"
    assert f"{'Right' if is_right else 'No'}, the {which} one was synthetic" in text(view)
    assert "From now on nobody tells you" in text(view)
    assert settings(view)["wait"] is True


def test_later_pairs_follow_at_once_and_tell_nothing(sit):
    view = sit()
    answer(view, 1)
    answer(view, 1)
    assert settings(view) | {"number": 2, "wait": False} == settings(view)
    assert "synthetic one" not in text(view) and "Right" not in text(view)
    assert "Pair 2 of 4" in text(view)
    assert "1 of 4 pairs are answered and saved" in text(view)


def test_every_answer_is_on_the_disk_with_its_times(sit, tmp_path):
    view = sit()
    answer(view, 2, shown=[1.0001, 0.9996], reaction=0.82)
    (found,) = read_answers(tmp_path)
    assert (found.chosen, found.shown, found.reaction, found.views) == (2, (1.0001, 0.9996), 0.82, 1)


def test_the_end_shows_the_result_and_that_one_person_says_little(sit):
    view = sit()
    answer(view, 1)
    for number in range(4):
        synthetic = view._sitting.current.synthetic
        answer(view, 3 - synthetic if number == 0 else synthetic)
    assert re.search(r"live\s+1 of 4\s+5% to 70%", text(view))  # Wilson: 4.6 to 69.9 %
    assert "Thank you" in text(view) and "One person says little" in text(view)
    assert "do not count" not in text(view)
    assert not pictures(view)


def test_a_damaged_file_of_somebody_else_does_not_disturb_the_end(sit, tmp_path):
    (tmp_path / "Bob.realfake.jsonl").write_text("no journal\n")
    view = sit(participant=7)  # a name or a number
    for _ in range(5):
        answer(view, 1)
    assert "Thank you" in text(view)
    assert sum(rate.answers for rate in view.rates()) == 4


def test_the_end_says_how_many_answers_do_not_count(sit):
    view = sit()
    for _ in range(5):
        answer(view, 1, shown=[1.0, 1.6])
    assert "4 answers do not count" in text(view)


def test_who_comes_back_is_welcome_where_they_were(sit):
    first = sit()
    answer(first, 1)
    answer(first, 2)
    again = sit()
    assert again.done == 2
    assert "Welcome back" in text(again) and "Pair 2 of 4" in text(again)
    assert settings(again)["wait"] is True
    assert all(np.array_equal(a, b) for a, b in zip(pictures(again), pictures(first), strict=True))


def test_a_second_view_that_is_late_changes_nothing(sit, tmp_path):
    view = sit()
    answer(view, 1)
    tell(view, "answer", trial=0, chosen=2, shown=[1, 1], reaction=1)
    assert view.done == 1
    assert [found.chosen for found in read_answers(tmp_path)] == [1]


def test_an_answer_that_cannot_be_saved_is_kept_and_saved_later(sit, tmp_path, monkeypatch):
    view = sit()

    def full(_):
        raise OSError(28, "No space left on device", "answers/Ada")

    tell(view, "began")
    with monkeypatch.context() as patch:
        patch.setattr("ipycolorize.journal.os.fsync", full)
        tell(view, "answer", chosen=2, shown=[1, 1], reaction=1)
        assert "Not saved: No space left on device. Make room for answers/Ada" in text(view)
        assert "Try again" in text(view) and not pictures(view)
        tell(view, "again")
        assert "Not saved" in text(view)
    tell(view, "again")
    assert view.done == 1 and len(pictures(view)) == 2
    assert [(found.chosen, found.views) for found in read_answers(tmp_path)] == [(2, 1)]


@pytest.mark.parametrize("message", ["", "nonsense", "[]", '{"trial": 0, "event": "answer"}', '{"trial": 0}'])
def test_a_message_that_makes_no_sense_is_shown_and_the_test_goes_on(sit, message):
    view = sit()
    view._report.value = "first"
    view._report.value = message
    assert "Error" in text(view)
    tell(view, "again")
    answer(view, 1)
    assert view.done == 1


def test_names_cannot_bring_markup_into_the_page(sit, tmp_path):
    real = np.zeros((5, 7, 3), np.uint8)
    view = RealOrFake([Pair("p", "<b>live</b>", real, real)], participant="Eve", folder=tmp_path, practice=0)
    answer(view, 1)
    assert "&lt;b&gt;live" in view._stage.value
    view.close()


def test_closing_leaves_nothing_behind(sit):
    before = len(_instances)
    view = sit()
    assert len(_instances) > before
    view.close()
    assert len(_instances) == before
