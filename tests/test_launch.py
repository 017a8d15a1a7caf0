"""`ipycolorize lab`: what goes on to Jupyter, which cell may run by itself, and the words for the address."""

import json
from types import SimpleNamespace

import pytest

from ipycolorize import serving
from ipycolorize.launch import code_for, launch_lab, notebook_for, split, write_notebook
from ipycolorize.serving import EXTENSION, addresses, reason_not_to_run


@pytest.mark.parametrize(
    ("given", "own", "further"),
    [
        (["photo.jpg", "--no-browser", "--port", "8890"], ["photo.jpg"], ["--no-browser", "--port", "8890"]),
        (["--port", "8890", "photo.jpg"], ["photo.jpg"], ["--port", "8890"]),
        (["--port=8890", "photo.jpg"], ["photo.jpg"], ["--port=8890"]),
        (["--no-browser", "photo.jpg"], ["photo.jpg"], ["--no-browser"]),
        (["--ServerApp.ip", "0.0.0.0", "photo.jpg"], ["photo.jpg"], ["--ServerApp.ip", "0.0.0.0"]),
        (["photo.jpg", "--", "--port", "9000"], ["photo.jpg"], ["--port", "9000"]),
        (["--debug", "--help"], ["--help"], ["--debug"]),
        (["a.jpg", "b.jpg"], ["a.jpg", "b.jpg"], []),  # which argparse refuses
    ],
)
def test_options_go_on_to_jupyter_with_their_values(given, own, further):
    assert split(["lab", *given]) == (["lab", *own], further)


def written(folder, **cell):
    path = write_notebook(None, folder)
    notebook = notebook_for(None)
    notebook["cells"][1].update(cell)
    path.write_text(json.dumps(notebook))
    return path


def picture(**metadata):
    return {"output_type": "display_data", "data": {"image/png": "AAAA"}, "metadata": metadata}


def test_cell_runs_by_itself_only_as_it_was_written_and_where_nothing_is_lost(tmp_path):
    code = code_for(None)
    assert reason_not_to_run(written(tmp_path), code) == ""
    lines = code.splitlines(keepends=True)
    assert reason_not_to_run(written(tmp_path, source=lines), code) == "", "as JupyterLab writes it"
    assert "changed" in reason_not_to_run(written(tmp_path, source="import os"), code)
    untouched, edited = picture(ipycolorize={"edited": False}), picture(ipycolorize={"edited": True})
    assert reason_not_to_run(written(tmp_path, outputs=[untouched]), code) == ""
    assert "as you left it" in reason_not_to_run(written(tmp_path, outputs=[edited]), code)
    assert "as you left it" in reason_not_to_run(written(tmp_path, outputs=[picture()]), code)
    for broken in ("", "[]", '{"cells": [1]}'):
        (tmp_path / "n.ipynb").write_text(broken)
        assert "no notebook" in reason_not_to_run(tmp_path / "n.ipynb", code)


def server(**more):
    one = {"sock": "", "display_url": "http://h:8890/lab/tree/n.ipynb?token=t\n    http://127.0.0.1:8890/lab"}
    return SimpleNamespace(**{**one, "port": 8890, "open_browser": True, "browser": "", **more})


def test_the_address_is_said_and_what_to_do_where_no_browser_comes(monkeypatch):
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr(serving, "_has_browser", lambda _: True)
    (line,) = addresses(server())
    assert line == "pad: http://h:8890/lab/tree/n.ipynb?token=t"
    assert "in a browser" in list(addresses(server(open_browser=False)))[1]
    monkeypatch.setattr(serving, "_has_browser", lambda _: False)
    assert "no browser was found" in list(addresses(server()))[1]
    monkeypatch.setenv("SSH_CONNECTION", "1.2.3.4 5 6.7.8.9 22")
    for screen in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(screen, raising=False)
    assert "ssh -N -L 8890:localhost:8890" in list(addresses(server(open_browser=False)))[1]


def test_without_jupyterlab_one_sentence_says_so(tmp_path, monkeypatch):
    def fail(*_):
        raise ModuleNotFoundError("No module named 'jupyterlab'", name="jupyterlab")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(serving, "serve", fail)
    with pytest.raises(RuntimeError, match=r"pip install jupyterlab, or open colorize-sample\.ipynb"):
        launch_lab(None, [])


def test_the_extension_is_what_jupyterlab_looks_for():
    (folder,) = EXTENSION.iterdir()
    described = json.loads((folder / "package.json").read_text())
    assert described["name"] == folder.name
    entry = (folder / described["jupyterlab"]["_build"]["load"]).read_text()
    assert f"_JUPYTERLAB['{folder.name}']" in entry
