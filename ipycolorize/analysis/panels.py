"""Pictures side by side, with titles and points: the layout of the paper's figures 3, 7, 8 and 9."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..errors import RequestError
from .plots import GREY, TEXT

INCH = 1.35  # height of a row of pictures


@dataclass(frozen=True)
class Mark:
    """A point as it is drawn over a picture.

    Attributes:
        row, col: pixel of the picture.
        rgb: its colour, 0..255.
        size: side of its patch, in pixels of the picture.
    """

    row: float
    col: float
    rgb: tuple[int, int, int]
    size: float = 7.0


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        image: ``(H, W, 3)`` uint8.
        title: above it; may be empty.
        marks: points over it.
    """

    image: np.ndarray
    title: str = ""
    marks: tuple[Mark, ...] = ()


def draw_panels(rows: Sequence[Sequence[Panel | None]], *, names: Sequence[str] = ()) -> Figure:
    """Draw a grid of pictures.

    Args:
        rows: pictures from left to right; None leaves a place free.
        names: of the rows, written at the left.

    Raises:
        ValueError: no pictures, or another number of names than of rows.
    """
    columns = max((len(row) for row in rows), default=0)
    if columns == 0:
        raise RequestError("expected at least one picture to draw, got none")
    if names and len(names) != len(rows):
        raise ValueError(f"expected {len(rows)} names, one for each row, got {len(names)}")
    shapes = [panel.image.shape for row in rows for panel in row if panel is not None]
    aspect = max(width / height for height, width, _ in shapes)
    titled = [any(panel is not None and panel.title for panel in row) for row in rows]
    height = len(rows) * (INCH + 0.05) + 0.17 * sum(titled)
    figure = Figure(figsize=(columns * INCH * aspect + 0.3, height), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for number, row in enumerate(rows):
        for place, axes in enumerate(grid[number]):
            panel = row[place] if place < len(row) else None
            if place == 0 and names:
                axes.set_ylabel(names[number], fontsize=TEXT)
            draw_panel(axes, panel)
    return figure


def draw_panel(axes: Axes, panel: Panel | None) -> None:
    """Draw one picture into axes of its own; None empties them."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    if panel is None:
        return
    axes.imshow(panel.image, interpolation="lanczos", aspect="equal")
    if panel.title:
        axes.set_title(panel.title, fontsize=TEXT, color=GREY, pad=2)
    for mark in panel.marks:
        corner = (mark.col - mark.size / 2, mark.row - mark.size / 2)
        colour = tuple(channel / 255 for channel in mark.rgb)
        for edge, width in (("black", 1.6), ("white", 0.8)):
            axes.add_patch(
                Rectangle(corner, mark.size, mark.size, facecolor=colour, edgecolor=edge, linewidth=width)
            )
