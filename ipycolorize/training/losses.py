"""What training minimises: Huber on colours, soft cross-entropy on their distribution."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ..gamut import AbBins


def huber(ab: Tensor, truth: Tensor, *, delta: float) -> Tensor:
    """Huber loss (paper, eq. 4 and 5); the mean over pixels, not their sum, so that the size does not matter.

    Args:
        ab: ``(N, 2, H, W)`` prediction in Lab units.
        truth: the same.
        delta: where it turns from squares to absolute values, in Lab units. The paper says 1 without saying
            of what: 110 is 1 of the network's own units (squares throughout), 1 is 1 Lab unit.

    Returns:
        A scalar, divided by delta: of the size of an absolute error in Lab units.
    """
    return F.huber_loss(ab.float(), truth.float(), delta=delta) / delta


def soft_cross_entropy(logits: Tensor, truth: Tensor, bins: AbBins) -> Tensor:
    """Cross-entropy with the soft-encoded truth (paper, eq. 6), the mean over pixels, in nats.

    Args:
        logits: ``(N, 313, h, w)``.
        truth: ``(N, 2, H, W)`` in Lab units; averaged down to the logits' size.
        bins: on the same device.
    """
    small = F.interpolate(truth, size=logits.shape[-2:], mode="area").permute(0, 2, 3, 1).reshape(-1, 2)
    weights, index = bins.encode_sparse(small)  # (M, 10)
    flat = logits.float().permute(0, 2, 3, 1).reshape(len(small), -1)
    given = flat.gather(1, index)
    return (flat.logsumexp(1) - (weights * given).sum(1)).mean()
