"""Colour from a reference picture by lightness and texture: Welsh, Ashikhmin and Mueller 2002.

"Transferring color to greyscale images" (SIGGRAPH; the global procedure, without swatches). Each pixel looks,
among some 200 samples of the reference, for the one most like it in lightness and in how much the lightness
varies around it, and takes its colour. It needs the reference itself: a histogram does not know which colour
was bright or rough. Here L of Lab takes the part of l in the authors' l-alpha-beta.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 5  # side of the square in which the lightness varies
PIECE = 1 << 16  # pixels compared at a time: 52 MB at 200 samples


def welsh(
    lightness: Tensor, reference_lab: Tensor, *, generator: torch.Generator, samples: int = 200
) -> Tensor:
    """Colour a grey picture like a reference.

    Args:
        lightness: ``(1, H, W)`` in [0, 100].
        reference_lab: ``(3, h, w)`` Lab, of any size.
        generator: on the CPU, for the places of the samples.
        samples: about as many are taken, one at random in each cell of a grid; at most one for each pixel of
            the reference.

    Returns:
        ab ``(2, H, W)`` in Lab units: at each pixel that of one of the samples.

    Raises:
        ValueError: other shapes, or no sample.
    """
    if lightness.ndim != 3 or len(lightness) != 1:
        raise ValueError(f"expected L as (1, H, W), got shape {tuple(lightness.shape)}")
    if reference_lab.ndim != 3 or len(reference_lab) != 3:
        raise ValueError(f"expected the reference as Lab (3, h, w), got shape {tuple(reference_lab.shape)}")
    if samples < 1:
        raise ValueError(f"expected at least 1 sample, got {samples}")
    shape = (reference_lab.shape[-2], reference_lab.shape[-1])
    place = _jittered_grid(shape, samples, generator).to(reference_lab.device)
    known = _described(_remapped(reference_lab[:1], lightness))[place]  # (K, 2)
    nearest = torch.cat([
        torch.cdist(piece, known, compute_mode="donot_use_mm_for_euclid_dist").argmin(dim=1)
        for piece in _described(lightness).split(PIECE)
    ])  # fmt: skip
    return reference_lab[1:].flatten(1)[:, place[nearest]].view(2, *lightness.shape[-2:])


def _remapped(lightness: Tensor, like: Tensor) -> Tensor:
    """L with the mean and the standard deviation of another."""
    std = lightness.std(correction=0).clamp(min=1e-3)
    return (lightness - lightness.mean()) * (like.std(correction=0) / std) + like.mean()


def _described(lightness: Tensor) -> Tensor:
    """L ``(1, H, W)`` and its standard deviation around each pixel: ``(H W, 2)``, both counting the same."""
    half = WINDOW // 2
    around = F.unfold(F.pad(lightness[None], (half,) * 4, mode="replicate"), WINDOW)[0]  # (25, H W)
    return torch.stack([lightness.flatten(), around.std(dim=0, correction=0)], dim=1)


def _jittered_grid(shape: tuple[int, int], samples: int, generator: torch.Generator) -> Tensor:
    """Indices of one random pixel in each of about `samples` nearly square cells of a picture."""
    height, width = shape
    rows = min(height, max(1, round((samples * height / width) ** 0.5)))
    cols = min(width, max(1, round(samples / rows)))
    jitter = torch.rand(2, rows, cols, generator=generator)
    row = ((torch.arange(rows)[:, None] + jitter[0]) * (height / rows)).long().clamp(max=height - 1)
    col = ((torch.arange(cols) + jitter[1]) * (width / cols)).long().clamp(max=width - 1)
    return (row * width + col).flatten()
