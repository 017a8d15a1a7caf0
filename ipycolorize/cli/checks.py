"""What `doctor` looks at, apart from front ends: each check says what it found and what would mend it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from .. import __version__

LEAST_FREE = 200e6  # bytes of disk
SPREAD = 4  # pixels around the self-test's point that are looked at
NEAR = 20.0  # ab units within which the self-test's point must come to its colour


@dataclass(frozen=True)
class Check:
    """One finding.

    Attributes:
        name: of what was looked at.
        status: "ok"; "note": worth knowing, nothing fails; "bad": something does not work.
        found: in words.
        remedy: what to do; empty where nothing is to be done.
    """

    name: str
    status: Literal["ok", "note", "bad"]
    found: str
    remedy: str = ""


def program() -> Sequence[Check]:
    """The package, Python and the machine."""
    where = Path(__file__).parents[1]
    python = f"{platform.python_version()}, {sys.executable}"
    return [
        Check("ipycolorize", "ok", f"{__version__}, {where}"),
        Check("python", "ok", python),
        Check("system", "ok", platform.platform()),
    ]


def libraries() -> Sequence[Check]:
    """Every library that is required: there, and of a version that will do."""
    from packaging.requirements import Requirement

    try:
        required = metadata.requires("ipycolorize") or []
    except metadata.PackageNotFoundError:
        return [
            Check(
                "libraries",
                "note",
                "ipycolorize is not installed here but found by its path",
                "pip install .",
            )
        ]
    wanted = [Requirement(line) for line in required]
    return [_library(one) for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]


def _library(wanted: object) -> Check:
    name, specifier = wanted.name, wanted.specifier  # type: ignore[attr-defined]
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Check(name, "bad", f"not installed, {specifier} is needed", f"pip install '{name}{specifier}'")
    if not specifier.contains(version, prereleases=True):
        return Check(name, "bad", f"{version}, {specifier} is needed", f"pip install '{name}{specifier}'")
    return Check(name, "ok", version)


def processor() -> Sequence[Check]:
    """What networks run on."""
    import torch

    from ..models.device import pick_device
    from .workers import processors

    device = pick_device("auto").type
    if device == "cuda":
        names = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
        words = ", ".join(f"{one.name} ({one.total_memory / 1e9:.0f} GB)" for one in names)
        gpu = Check("GPU", "ok", f"{words}, CUDA {torch.version.cuda}")
    elif device == "mps":
        gpu = Check("GPU", "ok", "Apple's, through mps")
    else:
        build = f"torch {torch.__version__}" + (
            "" if torch.version.cuda is None else f", CUDA {torch.version.cuda}"
        )
        gpu = Check("GPU", "ok", f"none that {build} can use; the processor does it")
    allowed, threads = processors(), torch.get_num_threads()
    chosen = f", OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']}" if "OMP_NUM_THREADS" in os.environ else ""
    words = f"{threads} of torch on {allowed} processors{chosen}"
    if threads > allowed:
        return [gpu, Check("threads", "note", words, f"slow: set OMP_NUM_THREADS={allowed}")]
    return [gpu, Check("threads", "ok", words)]


def weights() -> Sequence[Check]:
    """Shipped and imported weights against their sha256, each loaded."""
    from ..models.imports import examine
    from ..models.weights import REGISTRY, digest_of, list_own

    found = []
    for name in (*REGISTRY, *list_own()):
        wrong = examine(name)
        if not wrong:
            found.append(Check(f"weights {name}", "ok", f"sha256 {digest_of(name)[:16]}..."))
        elif name in REGISTRY:
            found.append(Check(f"weights {name}", "bad", wrong, "pip install --force-reinstall ipycolorize"))
        else:  # a person's own: nothing else fails for it
            found.append(Check(f"weights {name}", "note", wrong))
    return found


def folders() -> Sequence[Check]:
    """Where things are written: pictures, temporary files, imported weights, Jupyter's own."""
    from jupyter_core.paths import jupyter_data_dir, jupyter_runtime_dir

    from ..models.weights import own_weights_folder

    needed: dict[str, tuple[Path, Literal["note", "bad"], str]] = {
        "working folder": (Path.cwd(), "note", "give -o another folder"),
        "temporary folder": (
            Path(tempfile.gettempdir()),
            "bad",
            "set TMPDIR to a folder that can be written",
        ),
        "Jupyter's data": (Path(jupyter_data_dir()), "bad", "set JUPYTER_DATA_DIR to a folder of your own"),
        "Jupyter's runtime": (Path(jupyter_runtime_dir()), "bad", "set JUPYTER_RUNTIME_DIR likewise"),
        "imported weights": (own_weights_folder(), "note", "set IPYCOLORIZE_WEIGHTS to another folder"),
    }
    return [_folder(name, *how) for name, how in needed.items()]


def _folder(name: str, folder: Path, status: Literal["note", "bad"], remedy: str) -> Check:
    """Whether a folder takes a file; one that is missing is judged by the folder that it would be made in."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"ipycolorize")
    except OSError as error:
        return Check(name, status, f"{there}: {error.strerror}", remedy)
    free = shutil.disk_usage(there).free
    words = f"{folder}, {free / 1e9:.1f} GB free"
    if free < LEAST_FREE:
        return Check(name, "note", words, "make room: a picture of 12 megapixels takes 25 MB as PNG")
    return Check(name, "ok", words if there == folder else f"{words}; made when it is needed")


def edit() -> Sequence[Check]:
    """One point on a sample photograph: its place must take the colour, and the picture must be a picture."""
    import numpy as np

    from ..color import rgb_to_lab
    from ..image import sample_photo
    from ..session import Session

    session = Session(sample_photo("flower"))
    row, col = (side // 2 for side in session.photo.shape)
    automatic = session.rgb()
    session.add(row, col, ab=(-40.0, 30.0))
    rgb = session.rgb()
    around = rgb_to_lab(rgb[row - SPREAD : row + SPREAD + 1, col - SPREAD : col + SPREAD + 1])
    distance = float(np.hypot(*(around[..., 1:].reshape(-1, 2).mean(0) - (-40.0, 30.0))))
    times = session.timings
    words = (
        f"encode {times['encode_ms']:.0f} ms, edit {times['edit_ms']:.0f} ms, picture "
        f"{times['render_ms']:.0f} ms on {session.device}"
    )
    if distance > NEAR or np.array_equal(rgb, automatic):
        wrong = (
            f"a point's place is {distance:.0f} ab units from its colour, at most {NEAR:.0f} were expected"
        )
        return [Check("self-test edit", "bad", wrong, "ipycolorize weights verify, or report this")]
    return [Check("self-test edit", "ok", words)]
