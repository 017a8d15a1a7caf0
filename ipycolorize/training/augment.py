"""Colours that nature did not choose, so that hints are believed even where nature disagrees."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..color import lab_to_rgb, rgb_to_lab

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
