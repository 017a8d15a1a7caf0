"""Table 2 as a figure: how often each method's pictures were taken for photographs."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from ..fooling import FoolingRate
from .plots import COLOURS, GREY, TEXT


def plot_rates(rates: Sequence[FoolingRate]) -> Figure:
    """Draw fooling rates with their 95 % intervals, and the line at which nobody can tell.

    Args:
        rates: as `fooling_rates` returns them, from top to bottom; methods without answers are left out.

    Raises:
        ValueError: nothing to draw.
    """
    drawn = [rate for rate in rates if rate.answers]
    if not drawn:
        raise ValueError("expected fooling rates with answers, got none; has anybody taken the test?")
    figure = Figure(figsize=(5.4, 0.75 + 0.36 * len(drawn)), layout="constrained")
    axes = figure.add_subplot()
    ends = max(rate.high for rate in drawn)
    for place, rate in enumerate(drawn):
        axes.plot([100 * rate.low, 100 * rate.high], [place, place], color=COLOURS[0], linewidth=1.6)
        axes.plot([100 * rate.rate], [place], "o", color=COLOURS[0], markersize=4.5)
        axes.annotate(
            f"{100 * rate.rate:.1f} %, {rate.fooled} of {rate.answers}", (1.0, place), xytext=(6, 0),
            xycoords=("axes fraction", "data"), textcoords="offset points", va="center", fontsize=TEXT,
            color=GREY,
        )  # fmt: skip
    axes.axvline(50, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.annotate(
        "cannot be told apart", (50, 1.0), xytext=(0, 3), xycoords=("data", "axes fraction"),
        textcoords="offset points", ha="center", fontsize=TEXT, color=GREY,
    )  # fmt: skip
    axes.set_xlim(0, 100 * max(0.6, min(1.0, ends + 0.03)))
    axes.set_ylim(len(drawn) - 0.5, -0.5)
    axes.set_yticks(range(len(drawn)), [rate.method for rate in drawn], fontsize=TEXT + 1)
    axes.xaxis.set_major_locator(MultipleLocator(10))
    axes.tick_params(labelsize=TEXT, color=GREY)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("fooling rate (%), 95 % interval", fontsize=TEXT + 1)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure
