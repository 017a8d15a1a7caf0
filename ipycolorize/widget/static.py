"""What is left without a kernel: a picture in the saved notebook, and files that a browser can fetch.

A widget is gone when its kernel is; JupyterLab then ignores every other format in the same output. So the pad
shows a second output right below itself, an ordinary PNG, which a style rule hides while the widget is alive.
It is what a reopened notebook and nbconvert show.
"""

from __future__ import annotations

import base64
import html
import io
import mimetypes
from pathlib import Path
from typing import Any
from urllib.parse import quote

from IPython.display import DisplayHandle, display
from PIL import Image

from .frontend import server_pid

INSIDE = 24 << 20  # bytes of a file that fits into a link: a photograph of some 12 megapixels
SIDE = 900  # pixels of the longer side, at most: a notebook is no place for 12 megapixels


def png(picture: Image.Image) -> bytes:
    """Encode as PNG, shrunk to `SIDE`."""
    picture = picture.copy()
    picture.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def bundle(picture: Image.Image, what: str = "colorized photograph") -> dict[str, Any]:
    """The picture as an output of a notebook."""
    return {
        "image/png": base64.b64encode(png(picture)).decode("ascii"),
        "text/plain": f"<{what}, {picture.width} × {picture.height}>",
    }


class Companion:
    """The outputs of a pad that has been displayed: the widget, and the picture that stays.

    Outside a kernel (Solara, a plain interpreter) there is only the widget: nothing is saved there.

    Args:
        what: the picture is, for readers without pictures.
    """

    def __init__(self, what: str = "colorized photograph") -> None:
        self._what = what
        self._handles: list[tuple[DisplayHandle, DisplayHandle]] = []

    @property
    def shown(self) -> bool:
        """Whether the pad has been displayed at all."""
        return bool(self._handles)

    def show(self, widget: dict[str, Any], picture: Image.Image, *, edited: bool = False) -> None:
        """Display the widget's bundle and the picture below it; `edited`: it holds somebody's work."""
        if server_pid() is None:
            display(widget, raw=True)
            return
        live = display(widget, raw=True, display_id=True)
        still = display(bundle(picture, self._what), raw=True, metadata=_mark(edited), display_id=True)
        if live is not None and still is not None:
            self._handles.append((live, still))

    def update(self, picture: Image.Image, *, edited: bool = True) -> None:
        """Renew the picture in every place it is shown; from any thread."""
        for _, still in self._handles:
            still.update(bundle(picture, self._what), raw=True, metadata=_mark(edited))

    def freeze(self, picture: Image.Image) -> None:
        """Put the picture where the widget was."""
        for live, still in self._handles:
            live.update(bundle(picture, self._what), raw=True)
            still.update({"text/plain": ""}, raw=True)
        self._handles.clear()


def _mark(edited: bool) -> dict[str, Any]:
    """What tells `ipycolorize lab` whether running the cell again would lose somebody's work."""
    return {"ipycolorize": {"edited": edited}}


def download_url(path: Path) -> str | None:
    """Where the Jupyter server of this kernel offers a file, as a path on that server; None if nowhere.

    Works with remote servers too, since the browser asks the server that it already talks to. Other servers
    of the same person may hold the file as well, but the page cannot ask them.
    """
    from jupyter_server.serverapp import list_running_servers

    path, parent = path.resolve(), server_pid()
    for server in list_running_servers():
        root = Path(server.get("root_dir", "")).resolve()
        if server.get("pid") != parent or not path.is_relative_to(root):
            continue
        if not any(part.startswith(".") for part in path.relative_to(root).parts):
            return f"{server['base_url']}files/{quote(path.relative_to(root).as_posix())}?download=1"
    return None


def download_link(path: Path) -> str:
    """HTML of a link to a file: at the Jupyter server, or with the file inside, up to `INSIDE` bytes."""
    url = download_url(path)
    if url is None and path.stat().st_size <= INSIDE:
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        url = f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"
    if url is None:
        return ""
    return f'<a href="{html.escape(url)}" download="{html.escape(path.name)}">Download</a>'


def saved(path: Path, what: str) -> str:
    """HTML that says what was written where, with a link to it where there can be one."""
    link = download_link(path)
    return f"{html.escape(what)} to {html.escape(str(path))}{f' · {link}' if link else ''}"
