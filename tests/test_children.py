"""Processes that are started for us run nothing that lies beside the photographs."""

import ast
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

import ipycolorize
from ipycolorize import finetune
from ipycolorize.analysis import bench as benching
from ipycolorize.children import environment, python, safe_path
from ipycolorize.launch import launch_lab
from ipycolorize.training.checkpoint import TrainingError

PACKAGE = Path(ipycolorize.__file__).parent
SCRIPTS = Path(sysconfig.get_path("scripts"))
# what a child imports, early and late: of the standard library, of libraries, of our own
NAMES = (
    *(
        "jupyterlab",
        "torch",
        "numpy",
        "PIL",
        "ipycolorize",
        "safetensors",
        "sklearn",
        "tqdm",
        "multiprocessing",
    ),
    *("argparse", "pickle", "json", "runpy", "contextlib", "jupyter_core", "traitlets", "accelerate"),
)


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """The present folder: photographs, and files called like modules that leave a mark when they are run."""
    folder, marks = tmp_path / "photographs", tmp_path / "marks"
    folder.mkdir()
    marks.mkdir()
    for name in NAMES:
        code = f"open({str(marks / name)!r}, 'w', encoding='utf-8').close()\nraise SystemExit('it ran')\n"
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    pictures = {"coffee": data.coffee(), "astronaut": data.astronaut(), "cat": data.cat()}
    for name, rgb in pictures.items():
        Image.fromarray(np.ascontiguousarray(rgb[::4, ::4])).save(folder / f"{name}.png")
    monkeypatch.chdir(folder)
    return marks


def ran(marks):
    return sorted(path.name for path in marks.iterdir())


def test_the_marks_show_what_is_run(beside):
    subprocess.run([sys.executable, "-m", "jupyterlab"], capture_output=True, timeout=120)
    assert ran(beside)


def test_lab_runs_the_jupyterlab_that_is_installed(beside, capfd):
    with pytest.raises(SystemExit) as ended:  # JupyterLab ends the process that it runs in
        launch_lab(None, ["--version"])
    assert not ended.value.code
    assert ran(beside) == []
    assert capfd.readouterr().out.splitlines()[-1][0].isdigit()
    command = [sys.executable, "-P", "-m", "ipycolorize", "lab", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.splitlines()[-1][0].isdigit()
    assert ran(beside) == []


def test_fine_tuning_runs_the_package_that_called_it(beside, tmp_path):
    training = finetune(".", out=tmp_path / "run", start="nowhere.safetensors", minutes=1)
    try:
        with pytest.raises(
            TrainingError, match="there is no such file"
        ):  # said by our own code, in the child
            training.wait(600)
    finally:
        training.stop()
    assert ran(beside) == []


def _measured(case, repeats):
    return case.points


def test_bench_runs_in_processes_of_the_same_libraries(beside, monkeypatch):
    monkeypatch.setattr(benching, "measure", _measured)
    monkeypatch.setattr(benching, "cases", lambda device: [benching.Case(None, 7, "float32", "cpu")])
    assert benching.bench() == [7]
    assert ran(beside) == []
    assert "PYTHONSAFEPATH" not in os.environ


def test_the_environment_is_as_before_after_an_error(monkeypatch):
    for before in (None, "0"):
        monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
        if before:
            monkeypatch.setenv("PYTHONSAFEPATH", before)
        with pytest.raises(KeyError), safe_path():
            assert os.environ["PYTHONSAFEPATH"] == "1"
            raise KeyError
        assert os.environ.get("PYTHONSAFEPATH") == before


def test_python_m_leaves_the_present_folder_out_by_itself(beside):
    for name in ("runpy", "contextlib", "ipycolorize"):  # found before any of our code can run
        Path(f"{name}.py").unlink()
    command = [sys.executable, "-m", "ipycolorize", "colorize", "cat.png", "-o", "colour.png"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=180)
    assert (done.returncode, ran(beside)) == (0, []), done.stderr


def test_torchrun_as_readme_gives_it(beside):
    text = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    recipes = [line for line in text.splitlines() if "torchrun" in line and "-m ipycolorize" in line]
    assert recipes
    assert all(line.startswith("PYTHONSAFEPATH=1 torchrun") for line in recipes)
    command = [SCRIPTS / "torchrun", "--nproc-per-node", "2", "-m", "ipycolorize", "--version"]
    safe = {**environment(), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=safe, capture_output=True, text=True, timeout=180)
    assert ran(beside) == [], done.stderr
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(ipycolorize.__version__) == 2


def test_a_child_finds_this_very_package(tmp_path):
    code = "import ipycolorize, json; print(json.dumps(ipycolorize.__file__))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment(), capture_output=True, check=True
    )
    assert json.loads(done.stdout) == ipycolorize.__file__


def test_no_module_starts_python_in_another_way():
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.name == "children.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.List) and node.elts and ast.unparse(node.elts[0]) == "sys.executable":
                raise AssertionError(f"{path}:{node.lineno}: use children.python")
    assert python("a", "b") == [sys.executable, "-P", "-m", "a", "b"]
