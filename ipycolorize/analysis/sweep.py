"""PSNR against the number of revealed points (figure 6), for any of the networks, as plain records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ..hints import HintBatch
from ..models.base import Network, Prediction
from ..protocol import PATCH, psnr_by_count, square

BATCH = 8  # images decoded together


class Gray(Network):
    """The baseline that predicts no colour at all; hints are ignored."""

    name = "gray"

    def __init__(self) -> None:
        super().__init__()
        self.config = {}

    def encode(self, lightness: Tensor) -> Tensor:
        """Keep L ``(N, 1, H, W)``."""
        return lightness

    def decode(self, features: Tensor, hints: HintBatch) -> Prediction:
        """Zeros, and an even distribution."""
        ab = features.new_zeros(len(features), 2, *features.shape[-2:])
        return Prediction(ab, lambda: features.new_zeros(len(features), len(self.bin_centers), 1, 1))


@dataclass(frozen=True)
class Score:
    """One point of a curve: mean PSNR over images in dB, and its standard error; count -1: all revealed."""

    method: str
    reveal: str
    count: int
    patch: int
    images: int
    psnr_mean: float
    psnr_se: float


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
        counts: numbers of points; not used when everything is revealed.
        reveal: "random" points, or "all" pixels.
        patch: side of a revealed patch in pixels.
        size: side that images are resized to.
        seed: of the points.
        progress: show a bar.

    Raises:
        ValueError: another reveal, or no images.
    """
    if reveal not in ("random", "all"):
        raise ValueError(f"expected reveal to be random or all, got {reveal!r}")
    counts = tuple(counts) if reveal == "random" else ()
    found: dict[tuple[str, str], list[Tensor]] = {}
    pending: list[Tensor] = []
    generators = {name: torch.Generator().manual_seed(seed) for name in methods}  # the same points for all

    def measure() -> None:
        batch = torch.stack(pending)
        for name, network in methods.items():
            scores = psnr_by_count(
                network,
                batch,
                counts=counts,
                generator=generators[name],
                patch=patch,
                everything=reveal == "all",
            )
            for count, values in scores.items():
                found.setdefault((name, count), []).append(values)
        pending.clear()

    for image in tqdm(images, desc="evaluating", unit=" images", disable=not progress):
        pending.append(square(image, size))
        if len(pending) == BATCH:
            measure()
    if pending:
        measure()
    if not found:
        raise ValueError("expected at least one image to evaluate on, got none")
    return [_score(name, reveal, count, patch, torch.cat(parts)) for (name, count), parts in found.items()]


def _score(method: str, reveal: str, count: str, patch: int, values: Tensor) -> Score:
    spread = values.std().item() / math.sqrt(len(values)) if len(values) > 1 else math.nan
    number = -1 if count == "all" else int(count)
    return Score(method, reveal, number, patch, len(values), round(values.mean().item(), 4), round(spread, 4))
