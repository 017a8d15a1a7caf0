"""Two methods on the same photographs: how much better one is, how surely, and where it wins and loses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ..color import to_uint8
from ..errors import RequestError
from ..gamut import screen_rgb
from ..hint_batch import HintBatch
from ..models.base import Network
from ..protocol import PATCH, SOUGHT, answers, psnr_of, square
from .panels import Mark, Panel, draw_panels
from .plots import COLOURS, GREY, TEXT, dress, short
from .results import Case, Results

RESAMPLES = 2000
DRAWN = 1 << 20  # photographs drawn at a time
VISIBLE = 20  # part of a picture's height that a drawn point takes at least
LEVEL = 95.0  # per cent of the resampled means that lie inside the interval


@dataclass(frozen=True)
class Difference:
    """How much one method is ahead of another with so many points.

    Attributes:
        method: name of the one.
        other: name of the other.
        reveal: one of `sweep.REVEALS`.
        count: revealed points; -1: every pixel.
        images: photographs that both have coloured.
        mean: of the differences in PSNR, photograph by photograph, in dB; above 0 where the one is better.
        low, high: 95 % bootstrap interval of that mean.
        wins: share of the photographs on which the one is better; those where both are equal count half.
    """

    method: str
    other: str
    reveal: str
    count: int
    images: int
    mean: float
    low: float
    high: float
    wins: float


def differences(results: Results, method: str, other: str, *, seed: int = 0) -> list[Difference]:
    """Compare two methods wherever both were measured on the same photographs.

    Comparing photograph by photograph takes away how hard each of them is for everybody, which is most of a
    standard error: methods whose bands overlap may still differ surely. The interval is the percentile
    bootstrap's (Efron and Tibshirani 1993, chapter 13) with 2000 resamples of the photographs, the same for
    all cases. Other photographs of the same kind are what it speaks of.

    Args:
        results: of both.
        method: name of the one.
        other: name of the other.
        seed: of the resamples.
    """
    cases = [case for case in results.psnr if case.method == method]
    found = []
    for case in cases:
        images = shared(results, case, replace(case, method=other))
        if not images:
            continue
        gaps = _gaps(results, case, other, images)
        low, high = interval(gaps, seed=seed)
        wins = float(np.mean((gaps > 0) + 0.5 * (gaps == 0)))
        numbers = (round(float(value), 4) for value in (gaps.mean(), low, high, wins))
        found.append(Difference(method, other, case.reveal, case.count, len(images), *numbers))
    return found


def shared(results: Results, one: Case, other: Case) -> list[str]:
    """Names of the photographs that both cases have, sorted."""
    return sorted(results.psnr.get(one, {}).keys() & results.psnr.get(other, {}).keys())


def interval(values: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a mean; nan for a single value."""
    if len(values) < 2:
        return np.nan, np.nan
    generator = np.random.default_rng(seed)
    count = len(values)
    parts = np.array_split(np.arange(RESAMPLES), -(-RESAMPLES * count // DRAWN))
    with np.errstate(invalid="ignore"):  # a mean of infinite values of both signs is nan
        means = np.concatenate(
            [values[generator.integers(count, size=(len(part), count))].mean(axis=1) for part in parts]
        )
    edges = ((100 - LEVEL) / 2, (100 + LEVEL) / 2)
    low, high = np.percentile(means, edges, method="inverted_cdf")  # it never computes with infinite values
    return float(low), float(high)


def _gaps(results: Results, case: Case, other: str, images: Sequence[str]) -> np.ndarray:
    one, two = results.of(case, images), results.of(replace(case, method=other), images)
    return np.subtract(one, two, out=np.zeros(len(images)), where=one != two)  # both may be infinite


def draw_differences(gaps: Sequence[Difference]) -> Figure:
    """Draw how far one method is ahead of others against the number of points, with 95 % intervals.

    Args:
        gaps: of one method and one way to reveal; those without points and infinite ones are left out.

    Raises:
        ValueError: nothing to draw.
    """
    drawn = [gap for gap in gaps if gap.count >= 0 and np.isfinite(gap.mean)]
    if not drawn:
        raise RequestError("expected differences at numbers of points, got none")
    figure = Figure(figsize=(5.4, 3.0), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(0, color=GREY, linewidth=0.8)
    others = dict.fromkeys(gap.other for gap in drawn)
    for other, colour in zip(others, cycle([*COLOURS[1:], COLOURS[0]]), strict=False):  # as in their curves
        mine = sorted((gap for gap in drawn if gap.other == other), key=lambda gap: gap.count)
        counts, means = [gap.count for gap in mine], [gap.mean for gap in mine]
        errors = [[gap.mean - gap.low for gap in mine], [gap.high - gap.mean for gap in mine]]
        colour = GREY if other == "gray" else colour
        axes.errorbar(
            counts, means, yerr=errors, color=colour, linewidth=1.4, elinewidth=1, capsize=2, marker="o",
            markersize=2.8, label=f"{short(mine[0].method)} − {short(other)}",
        )  # fmt: skip
    dress(axes, sorted({gap.count for gap in drawn}))
    axes.set_ylabel("Difference in PSNR (dB)", fontsize=TEXT + 1)
    title = f"{drawn[0].images} photographs, mean of the paired differences and its 95 % interval"
    axes.set_title(title, fontsize=TEXT, loc="left", color=GREY)
    axes.legend(fontsize=TEXT, frameon=False)
    return figure


def extremes(results: Results, case: Case, other: str, *, number: int = 3) -> tuple[list[str], list[str]]:
    """Photographs where a method wins most against another, and where it loses most.

    Args:
        results: of both.
        case: what the method was measured in.
        other: name of the other.
        number: of photographs at most, of each kind.

    Returns:
        Names: largest win first; largest loss first.

    Raises:
        ValueError: no photograph that both were measured on.
    """
    images = shared(results, case, replace(case, method=other))
    if not images:
        raise RequestError(
            f"expected photographs that {case.method} and {other} were both measured on with {case.count} "
            f"points, {case.reveal}; there are none"
        )
    gaps = _gaps(results, case, other, images)
    order = np.argsort(-gaps, kind="stable")
    wins = [images[index] for index in order[:number] if gaps[index] > 0]
    losses = [images[index] for index in order[::-1][:number] if gaps[index] < 0]
    return wins, losses


def wins_and_losses(
    results: Results,
    methods: dict[str, Network],
    photographs: Sequence[np.ndarray],
    *,
    names: Sequence[str],
    reveal: str,
    count: int,
    number: int = 3,
) -> Figure:
    """Show the photographs where the first of two methods wins most against the second, and loses most.

    Each row shows the points on the grey photograph, both results with their PSNR, and the truth; where each
    method chose points of its own, each has its own grey photograph before its result.

    Args:
        results: of both.
        methods: two, by the names of the results.
        photographs: ``(H, W, 3)`` uint8 each.
        names: of the photographs.
        reveal: one of `protocol.REVEALS`.
        count: of points.
        number: of photographs of each kind, at most.

    Raises:
        ValueError: another number of methods, or nothing that both were measured on.
    """
    if len(methods) != 2:
        raise RequestError(f"expected two methods to compare, got {len(methods)}")
    first, second = methods
    case = Case(first, reveal, count)
    wins, losses = extremes(results, case, second, number=number)
    rows, titles = [], []
    for name in (*wins, *losses):
        image = square(photographs[names.index(name)], results.setting.size)
        setting = results.setting
        asked: dict[str, Any] = {"name": name, "seed": setting.seed, "patch": setting.patch}
        one, two = (
            reveal_panels(network, image, count=count, reveal=reveal, method=method, **asked)
            for method, network in methods.items()
        )
        truth = Panel(image.permute(1, 2, 0).numpy(), "truth")
        rows.append([*one, *two, truth] if reveal in SOUGHT else [*one, two[-1], truth])
        gap = _gaps(results, case, second, [name])[0]
        titles.append(f"{gap:+.1f} dB".replace("-", "−"))
    if not rows:  # equal everywhere
        raise RequestError(f"expected photographs on which {first} and {second} differ, got none")
    return draw_panels(rows, names=titles)


@torch.inference_mode()
def reveal_panels(
    network: Network,
    image: Tensor,
    *,
    count: int,
    reveal: str = "random",
    method: str = "",
    name: str = "0",
    seed: int = 0,
    patch: int = PATCH,
) -> tuple[Panel, Panel]:
    """What a network makes of so many points.

    Args:
        network: in eval mode.
        image: the truth, ``(3, H, W)`` uint8.
        count: of points.
        reveal: one of `protocol.REVEALS`.
        method: how the network is called; by default by its own name.
        name: of the photograph, which decides its random points.
        seed: decides them too.
        patch: side of a revealed patch in pixels.

    Returns:
        The grey photograph with the points, and the result, with its PSNR.
    """
    (answer,) = answers(
        network, image[None], counts=(count,), reveal=reveal, names=[name], seed=seed, patch=patch
    )
    ab = answer.ab.to(answer.lightness)
    grey, colour = (
        to_uint8(screen_rgb(torch.cat([answer.lightness, shown], dim=1)))[0].permute(1, 2, 0).cpu().numpy()
        for shown in (torch.zeros_like(ab), ab)
    )
    decibel = psnr_of(answer.lightness, ab, image[None]).item()
    title = f"{method or network.name}  {decibel:.1f} dB".replace("inf dB", "∞ dB")
    points = "1 point" if count == 1 else f"{count} points"
    return Panel(grey, points, marks_of(answer.hints, answer.lightness)), Panel(colour, title)


def marks_of(hints: HintBatch, lightness: Tensor) -> tuple[Mark, ...]:
    """The points of one picture, in the colours that they have at its lightness ``(1, 1, H, W)``.

    Small patches are drawn larger than they are, so that their colours can be seen.
    """
    least = lightness.shape[-2] / VISIBLE
    row, col = hints.row[0].long(), hints.col[0].long()
    lab = torch.cat([lightness[0, :, row, col], hints.ab[0].T.to(lightness)])  # (3, K)
    rgb = to_uint8(screen_rgb(lab[None, :, :, None]))[0, :, :, 0].T.tolist()
    places = zip(row.tolist(), col.tolist(), hints.size[0].tolist(), rgb, strict=True)
    return tuple(Mark(y, x, (r, g, b), max(size, least)) for y, x, size, (r, g, b) in places)
