"""JupyterLab with a pad in it: a server in this process, whose pages run the notebook's cell on opening.

JupyterLab has no such setting. But it takes extensions from a folder that its command line names, and gives
every page some configuration: so the page gets a few lines of JavaScript (`labextension/`) and the name of
the one cell, only from this server and only for a cell that `ipycolorize lab` has written.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

EXTENSION = Path(__file__).parent / "labextension"
KEY = "click into the cell of the notebook and press Shift + Enter"


def takes_value(option: str, following: str) -> bool:
    """Whether an option of `jupyter lab`, written without ``=``, is followed by its value.

    Args:
        option: with its dashes.
        following: the next argument.
    """
    if following.startswith("-"):
        return False
    try:
        from jupyterlab.labapp import LabApp
    except ImportError:
        return not Path(following).exists()
    name = option.lstrip("-")
    if name in _names(LabApp.flags):
        return False
    return name in _names(LabApp.aliases) or "." in name or not Path(following).exists()


def _names(table: dict[Any, Any]) -> set[str]:
    """The keys of traitlets' tables, of which some are tuples: short and long."""
    return {name for key in table for name in ((key,) if isinstance(key, str) else key)}


def serve(notebook: Path, code: str, arguments: list[str], say: Callable[[str], None]) -> None:
    """Run JupyterLab until it is stopped.

    Args:
        notebook: to open.
        code: of the cell that is run on opening; another in its place is left alone.
        arguments: of `jupyter lab`.
        say: takes each line of what there is to tell.

    Raises:
        ImportError: there is no JupyterLab here.
        SystemExit: Jupyter refuses its arguments, or finds no port.
    """
    from jupyterlab.labapp import LabApp

    class Lab(LabApp):  # its own start, with a word of ours after everything is read and the port is found
        @classmethod
        def get_extension_package(cls) -> str:
            return "jupyterlab"

        @classmethod
        def initialize_server(cls, argv: list[str] | None = None, **more: Any) -> Any:
            server = super().initialize_server(argv=argv, **more)
            _prepare(server, notebook, code, say)
            if _far_away() and not any(given.startswith("--browser") for given in arguments):
                server.open_browser = False
            for line in addresses(server):
                say(line)
            return server

    Lab.launch_instance([str(notebook), f"--LabApp.extra_labextensions_path={EXTENSION}", *arguments])


def _prepare(server: Any, notebook: Path, code: str, say: Callable[[str], None]) -> None:
    """Have the server's pages open the notebook, and run its cell."""
    path = _path_in(server, notebook)
    if path is None:
        return  # the server itself refuses it, and says why
    server.default_url = f"{server.base_url}lab/tree/{quote(path)}"  # in every address that it prints
    why = reason_not_to_run(notebook, code)
    if why:
        say(f"{why}: {KEY}")
        return
    page = server.web_app.settings.setdefault("page_config_data", {})
    page["ipycolorizeOpening"] = json.dumps({"path": path, "code": code})


def reason_not_to_run(notebook: Path, code: str) -> str:
    """Why the cell is to be left to the person, as a clause; empty if there is no reason.

    Args:
        notebook: a file that somebody may have changed.
        code: of the cell; nothing else is ever run.
    """
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        found = [cell for cell in cells if _source(cell) == code]
        outputs = found[0].get("outputs", []) if found else []
        work = any(map(_is_work, outputs))
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return "the notebook is no notebook any more"
    if not found:
        return "the notebook was changed"
    return "the notebook shows the picture as you left it; for a fresh pad" if work else ""


def _source(cell: dict[str, Any]) -> str:
    """Text of a cell, which files hold whole or in lines."""
    source = cell["source"] if cell["cell_type"] == "code" else ""
    return source if isinstance(source, str) else "".join(source)


def _is_work(output: dict[str, Any]) -> bool:
    """Whether an output shows what somebody made: a picture, if it does not say that nobody touched it."""
    mark = output.get("metadata", {}).get("ipycolorize", {})
    return "image/png" in output.get("data", {}) and bool(mark.get("edited", True))


def _path_in(server: Any, notebook: Path) -> str | None:
    """The notebook's name for the server; None outside its root, which the server itself then refuses."""
    root = Path(server.root_dir).resolve()
    inside = notebook.resolve().is_relative_to(root)
    return notebook.resolve().relative_to(root).as_posix() if inside else None


def addresses(server: Any) -> Iterator[str]:
    """What a person needs to know to get to the pad, as lines."""
    if server.sock:
        return  # the server explains it
    yield f"pad: {server.display_url.split()[0]}"
    if _far_away():
        tunnel = f"ssh -N -L {server.port}:localhost:{server.port} {socket.gethostname()}"
        yield f"from your own computer: {tunnel}, then open the address in its browser"
    elif not server.open_browser:
        yield "open the address in a browser"
    elif not _has_browser(server.browser):
        yield "no browser was found here: open the address in one"


def _far_away() -> bool:
    """Whether this is a shell on another machine, without that machine's screen."""
    screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return "SSH_CONNECTION" in os.environ and not screen


def _has_browser(name: str) -> bool:
    import webbrowser

    try:
        webbrowser.get(name or None)
    except webbrowser.Error:
        return False
    return True
