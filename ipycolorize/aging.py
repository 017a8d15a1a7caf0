"""Age: what the years, a lens and a scanner do to the lightness of a photograph (paper, section 4.6).

Legacy photographs are not what a colour photograph looks like without its colours: they are faded, grainy,
soft, stained, compressed. Networks are trained to look through that (`degrade`), and measured on it, one
damage after the other.

Each damage takes ``(1, H, W)`` in [0, 1], which is L / 100, on the CPU, and may leave [0, 1] a little.
"""

from __future__ import annotations

import io
import math

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

GAMMA = (0.7, 1.4)  # of the tone curve of a faded or dark print
CONTRAST = (0.6, 1.1)
OFFSET = 8.0  # L units
NOISE = 6.0  # largest standard deviation of film grain, L units
QUALITY = (20, 70)  # of JPEG
STAINS = (3, 4)  # rows and columns of the coarse field that uneven lightness is drawn on


def faded(x: Tensor, *, gamma: float, contrast: float, offset: float = 0.0) -> Tensor:
    """Another tone curve; contrast turns around the middle, `offset` is added last."""
    return (x.clamp(min=1e-4) ** gamma - 0.5) * contrast + 0.5 + offset


def softened(x: Tensor, *, scale: float) -> Tensor:
    """Shrunk to `scale` of its size and enlarged again: a lens or a scan that was not sharp."""
    height, width = x.shape[-2:]
    small = (max(8, round(height * scale)), max(8, round(width * scale)))
    x = F.interpolate(x[None], size=small, mode="bilinear", antialias=True)
    return F.interpolate(x, size=(height, width), mode="bilinear")[0]


def grained(x: Tensor, *, level: float, generator: torch.Generator) -> Tensor:
    """Film grain: white noise of this standard deviation."""
    return x + level * torch.randn(x.shape, generator=generator)


def stained(x: Tensor, *, depth: float, generator: torch.Generator) -> Tensor:
    """Uneven lightness: stains and light leaks, smooth and as wide as a third of the picture, ± `depth`."""
    coarse = depth * (2 * torch.rand(1, 1, *STAINS, generator=generator) - 1)
    return x + F.interpolate(coarse, size=x.shape[-2:], mode="bicubic", align_corners=True)[0].to(x)


def compressed(x: Tensor, *, quality: int) -> Tensor:
    """Blocks of JPEG; x is clipped to 8 bits first."""
    file = io.BytesIO()
    pixels = (x[0].clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return torch.from_numpy(np.array(Image.open(file, formats=("JPEG",)))).float()[None] / 255


def degrade(lightness: Tensor, *, share: float, generator: torch.Generator) -> Tensor:
    """Age some of the photographs: tone curve, grain, softness, JPEG blocks, each by chance.

    Only what a network sees is damaged, never the colours that it is to find: so it learns to look through
    the damage of legacy photographs.

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
    gamma, contrast = (
        float(_uniform(math.log(low), math.log(high), generator).exp()) for low, high in (GAMMA, CONTRAST)
    )
    offset = float(_uniform(-OFFSET, OFFSET, generator)) / 100
    return faded(x, gamma=gamma, contrast=contrast, offset=offset)


def _soften(x: Tensor, generator: torch.Generator) -> Tensor:
    return softened(x, scale=float(_uniform(0.5, 1.0, generator)))


def _grain(x: Tensor, generator: torch.Generator) -> Tensor:
    return grained(x, level=float(_uniform(0, NOISE, generator)) / 100, generator=generator)


def _compress(x: Tensor, generator: torch.Generator) -> Tensor:
    return compressed(x, quality=int(torch.randint(QUALITY[0], QUALITY[1] + 1, (), generator=generator)))


def _uniform(low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(1, generator=generator)
