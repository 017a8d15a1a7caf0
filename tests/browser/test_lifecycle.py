"""A pad's life: reload, a second view, many pads, memory, and what is left without a kernel."""

import base64
import io
import re
import subprocess
import sys

import nbformat
import numpy as np
from conftest import CELL
from jlab import Pad
from PIL import Image


def colour_a_point(pad):
    pad.click(235, 400)
    pad.settle()
    pad.pick(50, 45)
    pad.settle()


def saved_png(path):
    """The picture that stays in a saved notebook, as an array."""
    for output in nbformat.read(path, as_version=4).cells[0].outputs:
        data = output.get("data", {})
        if "image/png" in data:
            with Image.open(io.BytesIO(base64.b64decode(data["image/png"]))) as picture:
                return np.asarray(picture.convert("RGB")).astype(int)
    raise AssertionError(f"no picture in {path}")


def test_reload_and_second_view_restore_picture_points_and_controls(own_pad, open_notebook):
    pad = own_pad
    colour_a_point(pad)
    before, text = pad.pixels(), pad.field.input_value()
    pad.notebook.command("docmanager:save")
    pad.page.reload()
    pad.notebook.wait_kernel()
    again = Pad(pad.notebook)
    again.settle()
    assert np.abs(again.pixels() - before).max() <= 2, "picture and points return"
    assert again.field.input_value() == text
    again.click(40, 300)
    again.settle()
    assert len(again.hints()) == 2, "and the pad goes on"

    other = Pad(open_notebook(name=pad.notebook.name, execute=False))
    other.settle()
    assert np.abs(other.pixels() - again.pixels()).max() <= 2, "a second browser sees the same"
    other.pick(-30, -30)
    other.settle()
    again.page.wait_for_timeout(200)
    assert np.abs(other.pixels() - again.pixels()).max() <= 2, "each shows what the other does"


def test_notebook_reopened_without_its_kernel_shows_the_picture(own_pad, open_notebook):
    pad = own_pad
    server, name = pad.notebook.server, pad.notebook.name
    colour_a_point(pad)
    pad.settle(rest=True)
    image = pad.page.locator(".jp-RenderedImage img")
    assert image.count() == 1
    assert not image.is_visible(), "the static picture hides while the widget lives"
    pad.notebook.command("docmanager:save")
    picture = saved_png(server.folder / name)
    assert np.ptp(picture[225:245, 430:450].mean(axis=(0, 1))) > 30, "the last state, not the first"
    pad.page.context.close()
    server.stop_kernel(name)
    reopened = open_notebook(name=name, execute=False)
    image = reopened.page.locator(".jp-RenderedImage img")
    image.wait_for(state="visible")
    assert image.evaluate("image => image.naturalWidth") == 640

    page = export_html(server.folder / name)
    assert "data:image/png;base64," in page


def export_html(path, *options):
    """Convert with nbconvert; returns the page."""
    command = [
        sys.executable,
        "-m",
        "jupyter",
        "nbconvert",
        "--to",
        "html",
        "--output",
        "page",
        *options,
        path.name,
    ]
    subprocess.run(command, cwd=path.parent, check=True, capture_output=True, timeout=120)
    return (path.parent / "page.html").read_text()


def test_nbconvert_executes_without_a_browser_and_shows_the_picture(tmp_path, chromium):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "n.ipynb")
    page_text = export_html(tmp_path / "n.ipynb", "--execute")
    (picture,) = re.findall(r'<img[^>]*src="data:image/png;base64,([^"]+)"', page_text)
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        assert image.size == (640, 427)
    page = chromium.new_page()
    page.goto((tmp_path / "page.html").as_uri(), wait_until="domcontentloaded")
    assert page.locator(".jp-RenderedImage img").is_visible()
    assert not any(said.is_visible() for said in page.locator(".ipc-missing").all()), (
        "nothing is missing here"
    )
    page.close()


def test_freeze_leaves_the_picture_in_place_of_the_widget(pad):
    colour_a_point(pad)
    pad.notebook.execute("pad.freeze()")
    image = pad.page.locator(".jp-RenderedImage img")
    image.wait_for(state="visible")
    assert image.count() == 1
    assert pad.page.locator(".ipc-pad").count() == 0
    assert image.evaluate("image => image.naturalWidth") == 640


def test_pads_that_were_closed_leave_no_widget_and_no_thread(pad):
    count = """
import gc, threading
from ipywidgets.widgets.widget import _instances
def alive():
    gc.collect()
    return [len(_instances), sum(thread.name.startswith("ipycolorize") for thread in threading.enumerate())]
"""
    pad.notebook.execute(count + "pad.close()\nbefore = alive()")
    pad.notebook.execute(
        "from IPython.display import display\n"
        "for _ in range(20):\n"
        "    one = ipycolorize.Colorizer(pad.session)\n"
        "    display(one)\n"
        "    one.close()"
    )
    before, after = pad.notebook.value("[before, alive()]")
    assert before[1] == 0
    assert after == before


def test_memory_stays_flat_over_many_updates(pad):
    page = pad.page
    tools = page.context.new_cdp_session(page)
    colour_a_point(pad)
    pad.notebook.execute(
        "import time, psutil\n"
        "from ipycolorize.widget.gestures import Pick\n"
        "def run(count):\n"
        "    for number in range(count):\n"
        "        pad._worker.post(Pick((number % 41 - 20, number % 31 - 15)))\n"
        "        while pad._worker.pending: time.sleep(0.001)\n"
    )

    def heap():
        tools.send("HeapProfiler.collectGarbage")
        return tools.send("Runtime.getHeapUsage")["usedSize"] / 2**20

    rss = "psutil.Process().memory_info().rss / 2**20"
    pad.notebook.execute("run(40)")
    pad.settle()
    kernel, browser = pad.notebook.value(rss), heap()
    pad.notebook.execute("run(200)")
    pad.settle()
    assert pad.notebook.value(rss) - kernel < 30
    assert heap() - browser < 30
    assert (
        page.evaluate(
            "() => performance.getEntriesByType('resource').filter(e => e.name.startsWith('blob:')).length"
        )
        < 5
    )
