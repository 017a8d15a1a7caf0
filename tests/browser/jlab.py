"""JupyterLab and Notebook 7 in a sealed environment, driven by Playwright: what the browser tests stand on.

A server with its own settings, data and home (nothing of the user's is read or written), and a page that
knows how to open a notebook, wait for its kernel, and read and click the pad. Only the `playwright` package
and a Chromium on the machine are needed.
"""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any

import nbformat
import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
CHROMIUM_ARGS = (
    "--no-sandbox",  # containers lack user namespaces
    "--disable-dev-shm-usage",  # and have a small /dev/shm
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_QUIET = {  # no news, no questions, no writing behind our back
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
}
_DARK = {"@jupyterlab/apputils-extension:themes": {"theme": "JupyterLab Dark"}}


class Server:
    """`jupyter lab`, which serves Notebook 7 as well.

    Args:
        folder: of the notebooks, and the kernels' working directory.
        dark: use the dark theme.
    """

    def __init__(self, folder: Path, *, dark: bool = False) -> None:
        self.folder = folder
        self._home = tempfile.TemporaryDirectory(prefix="jupyter-", ignore_cleanup_errors=True)
        self._settings = {**_QUIET, **(_DARK if dark else {})}
        self.token = uuid.uuid4().hex
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def __enter__(self) -> Server:
        home = Path(self._home.name)
        for key, value in self._settings.items():
            package, plugin = key.split(":")
            file = home / "settings" / package / f"{plugin}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(value))
        places = {
            "JUPYTER_CONFIG_DIR": "config",
            "JUPYTER_DATA_DIR": "data",
            "JUPYTER_RUNTIME_DIR": "runtime",
            "IPYTHONDIR": "ipython",
        }
        environment = {**os.environ, **{name: str(home / place) for name, place in places.items()}}
        environment |= {"JUPYTER_PLATFORM_DIRS": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        command = [
            *(sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"),
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.root_dir={self.folder}",
            f"--IdentityProvider.token={self.token}",
            "--LabApp.expose_app_in_browser=True",  # window.jupyterapp: commands, and the kernel of a page
            "--JupyterNotebookApp.expose_app_in_browser=True",
            "--LabApp.extension_manager=readonly",
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            f"--LabApp.workspaces_dir={home / 'workspaces'}",
            f"--LabApp.user_settings_dir={home / 'settings'}",
        ]
        self._log = (home / "server.log").open("wb")
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=self.folder,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a process group of its own: its kernels end with it
        )
        deadline = time.monotonic() + 90
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"JupyterLab did not start:\n{self.log()}")
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()  # the server ends its kernels
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(5)
        self._log.close()
        self._home.cleanup()

    def _answers(self) -> bool:
        try:
            self.api("GET", "/api/status")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def log(self) -> str:
        """The end of what the server wrote."""
        return (Path(self._home.name) / "server.log").read_text(errors="replace")[-6000:]

    def url(self, path: str, *, port: int | None = None) -> str:
        """Where pages and programs find it; another port is that of a proxy."""
        return f"http://127.0.0.1:{port or self.port}{path}"

    def api(self, method: str, path: str) -> Any:
        request = urllib.request.Request(  # the token in the header makes the XSRF cookie unnecessary
            self.url(path), method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")

    def stop_kernel(self, name: str) -> None:
        """End the kernel of a notebook, if it has one; closing a page does not."""
        for session in self.api("GET", "/api/sessions"):
            if session["path"] == name:
                self.api("DELETE", f"/api/sessions/{session['id']}")

    def notebook(self, name: str, *cells: str) -> str:
        """Write a notebook; returns its name."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        # without a kernel in the metadata Lab asks for one
        notebook.metadata["kernelspec"] = {
            "name": "python3",
            "display_name": "Python 3",
            "language": "python",
        }
        nbformat.write(notebook, self.folder / name)
        return name


_READY = """() => {
    const sc = window.jupyterapp?.shell?.currentWidget?.sessionContext;
    const kernel = sc?.isReady && sc.session?.kernel;
    return !!kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
_EXECUTE = """async (code) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const request = kernel.requestExecute({code, store_history: false, allow_stdin: false});
    let out = '';
    request.onIOPub = ({header, content}) => {
        if (header.msg_type === 'stream') out += content.text;
        if (header.msg_type === 'error') out += 'ERROR ' + content.ename + ': ' + content.evalue;
    };
    await request.done;
    return out;
}"""


class Notebook:
    """A notebook in a page.

    Attributes:
        page: of Playwright.
        console: errors that the page logged.
        external: requests that left the machine.
    """

    def __init__(
        self, page: Page, server: Server, name: str, *, host: str = "lab", port: int | None = None
    ) -> None:
        self.page, self.server, self.name = page, server, name
        self.console: list[str] = []
        self.external: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.console.append(message.text))
        page.on("pageerror", lambda error: self.console.append(str(error)))
        self._own = (server.url("", port=port), "data:", "blob:")
        page.on("request", self._note_request)
        path = {
            "lab": f"/lab/workspaces/{uuid.uuid4().hex[:8]}/tree/{name}?reset&token=",
            "doc": f"/doc/tree/{name}?token=",
            "notebook": f"/notebooks/{name}?token=",
        }[host]
        page.goto(server.url(path + server.token, port=port), wait_until="domcontentloaded")
        self.wait_kernel()

    def _note_request(self, request: Any) -> None:
        if not request.url.startswith(self._own):
            self.external.append(request.url)

    def wait_kernel(self) -> None:
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.page.wait_for_function(_READY, timeout=60_000)

    def command(self, name: str) -> None:
        self.page.evaluate("async (name) => { await window.jupyterapp.commands.execute(name); }", name)

    def run_all(self) -> None:
        self.command("notebook:run-all-cells")

    def execute(self, code: str) -> str:
        """Run code in the kernel, outside any cell; returns what it printed."""
        return self.page.evaluate(_EXECUTE, code).strip()

    def value(self, expression: str) -> Any:
        """The value of a Python expression in the kernel (through JSON)."""
        answer = self.execute(f"import json; print(json.dumps({expression}))")
        assert not answer.startswith("ERROR"), answer
        return json.loads(answer)


class Pad:
    """The (only) pad of a page, as a person sees it."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook, self.page = notebook, notebook.page
        self.root = self.page.locator(".ipc-pad").first
        self.canvas = self.root.locator("canvas.ipc-picture")
        self.status = self.root.locator(".ipc-status")
        self.gamut = self.root.locator(".ipc-gamut")
        self.field = self.root.locator(".ipc-chip + .ipc-field input")
        self.suggested = self.root.locator(".ipc-section:not(.ipc-recent) .ipc-swatch")
        self.recent = self.root.locator(".ipc-recent .ipc-swatch")
        self.wait_picture()

    def wait_picture(self) -> None:
        self.canvas.wait_for(state="visible")
        handle = self.canvas.element_handle()
        self.page.wait_for_function(
            "c => c.getContext('2d').getImageData(c.width >> 1, c.height >> 1, 1, 1).data[3] === 255",
            arg=handle,
        )

    def tool(self, title: str) -> Locator:
        return self.root.locator(f"button[title^='{title}']")

    def settle(self, *, rest: bool = False) -> None:
        """Wait until the screen shows it all; with `rest` also the notebook's static picture."""
        stages = "2" if rest else "1"
        assert self.notebook.value(f"pad._worker.wait(20, idle={stages})")
        self.page.wait_for_timeout(250)

    def says(self, text: str) -> bool:
        """Whether the status line comes to hold a text: the kernel is done before the page shows it."""
        self.status.filter(has_text=text).wait_for(timeout=5_000)
        return True

    def place(self, row: float, col: float) -> tuple[float, float]:
        """Page coordinates of a pixel of the photograph."""
        self.canvas.scroll_into_view_if_needed()
        height, width = self.notebook.value("list(pad.session.photo.shape)")
        box = self.canvas.bounding_box()
        assert box is not None
        return box["x"] + (col + 0.5) * box["width"] / width, box["y"] + (row + 0.5) * box["height"] / height

    def click(self, row: float, col: float, **how: Any) -> None:
        """Click a pixel of the photograph."""
        self.page.mouse.click(*self.place(row, col), **how)

    def pick(self, a: float, b: float) -> None:
        """Click a colour in the gamut."""
        box = self.gamut.bounding_box()
        assert box is not None
        x, y = box["x"] + (a / 110 + 1) / 2 * box["width"], box["y"] + (1 - b / 110) / 2 * box["height"]
        self.page.mouse.click(x, y)

    def pixels(self) -> np.ndarray:
        """The canvas as ``(H, W, 3)`` integers."""
        url = self.canvas.evaluate("canvas => canvas.toDataURL('image/png')")
        with Image.open(io.BytesIO(base64.b64decode(url.split(",", 1)[1]))) as image:
            return np.asarray(image.convert("RGB")).astype(int)

    def pixel(self, row: float, col: float) -> np.ndarray:
        """Mean colour of the canvas around a pixel of the photograph."""
        height, width = self.notebook.value("list(pad.session.photo.shape)")
        pixels = self.pixels()
        y, x = int((row + 0.5) * pixels.shape[0] / height), int((col + 0.5) * pixels.shape[1] / width)
        return pixels[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3].reshape(-1, 3).mean(axis=0)

    def hints(self) -> list[dict[str, Any]]:
        """The points as the session saves them."""
        return self.notebook.value("pad.session.to_json()")["hints"]
