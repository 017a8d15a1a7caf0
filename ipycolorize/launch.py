"""`ipycolorize lab`: JupyterLab on a notebook that is ready to run."""

from __future__ import annotations

import json
import os
import sys
from itertools import count
from pathlib import Path
from typing import Any

from .image import read_photo


def code_for(photo: str | None) -> str:
    """The code of a pad on a photograph; None is a sample."""
    given = repr(photo) if photo else 'sample_photo("china")'
    names = "Colorizer" if photo else "Colorizer, sample_photo"
    return f"from ipycolorize import {names}\n\npad = Colorizer({given})\npad"


def notebook_for(photo: str | None) -> dict[str, Any]:
    """A notebook (nbformat 4) with a pad on a photograph; None is a sample."""
    intro = (
        "# Colorize a photograph\n\n"
        "Click on the photograph: each click adds a point; pick a colour for it at the right, and the "
        "picture follows. Drag points to move them, right-click a point to remove it.\n\n"
        "If no pad is below, or it does not answer: click into the cell and press **Shift + Enter**."
    )
    code = code_for(photo)
    cells = [
        {"cell_type": "markdown", "id": "intro", "metadata": {}, "source": intro},
        {
            "cell_type": "code",
            "id": "pad",
            "metadata": {},
            "source": code,
            "outputs": [],
            "execution_count": None,
        },
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def write_notebook(photo: Path | None, folder: Path) -> Path:
    """Write the notebook for a photograph into a folder; one for it that is there is kept as it is.

    Raises:
        PhotoError: the photograph cannot be read: better said now than in the notebook.
    """
    if photo is not None:
        read_photo(photo)
    name, shown = "sample" if photo is None else photo.stem, _shown(photo, folder)
    notebook = notebook_for(shown)
    for number in count(1):
        path = folder / (f"colorize-{name}.ipynb" if number == 1 else f"colorize-{name}-{number}.ipynb")
        if not path.exists():
            path.write_text(json.dumps(notebook, indent=1), encoding="utf-8")
            return path
        # a photograph of the same name, from another folder perhaps, gets a notebook of its own
        if shown is None or json.dumps(repr(shown))[1:-1] in path.read_text(encoding="utf-8"):
            return path
    raise AssertionError("count never ends")


def _shown(photo: Path | None, folder: Path) -> str | None:
    """How a notebook in the folder names a photograph."""
    if photo is None:
        return None
    photo = photo.resolve()
    return str(photo.relative_to(folder) if photo.is_relative_to(folder) else photo)


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part the arguments of `lab` into its own and those that go on to `jupyter lab`.

    Every option goes on, with its value (``--port 8890``), and so does all that follows ``--``; a photograph
    and ``--help`` are our own.
    """
    from .serving import takes_value

    own: list[str] = []
    further: list[str] = []
    rest = list(arguments)
    while rest:
        text = rest.pop(0)
        if text == "--":
            return own, [*further, *rest]
        if text in ("-h", "--help") or not text.startswith("-"):
            own.append(text)
            continue
        further.append(text)
        if "=" not in text and rest and takes_value(text, rest[0]):
            further.append(rest.pop(0))
    return own, further


def launch_lab(photo: Path | None, arguments: list[str]) -> int:
    """Open JupyterLab on the notebook in the present folder, until it is stopped; returns its exit code.

    Raises:
        PhotoError: the photograph cannot be read.
        RuntimeError: there is no JupyterLab in this environment.
    """
    from .serving import serve

    folder = Path.cwd()
    notebook = write_notebook(photo, folder)
    _say(f"notebook: {notebook}")
    given = list(arguments)
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in given:
        _say("running as root, as is usual in a container: passing --allow-root to Jupyter")
        given.append("--allow-root")
    try:
        serve(notebook, code_for(_shown(photo, folder)), given, _say)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("jupyter"):
            raise
        raise RuntimeError(
            f"expected JupyterLab in this environment, found no {error.name}: {sys.executable} -m pip "
            f"install jupyterlab, or open {notebook.name} in your own Jupyter"
        ) from error
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
