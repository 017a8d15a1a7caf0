"""What happens to photographs before a network sees them: age, and colours that nature did not choose."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ..color import lab_to_rgb, rgb_to_lab

GAMMA = (0.7, 1.4)  # of the tone curve of a faded or dark print
CONTRAST = (0.6, 1.1)
OFFSET = 8.0  # L units
NOISE = 6.0  # largest standard deviation of film grain, L units
QUALITY = (20, 70)  # of JPEG
SOFT = 3.0  # ab units over which an object's recolouring fades out


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def degrade(lightness: Tensor, *, share: float, generator: torch.Generator) -> Tensor:
    """Age some of the photographs: tone curve, grain, softness, JPEG blocks, each by chance.

    Only what a network sees is damaged, never the colours that it is to find: so it learns to look through
    the damage of legacy photographs (paper, section 4.6).

    Args:
        lightness: ``(N, 1, H, W)`` in [0, 100].
        share: of the photographs to age.
        generator: on the CPU.
    """
    aged = (torch.rand(len(lightness), generator=generator) < share).nonzero()[:, 0].tolist()
    if not aged:
        return lightness
    out = lightness.clone()
    for index in aged:
        out[index] = _age(lightness[index].cpu(), generator).to(lightness)
    return out


def _age(lightness: Tensor, generator: torch.Generator) -> Tensor:
    """One photograph ``(1, H, W)`` on the CPU."""
    tone, grain, soft, jpeg = (torch.rand(4, generator=generator) < 0.5).tolist()
    x = lightness / 100
    x = _fade(x, generator) if tone else x
    x = _soften(x, generator) if soft else x
    x = _grain(x, generator) if grain else x
    x = x.clamp(0, 1)
    return 100 * (_compress(x, generator) if jpeg else x)


def _fade(x: Tensor, generator: torch.Generator) -> Tensor:
    """Another tone curve: gamma, contrast, brightness; ``(1, H, W)`` in [0, 1], as for all below."""
    gamma, contrast = (
        float(_uniform(1, math.log(low), math.log(high), generator).exp()) for low, high in (GAMMA, CONTRAST)
    )
    offset = float(_uniform(1, -OFFSET, OFFSET, generator)) / 100
    return (x.clamp(min=1e-4) ** gamma - 0.5) * contrast + 0.5 + offset


def _soften(x: Tensor, generator: torch.Generator) -> Tensor:
    """Shrunk to 50 to 100 % and enlarged again: a lens or a scan that was not sharp."""
    height, width = x.shape[-2:]
    scale = float(_uniform(1, 0.5, 1.0, generator))
    small = (max(8, round(height * scale)), max(8, round(width * scale)))
    x = F.interpolate(x[None], size=small, mode="bilinear", antialias=True)
    return F.interpolate(x, size=(height, width), mode="bilinear")[0]


def _grain(x: Tensor, generator: torch.Generator) -> Tensor:
    level = float(_uniform(1, 0, NOISE, generator)) / 100
    return x + level * torch.randn(x.shape, generator=generator)


def _compress(x: Tensor, generator: torch.Generator) -> Tensor:
    quality = int(torch.randint(QUALITY[0], QUALITY[1] + 1, (), generator=generator))
    file = io.BytesIO()
    Image.fromarray((x[0] * 255).round().to(torch.uint8).numpy()).save(file, "JPEG", quality=quality)
    return torch.from_numpy(np.array(Image.open(file))).float()[None] / 255


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
