"""The way between browser and kernel: a slow link, a file that is too large for it."""

import json

from conftest import CELL
from jlab import Notebook, Pad
from slowlink import SlowLink

MBIT = 125_000  # bytes a second

DRAG = """async ([stage, from, to, seconds]) => {
    const at = (share) => ({
        clientX: from[0] + (to[0] - from[0]) * share, clientY: from[1] + (to[1] - from[1]) * share,
        bubbles: true, cancelable: true, button: 0, buttons: 1,
    });
    stage.dispatchEvent(new MouseEvent('mousedown', at(0)));
    const start = performance.now();
    for (let step = 1; step <= seconds * 60; step++) {
        while (performance.now() < start + step * 1000 / 60)
            await new Promise(resolve => setTimeout(resolve, 1));
        stage.dispatchEvent(new MouseEvent('mousemove', at(Math.abs(Math.sin(step / 20)))));
    }
    stage.dispatchEvent(new MouseEvent('mouseup', {...at(1), buttons: 0}));
}"""


def test_after_a_drag_over_a_slow_link_little_is_left_to_come(server, chromium):
    """What comes after the release would take two seconds at most: no old frames, no picture for later."""
    with SlowLink(server.port) as link:
        page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(60_000)
        name = server.notebook("slow.ipynb", CELL)
        notebook = Notebook(page, server, name, port=link.port)
        try:
            notebook.run_all()
            pad = Pad(notebook)
            pad.settle()
            pad.click(235, 400)
            pad.settle()
            pad.pick(50, 45)
            pad.settle(rest=True)
            stage, way = (
                pad.root.locator(".ipc-stage").element_handle(),
                [[*pad.place(235, 400)], [*pad.place(60, 200)]],
            )
            link.rate = MBIT
            page.evaluate(DRAG, [stage, *way, 3])  # the link is found to be slow
            page.wait_for_timeout(6000)
            page.evaluate(DRAG, [stage, *reversed(way), 3])
            released = link.carried
            page.wait_for_timeout(10_000)
            late = link.carried - released
            link.rate = None
            pad.settle()
            hint = pad.hints()[0]
            assert abs(hint["row"] - 235) + abs(hint["col"] - 400) < 12, "the drag has ended where it began"
            assert 10_000 < late < 2 * MBIT
        finally:
            page.context.close()
            server.stop_kernel(name)


def test_a_file_too_large_for_the_way_says_so(pad, tmp_path):
    pad.click(235, 400)
    pad.settle()
    large = tmp_path / "points.json"
    large.write_text(json.dumps({"hints": [], "note": "x" * 11_000_000}))
    page = pad.page
    with page.expect_file_chooser() as chooser:
        pad.root.locator(".ipc-upload").click()
    chooser.value.set_files(large)
    assert pad.says("at most 9.5 MB")
    assert pad.says("points.json of 11.0 MB")
    pad.notebook.execute(
        f"pad.session.save({str(tmp_path / 'mine.json')!r}); pad.session.reset(); pad.refresh()"
    )
    pad.settle()
    with page.expect_file_chooser() as chooser:
        pad.root.locator(".ipc-upload").click()
    chooser.value.set_files(tmp_path / "mine.json")
    assert pad.says("1 point loaded from mine.json"), "and the next one comes"


def test_a_picture_that_the_browser_cannot_shrink_says_so(pad, tmp_path):
    large = tmp_path / "scan.tiff"
    large.write_bytes(b"II*\0" + bytes(12_000_000))
    pad.root.locator(".ipc-fold").click()
    pad.settle()
    with pad.page.expect_file_chooser() as chooser:
        pad.root.locator(".ipc-over-all").click()
    chooser.value.set_files(large)
    assert pad.says("scan.tiff of 12.0 MB")
    assert pad.says("save it as JPEG or PNG")
