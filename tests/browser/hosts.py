"""Other hosts than JupyterLab: programs that serve a pad, and a pad in a page that has no kernel to ask."""

from __future__ import annotations

import base64
import io
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from PIL import Image
from playwright.sync_api import Page

SEALED = {  # nothing of the user's is read or written
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "IPYTHONDIR": "ipython",
}


class Program:
    """A server in a process group of its own, which ends with the block.

    Args:
        command: "{port}" in it becomes a free port.
        folder: that it works in.
        environment: beside the present one.
        printed: a pattern of a line that it prints when it is ready; its group is the address.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        environment: dict[str, str] | None = None,
        printed: str = "",
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._home = tempfile.TemporaryDirectory(prefix="host-", ignore_cleanup_errors=True)
        self.places = {name: str(Path(self._home.name) / place) for name, place in SEALED.items()}
        self._command = [part.format(port=self.port) for part in command]
        self._folder, self._printed = folder, printed
        more = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "JUPYTER_PLATFORM_DIRS": "1"}
        self._environment = {**os.environ, **self.places, **more, **(environment or {})}

    def __enter__(self) -> Program:
        self._log = (Path(self._home.name) / "log").open("wb")
        self._process = subprocess.Popen(
            self._command, env=self._environment, cwd=self._folder, stdout=self._log, stderr=self._log,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._command} did not start:\n{self.log()}")
            time.sleep(0.2)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(5)
        self._log.close()
        self._home.cleanup()

    def _answers(self) -> bool:
        if self._printed:
            found = re.search(self._printed, self.log(), re.MULTILINE)
            self.url = found.group(1) if found else self.url
            return bool(found)
        try:
            urllib.request.urlopen(self.url, timeout=30).close()
        except urllib.error.HTTPError:
            return True
        except (urllib.error.URLError, OSError):
            return False
        return True

    def log(self) -> str:
        """The end of what it wrote."""
        return (Path(self._home.name) / "log").read_text(errors="replace")[-20000:]


class ShownPad:
    """The pad of a page, through the page alone."""

    def __init__(self, page: Page, photo: tuple[int, int]) -> None:
        self.page, self._photo = page, photo
        self.root = page.locator(".ipc-pad").first
        self.canvas = self.root.locator("canvas.ipc-picture")
        self.status = self.root.locator(".ipc-view > .ipc-status")
        self.canvas.wait_for(state="visible", timeout=90_000)
        self.says("Click anywhere on the photograph")

    def says(self, text: str) -> bool:
        """Whether the status line comes to hold a text."""
        self.status.filter(has_text=text).wait_for(timeout=30_000)
        return True

    def click(self, row: int, col: int) -> None:
        """Click a pixel of the photograph."""
        self.canvas.scroll_into_view_if_needed()
        box = self.canvas.bounding_box()
        assert box is not None
        x, y = (col + 0.5) * box["width"] / self._photo[1], (row + 0.5) * box["height"] / self._photo[0]
        self.page.mouse.click(box["x"] + x, box["y"] + y)

    def pick(self, a: float, b: float) -> None:
        """Click a colour in the gamut."""
        box = self.root.locator(".ipc-gamut").bounding_box()
        assert box is not None
        x, y = box["x"] + (a / 110 + 1) / 2 * box["width"], box["y"] + (1 - b / 110) / 2 * box["height"]
        self.page.mouse.click(x, y)

    def pixel(self, row: int, col: int) -> np.ndarray:
        """Mean colour of the canvas around a pixel of the photograph."""
        url = self.canvas.evaluate("canvas => canvas.toDataURL('image/png')")
        with Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))) as image:
            pixels = np.asarray(image.convert("RGB")).astype(int)
        y = int((row + 0.5) * pixels.shape[0] / self._photo[0])
        x = int((col + 0.5) * pixels.shape[1] / self._photo[1])
        return pixels[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0)


def colour_and_fetch(page: Page) -> bytes:
    """The main path on china.jpg: a point, a colour, the picture as a file; returns the file."""
    pad = ShownPad(page, (427, 640))
    before = pad.pixel(235, 430)
    pad.click(235, 400)
    assert pad.says("Now pick a colour")
    pad.pick(8, 28)
    assert pad.says("1 point")
    page.wait_for_timeout(500)
    after = pad.pixel(235, 430)
    assert after[0] - after[2] > 30 > before[0] - before[2], "the water around the point turns warm"
    pad.root.get_by_role("button", name="Export").click()
    with page.expect_download(timeout=30_000) as download:
        pad.status.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".png")
    return download.value.path().read_bytes()
