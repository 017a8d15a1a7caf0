"""Table 1: PSNR of methods that are told nothing, true statistics, or all colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..models.base import Network
from .curves import KEPT, trained
from .plots import COLOURS, GREY, TEXT
from .report import Report, Row
from .reproduce import Request
from .results import Score
from .sweep import measure

# What is added to the photograph: its name in the table, and the reveal and number of points that measure it
ADDED = {
    "no hints": ("random", 0),
    "+ true saturation": ("saturation", 0),
    "+ true histogram": ("histogram", 0),
    "+ all colours": ("all", -1),
}
PAPER = {  # dB on 1000 photographs of ImageNet, networks at their authors' widths
    ("gray", "no hints"): 22.82,
    ("zhang16", "no hints"): 22.04,
    ("zhang16-norebal", "no hints"): 24.51,
    ("larsson16", "no hints"): 24.93,
    ("iizuka16", "no hints"): 23.69,
    ("siggraph17", "no hints"): 24.43,
    ("siggraph17", "+ all colours"): 37.70,
    ("siggraph17-global", "+ true saturation"): 25.78,
    ("siggraph17-global", "+ true histogram"): 27.85,
    ("levin", "+ all colours"): math.inf,
    ("bilateral", "+ all colours"): math.inf,
    ("deepprop", "+ all colours"): math.inf,
}


def reproduce(request: Request) -> Report:
    """Measure each method with everything that it can be told; single photographs are kept in results.csv.

    Raises:
        ValueError: as `measure` does.
    """
    found: dict[tuple[str, str], Score] = {}
    for added, (reveal, count) in ADDED.items():
        methods = {name: network for name, network in request.methods.items() if _reads(network, added)}
        if not methods:
            continue
        results = measure(
            methods, request.photographs, counts=(count,), reveal=reveal, size=request.size,
            seed=request.seed, names=request.names, file=request.folder / KEPT,
            processes=request.processes, progress=request.progress,
        )  # fmt: skip
        found |= {(score.method, added): score for score in results.scores()}
    rows = [
        _row(found[method, added], added)
        for method in request.methods
        for added in ADDED
        if (method, added) in found
    ]
    note = (
        f"{len(request.photographs)} photographs squashed to {request.size} x {request.size} pixels; mean "
        "PSNR in dB and its standard error. The column `paper` is its table 1, for orientation: 1000 other "
        "photographs, and networks of full width that learned from sixty times as many."
    )
    return Report("table1", rows, draw(rows), f"{note}\n\n{trained(request.methods)}")


def _reads(network: Network, added: str) -> bool:
    """Whether it changes anything."""
    if added == "no hints":
        return True
    if added == "+ all colours":
        return network.reads_points
    return network.reads_global_hints and network.name != "gray"


def _row(score: Score, added: str) -> Row:
    return {
        "method": score.method,
        "added input": added,
        "psnr": score.psnr_mean,
        "se": score.psnr_se,
        "images": score.images,
        "paper": PAPER.get((score.method, added)),
    }


def draw(rows: Sequence[Row]) -> Figure:
    """A band for each method, a dot with its standard error for each input, a ring where the paper's is.

    Exact results stand at the right edge.
    """
    methods = list(dict.fromkeys(row["method"] for row in rows))
    used = [added for added in ADDED if any(row["added input"] == added for row in rows)]
    colours = dict(zip(ADDED, COLOURS, strict=False))
    paper = {(row["method"], row["added input"]): row["paper"] for row in rows if _finite(row["paper"])}
    finite = [*paper.values(), *(row["psnr"] for row in rows if _finite(row["psnr"]))]
    edge = max(finite, default=30.0) + 2
    figure = Figure(figsize=(5.4, 1.0 + 0.3 * len(methods)), layout="constrained")
    axes = figure.add_subplot()
    dot: dict[str, Any] = {"marker": "o", "markersize": 4.5}
    ring = {**dot, "markerfacecolor": "none", "linestyle": ""}
    for row in rows:
        method, added = row["method"], row["added input"]
        lower = methods.index(method) + 0.16 * (used.index(added) - (len(used) - 1) / 2)
        place, colour = len(methods) - 1 - lower, colours[added]
        if _finite(row["psnr"]):
            error = row["se"] if _finite(row["se"]) else 0
            axes.errorbar(row["psnr"], place, xerr=error, color=colour, elinewidth=1.2, capsize=2, **dot)
        else:
            axes.annotate("∞", (edge, place), ha="center", va="center", color=colour, fontsize=TEXT + 3)
        if (method, added) in paper:
            axes.plot(paper[method, added], place, color=colour, alpha=0.6, **ring)
    axes.set_yticks(range(len(methods)), [*reversed(methods)])
    axes.set_ylim(-0.5, len(methods) - 0.5)
    axes.set_xlim(right=edge + 0.5)
    axes.set_xlabel("PSNR (dB), mean ± standard error", fontsize=TEXT + 1)
    axes.tick_params(labelsize=TEXT, color=GREY)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for place in range(0, len(methods), 2):
        axes.axhspan(place - 0.5, place + 0.5, color="#f4f4f4", linewidth=0)
    axes.set_axisbelow(True)
    keys = {added: Line2D([], [], color=colours[added], linestyle="", **dot) for added in used}
    if paper:
        keys["the paper's"] = Line2D([], [], color=GREY, **ring)
    figure.legend(
        [*keys.values()], [*keys], loc="outside upper left", ncols=len(keys), fontsize=TEXT, frameon=False,
        handletextpad=0.1, columnspacing=0.5,
    )  # fmt: skip
    return figure


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)
