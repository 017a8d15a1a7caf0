"""One JupyterLab and one Chromium for all browser tests; a page and a kernel for each."""

import uuid

import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="the browser tests need the playwright package"
)

from jlab import CHROMIUM, CHROMIUM_ARGS, Notebook, Pad, Server  # noqa: E402  # only with playwright

CELL = """
import ipycolorize
if "pad" in globals():
    pad.close()
from sklearn.datasets import load_sample_image
pad = ipycolorize.Colorizer(load_sample_image("china.jpg"))
pad
"""


def pytest_collection_modifyitems(items):
    """Mark everything here, and skip it where there is no browser, saying how to get one."""
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM.exists():
                reason = f"no Chromium at {CHROMIUM}: install one, or set CHROMIUM to its path"
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("notebooks")) as server:
        yield server


@pytest.fixture(scope="session")
def chromium():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGS)
        yield browser
        browser.close()


def _open(server, chromium, *cells, host="lab", name=None, execute=True):
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(30_000)
    name = name or server.notebook(f"{uuid.uuid4().hex[:8]}.ipynb", *cells)
    notebook = Notebook(page, server, name, host=host)
    if execute:
        notebook.run_all()
    return notebook


@pytest.fixture
def open_notebook(server, chromium):
    """Opens a notebook with these cells in a page and a kernel of its own, and runs it."""
    opened = []

    def run(*cells, **how):
        opened.append(_open(server, chromium, *cells, **how))
        return opened[-1]

    yield run
    for notebook in opened:
        notebook.page.context.close()
        server.stop_kernel(notebook.name)


@pytest.fixture(scope="session")
def shared(server, chromium):
    """One notebook for the tests that do not mind: a kernel takes seconds to start and to import torch."""
    notebook = _open(server, chromium, CELL)
    yield notebook
    notebook.page.context.close()


@pytest.fixture
def pad(shared):
    """A fresh pad on china.jpg in JupyterLab."""
    shared.page.set_viewport_size({"width": 1280, "height": 900})
    shared.console.clear()
    shared.run_all()
    pad = Pad(shared)
    pad.settle()
    return pad


@pytest.fixture
def own_pad(open_notebook):
    """A fresh pad in a page and a kernel of its own."""
    pad = Pad(open_notebook(CELL))
    pad.settle()
    return pad
