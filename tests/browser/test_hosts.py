"""The pad in other hosts, the notebook that `ipycolorize lab` opens, and front ends that lack their half."""

import importlib.util
import io
import json
import re
import socket
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import CELL
from hosts import Program, ShownPad, colour_and_fetch
from jlab import Notebook, Pad, Server
from PIL import Image

LAB = [sys.executable, "-m", "ipycolorize", "lab", "--no-browser", "--ServerApp.ip=127.0.0.1"]


@pytest.fixture
def page(chromium):
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(90_000)
    yield page
    page.context.close()


def notebook(folder):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / "n.ipynb")


@pytest.mark.skipif(importlib.util.find_spec("voila") is None, reason="Voila is not installed")
def test_voila_shows_the_live_pad_and_hands_over_its_file(tmp_path, page):
    notebook(tmp_path)
    command = [
        *(sys.executable, "-m", "voila", "n.ipynb", "--no-browser", "--port={port}"),
        *("--Voila.ip=127.0.0.1", "--theme=dark"),
    ]
    with Program(command, tmp_path, printed=r"^(http://\S+)$") as voila:  # asking it would run the notebook
        page.goto(voila.url, wait_until="domcontentloaded")
        content = colour_and_fetch(page)
        assert page.locator(".jp-RenderedImage img").count() == 1
        assert not page.locator(".jp-RenderedImage img").is_visible(), "the static picture hides"
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (640, 427)
        rgb = np.asarray(picture).astype(int)[235, 430]
    assert rgb[0] - rgb[2] > 30


SOLARA = """
import solara
from sklearn.datasets import load_sample_image
from ipycolorize import Colorizer

@solara.component
def Page():
    pad = solara.use_memo(lambda: Colorizer(load_sample_image("china.jpg")), [])
    solara.display(pad)
"""


def solara_environment(folder):
    """What Solara needs to serve ipyevents' half, whose wheel has it where Solara does not look."""
    import ipyevents

    half = folder / "share" / "nbextensions" / "ipyevents"
    half.parent.mkdir(parents=True)
    half.symlink_to(Path(ipyevents.__file__).parent / "nbextension" / "static")
    return {"JUPYTER_PATH": str(folder / "share"), "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "False"}


@pytest.mark.skipif(importlib.util.find_spec("solara") is None, reason="Solara is not installed")
def test_solara_makes_a_pad_again_after_the_first_page_is_gone(tmp_path, chromium):
    (tmp_path / "app.py").write_text(SOLARA)
    command = [
        *(sys.executable, "-m", "solara", "run", "app.py", "--host", "127.0.0.1", "--port", "{port}"),
        *("--no-open", "--production"),
    ]
    with Program(command, tmp_path, environment=solara_environment(tmp_path)) as solara:
        for _ in range(2):
            page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
            failed = []
            page.on("requestfailed", lambda request: failed.append(request.url))  # noqa: B023
            page.goto(solara.url, wait_until="domcontentloaded")
            page.wait_for_timeout(1000)
            if any("cdn." in url and "vuetify" in url for url in failed):
                pytest.skip("Solara's page takes its own parts from a CDN, which cannot be reached")
            assert colour_and_fetch(page)
            assert page.locator("img[src^='data:image/png'], .jp-RenderedImage img").count() <= 1
            page.context.close()


def test_keys_on_the_picture_reach_the_pad_in_notebook_7_and_leave_the_notebook_alone(open_notebook):
    pad = Pad(open_notebook(CELL, host="notebook"))
    pad.settle()
    pad.click(235, 400)
    pad.settle()
    for _ in range(3):
        pad.page.keyboard.press("ArrowDown")
    pad.settle()
    (hint,) = pad.hints()
    assert hint["row"] > 236, "an arrow moves the point"
    size = hint["size"]
    pad.page.keyboard.press("+")
    pad.settle()
    assert pad.hints()[0]["size"] > size
    pad.page.keyboard.press("d")
    pad.page.keyboard.press("d")
    pad.page.keyboard.press("Delete")
    pad.settle()
    assert pad.hints() == []
    assert pad.page.locator(".jp-CodeCell").count() == 1, "and no command of the notebook ran"


@pytest.fixture
def photo(tmp_path):
    from sklearn.datasets import load_sample_image

    Image.fromarray(load_sample_image("china.jpg")).save(tmp_path / "grandmother.jpg")
    return tmp_path / "grandmother.jpg"


def test_lab_says_where_the_pad_is_and_its_cell_runs_once_on_opening(photo, page):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [*LAB, photo.name, "--port", str(port)]
        with Program(command, photo.parent, printed=r"^pad: (\S+)$") as lab:
            assert "/lab/tree/colorize-grandmother.ipynb?token=" in lab.url
            assert f":{port}/" not in lab.url, "that port is taken: the address is the one that it found"
            page.goto(lab.url, wait_until="domcontentloaded")
            pad = ShownPad(page, (427, 640))
            pad.click(235, 400)
            assert pad.says("Now pick a colour")
            pad.pick(8, 28)
            assert pad.says("1 point")
            page.reload(wait_until="domcontentloaded")
            page.locator(".ipc-pad canvas.ipc-picture").wait_for()
            page.locator(".ipc-view > .ipc-status", has_text="1 point").wait_for()
            assert page.locator(".jp-CodeCell .jp-InputPrompt").inner_text() == "[1]:", "it ran once"
    saved = nbformat.read(photo.parent / "colorize-grandmother.ipynb", as_version=4)
    assert saved.cells[1].outputs


class Lacking(Server):
    """A JupyterLab whose environment lacks front-end halves that the kernel's has.

    Args:
        folder: of the notebooks.
        halves: names of extensions.
    """

    def __init__(self, folder, *halves):
        super().__init__(folder)
        settings = Path(self._home.name) / "config" / "labconfig"
        settings.mkdir(parents=True)
        (settings / "page_config.json").write_text(
            json.dumps({"disabledExtensions": dict.fromkeys(halves, True)})
        )


def test_front_end_without_canvases_says_what_to_install(tmp_path, page):
    with Lacking(tmp_path, "ipycanvas", "ipyevents") as server:
        Notebook(page, server, server.notebook("n.ipynb", CELL)).run_all()
        said = page.locator(".ipc-status .ipc-missing")
        said.wait_for(state="visible")
        assert re.search(r"pip install .*ipycanvas==\S+ ipyevents==\S+", said.inner_text())
        assert page.locator(".jp-RenderedImage img").is_visible(), "and the picture is there all the same"


def test_front_end_without_widgets_says_what_to_install(tmp_path, page):
    with Lacking(tmp_path, "@jupyter-widgets/jupyterlab-manager") as server:
        Notebook(page, server, server.notebook("n.ipynb", CELL)).run_all()
        said = page.locator(".jp-OutputArea .ipc-missing")
        said.wait_for(state="visible")
        assert "jupyterlab_widgets==" in said.inner_text()
