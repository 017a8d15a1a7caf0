"""Simulated users: which colours a network gets to see while it learns (paper, section 3.2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..hints import HintBatch
from ..protocol import patch_means

STOP = 1 / 8  # p of the geometric distribution of the number of points
MAX_PATCH = 9  # patches are 1 x 1 .. 9 x 9
REVEAL_ALL = 0.01  # share of the examples that show everything


def paper_counts(examples: int, *, generator: torch.Generator) -> Tensor:
    """Number of points of each example: geometric with p = 1/8, counting from 0 (mean 7)."""
    uniform = torch.rand(examples, generator=generator).clamp(min=1e-12)
    return (uniform.log() / math.log(1 - STOP)).floor().long()


def many_counts(examples: int, *, most: int, generator: torch.Generator) -> Tensor:
    """Number of points of each example, log-uniform in 1..most: the paper's law hardly shows hundreds."""
    return torch.exp(torch.rand(examples, generator=generator) * math.log(most + 1)).floor().long()


def simulate_hints(
    ab: Tensor, counts: Tensor, *, generator: torch.Generator, spread: float = 0.25
) -> HintBatch:
    """Reveal `counts` points of each picture: the paper's P_l.

    Positions are Gaussian around the centre with sigma a quarter of each side, clipped into the picture;
    patch sizes uniform in 1..9; the colour is the patch's mean.

    Args:
        ab: the truth, ``(N, 2, H, W)`` in Lab units.
        counts: ``(N,)`` points of each picture.
        generator: on the CPU: the same seed gives the same hints on every device.
        spread: sigma in units of the side; infinite means uniform over the picture.
    """
    examples, _, height, width = ab.shape
    most = int(counts.max()) if examples else 0
    if math.isinf(spread):
        place = torch.rand(2, examples, most, generator=generator)
    else:
        place = 0.5 + spread * torch.randn(2, examples, most, generator=generator)
    row = (place[0] * height).floor().clamp(0, height - 1).long()
    col = (place[1] * width).floor().clamp(0, width - 1).long()
    size = torch.randint(1, MAX_PATCH + 1, (examples, most), generator=generator)
    weight = (torch.arange(most) < counts[:, None]).to(ab.dtype)
    row, col, size, weight = (value.to(ab.device) for value in (row, col, size, weight))
    colour = patch_means(ab, row, col, size)
    return HintBatch.of_points(
        row.to(ab.dtype), col.to(ab.dtype), size.to(ab.dtype), colour, weight, shape=(height, width)
    )


def simulate_batch(
    ab: Tensor, *, generator: torch.Generator, blank: float = 0.2, many: float = 0.4, most: int = 512
) -> HintBatch:
    """Hints for one training batch: the paper's law, mixed with none at all and with larger counts.

    A whole batch follows one law, so that its tensors are no wider than needed. 1 % of the batches reveal
    everything.

    Args:
        ab: the truth, ``(N, 2, H, W)`` in Lab units.
        generator: a CPU generator.
        blank: share of the batches without hints: the automatic colours learn from those most.
        many: share of the batches with log-uniform counts, at uniform positions half of the time; `blank`
            and `many` of 0 are the paper.
        most: largest count.
    """

    def draw() -> float:
        return float(torch.rand((), generator=generator))

    if draw() < REVEAL_ALL:
        return HintBatch.revealed(ab)
    kind = draw()
    if kind < blank:
        return HintBatch.empty(shape=(ab.shape[-2], ab.shape[-1]), count=len(ab), device=ab.device)
    if kind < 1 - many:
        return simulate_hints(ab, paper_counts(len(ab), generator=generator), generator=generator)
    # most of the larger counts stay below 32: hundreds of points teach less and cost more
    ceiling = most if draw() < 0.15 else min(most, 32)
    spread = math.inf if draw() < 0.5 else 0.25
    counts = many_counts(len(ab), most=ceiling, generator=generator)
    return simulate_hints(ab, counts, generator=generator, spread=spread)
