"""The paper's tables and figures by name: what each needs, and who makes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from ..models.base import Network
from ..processes import ALONE, Processes
from .report import Report


@dataclass(frozen=True)
class Request:
    """What an experiment is made from.

    Attributes:
        names: of the photographs.
        photographs: ``(H, W, 3)`` uint8 each, as many as there are names; of the experiments whose `limit` is
            0 they may be read from files each time that they are asked for.
        methods: networks in eval mode by name.
        folder: where files go; what takes long keeps its results there, and goes on from them.
        seed: of everything random.
        progress: show bars.
        size: side that photographs are squashed to where they are measured.
        counts: numbers of points; None: the experiment's own.
        processes: that share the photographs out.
    """

    names: Sequence[str]
    photographs: Sequence[np.ndarray]
    methods: dict[str, Network]
    folder: Path
    seed: int = 0
    progress: bool = True
    size: int = 256
    counts: tuple[int, ...] | None = None
    processes: Processes = ALONE


@dataclass(frozen=True)
class Experiment:
    """How to reproduce one.

    Attributes:
        maker: "module:function" of this package's folder, which takes a `Request` and returns a `Report`.
        methods: that are compared where nobody says which.
        limit: photographs where nobody says how many; 0: all.
    """

    maker: str
    methods: tuple[str, ...]
    limit: int = 0


AUTOMATIC = ("gray", "zhang16", "zhang16-norebal", "larsson16", "iizuka16")
EXPERIMENTS: dict[str, Experiment] = {
    "table1": Experiment(
        "table1:reproduce", (*AUTOMATIC, "siggraph17", "siggraph17-global", "live", "levin")
    ),
    "figure3": Experiment("suggestions:reproduce", ("live",), limit=3),
    "figure6": Experiment(
        "curves:reproduce", ("live", "siggraph17", "levin", "bilateral", "deepprop", "gray")
    ),
    "figure7": Experiment("unusual:reproduce", ("live", "siggraph17", "levin"), limit=4),
    "figure8": Experiment("seams:reproduce", ("live", "siggraph17", "levin"), limit=2),
    "figure9": Experiment("references:reproduce", ("live",), limit=4),
    "figure10": Experiment("legacy:reproduce", ("live", "siggraph17"), limit=4),
    "limits": Experiment("limits:reproduce", ("live", "siggraph17", "levin"), limit=4),
}


def maker(name: str) -> Callable[[Request], Report]:
    """The function that makes an experiment of `EXPERIMENTS`."""
    module, function = EXPERIMENTS[name].maker.split(":")
    return getattr(import_module(f".{module}", __package__), function)
