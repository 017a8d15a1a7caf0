"""What flows a second time: a small system between the hints alone, solved with a ridge.

See `propagation` for what it is of. Without the ridge, hints that contradict each other side by side would
ask for colours that nobody named.
"""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDS = 12  # of conjugate gradients: as exact as is needed
RIDGE = 0.02  # m
TINY = 1e-30  # keeps 0 / 0 away


def ridge(weights: Tensor, lack: Tensor) -> Tensor:
    """e that minimises |W e - d|² + m |e|², by conjugate gradients on the normal equations.

    Args:
        weights: W ``(N, K, K)``.
        lack: d ``(N, K, C)``.

    Returns:
        e ``(N, K, C)``.
    """
    turned = weights.transpose(1, 2)
    solution = torch.zeros_like(lack)
    residual = turned @ lack
    direction, size = residual, residual.square().sum(1, keepdim=True)
    for _ in range(ROUNDS):
        image = turned @ (weights @ direction) + RIDGE * direction
        step = size / ((direction * image).sum(1, keepdim=True) + TINY)
        solution = solution + step * direction
        residual = residual - step * image
        before, size = size, residual.square().sum(1, keepdim=True)
        direction = residual + size / (before + TINY) * direction
    return solution
