"""Notebooks are thin, stored without outputs, and run from top to bottom.

With NOTEBOOK_PYTHON they run in the kernel of that Python: of an environment made by README's first command,
which lacks what only tests need.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
QUICKER = {  # a parameter as it stands, and for tests
    "03_unusual_colours": ("SIDE = 256", "SIDE = 96"),
    "02_palette": ("PLACES_EACH = 256, 30", "PLACES_EACH = 64, 3"),
    "04_training": ("MINUTES = 1.0", "MINUTES = 0.05"),
    "05_psnr_curves": ("SIDE = 128", "SIDE = 48"),
    "06_global_hints": ("SIDE = 256", "SIDE = 64"),
    "10_baselines": ("SIDE = 192", "SIDE = 64"),
    "07_seams": ("ASKED = (32, 64, 96), tuple(PAIRS)", "ASKED = (64,), tuple(PAIRS)[:2]"),
    "08_influence": ("SIDE = 256", "SIDE = 64"),
    "09_real_or_fake": ("SIDE = 256", "SIDE = 64"),
}


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert "widgets" not in notebook.metadata


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """The name of a kernel in the environment that is asked for."""
    python = os.environ.get("NOTEBOOK_PYTHON", sys.executable)
    folder = tmp_path_factory.mktemp("jupyter")
    spec = {"argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "user"}
    (folder / "kernels" / "user").mkdir(parents=True)
    (folder / "kernels" / "user" / "kernel.json").write_text(json.dumps({**spec, "language": "python"}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        yield "user"


@pytest.mark.notebook
def test_the_kernel_is_of_the_environment_that_is_asked_for(kernel: str, tmp_path: Path) -> None:
    python = os.environ.get("NOTEBOOK_PYTHON", sys.executable)
    where = "import sys, ipycolorize; print(sys.prefix, ipycolorize.__file__)"
    said = subprocess.run([python, "-c", where], cwd=tmp_path, check=True, capture_output=True, text=True)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(where)])
    run(notebook, kernel, tmp_path)
    assert notebook.cells[0].outputs[0].text == said.stdout


def run(notebook: nbformat.NotebookNode, kernel: str, folder: Path) -> None:
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=300, kernel_name=kernel, resources=resources).execute()


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
# nbclient and its kernel client open event loops and sockets of their own, which they close late
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_notebook_runs(path: Path, kernel: str, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    for slow, quick in filter(None, [QUICKER.get(path.stem)]):
        (cell,) = [cell for cell in notebook.cells if slow in cell.source]
        cell.source = cell.source.replace(slow, quick)
    run(notebook, kernel, tmp_path)
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
