"""Suggested colours and what each makes of a photograph (paper, section 3.2, figure 3).

At one place the palette offers the modes of the network's distribution; each of the likeliest is taken for a
point there in turn. The place is where the network is least certain, away from the border: the distribution's
entropy says how many colours it takes for possible.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..color import rgb_to_lab, to_hex
from ..errors import RequestError
from ..models.base import Network
from ..palette import Swatch
from ..session import SHORT_SIDE, Session
from .panels import INCH, Mark, Panel, draw_panel
from .plots import GREY, TEXT
from .report import Report, Row
from .reproduce import Request

COLOURS = 6  # of the figure
BORDER = 0.15  # share of each side that is no place for a point
SMOOTH = 1 / 16  # of the short side: one uncertain pixel is no uncertain thing
LIGHTNESS = (25.0, 85.0)  # near black and near white there are hardly any colours to choose from
DOT = 0.055  # of the short side: a point as it is drawn


@dataclass(frozen=True)
class Suggestions:
    """What the palette offers at one place, and the results.

    Attributes:
        name: of the photograph.
        row, col: the place, in pixels of the photograph.
        entropy: of the distribution there, in bits.
        gray: ``(H, W, 3)`` uint8, the photograph's lightness, at the size of the network's grid.
        automatic: the same without a point.
        swatches: all that are offered, the likeliest first.
        results: with a point in the colour of each of the first swatches.
        at: the place in pixels of these pictures, (row, col).
    """

    name: str
    row: int
    col: int
    entropy: float
    gray: np.ndarray
    automatic: np.ndarray
    swatches: tuple[Swatch, ...]
    results: tuple[np.ndarray, ...]
    at: tuple[float, float]

    def changes(self) -> list[float]:
        """How much each result differs from the automatic one: mean distance in ab."""
        before = rgb_to_lab(self.automatic)[..., 1:]
        return [
            float(np.linalg.norm(rgb_to_lab(result)[..., 1:] - before, axis=-1).mean())
            for result in self.results
        ]


def entropy_map(session: Session) -> np.ndarray:
    """How uncertain a network is, ``(h, w)`` in bits, coarser than the photograph; at most log2 of the bins.

    Args:
        session: whose present points and mood are not heeded.
    """
    with session.lock, torch.inference_mode():
        prediction = session.network.decode(session.painter.features(), session.painter.batch(()))
        log = prediction.logits.float().log_softmax(dim=1)
        return (-(log.exp() * log).sum(dim=1)[0] / math.log(2)).cpu().numpy()


def ambiguous_place(session: Session) -> tuple[int, int]:
    """Where the most colours are possible: (row, col) in pixels of the photograph.

    Neither near the border nor nearly black or white, unless everything is; entropy is averaged over a
    sixteenth of the short side.
    """
    entropy = torch.from_numpy(entropy_map(session))[None, None]
    height, width = entropy.shape[-2:]
    side = 2 * round(SMOOTH * min(height, width) / 2) + 1
    smooth = F.avg_pool2d(entropy, side, stride=1, padding=side // 2, count_include_pad=False)[0, 0]
    lightness = F.adaptive_avg_pool2d(session.painter.lightness, (height, width))[0, 0]
    inside = torch.zeros_like(smooth, dtype=torch.bool)
    top, left = math.ceil(BORDER * height), math.ceil(BORDER * width)
    inside[top : height - top, left : width - left] = True
    coloured = inside & (lightness > LIGHTNESS[0]) & (lightness < LIGHTNESS[1])
    allowed = coloured if coloured.any() else inside
    row, col = divmod(int(smooth.where(allowed, torch.tensor(-1.0)).argmax()), width)
    rows, cols = session.photo.shape
    return int((row + 0.5) * rows / height), int((col + 0.5) * cols / width)


def suggest(
    photo: np.ndarray,
    network: Network,
    *,
    name: str = "",
    place: tuple[int, int] | None = None,
    count: int = COLOURS,
    short_side: int = SHORT_SIDE,
) -> Suggestions:
    """Ask the palette at a place, and try its colours.

    Args:
        photo: ``(H, W, 3)`` uint8.
        network: in eval mode.
        name: of the photograph.
        place: (row, col) in its pixels; None: where it is most ambiguous.
        count: results at most.
        short_side: of the network's grid, and of the pictures.

    Raises:
        ValueError: the network takes no notice of points.
        HintError: the place is not in the photograph.
    """
    if not network.reads_points:
        raise RequestError(f"expected a network that reads points, got {network.name}")
    session = Session(photo, network, device=network.bin_centers.device.type, short_side=short_side)
    row, col = ambiguous_place(session) if place is None else place
    swatches = session.palette(row, col)
    likely = session.painter.likely_at((), session.mood, row, col)
    grid = session.frame.grid
    automatic = session.rgb(grid)
    results = []
    for swatch in swatches[:count]:
        session.reset()
        session.add(row, col, ab=swatch.ab)
        results.append(session.rgb(grid))
    return Suggestions(
        name=name, row=row, col=col, entropy=float(-(likely * np.log2(likely.clip(1e-30))).sum()),
        gray=session.gray(grid), automatic=automatic, swatches=swatches, results=tuple(results),
        at=session.frame.to_grid(row, col),
    )  # fmt: skip


def draw(found: Sequence[Suggestions]) -> Figure:
    """A row for each photograph: grey with the place, the swatches with their shares, the results.

    Raises:
        ValueError: nothing to draw.
    """
    if not found:
        raise RequestError("expected at least one photograph to draw, got none")
    columns = max(len(one.results) for one in found)
    aspects = [one.gray.shape[1] / one.gray.shape[0] for one in found]
    widths = (max(aspects), 0.62, *[max(aspects)] * columns)
    size = (INCH * sum(widths) + 0.3, len(found) * (INCH + 0.05) + 0.2)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(found), columns + 2, squeeze=False, width_ratios=widths)
    for number, (axes, one) in enumerate(zip(grid, found, strict=True)):
        titles = ("point", "suggested", *[str(rank + 1) for rank in range(columns)]) if number == 0 else None
        gray = tuple(int(value) for value in one.gray[int(one.at[0]), int(one.at[1])])
        draw_panel(axes[0], Panel(one.gray, titles[0] if titles else "", (_mark(one, gray),)))
        axes[0].set_ylabel(one.name, fontsize=TEXT)
        draw_swatches(axes[1], one.swatches, chosen=len(one.results))
        if titles:
            axes[1].set_title(titles[1], fontsize=TEXT, color=GREY, pad=2)
        for rank in range(columns):
            panel = None
            if rank < len(one.results):
                mark = _mark(one, one.swatches[rank].rgb)
                panel = Panel(one.results[rank], titles[rank + 2] if titles else "", (mark,))
            draw_panel(axes[rank + 2], panel)
    return figure


def draw_swatches(axes: Axes, swatches: Sequence[Swatch], *, chosen: int) -> None:
    """Draw a palette from top to bottom, the likeliest first, with ranks of those chosen and shares."""
    axes.set_xlim(0, 1)
    axes.set_ylim(len(swatches), 0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    for rank, swatch in enumerate(swatches):
        colour = tuple(channel / 255 for channel in swatch.rgb)
        box = Rectangle((0.2, rank + 0.08), 0.36, 0.84, facecolor=colour, edgecolor=GREY, linewidth=0.4)
        axes.add_patch(box)
        text: dict[str, Any] = {"fontsize": TEXT - 1, "va": "center", "color": GREY}
        axes.text(0.62, rank + 0.52, f"{100 * swatch.share:.0f} %", **text)
        if rank < chosen:
            axes.text(0.14, rank + 0.52, f"{rank + 1}", ha="right", **text)


def _mark(one: Suggestions, rgb: tuple[int, ...]) -> Mark:
    red, green, blue = rgb
    return Mark(*one.at, (red, green, blue), size=DOT * min(one.gray.shape[:2]))


def rows(found: Suggestions) -> list[Row]:
    """The table: one row for each result."""
    return [
        {
            "photograph": found.name,
            "row": found.row,
            "col": found.col,
            "entropy": found.entropy,
            "rank": rank + 1,
            "colour": to_hex(swatch.rgb),
            "a": swatch.ab[0],
            "b": swatch.ab[1],
            "share": swatch.share,
            "mean_change": change,
        }
        for rank, (swatch, change) in enumerate(zip(found.swatches, found.changes(), strict=False))
    ]


def reproduce(request: Request) -> Report:
    """Figure 3: for each photograph, six suggested colours at its most ambiguous place, and six results.

    Raises:
        ValueError: the first method takes no notice of points, or there are no photographs.
    """
    method, network = next(iter(request.methods.items()))
    pairs = zip(request.names, request.photographs, strict=True)
    found = [suggest(photo, network, name=name) for name, photo in pairs]
    note = (
        f"Suggestions of {method}. Each point lies where the distribution's entropy, in bits, is greatest "
        "(averaged over a sixteenth of the short side, away from the border, neither nearly black nor nearly "
        "white). share: of the probability, before softening; mean_change: from the picture without a point, "
        "in ab."
    )
    return Report("figure3", [row for one in found for row in rows(one)], draw(found), note)
