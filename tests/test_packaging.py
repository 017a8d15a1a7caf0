"""What somebody meets before the first picture: README, bounds, an older Python, what git ignores."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
NEEDED = [Requirement(line) for line in PROJECT["dependencies"]]
ALL = [*NEEDED, *(Requirement(line) for extra in EXTRAS.values() for line in extra)]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "weights" / "README.md"]


def pins(name):
    """The releases that a constraints file pins, by package."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    found = [Requirement(line) for line in lines if line]
    assert all([part.operator for part in one.specifier] == ["=="] for one in found), "expected NAME==VERSION"
    return {one.name: Version(next(iter(one.specifier)).version) for one in found}


def lowest(requirement):
    (bound,) = [part for part in requirement.specifier if part.operator == ">="]
    return Version(bound.version)


def test_the_oldest_releases_that_are_tested_are_the_oldest_that_are_allowed():
    assert pins(".ci/oldest.txt") == {requirement.name: lowest(requirement) for requirement in ALL}


def test_the_pinned_releases_are_allowed():
    allowed = {requirement.name: requirement.specifier for requirement in ALL}
    assert all(version in allowed[name] for name, version in pins("constraints.txt").items())


def test_linters_are_bounded_above():
    upper = {one.name for one in ALL if any(part.operator == "<" for part in one.specifier)}
    assert {"ruff", "mypy"} <= upper, "another release finds other things"


@pytest.mark.parametrize("path", sorted(ROOT.glob("notebooks/*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_imports_what_readme_installs(path):
    named = set(re.findall(r'"\s*(?:from|import) (\w+)', path.read_text(encoding="utf-8")))
    packages = {
        "skimage": "scikit-image",
        "sklearn": "scikit-learn",
        "PIL": "pillow",
        "IPython": "ipywidgets",
    }
    known = {one.name for one in NEEDED} | {"ipycolorize", *sys.stdlib_module_names}
    assert {packages.get(name, name) for name in named} <= known


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_table_renders(path):
    fenced = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    blocks = [block.splitlines() for block in re.split(r"\n\s*\n", fenced)]
    tables = [lines for lines in blocks if any(line.startswith("|") for line in lines)]
    assert tables
    for lines in tables:
        assert all(line.startswith("|") and line.rstrip().endswith("|") for line in lines), lines[0]
        assert len(lines) > 2 and re.fullmatch(r"\|(:?-+:?\|)+", lines[1].replace(" ", "")), lines[0]
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, lines[0]


def test_readme_installs_from_the_folder_and_gives_the_commands_for_a_small_torch():
    assert "'.[distributed]'" in README
    assert not re.search(r"pip install [^\n`]*\bipycolorize\b(?! lab)", README), "no index has that name"
    assert re.search(
        r"^pip install .*torch --index-url https://download\.pytorch\.org/whl/cpu$", README, re.M
    )
    assert re.search(r"^uv .*uv pip install .*--torch-backend cpu ", README, re.M)


@pytest.mark.parametrize(
    ("start", "last"),
    [
        ("import runpy; runpy._run_module_as_main('ipycolorize')", "(ImportError: {})"),  # what -m does
        ("import ipycolorize", "ImportError: {}"),
    ],
)
def test_an_older_python_gets_one_clear_line(start, last):
    version = "import sys; sys.version_info = (3, 10, 13, 'final', 0); "
    ended = subprocess.run(
        [sys.executable, "-c", version + start], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode
    lines = ended.stderr.splitlines()
    assert lines[-1].endswith(last.format("ipycolorize needs Python 3.11 or newer, this is 3.10.13"))
    assert len(lines) == 1 or start == "import ipycolorize"


WRITTEN = (
    ".venv/pyvenv.cfg",
    "colorize-sample.ipynb",
    "colorize-grandmother-2.ipynb",
    ".ipynb_checkpoints/colorize-sample-checkpoint.ipynb",
    "grandmother_colorized.png",
    "grandmother_colorized (2).jpg",
    "grandmother_hints.json",
    "colour.png",
    "results/table1.csv",
    "bench.json",
    "runs/mine/average.safetensors",
    "notebooks/runs/real-or-fake/me.jsonl",
    "notebooks/.ipynb_checkpoints/01_colorize-checkpoint.ipynb",
)
KEPT = (
    "docs/pad.jpg",
    "notebooks/01_colorize.ipynb",
    "weights/live.safetensors",
    "ipycolorize/analysis/results.py",
)


def test_what_the_commands_write_into_a_checkout_is_no_change_of_it(tmp_path):
    git = shutil.which("git")
    assert git, "expected git, as in every checkout"
    subprocess.run([git, "init", "-q"], cwd=tmp_path, check=True, timeout=60)
    shutil.copy(ROOT / ".gitignore", tmp_path)
    asked = subprocess.run(
        [git, "check-ignore", "--", *WRITTEN, *KEPT], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert asked.stdout.splitlines() == list(WRITTEN)
