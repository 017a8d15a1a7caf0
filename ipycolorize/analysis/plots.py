"""The curves of figure 6, drawn: PSNR against the number of revealed points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from scipy.optimize import isotonic_regression

from ..errors import RequestError
from ..files import replacing
from .results import Score

# Six of Okabe and Ito, told apart with any kind of colour vision and by their lightness in print; two more
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#332288", "#8c564b")
GREY = "#6b6b6b"  # for gray, the floor that others are compared with
LineStyle = str | tuple[float, tuple[float, ...]]  # a name, or lengths of dashes and gaps
LINES: dict[str, LineStyle] = {
    "random": "-",
    "max-error": (0, (4, 1.5)),
    "entropy": (0, (4, 1.2, 1, 1.2)),
    "histogram+points": (0, (1, 1.2)),
}
SUFFIXES = (".png", ".pdf", ".svg")
TEXT = 8.0  # points of ticks and names, as in a column of a paper
APART = 1.25  # distance of two names at the lines' ends, in heights of their letters
CROWD = 7  # lines that one pair of axes can tell apart


def check_suffix(path: Path) -> None:
    """Make sure that a plot can be written under this name.

    Raises:
        ValueError: another suffix than .png, .pdf or .svg.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise RequestError(f"expected a plot's name to end in {', '.join(SUFFIXES)}, got {path.name!r}")


def save_figure(figure: Figure, path: Path, *, overwrite: bool = False) -> None:
    """Write a figure, whole or not at all: .png with 300 dots an inch, .pdf or .svg.

    Raises:
        ValueError: another suffix.
        FileExistsError: a file is there, and `overwrite` is false.
        OSError: the file cannot be written.
    """
    check_suffix(path)
    with replacing(path, overwrite=overwrite) as part:
        figure.savefig(part, dpi=300, format=path.suffix.lower().removeprefix("."))


def plot_curves(scores: Sequence[Score]) -> Figure:
    """Draw mean PSNR against the number of points, with a band of one standard error to both sides.

    The axis is logarithmic from 1 on, and 0 has a place of its own at the left. Every line is named at its
    right end. Where points were revealed in several ways, max-error is dashed, entropy dash-dotted and
    histogram+points dotted; more than seven lines are shared out to axes of their own for each way.

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
    if not curves:
        raise RequestError("expected scores with random or max-error points, or histogram+points, got none")
    methods = [method for method in dict.fromkeys(score.method for score in scores) if method != "gray"]
    colours = {method: COLOURS[number % len(COLOURS)] for number, method in enumerate(methods)}
    colours["gray"] = GREY
    reveals = [reveal for reveal in LINES if any(key[1] == reveal for key in curves)]
    beside = len(_once_gray(curves)) > CROWD and len(reveals) > 1
    parts = [(reveal,) for reveal in reveals] if beside else [tuple(reveals)]
    figure = Figure(figsize=(5.4 if len(parts) == 1 else 4.3 * len(parts), 3.4), layout="constrained")
    grid = figure.subplots(1, len(parts), sharey=True, squeeze=False)[0]
    for axes, part in zip(grid, parts, strict=True):
        _draw_part(axes, {key: curve for key, curve in curves.items() if key[1] in part}, colours)
        axes.label_outer()
    if beside:
        for axes, reveal in zip(grid, reveals, strict=True):
            axes.set_title(f"{_told(reveal)} points", fontsize=TEXT, loc="left", color=GREY)
        drawn = [score for curve in curves.values() for score in curve]
        figure.suptitle(_caption(drawn, True), fontsize=TEXT, color=GREY)
    figure.draw_without_rendering()  # the layout decides how many dB a letter is tall
    for axes in grid:
        _name_lines(axes)
    return figure


Curves = dict[tuple[str, str], list[Score]]


def _once_gray(curves: Curves) -> Curves:
    """Without further lines of gray: it takes no notice of points, wherever they are."""
    again = [key for key in curves if key[0] == "gray"][1:]
    return {key: curve for key, curve in curves.items() if key not in again}


def _draw_part(axes: Axes, curves: Curves, colours: dict[str, str]) -> None:
    """All lines of one pair of axes; each carries its name as its label."""
    several = len({reveal for _, reveal in curves}) > 1
    drawn = [score for curve in curves.values() for score in curve]
    for (method, reveal), curve in _once_gray(curves).items():
        name = f"{short(method)}, {reveal}" if several and method != "gray" else short(method)
        style = LINES[reveal] if several else "-"
        counts = [score.count for score in curve]
        low, high = ([score.psnr_mean + side * score.psnr_se for score in curve] for side in (-1, 1))
        axes.fill_between(counts, low, high, color=colours[method], alpha=0.18, linewidth=0)
        axes.plot(
            counts, [score.psnr_mean for score in curve], color=colours[method], linestyle=style,
            linewidth=1.4, marker="o", markersize=2.8, label=name,
        )  # fmt: skip
    dress(axes, sorted({score.count for score in drawn}))
    axes.set_title(_caption(drawn, several), fontsize=TEXT, loc="left", color=GREY)


def short(method: str) -> str:
    """A weights file by its folder and stem."""
    path = Path(method)
    if path.suffix not in (".safetensors", ".pth"):
        return method
    return f"{path.parent.name}/{path.stem}".lstrip("/")


def _caption(scores: Sequence[Score], several: bool) -> str:
    first = scores[0]
    kind = "points" if several else f"{_told(first.reveal)} points"
    what = f"{kind} of {first.patch} × {first.patch} pixels"
    images = sorted({score.images for score in scores})
    number = "–".join(map(str, dict.fromkeys((images[0], images[-1]))))
    if number == "1":
        return f"1 photograph; {what}"
    return f"{number} photographs, mean ± standard error; {what}"


def _told(reveal: str) -> str:
    return "true histogram, random" if reveal == "histogram+points" else reveal


def dress(axes: Axes, counts: list[int]) -> None:
    """Make axes of PSNR against numbers of points: logarithmic from 1 on, a place for 0, few lines."""
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


def _name_lines(axes: Axes) -> None:
    """Write the lines' labels right of the axes, beside their ends, pushed apart where they would overlap."""
    low, high = axes.get_ylim()
    height = axes.get_window_extent().height * 72 / axes.figure.dpi  # in typographic points
    values = (float(np.asarray(line.get_ydata())[-1]) for line in axes.lines)
    ends = sorted(zip(values, axes.lines, strict=True), key=lambda end: end[0])
    places = apart([value for value, _ in ends], APART * TEXT / height * (high - low), high)
    for (_, line), place in zip(ends, places, strict=True):
        axes.annotate(
            str(line.get_label()), (1.0, place), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=TEXT, color=line.get_color(),
            annotation_clip=False,
        )  # fmt: skip


def apart(values: Sequence[float], gap: float, high: float) -> np.ndarray:
    """The nearest places to sorted values, by squares, that keep a gap between them and end at `high`."""
    steps = gap * np.arange(len(values))
    level = isotonic_regression(np.asarray(values) - steps).x
    return np.minimum(level, high - steps[-1]) + steps
