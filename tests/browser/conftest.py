"""One JupyterLab and one Chromium for all browser tests; a page and a kernel for each."""

import uuid

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need the playwright package")

from jlab import CHROMIUM, CHROMIUM_ARGS, Notebook, Pad, Server  # noqa: E402  # only with playwright

CELL = """
import ipycolorize
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


@pytest.fixture
def open_notebook(server, chromium):
    """Opens a notebook with these cells in a page of its own and runs it."""
    pages = []

    def run(*cells, host="lab", name=None, execute=True, **context):
        context = {"viewport": {"width": 1280, "height": 900}} | context
        page = chromium.new_context(**context).new_page()
        page.set_default_timeout(30_000)
        pages.append(page)
        name = name or server.notebook(f"{uuid.uuid4().hex[:8]}.ipynb", *cells)
        notebook = Notebook(page, server, name, host=host)
        if execute:
            notebook.run_all()
        return notebook

    yield run
    for page in pages:
        page.context.close()
    server.stop_kernels()


@pytest.fixture
def pad(open_notebook):
    """A pad on china.jpg in JupyterLab."""
    pad = Pad(open_notebook(CELL))
    pad.settle()
    return pad
