"""Limits (paper, section 5), measured: effects far away, colours that stop short, hundreds of points.

- *Far away*: the network "can be over-optimistic and produce undesired non-local effects". One point in an
  unusual colour lies in a thing; how much of what surely lies outside changes visibly, near to it and far?
- *Stopping short*: it "can also fail to completely propagate a user point". What share of the thing does not
  follow, with one point and with more?
- *Many points*: it "can continuously incorporate this information, even with hundreds of input points". How
  good is the result, and how long does the next edit take?
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from scipy import ndimage
from torch import Tensor
from tqdm import tqdm

from ..color import rgb_to_lab
from ..errors import RequestError
from ..hint_batch import HintBatch
from ..influence import NOTICED
from ..models.base import Network
from ..protocol import psnr_of, random_points, reveal_points
from .behaviour import following
from .plots import COLOURS, GREY, TEXT
from .report import Report, Row
from .reproduce import Request
from .things import middle_square
from .unusual import Case, draw_case

Shown = Callable[[HintBatch], Tensor]  # points -> ab of one photograph
RINGS = (0, 8, 16, 32, 64, 128)  # pixels from the thing, where one ring ends and the next begins
SPREADING = (1, 2, 3, 5, 10)  # points in a thing
COUNTS = (0, 1, 10, 100, 500)  # points in a photograph
REPEATS = 3  # of a timed edit; the median counts
FAR, SHORT, GOOD, SLOW = "changed outside", "thing not filled", "PSNR", "edit"
UNITS = {FAR: "share", SHORT: "share", GOOD: "dB", SLOW: "ms"}


@torch.inference_mode()
def far(network: Network, photographs: Iterable[np.ndarray], *, size: int = 256, seed: int = 0) -> list[Row]:
    """Share of the pixels outside a thing that one unusual point in it changes by more than 2.3 in ab.

    By distance from the thing: "at" is where a ring begins, in pixels. Means over photographs.

    Args:
        network: in eval mode.
        photographs: ``(H, W, 3)`` uint8 each, of which the middle squares are taken; some have no thing.
        size: side that these are resized to.
        seed: of the things and colours.
    """
    found: dict[int, list[float]] = {ring: [] for ring in RINGS}
    for case in _cases(photographs, size, 1, seed):
        show = _shown(network, case.lightness)
        change = (show(case.unusual) - show(HintBatch.empty(shape=(size, size)))).norm(dim=1)[0]
        away = torch.from_numpy(ndimage.distance_transform_edt(~case.segment.inside.numpy()))
        for ring, end in zip(RINGS, (*RINGS[1:], math.inf), strict=True):
            region = case.segment.outside & (away > ring) & (away <= end)
            if region.any():
                found[ring].append((change[region] > NOTICED).double().mean().item())
    return [_row(FAR, ring, values) for ring, values in found.items() if values]


@torch.inference_mode()
def short(
    network: Network, photographs: Iterable[np.ndarray], *, size: int = 256, seed: int = 0
) -> list[Row]:
    """Share of a thing that does not follow 1, 2, 3, 5 and 10 points of one unusual colour (see `behaviour`).

    "at" is the number of points; arguments as for `far`.
    """
    found: dict[int, list[float]] = {count: [] for count in SPREADING}
    for case in _cases(photographs, size, max(SPREADING), seed):
        show = _shown(network, case.lightness)
        auto = show(HintBatch.empty(shape=(size, size)))
        for count in SPREADING:
            columns = case.unusual.columns(0, count)
            points = HintBatch.of_points(
                columns.row, columns.col, columns.size, columns.ab, columns.weight, shape=(size, size)
            )
            follows, could = following(auto, show(points), points)
            judged = case.segment.inside & could[0, 0]
            if judged.any():
                found[count].append(1 - follows[0, 0][judged].double().mean().item())
    return [_row(SHORT, count, values) for count, values in found.items() if values]


@torch.inference_mode()
def many(
    network: Network,
    photographs: Iterable[np.ndarray],
    *,
    counts: Sequence[int] = COUNTS,
    size: int = 256,
    seed: int = 0,
) -> list[Row]:
    """PSNR with more and more random true points, and milliseconds of an edit: one gets another colour.

    A network that remembers its last points may be quicker than with all points new, as it is in use.
    Patches overlap where there are many. "at" is the number of points; arguments as for `far`.
    """
    found: dict[tuple[str, int], list[float]] = {(what, at): [] for at in counts for what in (GOOD, SLOW)}
    for number, photograph in enumerate(photographs):
        image = middle_square(photograph, size)[None]
        lab = rgb_to_lab(image)
        generator = torch.Generator().manual_seed(seed + number)
        row, col = random_points(1, max(counts), shape=(size, size), generator=generator)
        show = _shown(network, lab[:, :1])
        for count in counts:
            points = reveal_points(lab[:, 1:], row[:, :count], col[:, :count])
            found[GOOD, count].append(psnr_of(lab[:, :1], show(points), image).item())
            if count:
                found[SLOW, count].append(_edit_ms(show, points))
    return [_row(what, count, values) for (what, count), values in found.items() if values]


def _edit_ms(show: Shown, points: HintBatch) -> float:
    spent = []
    shape = (points.mask.shape[-2], points.mask.shape[-1])
    for number in range(1, REPEATS + 1):
        ab = points.ab.clone()
        ab[:, -1:] += number  # another colour each time, so that nothing is remembered whole
        edited = HintBatch.of_points(points.row, points.col, points.size, ab, points.weight, shape=shape)
        started = time.perf_counter()
        show(edited)
        spent.append(1e3 * (time.perf_counter() - started))
    return statistics.median(spent)


def reproduce(request: Request) -> Report:
    """Section 5 in numbers: a table of all three limits, and their curves.

    Raises:
        ValueError: no photographs.
    """
    if not request.photographs:
        raise RequestError("expected at least one photograph, got none")
    rows: list[Row] = []
    for name, network in tqdm(request.methods.items(), desc="limits", disable=not request.progress):
        photographs, size, seed = request.photographs, request.size, request.seed
        found = far(network, photographs, size=size, seed=seed)
        found += short(network, photographs, size=size, seed=seed)
        found += many(network, photographs, counts=request.counts or COUNTS, size=size, seed=seed)
        rows += [{"method": name, **row} for row in found]
    note = (
        f"Middle squares of {request.size} x {request.size}. changed outside: share of the pixels outside a "
        f"thing that one point in an unusual colour in it changes by more than {NOTICED} in ab; at: pixels "
        "from the thing, where a ring begins. thing not filled: share that goes less than half of the way to "
        "the unusual colour; at: points. PSNR and edit (milliseconds, one of the points in another colour): "
        "at random true points. Means; photographs: those that have a thing, and pixels at that distance."
    )
    return Report("limits", rows, draw(rows), note)


def draw(rows: Sequence[Row]) -> Figure:
    """The curves of `reproduce`: one panel for each measure, one line for each method."""
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    labels = {
        FAR: ("Pixels from the thing", "Changed visibly (share)"),
        SHORT: ("Points in the thing", "Not filled (share)"),
        GOOD: ("Random points", "PSNR (dB)"),
        SLOW: ("Random points", "An edit (ms)"),
    }
    for axis, (what, (across, up)) in zip(figure.subplots(2, 2).flat, labels.items(), strict=True):
        _draw(axis, [row for row in rows if row["measure"] == what])
        axis.set_xlabel(across, fontsize=TEXT)
        axis.set_ylabel(up, fontsize=TEXT)
        if what in (FAR, SHORT):
            axis.set_ylim(-0.03, 1.03)
        if what == SLOW:
            axis.set_yscale("log")
            axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.yaxis.set_minor_locator(NullLocator())
    drawn = next(axis for axis in figure.axes if axis.lines)  # photographs without things leave some empty
    drawn.legend(fontsize=TEXT, frameon=False)
    return figure


def _draw(axis: Axes, rows: Sequence[Row]) -> None:
    methods = list(dict.fromkeys(row["method"] for row in rows))
    places = sorted({row["at"] for row in rows})
    for number, method in enumerate(methods):
        values = {row["at"]: row["value"] for row in rows if row["method"] == method}
        line = [values.get(place, math.nan) for place in places]
        axis.plot(
            range(len(places)), line, color=COLOURS[number % len(COLOURS)], label=method,
            linewidth=1.4, marker="o", markersize=3,
        )  # fmt: skip
    axis.set_xticks(range(len(places)), [str(place) for place in places])
    axis.tick_params(labelsize=TEXT, color=GREY)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", color="#e4e4e4", linewidth=0.6)
    axis.set_axisbelow(True)


def _cases(photographs: Iterable[np.ndarray], size: int, points: int, seed: int) -> Iterator[Case]:
    for number, photograph in enumerate(photographs):
        case = draw_case(str(number), photograph, points=points, size=size, seed=seed)
        if case is not None:
            yield case


def _shown(network: Network, lightness: Tensor) -> Shown:
    """A photograph ``(1, 1, H, W)`` on the CPU, encoded once: hints -> ab ``(1, 2, H, W)`` on the CPU."""
    device = network.bin_centers.device
    features = network.encode(lightness.to(device))
    return lambda hints: network.decode(features, hints.to(device)).ab.float().cpu()


def _row(measure: str, at: int, values: Sequence[float]) -> Row:
    mean = round(float(np.mean(values)), 4)
    return {"measure": measure, "at": at, "value": mean, "unit": UNITS[measure], "photographs": len(values)}
