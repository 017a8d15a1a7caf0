"""What `live` remembers of photographs and of the last hints, so that an edit costs what changed."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..global_hints import GlobalHints
from .geodesic import Ways


@dataclass(frozen=True)
class Features:
    """What one photograph's edits share; P = pixels at half resolution, rows first.

    Attributes:
        shape: ``(H, W)`` of L before padding.
        grid: ``(H', W')`` of the half resolution.
        embedding: ``(N, heads D, H', W')`` unit vectors e_k, to be read at the hints.
        queries: ``(N, heads, P, D + 5)``: what the logits take from x, less their largest possible value.
        null: ``(N, P)`` exp of n(x), less the same value.
        auto: ``(N, 2, H', W')`` automatic ab, normalised.
        logits: ``(N, 313, H'/2, W'/2)`` of the automatic distribution.
        gain: ``(N, 1, H', W')`` g(x), positive.
        cost: ``(N, h, w)`` of a way through each cell of a quarter of the resolution; see `geodesic`.
        edges, detail: what the tail sees of the photograph.
        lightness: ``(N, 1, h, w)`` of the picture at a quarter.
        told: what histograms add; None where none is given.
        sums: what was computed for the last hints, by number of the block; see `Propagation.known`.
        tellings: the last global hints, and these features under them.
        ways: distances over each photograph that were asked for already; see `Propagation.distances`.
        full: maps of every pixel that were asked for already.
        lively: these features at the last vividness; see `vividness`.
    """

    shape: tuple[int, int]
    grid: tuple[int, int]
    embedding: Tensor
    queries: Tensor
    null: Tensor
    auto: Tensor
    logits: Tensor
    gain: Tensor
    cost: Tensor
    edges: Tensor
    detail: Tensor
    lightness: Tensor
    told: Told | None = None
    sums: dict[int, Known] = field(default_factory=dict)
    tellings: dict[str, tuple[GlobalHints, Features]] = field(default_factory=dict)
    ways: dict[int, Ways] = field(default_factory=dict)
    full: dict[str, Tensor] = field(default_factory=dict)
    lively: dict[float, Features] = field(default_factory=dict)

    def cropped(self, quarter: Tensor) -> Tensor:
        """What of a map at a quarter of the resolution belongs to the picture, not to its padding."""
        height, width = self.shape
        return quarter[..., : -(-height // 4), : -(-width // 4)]


@dataclass(frozen=True)
class Told:
    """What histograms add to `Features`; p = pixels of the picture at an eighth, rows first.

    Attributes:
        histogram: the global hints, without their saturation.
        queries: ``(N, heads, p, D + 5)``, averages of those at half resolution.
        null: ``(N, p)`` likewise.
        probabilities: ``(N, p, 313)`` of the automatic distribution, tilted already.
        lightness: ``(N, p)``.
    """

    histogram: GlobalHints
    queries: Tensor
    null: Tensor
    probabilities: Tensor
    lightness: Tensor


@dataclass(frozen=True)
class Known:
    """What was computed for a block of K hints.

    Attributes:
        facts, region: that it was computed from.
        kernel: ``(N, P, K)`` exp(logit), summed over heads.
        total: ``(N, P, 5)`` sums over hints of it times what they carry, and of itself.
        given: ``(N, p, 314)`` the same at an eighth with encoded colours, under global hints.
    """

    facts: Tensor
    region: Tensor | None
    kernel: Tensor
    total: Tensor
    given: Tensor | None


def same(one: Tensor | None, other: Tensor | None) -> bool:
    """Whether both are the same values, or both none."""
    return one is other or (one is not None and other is not None and torch.equal(one, other))
