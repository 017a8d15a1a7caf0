"""The types that a program of somebody else's sees, as mypy --strict and an editor read them."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import ipycolorize

PROGRAM = '''
"""A small program as somebody would write it; a mistake has the code of its error behind it."""

from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import ipycolorize
from ipycolorize import (
    Colorizer,
    Compare,
    Frame,
    Hint,
    Hints,
    Mood,
    Photo,
    RealOrFake,
    SeamLab,
    Session,
    Study,
    finetune,
    list_models,
    load_model,
    read_photo,
    sample_photo,
)


def colorize(path: Path, out: Path) -> NDArray[np.uint8]:
    photo = read_photo(path)
    assert_type(photo, Photo)
    assert_type(photo.shape, tuple[int, int])
    session = Session(photo, load_model("live"))
    hint = session.add(120, 340, ab=session.ab_of((192, 80, 48)))
    assert_type(hint, Hint)
    assert_type(session.hints, Hints)
    session.set_mood(Mood(saturation=0.2))
    for swatch in session.palette(60, 80):
        assert_type(swatch.share, float)
    session.export(out)
    return session.rgb()


class Own(Colorizer):
    """A class of one's own; ipywidgets has no types, so that only our names have."""


def show(session: Session) -> Image.Image:
    pad = Own(session)
    assert_type(pad.session, Session)
    return pad.snapshot()


names = [card.name for card in list_models()]
assert_type(names, list[str])
assert_type(sample_photo(), Photo)
running = finetune("photographs", out="runs/mine", minutes=20)
assert_type(running.running, bool)
frames: tuple[type[Frame], ...] = (Frame,)
widgets: tuple[type, ...] = (Compare, RealOrFake, SeamLab, Study)

Session(sample_photo()).add("top", 340)  # E: arg-type
Mood(saturation="much")  # E: arg-type
wrong: str = Session(sample_photo()).rgb()  # E: assignment
finetune("photographs")  # E: call-arg
ipycolorize.Colourizer  # E: attr-defined
'''
CONFIGURATION = """
[mypy]
strict = True
[mypy-torch.*]
follow_imports = skip
"""  # torch takes a minute to read, and nothing here asks for its types


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """The Python of an environment where the package lies as an installed one, which has to ship py.typed."""
    folder = tmp_path_factory.mktemp("user") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    there = (Path(ipycolorize.__file__).parents[1], sysconfig.get_path("purelib"))
    (site / "installed.pth").write_text("".join(f"{place}\n" for place in there))
    return python


@pytest.fixture(scope="module")
def complaints(user, tmp_path_factory):
    """What mypy says about the program: (line, code of the error)."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "program.py").write_text(PROGRAM)
    (folder / "mypy.ini").write_text(CONFIGURATION)
    command = [sys.executable, "-m", "mypy", "--python-executable", user, "program.py"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert not said.stderr, said.stderr
    pattern = re.compile(r"^program\.py:(\d+): error: .*\[([a-z-]+)\]$", re.MULTILINE)
    assert said.stdout.count(": error:") == len(pattern.findall(said.stdout)), said.stdout
    return {(int(line), code) for line, code in pattern.findall(said.stdout)}


def test_a_small_program_has_types_and_its_mistakes_are_found(complaints):
    lines = enumerate(PROGRAM.splitlines(), start=1)
    expected = {(number, code) for number, line in lines for code in re.findall(r"# E: ([a-z-]+)$", line)}
    assert len(expected) == 5
    assert complaints == expected


def test_the_program_uses_every_public_name():
    assert all(re.search(rf"\b{name}\b", PROGRAM) for name in ipycolorize.__all__)
