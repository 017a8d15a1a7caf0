"""PSNR against what is revealed (figure 6, table 1), for any of the networks, as plain records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..models.base import Network
from ..protocol import PATCH, check_room, psnr_by_count, psnr_by_worst, square

BATCH = 8  # images decoded together
TOLD: dict[str, tuple[str, ...]] = {  # every way to reveal, and the true statistics that are told with it
    "random": (),
    "max-error": (),
    "all": (),
    "histogram": ("histogram",),
    "saturation": ("saturation",),
    "histogram+saturation": ("histogram", "saturation"),
    "histogram+points": ("histogram",),
}
REVEALS = tuple(TOLD)
CURVES = ("random", "max-error", "histogram+points")  # those that go through numbers of points


@dataclass(frozen=True)
class Score:
    """One point of a curve.

    Attributes:
        method: name of the network.
        reveal: one of `REVEALS`.
        count: revealed points; -1: every pixel; 0 where statistics alone are told.
        patch: side of a revealed patch in pixels.
        images: photographs.
        psnr_mean: mean of their PSNR in dB; infinite where a result is exact.
        psnr_se: its standard error; nan for one photograph.
    """

    method: str
    reveal: str
    count: int
    patch: int
    images: int
    psnr_mean: float
    psnr_se: float


def check_readers(methods: dict[str, Network]) -> None:
    """Make sure that statistics can be told to every method.

    Raises:
        ValueError: naming the first that reads points only.
    """
    for name, network in methods.items():
        if not network.reads_global_hints:
            raise ValueError(
                f"expected methods that read a histogram and a saturation, got {name}, which reads points "
                "only; leave it out"
            )


def squares(images: Iterable[np.ndarray], *, size: int, doing: str, progress: bool) -> Iterator[Tensor]:
    """Images squashed to squares, a few at a time: ``(N, 3, size, size)`` uint8, N up to `BATCH`.

    Args:
        images: ``(H, W, 3)`` uint8 each.
        size: side in pixels.
        doing: what, for the bar.
        progress: show a bar.
    """
    pending: list[Tensor] = []
    for image in tqdm(images, desc=doing, unit=" images", disable=not progress):
        pending.append(square(image, size))
        if len(pending) == BATCH:
            yield torch.stack(pending)
            pending = []
    if pending:
        yield torch.stack(pending)


def evaluate(
    methods: dict[str, Network],
    images: Iterable[np.ndarray],
    *,
    counts: Sequence[int],
    reveal: str = "random",
    patch: int = PATCH,
    size: int = 256,
    seed: int = 0,
    progress: bool = True,
) -> list[Score]:
    """Measure every method on the same images with the same points.

    Args:
        methods: networks in eval mode, by the name that the scores carry.
        images: ``(H, W, 3)`` uint8 each.
        counts: numbers of points; used by the reveals of `CURVES` only.
        reveal: "random" points; "max-error": points where each method's own prediction is worst, one after
            the other (as many predictions as points); "all" pixels; "histogram", "saturation" or
            "histogram+saturation": the image's true statistics, no points; "histogram+points": the true
            histogram and the same points as "random" has.
        patch: side of a revealed patch in pixels.
        size: side that images are resized to.
        seed: of the points.
        progress: show a bar.

    Raises:
        ValueError: another reveal, a patch or a size below 1, more points than max-error has room for, no
            images, or statistics for a method that reads none.
    """
    if reveal not in REVEALS:
        raise ValueError(f"expected reveal to be one of {', '.join(REVEALS)}, got {reveal!r}")
    if min(patch, size) < 1:
        raise ValueError(f"expected patch and size of at least 1 pixel, got {patch} and {size}")
    if reveal not in CURVES:
        counts = () if reveal == "all" else (0,)
    counts, told = tuple(counts), TOLD[reveal]
    if told:
        check_readers(methods)
    if reveal == "max-error":
        check_room(counts, shape=(size, size), patch=patch)
    found: dict[tuple[str, str], list[Tensor]] = {}
    generators = {name: torch.Generator().manual_seed(seed) for name in methods}  # the same points for all

    for batch in squares(images, size=size, doing="evaluating", progress=progress):
        for name, network in methods.items():
            if reveal == "max-error":
                scores = psnr_by_worst(network, batch, counts=counts, patch=patch)
            else:
                scores = psnr_by_count(
                    network,
                    batch,
                    counts=counts,
                    generator=generators[name],
                    patch=patch,
                    everything=reveal == "all",
                    told=told,
                )
            for count, values in scores.items():
                found.setdefault((name, count), []).append(values)
    if not found:
        raise ValueError("expected at least one image to evaluate on, got none")
    return [_score(name, reveal, count, patch, torch.cat(parts)) for (name, count), parts in found.items()]


def _score(method: str, reveal: str, count: str, patch: int, values: Tensor) -> Score:
    spread = values.std().item() / math.sqrt(len(values)) if len(values) > 1 else math.nan
    number = -1 if count == "all" else int(count)
    return Score(method, reveal, number, patch, len(values), round(values.mean().item(), 4), round(spread, 4))
