"""What is left without a kernel: a picture in the saved notebook, and files that a browser can fetch.

A widget is gone when its kernel is; JupyterLab then ignores every other format in the same output. So the pad
shows a second output right below itself, an ordinary PNG, which a style rule hides while the widget is alive.
It is what a reopened notebook and nbconvert show.
"""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path
from typing import Any
from urllib.parse import quote

from IPython.display import DisplayHandle, display
from PIL import Image

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

    def show(self, widget: dict[str, Any], picture: Image.Image) -> None:
        """Display the widget's bundle and the picture below it."""
        live = display(widget, raw=True, display_id=True)
        still = display(bundle(picture, self._what), raw=True, display_id=True)
        if live is not None and still is not None:  # outside IPython there is nothing to display to
            self._handles.append((live, still))

    def update(self, picture: Image.Image) -> None:
        """Renew the picture in every place it is shown; from any thread."""
        for _, still in self._handles:
            still.update(bundle(picture, self._what), raw=True)

    def freeze(self, picture: Image.Image) -> None:
        """Put the picture where the widget was."""
        for live, still in self._handles:
            live.update(bundle(picture, self._what), raw=True)
            still.update({"text/plain": ""}, raw=True)
        self._handles.clear()


def download_url(path: Path) -> str | None:
    """Where the Jupyter server of this kernel offers a file, as a path on that server; None if nowhere.

    Works with remote servers too, since the browser asks the server that it already talks to.
    """
    from jupyter_server.serverapp import list_running_servers

    path = path.resolve()
    for server in list_running_servers():
        root = Path(server.get("root_dir", "")).resolve()
        if path.is_relative_to(root) and not any(
            part.startswith(".") for part in path.relative_to(root).parts
        ):
            return f"{server['base_url']}files/{quote(path.relative_to(root).as_posix())}?download=1"
    return None


def saved(path: Path, what: str) -> str:
    """HTML that says what was written where, with a link to it where there can be one."""
    url = download_url(path)
    link = f' · <a href="{html.escape(url)}" download>Download</a>' if url else ""
    return f"{html.escape(what)} to {html.escape(str(path))}{link}"
