"""Class rebalancing (Zhang et al. 2016, section 2.2): rare colours count more in the cross-entropy.

Most pixels of photographs are walls, skies and skins of little chroma; a network that is to offer bright
colours for the palette must not forget them. Off unless asked for: the paper of 2017 does without.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..color import rgb_to_lab
from ..gamut import AbBins
from .data import Photographs

SIGMA = 5.0  # of the smoothing over bins, Lab units
CROPS, SIDE = 2048, 16  # of the estimate: half a million pixels, about as coarse as the logits


def smoothed_distribution(ab: Tensor, bins: AbBins) -> Tensor:
    """Shares ``(Q,)`` of the bins among colours ``(M, 2)``, each spread by a Gaussian over its neighbours."""
    nearest = bins.nearest(ab, count=1)[1][:, 0]
    shares = torch.bincount(nearest, minlength=len(bins.centers)).to(ab.dtype) / len(ab)
    squared = (bins.centers[:, None] - bins.centers).square().sum(-1)
    return torch.softmax(-squared / (2 * SIGMA**2), dim=0) @ shares  # columns: where each bin's share goes


def balance_weights(distribution: Tensor, *, uniform: float) -> Tensor:
    """Weights of the bins, ((1 - l) p + l / Q)^-1, scaled to an expected weight of 1 (eq. 4).

    Args:
        distribution: p, ``(Q,)``, summing to 1.
        uniform: l, the share of the uniform distribution that is mixed in, in (0, 1]; 1: all weights are 1.
    """
    mixed = (1 - uniform) * distribution + uniform / len(distribution)
    return 1 / mixed / (distribution / mixed).sum()


def estimate_distribution(photographs: Photographs, bins: AbBins, *, seed: int) -> Tensor:
    """Shares ``(Q,)`` of the bins in these photographs, smoothed, from random crops of them."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for _ in range(CROPS // 64):
        rgb = photographs.batch(64, crop=SIDE, generator=generator).to(bins.centers.device)
        ab = rgb_to_lab(rgb)[:, 1:].permute(0, 2, 3, 1).reshape(-1, 2)
        parts.append(smoothed_distribution(ab, bins))
    return torch.stack(parts).mean(0)


def estimate_weights(photographs: Photographs, bins: AbBins, *, uniform: float, seed: int) -> Tensor:
    """Weights ``(Q,)`` of the bins for these photographs."""
    return balance_weights(estimate_distribution(photographs, bins, seed=seed), uniform=uniform)
