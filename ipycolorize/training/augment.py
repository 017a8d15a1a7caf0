"""Colours that nature did not choose, and lightness that another camera would have given."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..color import lab_to_rgb, rgb_to_lab

TONE = math.log(1.3)  # of the largest gamma
CONTRAST = (0.8, 1.15)
SHARPNESS = (-0.6, 1.2)  # of what a 3 x 3 mean loses, taken away or added once more
SOFT = 3.0  # ab units over which an object's recolouring fades out


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def recolour(lab: Tensor, *, share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Give some photographs unusual colours, so that hints are believed even where nature disagrees.

    Half of them have all hues turned; in the others everything that is coloured like one random pixel
    becomes another colour: an object that differs from what the prior expects (paper, section 4.3).

    Args:
        lab: ``(N, 3, H, W)``.
        share: of the photographs to recolour.
        generator: on the CPU.

    Returns:
        Lab of the same shape, L unchanged, colours clipped to what sRGB shows (a few ab units may be left
        beyond it); and ``(N, 2)`` the row and column of a pixel in what was recoloured, -1 in photographs
        left alone.
    """
    count, _, height, width = lab.shape
    chosen = torch.rand(count, generator=generator) < share
    place = torch.stack(
        [
            torch.randint(height, (count,), generator=generator),
            torch.randint(width, (count,), generator=generator),
        ],
        dim=1,
    )
    turn = torch.rand(count, generator=generator) < 0.5
    angle = _uniform(count, math.pi / 3, 2 * math.pi - math.pi / 3, generator)
    chroma = _uniform(count, 20, 70, generator)
    reach = _uniform(count, 8, 20, generator)
    index = chosen.nonzero()[:, 0]
    place = torch.where(chosen[:, None], place, -1)
    if not len(index):
        return lab, place
    angle, chroma, reach = (value[index].to(lab)[:, None, None, None] for value in (angle, chroma, reach))
    ab = lab[index.to(lab.device), 1:]
    row, col = place[index].to(lab.device).unbind(1)
    home = ab[torch.arange(len(index), device=lab.device), :, row, col][..., None, None]
    cos, sin = angle.cos(), angle.sin()
    turned = torch.cat([cos * ab[:, :1] - sin * ab[:, 1:], sin * ab[:, :1] + cos * ab[:, 1:]], dim=1)
    target = chroma * torch.cat([cos, sin], dim=1)
    alike = torch.sigmoid((reach - (ab - home).norm(dim=1, keepdim=True)) / SOFT)
    shifted = ab + alike * (target - home)
    ab = torch.where(turn[index].to(lab.device)[:, None, None, None], turned, shifted)
    lightness = lab[index.to(lab.device), :1]
    shown = rgb_to_lab(lab_to_rgb(torch.cat([lightness, ab], dim=1)).clamp(0, 1))
    return lab.index_copy(0, index.to(lab.device), torch.cat([lightness, shown[:, 1:]], dim=1)), place


def vary(lightness: Tensor, *, share: float, generator: torch.Generator) -> Tensor:
    """Give some photographs another tone curve, contrast and sharpness.

    Photographs of one collection are alike in this, and a network that has seen no others is too sure of
    itself on those of strangers.

    Args:
        lightness: ``(N, 1, H, W)`` in [0, 100].
        share: of the photographs.
        generator: on the CPU.
    """
    count = len(lightness)
    chosen = torch.rand(count, generator=generator) < share
    gamma = _uniform(count, -TONE, TONE, generator).exp()
    contrast, sharpness = (_uniform(count, *span, generator) for span in (CONTRAST, SHARPNESS))
    if not bool(chosen.any()):
        return lightness
    gamma, contrast, sharpness = (
        value.to(lightness).view(-1, 1, 1, 1) for value in (gamma, contrast, sharpness)
    )
    x = (lightness / 100).clamp(1e-4, 1) ** gamma
    mean = x.mean(dim=(2, 3), keepdim=True)
    x = mean + contrast * (x - mean)
    smooth = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    x = (x + sharpness * (x - smooth)).clamp(0, 1) * 100
    return torch.where(chosen.to(lightness.device).view(-1, 1, 1, 1), x, lightness)
