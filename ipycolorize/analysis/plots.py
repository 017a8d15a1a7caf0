"""The curves of figure 6, drawn: PSNR against the number of revealed points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from .sweep import Score

# Okabe and Ito: told apart with any kind of colour vision, and by their lightness in print
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
GREY = "#6b6b6b"  # for gray, the floor that others are compared with
LineStyle = str | tuple[float, tuple[float, ...]]  # a name, or lengths of dashes and gaps
LINES: dict[str, LineStyle] = {
    "random": "-",
    "max-error": (0, (4, 1.5)),
    "histogram+points": (0, (1, 1.2)),
}
SUFFIXES = (".png", ".pdf", ".svg")
TEXT = 8.0  # points of ticks and names, as in a column of a paper
APART = 1.25  # distance of two names at the lines' ends, in heights of their letters


def check_suffix(path: Path) -> None:
    """Make sure that a plot can be written under this name.

    Raises:
        ValueError: another suffix than .png, .pdf or .svg.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"expected a plot's name to end in {', '.join(SUFFIXES)}, got {path.name!r}")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure: .png with 300 dots an inch, .pdf or .svg.

    Raises:
        ValueError: another suffix.
        OSError: the file cannot be written.
    """
    check_suffix(path)
    figure.savefig(path, dpi=300)


def plot_curves(scores: Sequence[Score]) -> Figure:
    """Draw mean PSNR against the number of points, with a band of one standard error to both sides.

    The axis is logarithmic from 1 on, and 0 has a place of its own at the left. Every line is named at its
    right end. Where points were revealed in several ways, max-error is dashed and histogram+points dotted.

    Args:
        scores: of any methods, as `evaluate` returns them, also of several runs; "all" and statistics without
            points are no part of a curve and left out.

    Raises:
        ValueError: nothing to draw.
    """
    curves: dict[tuple[str, str], list[Score]] = {}
    for score in sorted(scores, key=lambda score: score.count):
        if score.reveal in LINES and math.isfinite(score.psnr_mean):
            curves.setdefault((score.method, score.reveal), []).append(score)
    for _, reveal in [key for key in curves if key[0] == "gray"][1:]:
        del curves["gray", reveal]  # it takes no notice of points, wherever they are
    if not curves:
        raise ValueError("expected scores with random or max-error points, or histogram+points, got none")
    drawn = [score for curve in curves.values() for score in curve]
    methods = [method for method in dict.fromkeys(score.method for score in scores) if method != "gray"]
    several = len({score.reveal for score in drawn}) > 1
    figure = Figure(figsize=(5.4, 3.4), layout="constrained")
    axes = figure.add_subplot()
    ends = []
    for (method, reveal), curve in curves.items():
        colour = GREY if method == "gray" else COLOURS[methods.index(method) % len(COLOURS)]
        _draw(axes, curve, colour=colour, style=LINES[reveal] if several else "-")
        name = f"{_short(method)}, {reveal}" if several and method != "gray" else _short(method)
        ends.append((curve[-1].psnr_mean, name, colour))
    _dress(axes, sorted({score.count for score in drawn}))
    axes.set_title(_caption(drawn[0], several), fontsize=TEXT, loc="left", color=GREY)
    figure.draw_without_rendering()  # the layout decides how many dB a letter is tall
    _name_lines(axes, ends)
    return figure


def _draw(axes: Axes, curve: list[Score], *, colour: str, style: LineStyle) -> None:
    counts = [score.count for score in curve]
    low, high = ([score.psnr_mean + side * score.psnr_se for score in curve] for side in (-1, 1))
    axes.fill_between(counts, low, high, color=colour, alpha=0.18, linewidth=0)
    mean = [score.psnr_mean for score in curve]
    axes.plot(counts, mean, color=colour, linestyle=style, linewidth=1.4, marker="o", markersize=2.8)


def _short(method: str) -> str:
    """A weights file by its folder and stem."""
    path = Path(method)
    if path.suffix not in (".safetensors", ".pth"):
        return method
    return f"{path.parent.name}/{path.stem}".lstrip("/")


def _caption(score: Score, several: bool) -> str:
    told = "true histogram, random" if score.reveal == "histogram+points" else score.reveal
    points = "points" if several else f"{told} points"
    what = f"{points} of {score.patch} × {score.patch} pixels"
    if score.images == 1:
        return f"1 photograph; {what}"
    return f"{score.images} photographs, mean ± standard error; {what}"


def _dress(axes: Axes, counts: list[int]) -> None:
    axes.set_xscale("symlog", linthresh=1, linscale=0.3)
    shown = [count for count in counts if count in (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)] or counts
    axes.xaxis.set_major_locator(FixedLocator(shown))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
    axes.tick_params(labelsize=TEXT, color=GREY)
    axes.set_xlabel("Revealed points", fontsize=TEXT + 1)
    axes.set_ylabel("PSNR (dB)", fontsize=TEXT + 1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)


def _name_lines(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Write names right of the axes, beside the lines' ends, pushed apart where they would overlap."""
    low, high = axes.get_ylim()
    height = axes.get_window_extent().height * 72 / axes.figure.dpi  # in typographic points
    gap = APART * TEXT / height * (high - low)
    place = low - gap
    for value, name, colour in sorted(ends):
        place = max(value, place + gap)
        axes.annotate(
            name, (1.0, place), xycoords=("axes fraction", "data"), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=TEXT, color=colour, annotation_clip=False,
        )  # fmt: skip
