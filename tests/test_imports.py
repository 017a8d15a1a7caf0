"""Who may know whom: the rooms of the package, what an import costs, and the size of its modules."""

import ast
import graphlib
import importlib
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import ipycolorize

PACKAGE = Path(ipycolorize.__file__).parent
MODULES = {
    ".".join(("ipycolorize", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# Storeys from the ground up; a module may know its own storey and those below.
STOREYS = (
    (
        "color",
        "errors",
        "gamut",
        "gamut_border",
        "gamut_mapping",
        "files",
        "locks",
        "forking",
        "pipes",
        "origin",
        "writing",
        "children",
        "documents",
        "frame",
        "image",
        "decode",
        "opener",
        "tiff",
        "profiles",
        "corpus",
        "hints",
        "hint_batch",
        "raster",
        "global_hints",
        "families",
        "mood",
        "history",
        "ciede2000",
        "metrics",
        "journal",
        "aging",
    ),
    ("render", "palette", "models", "processes"),
    (
        "painter",
        "session",
        "session_files",
        "sharing",
        "influence",
        "pairs",
        "realfake",
        "fooling",
        "study",
        "protocol",
        "seam",
        "baselines",
    ),
    ("training", "analysis"),
    (
        "widget",
        "cli",
        "measuring",
        "outputs",
        "standard",
        "arguments",
        "terminal",
        "launch",
        "serving",
        "extensions",
        "finetuning",
        "__main__",
    ),
)
STRANGERS = (
    {"training", "widget"},
    {"training", "analysis"},
    {"analysis", "widget"},
    {"baselines", "session"},
)
JUPYTER = {
    "ipywidgets",
    "ipycanvas",
    "ipyevents",
    "IPython",
    "traitlets",
    "ipykernel",
    "jupyter_client",
    "jupyterlab",
}


def imported(name):
    """Absolute names of all modules that a module imports, wherever it does."""
    path = MODULES[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = package[: len(package) - node.level + 1] if node.level else []
            target = ".".join([*home, *([node.module] if node.module else [])])
            for alias in node.names:
                deeper = f"{target}.{alias.name}"
                yield deeper if deeper in MODULES else target


def room(name):
    """The part of the package that a module belongs to: its first name below the package."""
    return [*name.split("."), ""][1]


def storey(name):
    return next(level for level, rooms in enumerate(STOREYS) if room(name) in rooms)


def own(name):
    return [target for target in imported(name) if target.split(".")[0] == "ipycolorize" and room(target)]


INSIDE = [name for name in MODULES if room(name)]


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    ).stdout


def test_the_walk_sees_what_it_should():
    assert "ipycolorize.frame" in own("ipycolorize.hints")
    assert "ipycolorize.models.base" in own("ipycolorize.models.live")
    assert "ipycolorize.gamut" in own("ipycolorize.models.live")
    assert "sklearn.cluster" in imported("ipycolorize.palette")  # inside a function


@pytest.mark.parametrize("name", INSIDE)
def test_every_module_has_its_storey_and_looks_down_only(name):
    for target in own(name):
        assert storey(target) <= storey(name), f"{name} imports {target}"
        assert {room(name), room(target)} not in STRANGERS, f"{name} knows {target}"


def test_no_module_knows_itself_by_a_detour():
    graph = {name: set(own(name)) - {name} for name in INSIDE}
    for name in graph:  # a package's own __init__ runs before its modules
        graph[name] = {target for target in graph[name] if not name.startswith(f"{target}.")}
    graphlib.TopologicalSorter(graph).prepare()  # CycleError names the circle


@pytest.mark.parametrize("name", [name for name in INSIDE if room(name) not in ("widget", "serving")])
def test_no_jupyter_below_the_widget(name):
    assert not {target.split(".")[0] for target in imported(name)} & JUPYTER


def test_nothing_below_the_widget_loads_jupyter():
    below = [name for name in INSIDE if room(name) not in ("widget", "__main__")]
    code = f"import importlib, sys\nfor name in {below}: importlib.import_module(name)\n"
    code += f"print(*sorted({JUPYTER} & {{name.split('.')[0] for name in sys.modules}}))"
    assert run(code).split() == []


def test_importing_the_package_loads_neither_torch_nor_jupyter():
    heavy = JUPYTER | {"torch", "numpy", "PIL", "sklearn", "skimage", "matplotlib"}
    code = f"import sys, ipycolorize; dir(ipycolorize); print(*sorted({heavy} & {{*sys.modules}}))"
    assert run(code).split() == []


@pytest.mark.slow
def test_importing_the_package_is_quick_beside_torch():
    clock = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
    ours = statistics.median(float(run(clock.format("ipycolorize"))) for _ in range(3))
    assert ours < 0.1 * float(run(clock.format("torch")))


def test_reading_a_photograph_needs_no_torch():
    code = "import sys, numpy, ipycolorize; ipycolorize.read_photo(numpy.zeros((9, 9, 3), numpy.uint8))"
    assert run(f"{code}; print('torch' in sys.modules)").strip() == "False"


@pytest.mark.parametrize("name", ipycolorize.__all__)
def test_every_public_name_resolves(name):
    value = getattr(ipycolorize, name)
    assert value.__name__ == name
    assert value.__doc__
    assert name in dir(ipycolorize)


def test_an_unknown_name_is_refused_with_those_there_are():
    with pytest.raises(AttributeError, match=r"no attribute 'Colourizer'; it offers Colorizer, .*Session"):
        ipycolorize.Colourizer  # noqa: B018 - the access is the test


@pytest.mark.parametrize("name", MODULES)
def test_modules_stay_small(name):
    assert len(MODULES[name].read_text().splitlines()) <= 380


@pytest.mark.parametrize(
    "name",
    [name for name in MODULES if room(name) not in ("cli", "measuring", "outputs", "standard", "launch")],
)
def test_only_the_command_line_prints(name):
    calls = (
        node.func for node in ast.walk(ast.parse(MODULES[name].read_text())) if isinstance(node, ast.Call)
    )
    assert not [call.lineno for call in calls if isinstance(call, ast.Name) and call.id == "print"]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("__main__")])
def test_every_module_says_what_it_is(name):
    assert importlib.import_module(name).__doc__
