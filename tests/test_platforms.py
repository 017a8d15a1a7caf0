"""Other systems, as far as this one can play them: modules that are missing, narrow encodings."""

import ast
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import ipycolorize
from ipycolorize.analysis import bench as benching
from ipycolorize.children import environment

PACKAGE = Path(ipycolorize.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
ELSEWHERE = {"resource", "fcntl", "pwd", "grp", "termios", "posix", "pty", "tty"}  # not on Windows
CALLS = {"os.fork", "os.getuid", "os.geteuid", "os.nice", "os.sched_getaffinity", "os.killpg", "os.sysconf"}


def narrow(*command, cwd, encoding="cp1252"):
    """Run a command whose output has the encoding of a Windows terminal."""
    return subprocess.run(
        [sys.executable, "-m", "ipycolorize", *command],
        cwd=cwd, env={**environment(), "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}, capture_output=True,
        timeout=300,
    )  # fmt: skip


def top_level(tree):
    """Nodes that run on import on every system: outside functions, `try`, and what asks for the system."""
    for node in tree.body:
        asks = isinstance(node, ast.If) and "sys.platform" in ast.unparse(node.test)
        if not asks and not isinstance(node, ast.Try | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from ast.walk(node) if not isinstance(node, ast.ClassDef) else top_level(node)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_import_needs_a_module_that_another_system_lacks(path):
    for node in top_level(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) else []
        assert not ELSEWHERE & {str(name).split(".")[0] for name in names}, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_what_another_system_lacks_is_asked_for_before_it_is_called(path):
    text = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
            name = ast.unparse(node.func).removeprefix("os.")
            asked = f'hasattr(os, "{name}")' in text or f'getattr(os, "{name}' in text
            assert asked, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_text_file_names_its_encoding(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if name in ("read_text", "write_text"):
            assert "encoding" in given, f"{path}:{node.lineno}"
        if (
            name == "open"
            and "Image" not in ast.unparse(node.func)
            and "Pillow" not in ast.unparse(node.func)
        ):
            modes = [ast.unparse(value) for value in [*node.args, *given.values()]]
            binary = any("b'" in mode or "b+'" in mode or mode in ("'rb'", "'wb'", "'ab'") for mode in modes)
            other = ast.unparse(node.func) in ("tarfile.open", "file.open", "webbrowser.open", "os.open")
            assert binary or other or {"encoding", "timeout"} & given.keys(), f"{path}:{node.lineno}"


@pytest.mark.parametrize("missing", [("resource",), ("resource", "psutil")])
def test_the_peak_of_memory_is_told_where_there_is_no_resource_module(missing, monkeypatch):
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)  # as if it could not be imported
    assert math.isnan(benching._peak_mb())  # psutil tells the peak on Windows only


def test_the_peak_of_windows_is_in_mebibytes(monkeypatch):
    psutil = pytest.importorskip("psutil")

    class Process:
        def memory_info(self):
            return type("memory", (), {"peak_wset": 300 << 20})

    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.setattr(psutil, "Process", Process)
    assert benching._peak_mb() == 300


def test_the_package_is_imported_without_what_windows_lacks():
    names = [
        ".".join(("ipycolorize", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        for path in SOURCES
        if path.name != "__main__.py"
    ]
    code = f"""
import sys
for name in {sorted(ELSEWHERE - {"posix"})}: sys.modules.setdefault(name, None)
import importlib
import torch, matplotlib, multiprocessing, IPython, ipywidgets, jupyter_client  # which know their own systems
import os
for name in ("fork", "geteuid", "getuid", "nice", "sched_getaffinity", "killpg", "mkfifo"):
    if hasattr(os, name): delattr(os, name)
for name in {names}: importlib.import_module(name)
"""
    code = code.replace("for name in ['fcntl'", "import pty, tty, subprocess\nfor name in ['fcntl'")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_what_was_computed_survives_a_terminal_that_cannot_show_it(tmp_path, small, encoding):
    (tmp_path / "日本").mkdir()
    Image.fromarray(small).save(tmp_path / "日本" / "写真.png")
    done = narrow("colorize", "日本/写真.png", "-o", "日本/色.png", cwd=tmp_path, encoding=encoding)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "日本" / "色.png").exists()
    done = narrow(
        "evaluate", "日本", "--methods", "gray", "--counts", "0", "--size", "64", "--json", "日本/zahl.json",
        cwd=tmp_path, encoding=encoding,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "日本" / "zahl.json").read_text(encoding="utf-8"))


def test_names_of_files_have_no_colons():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                for part in ast.walk(node.right):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        assert not set('<>:"|?*') & set(part.value), f"{path}:{node.lineno}: {part.value!r}"
