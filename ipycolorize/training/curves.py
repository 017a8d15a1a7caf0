"""Learning curves: a run's log, read while it is being written, and drawn."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .config import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GAP = 9 * 1.25 / 72  # inches from one label to the next: lines of 9 points
COLORS = {"huber": "#0072b2", "auto": "#d55e00", "cross_entropy": "#555555"}  # safe for the colour-blind
LABELS = {"huber": "Huber, with hints", "auto": "Huber, without"}


def read_log(path: str | Path) -> list[Record]:
    """The records of a ``log.csv``; none while there is no such file."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [
        Record(
            step=int(row["step"]),
            seconds=float(row["seconds"]),
            examples=int(row["examples"]),
            huber=float(row["huber"]),
            auto=float(row["auto"]),
            cross_entropy=float(row["cross_entropy"]),
            rate=float(row["rate"]),
            psnr=json.loads(row["psnr"]),
        )
        for row in csv.DictReader(lines)
    ]


def plot_history(records: Sequence[Record]) -> Figure:
    """Draw the losses at the left and, where the run was validated, PSNR by number of points at the right.

    The PSNR with everything revealed is left out: it lies so far above that the others would look flat. No
    pyplot, so nothing is kept and any thread may draw. Losses are means over two lines, because the last line
    of a run often stands for a few steps only.

    Args:
        records: oldest first; none at all gives empty axes. A loss that is not a number is not drawn: the
            first line of a run may tell how good the network was before any step.

    Returns:
        A figure of 9 x 3.2 inches, or half as wide without PSNR.
    """
    from matplotlib.figure import Figure

    counts = [count for count in (records[-1].psnr if records else {}) if count != "all"]
    wide = bool(counts) or not records
    figure = Figure(figsize=(9 if wide else 4.6, 3.2), dpi=110, layout="constrained")
    grid = figure.add_gridspec(2, 2 if wide else 1)
    per, unit = (60, "minutes") if records and records[-1].seconds >= 120 else (1, "seconds")
    time = [record.seconds / per for record in records]

    colours = figure.add_subplot(grid[0, 0], title="Loss", ylabel="ab units")
    classes = figure.add_subplot(grid[1, 0], sharex=colours, ylabel="nats")
    colours.tick_params(labelbottom=False)
    for name, label in LABELS.items():
        values = _smooth(records, name)
        if any(value > 0 for value in values):  # 0: the network has no colours apart from those of hints
            _line(colours, time, values, COLORS[name], label)
    _line(classes, time, _smooth(records, "cross_entropy"), COLORS["cross_entropy"], "cross-entropy")
    lowest = [classes]
    if wide:
        quality = figure.add_subplot(grid[:, 1], title="PSNR by number of points", ylabel="dB")
        for number, count in enumerate(counts):
            values = [record.psnr.get(count, math.nan) for record in records]
            label = f"{count} point{'' if count == '1' else 's'}"
            _line(quality, time, values, _shade(number, of=len(counts)), label)
        lowest.append(quality)
    for axes in lowest:
        axes.set_xlabel(f"{unit} of training")
    for axes in figure.axes:
        _finish(axes, right=time[-1] if time else 1.0)
    _name_lines(figure)
    return figure


def _smooth(records: Sequence[Record], name: str) -> list[float]:
    """A loss over two lines of the log each, by their numbers of steps."""
    sums, counts, last = [0.0], [0], 0
    for record in records:
        value, steps, last = getattr(record, name), record.step - last, record.step
        known = math.isfinite(value)
        sums.append(value * steps if known else 0.0)
        counts.append(steps if known else 0)
    pairs = zip(pairwise(sums), pairwise(counts), strict=True)
    return [sum(total) / sum(count) if sum(count) else math.nan for total, count in pairs]


def _line(axes: Any, time: list[float], values: list[float], color: Any, label: str) -> None:
    """Draw a line; while it is short its points show too."""
    known = [(x, y) for x, y in zip(time, values, strict=True) if math.isfinite(y)]
    axes.plot(
        [x for x, _ in known], [y for _, y in known], color=color, linewidth=1.8, solid_capstyle="round",
        marker="o" if len(known) < 12 else None, markersize=3.5, clip_on=False, label=label,
    )  # fmt: skip


def _shade(number: int, *, of: int) -> Any:
    """More points are darker."""
    from matplotlib import colormaps

    return colormaps["viridis"](0.72 * (1 - number / max(1, of - 1)))


def _finish(axes: Any, *, right: float) -> None:
    """Quiet axes, time from 0 on."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(y=0.12)
    axes.set_xlim(0, right or 1.0)
    axes.set_title(axes.get_title(), fontsize=11, loc="left")
    axes.set_title("")
    axes.tick_params(labelsize=9, color="#999999")
    axes.xaxis.label.set_fontsize(9.5)
    axes.yaxis.label.set_fontsize(9.5)
    if not any(len(line.get_ydata()) for line in axes.get_lines()):
        axes.set_yticks([])


def _name_lines(figure: Figure) -> None:
    """Write each line's name beside its end, which a legend would have the eye search for."""
    for axes in figure.axes:
        ends = sorted(
            (float(np.asarray(line.get_ydata())[-1]), str(line.get_label()), line.get_color())
            for line in axes.get_lines()
            if np.size(line.get_ydata())
        )
        low, high = axes.get_ylim()
        spec = axes.get_subplotspec()
        tall = 0.35 * figure.get_figheight() * (len(spec.rowspan) if spec else 1)  # inches, about
        places = _apart([(value - low) / (high - low) for value, _, _ in ends], GAP / tall)
        for place, (_, name, color) in zip(places, ends, strict=True):
            axes.annotate(
                name, (1.0, place), xycoords="axes fraction", xytext=(6, 0), textcoords="offset points",
                color=color, fontsize=9, verticalalignment="center", annotation_clip=False,
            )  # fmt: skip


def _apart(places: list[float], gap: float) -> list[float]:
    """Move rising places apart, as little as possible, until neighbours are `gap` from each other."""
    places = list(places)
    for _ in range(100):
        for index in range(len(places) - 1):
            low, high = places[index : index + 2]
            push = max(0.0, gap - (high - low)) / 2
            places[index], places[index + 1] = low - push, high + push
    return places
