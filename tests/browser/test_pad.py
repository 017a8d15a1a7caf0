"""The pad as a person uses it, in JupyterLab: statements about pixels on the screen and files on the disk."""

import json

import numpy as np
import pytest
from conftest import CELL
from jlab import Pad
from PIL import Image
from sklearn.datasets import load_sample_image

HOST_NOISE = (
    "favicon",
    "(reading 'schema')",
    "filebrowser:open-path",
    "status of 403",
)  # of Notebook 7 itself

SKY, WATER, TREE = (40, 300), (235, 400), (330, 150)


def chroma(rgb):
    return float(np.max(rgb) - np.min(rgb))


def errors(pad):
    return [text for text in pad.notebook.console if not any(noise in text for noise in HOST_NOISE)]


@pytest.mark.parametrize("host", ["lab", "notebook"])
def test_click_then_colour_changes_the_picture(request, open_notebook, host):
    pad = request.getfixturevalue("pad") if host == "lab" else Pad(open_notebook(CELL, host=host))
    pad.settle()
    assert pad.says("Click anywhere on the photograph")
    before = pad.pixels()
    pad.click(*WATER)
    pad.settle()
    (hint,) = pad.hints()
    assert (hint["row"], hint["col"]) == pytest.approx(WATER, abs=1), "the place that was clicked"
    beside = (WATER[0], WATER[1] + 30)
    assert np.abs(pad.pixel(*beside) - mean(before, *beside, pad)).max() < 6, "a new point flashes no colour"
    pad.pick(8, 28)
    pad.settle()
    assert pad.hints()[0]["ab"] == pytest.approx([8, 28], abs=1.5)
    assert pad.pixel(*beside)[0] - pad.pixel(*beside)[2] > 30, "the water around the point turns warm"
    assert pad.says("1 point")
    shown = np.array(pad.notebook.value("pad.rgb()[235, 430].tolist()"))
    assert np.abs(pad.pixel(*beside) - shown).max() < 8, "the screen shows what the session has"
    assert pad.notebook.external == []
    assert errors(pad) == []


def mean(pixels, row, col, pad):
    y, x = int((row + 0.5) * pixels.shape[0] / 427), int((col + 0.5) * pixels.shape[1] / 640)
    return pixels[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0)


def test_drag_moves_the_point_with_its_colour(pad):
    pad.click(*WATER)
    pad.settle()
    pad.pick(50, 40)
    pad.settle()
    assert chroma(pad.pixel(235, 430)) > 30
    mouse = pad.page.mouse
    mouse.move(*pad.place(*WATER))
    mouse.down()
    mouse.move(*pad.place(60, 560), steps=20)
    mouse.up()
    pad.settle()
    (hint,) = pad.hints()
    assert (hint["row"], hint["col"]) == pytest.approx((60, 560), abs=1)
    assert chroma(pad.pixel(60, 530)) > 12, "the colour went along"
    pad.tool("Undo").click()
    pad.settle()
    assert (pad.hints()[0]["row"], pad.hints()[0]["col"]) == pytest.approx(WATER, abs=1), "in one step"


def test_drag_that_ends_outside_stays_where_it_left(pad):
    pad.click(*WATER)
    pad.settle()
    mouse = pad.page.mouse
    mouse.move(*pad.place(*WATER))
    mouse.down()
    box = pad.canvas.bounding_box()
    mouse.move(box["x"] + box["width"] - 3, box["y"] + 30, steps=8)
    mouse.move(box["x"] + box["width"] + 60, box["y"] + 30, steps=4)
    mouse.up()
    mouse.move(*pad.place(*TREE), steps=4)
    pad.settle()
    (hint,) = pad.hints()
    assert hint["col"] > 600
    assert abs(hint["row"] - 30 * 427 / box["height"]) < 6


def test_recolour_by_suggestion_text_and_recent_colour(pad):
    pad.click(*TREE)
    pad.settle()
    pad.suggested.nth(2).click()
    pad.settle()
    suggested = pad.hints()[0]["ab"]
    assert pad.suggested.nth(2).get_attribute("title").endswith("%")
    pad.field.fill("crimson")
    pad.field.press("Enter")
    pad.settle()
    assert pad.hints()[0]["ab"][0] > 50
    assert pad.says("at the lightness of this place")
    pad.recent.nth(1).click()
    pad.settle()
    assert pad.hints()[0]["ab"] == pytest.approx(suggested, abs=0.01)
    for _ in range(2):
        pad.tool("Undo").click()
    pad.settle()
    assert pad.hints()[0]["ab"] == pytest.approx(suggested, abs=0.01)
    pad.tool("Redo").click()
    pad.settle()
    assert pad.hints()[0]["ab"][0] > 50


def test_suggestions_follow_every_hint(pad):
    def offered():
        return [pad.suggested.nth(number).evaluate("b => b.style.backgroundColor") for number in range(9)]

    pad.click(*WATER)
    pad.settle()
    first = offered()
    pad.pick(50, 45)
    pad.settle()
    pad.click(WATER[0] + 4, WATER[1] + 60)
    pad.settle()
    assert offered() != first


def test_points_are_deleted_by_right_click_and_by_key(pad):
    pad.click(*WATER)
    pad.click(*SKY)
    pad.settle()
    assert len(pad.hints()) == 2
    pad.click(*WATER, button="right")
    pad.settle()
    (left,) = pad.hints()
    assert (left["row"], left["col"]) == pytest.approx(SKY, abs=1)
    assert pad.page.locator(".lm-Menu").count() == 0, "no menu of the notebook"
    pad.page.keyboard.press("Delete")
    pad.settle()
    assert pad.hints() == []
    pad.page.keyboard.press("Control+z")
    pad.settle()
    assert len(pad.hints()) == 1


def test_tab_leaves_the_picture_in_both_directions(pad):
    pad.click(*WATER)
    pad.settle()
    pad.page.keyboard.press("Tab")
    pad.page.wait_for_function("document.activeElement.tagName === 'INPUT'")
    pad.click(*WATER)
    pad.settle()
    pad.page.keyboard.press("Shift+Tab")
    pad.page.wait_for_function("document.activeElement.tagName === 'BUTTON'")


def test_click_does_not_scroll_the_page(pad):
    scroll = """pad => {
        let area = pad;
        while (area.scrollHeight <= area.clientHeight + 5 || getComputedStyle(area).overflowY === 'visible')
            area = area.parentElement;
        return area;
    }"""
    area = pad.root.evaluate_handle(scroll)
    pad.page.set_viewport_size({"width": 1280, "height": 620})
    area.evaluate("area => { area.scrollTop = 230; }")
    pad.page.wait_for_timeout(200)
    box = pad.canvas.bounding_box()
    pad.page.mouse.click(box["x"] + 200, box["y"] + box["height"] - 40)
    pad.settle()
    assert pad.canvas.bounding_box()["y"] == pytest.approx(box["y"], abs=1)
    assert len(pad.hints()) == 1


def test_before_shows_grey_and_after_shows_colour_again(pad):
    pad.click(*WATER)
    pad.settle()
    pad.pick(50, 45)
    pad.settle()
    assert chroma(pad.pixel(235, 430)) > 30
    pad.tool("Show").click()
    pad.settle()
    assert np.ptp(pad.pixels(), axis=-1).max() < 12, "grey, and without points"
    pad.tool("Show").click()
    pad.settle()
    assert chroma(pad.pixel(235, 430)) > 30


def test_saved_points_load_again_and_the_exported_picture_is_the_one_shown(pad):
    folder = pad.notebook.server.folder
    pad.click(*WATER)
    pad.settle()
    pad.pick(50, 45)
    pad.settle()
    pad.tool("Save").click()
    pad.settle()
    saved = json.loads((folder / "photo_hints.json").read_text())
    assert saved["hints"] == pad.hints()
    pad.root.get_by_role("button", name="Export").click()
    pad.settle()
    with Image.open(folder / "photo_colorized.png") as picture:
        exported = np.asarray(picture)
    assert exported.shape == (427, 640, 3)
    assert np.abs(exported.astype(int)[235, 430] - pad.pixel(235, 430)).max() < 8
    with pad.page.expect_download() as download:
        pad.status.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "photo_colorized.png"
    assert download.value.path().read_bytes() == (folder / "photo_colorized.png").read_bytes()

    pad.tool("Remove all").click()
    pad.settle()
    assert pad.hints() == []
    with pad.page.expect_file_chooser() as chooser:
        pad.tool("Load").click()
    chooser.value.set_files(folder / "photo_hints.json")
    pad.page.wait_for_timeout(300)
    pad.settle()
    assert pad.hints() == saved["hints"]
    assert chroma(pad.pixel(235, 430)) > 30


def test_bad_colour_is_told_and_harms_nothing(pad):
    pad.click(*WATER)
    pad.settle()
    before = pad.hints()
    pad.field.fill("#12x")
    pad.field.press("Enter")
    pad.settle()
    assert "#12x" in pad.status.locator("b").inner_text()
    assert pad.field.input_value() == "#12x"
    assert pad.root.locator(".ipc-bad").count() == 1
    assert pad.hints() == before
    pad.field.fill("208, 64, 32")
    pad.field.press("Enter")
    pad.settle()
    pad.status.locator("b").wait_for(state="detached", timeout=5_000)
    assert pad.root.locator(".ipc-bad, .ipc-status b").count() == 0
    assert pad.hints() != before


def test_failing_network_is_told_and_the_pad_lives_on(pad):
    pad.click(*WATER)
    pad.settle()
    pad.notebook.execute(
        "decode = pad.session.network.decode\n"
        "def fail(*_, **__): raise RuntimeError('out of memory')\n"
        "pad.session.network.decode = fail"
    )
    pad.pick(50, 45)
    pad.settle()
    assert "RuntimeError: out of memory" in pad.status.locator("b").inner_text()
    assert len(pad.hints()) == 1
    pad.notebook.execute("pad.session.network.decode = decode")
    pad.pick(50, 40)
    pad.settle()
    assert chroma(pad.pixel(235, 430)) > 30
    pad.status.locator("b").wait_for(state="detached", timeout=5_000)


def test_small_window_maps_clicks_to_the_same_places(pad):
    pad.page.set_viewport_size({"width": 560, "height": 900})
    pad.page.wait_for_timeout(300)
    assert pad.canvas.bounding_box()["width"] < 500
    pad.click(*TREE)
    pad.settle()
    (hint,) = pad.hints()
    assert (hint["row"], hint["col"]) == pytest.approx(TREE, abs=1.6), "within a CSS pixel"


def flower(folder, *, large):
    """A reference as a file; a large one is more than a Jupyter server takes at once."""
    rgb = load_sample_image("flower.jpg")[::2, ::2]
    if large:
        rgb = np.repeat(np.repeat(rgb, 10, axis=0), 10, axis=1).clip(0, 239)
        rgb += np.random.default_rng(0).integers(0, 16, rgb.shape, np.uint8)
    path = folder / "flower.png"
    Image.fromarray(rgb).save(path, compress_level=1)
    assert (path.stat().st_size > 11e6) == large
    return path


def test_mood_is_one_line_until_it_is_opened(pad):
    body = pad.root.locator(".ipc-mood-body")
    assert not body.is_visible()
    pad.root.locator(".ipc-summary").click(position={"x": 5, "y": 5}, force=True)  # the whole line opens it
    body.wait_for(state="visible", timeout=5_000)
    pad.settle()
    assert pad.root.locator(".ipc-cells b").count() == 25
    assert "neutral" in pad.root.locator(".ipc-cells b").nth(12).locator("..").get_attribute("title")
    pad.root.locator(".ipc-fold").press("Enter")
    body.wait_for(state="hidden", timeout=5_000)


@pytest.mark.parametrize(("way", "large"), [("chosen", False), ("chosen", True), ("dropped", False)])
def test_reference_gives_its_colours_and_can_be_taken_away(pad, way, large):
    file = flower(pad.notebook.server.folder, large=large)
    pad.root.locator(".ipc-fold").click()
    before = pad.pixels()
    zone = pad.root.locator(".ipc-drop")
    if way == "chosen":
        with pad.page.expect_file_chooser() as chooser:
            zone.locator("button").first.click()
        chooser.value.set_files(file)
    else:
        drop(pad, zone, file)
    pad.root.locator(".ipc-summary", has_text="flower.png").wait_for(timeout=10_000)
    pad.settle()
    assert pad.says("Mood ·")
    shown = pad.pixels()
    assert np.abs(shown - before).mean() > 5
    assert zone.locator("span").inner_text() == "flower.png"
    true = pad.notebook.value("pad.session.mood_of('flower.png').saturation")
    assert pad.notebook.value("pad.session.mood.saturation") == pytest.approx(true, abs=0.02)
    assert "data:image/jpeg" in zone.locator("i").first.evaluate("i => i.style.backgroundImage")
    assert pad.root.locator(".ipc-cells:not(.ipc-pale)").count() == 1
    zone.get_by_title("Take it away").click()
    pad.root.locator(".ipc-cells.ipc-pale").wait_for(timeout=5_000)
    pad.settle()
    assert np.abs(pad.pixels() - before).mean() < 1
    pad.tool("Undo").click()
    pad.settle()
    assert np.abs(pad.pixels() - shown).mean() < 1
    assert errors(pad) == []


def drop(pad, zone, file):
    """Let go of a file over an element, as it comes from the desktop."""
    pad.page.wait_for_function("() => document.querySelector('.ipc-drop').ondrop !== null")  # it takes files
    pad.settle()  # and stays where it is
    box = zone.bounding_box()
    desktop = pad.page.context.new_cdp_session(pad.page)
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
        at = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        desktop.send("Input.dispatchDragEvent", {"type": kind, "data": data, **at})


def test_dragged_bar_changes_the_picture_live_and_in_one_step(pad):
    pad.root.locator(".ipc-fold").click()
    pad.root.locator(".ipc-cells b").first.wait_for(state="attached", timeout=10_000)
    pad.settle()
    before = pad.pixels()
    bars = pad.root.locator(".ipc-bars")
    bars.scroll_into_view_if_needed()
    box = bars.bounding_box()
    red, floor = box["x"] + 2.5 / 13 * box["width"], box["y"] + box["height"] / 2
    mouse = pad.page.mouse
    mouse.move(red, floor - 3)
    mouse.down()
    mouse.move(red, floor - 0.4 * box["height"], steps=6)
    pad.settle()
    assert (pad.pixels() - before)[..., 0].mean() - (pad.pixels() - before)[..., 2].mean() > 8, "live"
    mouse.up()
    pad.settle()
    share = pad.notebook.value("pad._state.family"), pad.root.locator(".ipc-family select").input_value()
    assert share == (4, "vivid red")
    asked = (
        "sum(pad.session.mood.histogram[b] for b in __import__('ipycolorize').families.families()[4].bins)"
    )
    assert pad.notebook.value(asked) == pytest.approx(0.8**2, abs=0.04)
    handle = pad.root.locator(".ipc-family + .ipc-slider .noUi-handle")
    handle.press("ArrowLeft")  # and without a mouse
    pad.page.wait_for_timeout(300)
    pad.settle()
    assert pad.notebook.value(asked) == pytest.approx(round(0.8**2, 2) - 0.01, abs=0.04)
    for _ in range(2):
        pad.tool("Undo").click()
    pad.settle()
    assert np.abs(pad.pixels() - before).mean() < 1
    assert errors(pad) == []
