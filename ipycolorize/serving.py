"""JupyterLab with a pad in it: a server in this process, which runs the notebook's cell before anybody looks.

JupyterLab cannot be told to run a cell on opening. But it finds a notebook's running kernel by the path of
the notebook and asks it for its widgets, as it does after a reload: so the cell runs here, in a session of the
server, and its outputs are in the file when the address is printed and the browser opened.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

PATIENCE = 120.0  # seconds for the kernel, and for its cell: a first import of torch from a slow disk is long
KEY = "click into the cell of the notebook and press Shift + Enter"


@dataclass(frozen=True)
class Opened:
    """What became of a notebook.

    Attributes:
        ran: its cell has run.
        why: it has not, as a clause.
    """

    ran: bool
    why: str = ""


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
        code: of the cell that is run before; another in its place is left alone.
        arguments: of `jupyter lab`.
        say: takes each line of what there is to tell.

    Raises:
        ImportError: there is no JupyterLab here.
        SystemExit: Jupyter refuses its arguments, or finds no port.
    """
    from jupyterlab.labapp import LabApp

    class Lab(LabApp):  # the server's own start, with our part between its two halves
        @classmethod
        def get_extension_package(cls) -> str:
            return "jupyterlab"

        @classmethod
        def initialize_server(cls, argv: list[str] | None = None, **more: Any) -> Any:
            server = super().initialize_server(argv=argv, **more)
            path = _path_in(server, notebook)
            if path is not None:
                server.default_url = f"{server.base_url}lab/tree/{quote(path)}"  # in every address it prints
                opened = server.io_loop.run_sync(lambda: run_cell(server, path, code))
                say("the pad is ready" if opened.ran else f"{opened.why}: {KEY}")
            if _far_away() and not any(given.startswith("--browser") for given in arguments):
                server.open_browser = False
            for line in addresses(server):
                say(line)
            return server

    Lab.launch_instance([str(notebook), *arguments])


def _path_in(server: Any, notebook: Path) -> str | None:
    """The notebook's name for the server; None outside its root, which the server itself then refuses."""
    root = Path(server.root_dir).resolve()
    inside = notebook.resolve().is_relative_to(root)
    return notebook.resolve().relative_to(root).as_posix() if inside else None


async def run_cell(server: Any, path: str, code: str) -> Opened:
    """Run a notebook's cell in a session of the server, and save what it shows.

    A cell whose outputs hold somebody's work (a picture with points) is not run: they would be lost.

    Args:
        server: a `ServerApp`.
        path: of the notebook, on that server.
        code: of the cell.
    """
    from jupyter_core.utils import ensure_async
    from nbclient import NotebookClient

    model = await ensure_async(server.contents_manager.get(path, type="notebook"))
    notebook = model["content"]
    numbers = [number for number, cell in enumerate(notebook.cells) if cell.source == code]
    if not numbers:
        return Opened(False, "the notebook was changed")
    cell = notebook.cells[numbers[0]]
    if any(map(_is_work, cell.get("outputs", ()))):
        return Opened(False, "the notebook shows the picture as you left it; for a fresh pad")
    kernel = notebook.metadata.get("kernelspec", {}).get("name", "python3")
    client = None
    try:
        session = await ensure_async(
            server.session_manager.create_session(
                path=path, name=path, type="notebook", kernel_name=kernel, kernel_id=None
            )
        )
        manager = server.kernel_manager.get_kernel(session["kernel"]["id"])
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=PATIENCE)
        run = NotebookClient(notebook, km=manager, timeout=PATIENCE, allow_errors=True)
        run.reset_execution_trackers()
        run.kc = client
        await run.async_execute_cell(cell, numbers[0])
    except Exception as error:  # no kernel, one that dies, one that takes too long: a person can still try
        return Opened(False, f"the pad could not be started ({str(error) or type(error).__name__})")
    finally:
        if client is not None:
            client.stop_channels()
    cell.metadata["trusted"] = True  # as if it had been run in the browser, else it would not be shown
    await ensure_async(
        server.contents_manager.save({"type": "notebook", "format": "json", "content": notebook}, path)
    )
    if any(output.output_type == "error" for output in cell.outputs):
        return Opened(False, "the cell failed, and the notebook says why; to try again")
    return Opened(True)


def _is_work(output: Any) -> bool:
    """Whether an output shows what somebody made: a picture, if it does not say that nobody touched it."""
    mark = output.get("metadata", {}).get("ipycolorize", {})
    return "image/png" in output.get("data", {}) and bool(mark.get("edited", True))


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
