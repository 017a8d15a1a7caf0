"""The pad's halves in the browser: are they where this environment's Jupyter, or a running one, finds them?

A kernel's environment and the server's are often two; the browser gets its half from the server's alone.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..extensions import EXTENSIONS, installed
from .checks import Check

PATIENCE = 5  # seconds for a server on this machine


def here() -> Sequence[Check]:
    """The extensions of this environment: there, not switched off, of the version that the kernel has."""
    from jupyter_core.paths import jupyter_path
    from jupyterlab_server.config import get_federated_extensions, get_page_config

    folders = jupyter_path("labextensions")
    there = get_federated_extensions(folders)
    switched_off = get_page_config(folders).get("disabledExtensions", [])
    found = []
    for package, (extension, brought_by) in EXTENSIONS.items():
        check = _judge(extension, brought_by, [*there], switched_off, f"{sys.executable} -m ")
        if check.status == "ok":
            version = there[extension]["version"]
            own = installed(brought_by)
            check = Check(extension, "ok", f"{version}, {there[extension]['ext_path']}")
            if package == brought_by and own not in (None, version):  # the other counts by itself
                remedy = f"{sys.executable} -m pip install --force-reinstall {brought_by}"
                check = Check(extension, "bad", f"{version}, but the kernel's half is {own}", remedy)
        found.append(check)
    return found


def running() -> Sequence[Check]:
    """The same of every Jupyter server of this person that runs now, asked for the page it would send."""
    from jupyter_server.serverapp import list_running_servers

    found: list[Check] = []
    for server in list_running_servers():
        found += _of_server(server)
    return found or [Check("running servers", "ok", "none")]


def _of_server(server: Mapping[str, Any]) -> Sequence[Check]:
    name = f"server {server['port']}"
    try:
        page = _page_config(server)
    except (OSError, ValueError) as error:
        return [Check(name, "note", f"{server['url']} does not tell its extensions: {error}")]
    there = [one["name"] for one in page.get("federated_extensions", [])]
    switched_off = page.get("disabledExtensions", [])
    python = _python(int(server["pid"]))
    judged = [_judge(*how, there, switched_off, python) for how in EXTENSIONS.values()]
    bad = [
        Check(f"{name}: {one.name}", one.status, one.found, one.remedy)
        for one in judged
        if one.status == "bad"
    ]
    return bad or [Check(name, "ok", f"{server['url']} has all {len(judged)} extensions")]


def _page_config(server: Mapping[str, Any]) -> dict[str, Any]:
    """What the server puts into its page for the browser.

    Raises:
        OSError: nobody answers, or a refusal.
        ValueError: a page of something else, a login for example.
    """
    plainly = urllib.request.build_opener(
        urllib.request.ProxyHandler({})
    )  # the token is for this server alone
    headers = {"Authorization": f"token {server['token']}"} if server.get("token") else {}
    for page in ("lab", "tree"):
        try:
            with plainly.open(
                urllib.request.Request(f"{server['url']}{page}", headers=headers), timeout=PATIENCE
            ) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                continue
            raise
        config = re.search(
            r'<script id="jupyter-config-data" type="application/json">(.*?)</script>', text, re.S
        )
        if config:
            return json.loads(config[1])
    raise ValueError("it wants a login, or is no JupyterLab or Notebook 7")


def _judge(
    extension: str, brought_by: str, there: Sequence[str], switched_off: Sequence[str], python: str
) -> Check:
    if extension not in there:
        return Check(extension, "bad", "missing: the pad stays blank", f"{python}pip install {brought_by}")
    if any(name == extension or name.startswith(f"{extension}:") for name in switched_off):
        remedy = f"{python}jupyter labextension enable {extension}"
        return Check(extension, "bad", "switched off: the pad stays blank", remedy)
    return Check(extension, "ok", "there")


def _python(pid: int) -> str:
    """What goes before a module's name to run it in the environment of a server; in words where unknown."""
    try:
        python = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except OSError:  # not Linux, or somebody else's process
        python = b""
    named = os.fsdecode(python)
    if re.fullmatch(r"python[0-9.]*", Path(named).name) and Path(named).is_absolute():
        return f"{named} -m "
    return f"in the environment of the server (process {pid}): "
