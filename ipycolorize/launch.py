"""`ipycolorize lab`: JupyterLab on a notebook that is ready to run."""

from __future__ import annotations

import json
import os
import subprocess
from itertools import count
from pathlib import Path
from typing import Any

from .children import python
from .image import read_photo


def notebook_for(photo: str | None) -> dict[str, Any]:
    """A notebook (nbformat 4) with a pad on a photograph; None is a sample."""
    intro = (
        "# Colorize a photograph\n\n"
        "Click into the cell below and press **Shift + Enter**. Then click on the photograph: each click "
        "adds a point; pick a colour for it at the right, and the picture follows. Drag points to move them, "
        "right-click a point to remove it."
    )
    given = repr(photo) if photo else 'sample_photo("china")'
    names = "Colorizer" if photo else "Colorizer, sample_photo"
    code = f"from ipycolorize import {names}\n\npad = Colorizer({given})\npad"
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
        photo = photo.resolve()
        inside = photo.is_relative_to(folder)
        name, shown = photo.stem, str(photo.relative_to(folder) if inside else photo)
    else:
        name, shown = "sample", None
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


def launch_lab(photo: Path | None, arguments: list[str]) -> int:
    """Open JupyterLab on the notebook in the present folder, until it is stopped; returns its exit code."""
    folder = Path.cwd()
    notebook = write_notebook(photo, folder)
    print(f"notebook: {notebook}")
    command = python("jupyterlab", str(notebook), *arguments)
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in arguments:
        print("running as root, as is usual in a container: passing --allow-root to Jupyter")
        command.append("--allow-root")
    with subprocess.Popen(command) as server:
        while True:
            try:
                return server.wait()
            except KeyboardInterrupt:
                continue  # Jupyter got it as well, asks whether to stop, and stops by itself
