"""The front end: which server and which page a pad meets, and what a notebook says where they cannot show it.

At many a university JupyterLab runs in one environment and the kernel in another. The pad then needs its
front-end halves (ipywidgets, ipycanvas, ipyevents) in the first, where nobody who installs ipycolorize puts
them. What is missing there can be seen on the disk, and said in place of the pad.
"""

from __future__ import annotations

import html
import json
import os
import shlex
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..extensions import EXTENSIONS, installed
from .style import STATIC_PAGE

# distributions on the index, and the folders of their halves for the browser
PARTS = {brought_by: extension for extension, brought_by in EXTENSIONS.values()}
READY = "ready"  # event: a browser has (re)connected
SILENT = "silent"  # event: none has
_OWN = Path(sys.prefix) / "share" / "jupyter" / "labextensions"  # halves that fit this kernel
_STYLE = f"<style>{STATIC_PAGE} .ipc-missing {{ display: none; }}</style>"


def server_pid() -> int | None:
    """The process that started this kernel, a Jupyter server as a rule; None outside kernels."""
    kernel = sys.modules.get("ipykernel.kernelapp")
    if kernel is None or not kernel.IPKernelApp.initialized():
        return None  # a program of somebody's, which may itself have been started by a kernel
    parent = os.environ.get("JPY_PARENT_PID", "")  # right behind wrappers, too; on Windows it is no process
    return int(parent) if parent.isdecimal() and os.name != "nt" else os.getppid()


def host_prefix() -> Path | None:
    """The environment of the JupyterLab that started this kernel; None where it cannot be told."""
    try:
        import psutil

        pid = server_pid()
        command = [] if pid is None else psutil.Process(pid).cmdline()
    except (ImportError, psutil.Error, OSError):
        return None
    # a virtual environment's interpreter is a link out of it: its name is what counts, not its target
    python = Path(command[0]) if command else Path()
    return python.parent.parent if python.is_absolute() and is_lab(python.parent.parent) else None


def is_lab(prefix: Path) -> bool:
    """Whether an environment has JupyterLab."""
    return (prefix / "share" / "jupyter" / "lab" / "static").is_dir()


def extension_folders(prefix: Path) -> Iterator[Path]:
    """Where a JupyterLab of this environment looks for extensions, first things first."""
    from jupyter_core.paths import SYSTEM_JUPYTER_PATH, jupyter_data_dir

    given = [folder for folder in os.environ.get("JUPYTER_PATH", "").split(os.pathsep) if folder]
    for folder in (*given, jupyter_data_dir(), str(prefix / "share" / "jupyter"), *SYSTEM_JUPYTER_PATH):
        yield Path(folder) / "labextensions"


def missing(folders: Iterable[Path]) -> dict[str, str | None]:
    """What a JupyterLab lacks of the pad: distributions, and the version that it has instead (None: none).

    Args:
        folders: that it takes its extensions from.
    """
    folders = list(folders)
    lacking: dict[str, str | None] = {}
    for name, folder in PARTS.items():
        packages = [path / folder / "package.json" for path in folders]
        found = next((_version(path) for path in packages if path.is_file()), None)
        own = _version(_OWN / folder / "package.json")
        if found is None or not _fits(found, own):
            lacking[name] = found
    return lacking


def _version(package: Path) -> str:
    """That a half for the browser gives itself, not always its distribution's; empty if it is not there."""
    try:
        return str(json.loads(package.read_text(encoding="utf-8"))["version"])
    except (ValueError, KeyError, TypeError, OSError):
        return ""


def _fits(found: str, own: str) -> bool:
    """Whether a browser takes this version for the kernel's: its first number, and the second after a 0."""
    head = 2 if own.startswith("0.") else 1
    return not own or found.split(".")[:head] == own.split(".")[:head]


@dataclass(frozen=True)
class Advice:
    """What to say where a pad does not show.

    Attributes:
        problem: one sentence.
        command: that mends it.
        where: it is to be typed, and what to do then.
        copies: a command that mends it without the right to install, if there is one.
    """

    problem: str
    command: str
    where: str
    copies: str = ""

    def text(self) -> str:
        """As plain text."""
        other = f"\nWithout the right to install there:\n    {self.copies}" if self.copies else ""
        return f"{self.problem} {self.where}\n    {self.command}{other}"

    def html(self) -> str:
        """As HTML that hides itself in static pages."""
        problem, where, command = map(html.escape, (self.problem, self.where, self.command))
        said = f"{problem} {where}<br><code>{command}</code>"
        if self.copies:
            said += f"<br>Without the right to install there:<br><code>{html.escape(self.copies)}</code>"
        return f'<div class="ipc-missing">{_STYLE}<p>{said}</p></div>'


def advice(prefix: Path | None = None, *, silent: bool = False) -> Advice:
    """What to say in this notebook.

    Args:
        prefix: of the environment of its JupyterLab, where it is known.
        silent: a page has had the time to answer, and has not.
    """
    lacking = {} if prefix is None else missing(extension_folders(prefix))
    wanted = [f"{name}=={own}" if (own := installed(name)) else name for name in lacking or PARTS]
    if prefix is None or not lacking:
        lives = "A pad of ipycolorize lives here while its kernel runs and the page can show it."
        again = "If it stays blank, run its cell again; if it still does, install"
        if silent:
            lives = "The page has not answered: it needs ipycanvas and ipyevents to show the picture."
            again = "If this does not change, install"
        return Advice(
            lives,
            f"pip install {' '.join(wanted)}",
            f"{again} its front-end parts in the environment that Jupyter (not the kernel) runs from, and "
            "reload the page:",
        )
    names = [
        name + (f" {installed(name) or ''} (it has another)" if found else "")
        for name, found in lacking.items()
    ]
    return Advice(
        f"The pad does not show because the JupyterLab in {prefix} lacks {_listed(names)}.",
        f"{shlex.quote(str(_python(prefix)))} -m pip install {' '.join(wanted)}",
        "Mend it with this command, then reload the page:",
        _copies(lacking),
    )


def _copies(lacking: Iterable[str]) -> str:
    """A command that puts the kernel's own halves where every JupyterLab of this person finds them."""
    from jupyter_core.paths import jupyter_data_dir

    sources = sorted({_OWN / PARTS[name].split("/")[0] for name in lacking})
    if os.name == "nt" or not all(source.is_dir() for source in sources):
        return ""
    target = shlex.quote(str(Path(jupyter_data_dir()) / "labextensions"))
    return f"mkdir -p {target} && cp -r {' '.join(shlex.quote(str(source)) for source in sources)} {target}"


def _python(prefix: Path) -> Path:
    return prefix / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


class Patience:
    """Waits for a browser to answer, and tells when none does; only in a kernel, where one is expected.

    Args:
        on_silence: called from a thread of its own, once.
        seconds: in which a browser answers, if it can.
    """

    def __init__(self, on_silence: Callable[[], None], *, seconds: float = 8.0) -> None:
        self.ended = False  # nobody waits any more
        self._timer = threading.Timer(seconds, on_silence)
        self._timer.name, self._timer.daemon = "ipycolorize-patience", True
        if server_pid() is not None:
            self._timer.start()

    def end(self) -> None:
        """A browser has answered, or nobody needs to know any more."""
        self.ended = True  # before the timer ends: what was called at the last moment may still look
        self._timer.cancel()
        if self._timer.is_alive() and self._timer is not threading.current_thread():
            self._timer.join(1.0)


class Shown:
    """For a widget, before its own class: what its output says to front ends that have no widgets."""

    def _repr_mimebundle_(self, **more: Any) -> dict[str, Any]:
        bundle = super()._repr_mimebundle_(**more)  # type: ignore[misc]  # the widget's
        if server_pid() is not None:
            said = advice(host_prefix())
            return {**bundle, "text/plain": said.text(), "text/html": said.html()}
        picture = "; its snapshot() gives the picture" if hasattr(self, "snapshot") else ""
        if "marimo" in sys.modules:
            words = f"marimo shows anywidgets only, and this is made of Jupyter widgets{picture}."
            bundle = {}  # the view would be a blank
        else:
            words = f"This needs a page that shows Jupyter widgets: `ipycolorize lab` opens one{picture}."
        return {**bundle, "text/plain": words, "text/html": f"<p>{html.escape(words)}</p>"}
