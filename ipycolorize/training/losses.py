"""What training minimises: Huber on colours, soft cross-entropy on their distribution."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..gamut import AbBins
from ..models.base import Outputs
from ..models.larsson16 import polar_targets
from .examples import Examples

HUE_WEIGHT = 5.0  # against chroma, at a chroma of 100 Lab units


def huber(ab: Tensor, truth: Tensor, *, delta: float, weight: Tensor | None = None) -> Tensor:
    """Huber loss (paper, eq. 4 and 5); the mean over pixels, not their sum, so that the size does not matter.

    Args:
        ab: ``(N, 2, H, W)`` prediction in Lab units.
        truth: the same.
        delta: where it turns from squares to absolute values, in Lab units. The paper says 1 without saying
            of what: 110 is 1 of the network's own units (squares throughout), 1 is 1 Lab unit.
        weight: ``(N,)`` of each picture; None: all 1.

    Returns:
        A scalar, divided by delta: of the size of an absolute error in Lab units.
    """
    each = F.huber_loss(ab.float(), truth.float(), delta=delta, reduction="none").mean(dim=(1, 2, 3)) / delta
    return each.mean() if weight is None else (weight * each).mean()


def soft_cross_entropy(
    logits: Tensor,
    truth: Tensor,
    bins: AbBins,
    *,
    weight: Tensor | None = None,
    stride: int = 1,
    balance: Tensor | None = None,
) -> Tensor:
    """Cross-entropy with the soft-encoded truth (paper, eq. 6), the mean over pixels, in nats.

    Args:
        logits: ``(N, Q, h, w)``.
        truth: ``(N, 2, H, W)`` in Lab units; averaged down to the logits' size.
        bins: on the same device.
        weight: ``(N,)`` of each picture; None: all 1.
        stride: looks at every stride-th row and column of the logits only: neighbours teach the same.
        balance: ``(Q,)`` weight of a pixel by its nearest bin (Zhang et al. 2016, eq. 3); None: all 1.
    """
    small = F.interpolate(truth, size=logits.shape[-2:], mode="area")[..., ::stride, ::stride]
    logits = logits[..., ::stride, ::stride]
    weights, index = bins.encode_sparse(small.permute(0, 2, 3, 1).reshape(-1, 2))  # (M, 10)
    flat = logits.float().permute(0, 2, 3, 1).reshape(len(index), -1)
    given = flat.gather(1, index)
    pixels = flat.logsumexp(1) - (weights * given).sum(1)
    if balance is not None:
        pixels = balance[index[:, 0]] * pixels
    each = pixels.view(len(truth), -1).mean(1)
    return each.mean() if weight is None else (weight * each).mean()


def polar_cross_entropy(
    hue: Tensor, chroma: Tensor, truth: Tensor, *, weight: Tensor | None = None
) -> Tensor:
    """Cross-entropy of histograms of hue and chroma (Larsson et al. 2016, section 3.2), in nats.

    The hue of a nearly grey colour means nothing: it counts in proportion to the true chroma.

    Args:
        hue, chroma: logits ``(N, 32, h, w)``.
        truth: ``(N, 2, H, W)`` in Lab units; averaged down to the logits' size.
        weight: ``(N,)`` of each picture; None: all 1.
    """
    small = F.interpolate(truth, size=hue.shape[-2:], mode="area")
    goals = polar_targets(small)
    hues, chromas = (
        -(goal * logits.float().log_softmax(1)).sum(1)
        for goal, logits in zip(goals, (hue, chroma), strict=True)
    )
    each = (chromas + HUE_WEIGHT * small.norm(dim=1) / 100 * hues).mean(dim=(1, 2))
    return each.mean() if weight is None else (weight * each).mean()


def objective(
    outputs: Outputs, examples: Examples, bins: AbBins, *, delta: float, balance: Tensor | None = None
) -> Tensor:
    """The parts of what training minimises: Huber with hints, Huber without, cross-entropy.

    Recoloured pictures teach how to obey hints, but not what things look like: they count in the first part
    alone.

    Args:
        outputs: of a network that saw the examples; the parts of what it does not predict are 0.
        examples: with the truth.
        bins: that the logits speak of.
        delta: of the Huber loss, Lab units.
        balance: ``(Q,)`` weights of the bins; None: all 1.

    Returns:
        ``(3,)``.
    """
    truth, natural = examples.truth, examples.natural
    regression = automatic = classification = truth.new_zeros(())
    if outputs.ab is not None:
        regression = huber(outputs.ab, truth, delta=delta)
    if outputs.auto is not None:
        small = F.interpolate(truth, size=outputs.auto.shape[-2:], mode="area")
        automatic = huber(outputs.auto, small, delta=delta, weight=natural)
    if outputs.logits is not None:
        # neighbours teach the same; but where nothing else does, every phase of an upsampling must be taught
        stride = 1 if outputs.ab is None and outputs.auto is None else 2
        classification = soft_cross_entropy(
            outputs.logits, truth, bins, weight=natural, stride=stride, balance=balance
        )
    elif outputs.polar is not None:
        classification = polar_cross_entropy(*outputs.polar, truth, weight=natural)
    return torch.stack([regression, automatic, classification])
