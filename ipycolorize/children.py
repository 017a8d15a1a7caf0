"""Processes of our own: started so that no file beside the photographs is taken for a part of Python.

``python -m`` and ``python -c`` look for modules in the present folder first, before the standard library.
That is often the folder of the photographs, which came from anywhere: a ``torch.py`` or a ``jupyterlab.py``
among them would be run. ``-P`` leaves the folder out. (A notebook's kernel follows Jupyter's own rule: what
lies beside a notebook can be imported in it.)
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]  # where this package lies


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module with this Python."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """This process's environment, in which a child finds this package, a checkout's too."""
    variables = dict(os.environ)
    if str(_ROOT) not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        given = variables.get("PYTHONPATH", "").split(os.pathsep)
        variables["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([*filter(None, given), str(_ROOT)]))
    return variables


@contextmanager
def safe_path() -> Iterator[None]:
    """While this lasts, processes that others start for us leave the present folder out as well.

    For `multiprocessing`, which builds its own command and hands no environment on; its workers get this
    process's `sys.path` as soon as they run.
    """
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before
