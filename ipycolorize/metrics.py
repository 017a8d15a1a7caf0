"""How far a colorization is from the truth."""

from __future__ import annotations

import torch
from torch import Tensor


def psnr(result: Tensor, truth: Tensor, *, data_range: float) -> Tensor:
    """Peak signal-to-noise ratio of each image in dB, as in the paper's table 1 and figure 6.

    Over all pixels and channels of an image.

    Args:
        result: ``(N, C, H, W)``; for the paper's protocol the uint8-rounded RGB output.
        truth: the same shape.
        data_range: the largest possible value: 255 for uint8, 1 for floats in [0, 1].

    Returns:
        ``(N,)`` float64; infinite where the two are equal. Average these, not the errors.

    Raises:
        ValueError: if the shapes differ.
    """
    if result.shape != truth.shape:
        raise ValueError(
            f"expected two images of one shape, got {tuple(result.shape)} and {tuple(truth.shape)}"
        )
    error = (result.to(torch.float64) - truth.to(torch.float64)).square().flatten(1).mean(dim=1)
    return 10 * torch.log10(data_range**2 / error)
