"""What every network is asked about its behaviour: hints of true, arbitrary and unusual colours, by chance.

Drawn without a network, so that all of them get the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..color import rgb_to_lab
from ..gamut_border import reach
from ..hint_batch import HintBatch
from ..protocol import PATCH, patch_means, random_points, reveal_points
from .segments import Segment, find_segment

MANY = 10  # points, where more than one is asked for
VIVID = 180.0  # more chroma than any colour of sRGB has
CHROMA = 50.0  # of an unusual colour, at least, where sRGB has as much
TURN = (120.0, 240.0)  # degrees from the true hue to an unusual one


@dataclass(frozen=True)
class Trial:
    """Hints and regions for one batch of photographs, all on the CPU.

    Attributes:
        images: ``(N, 3, H, W)`` uint8.
        lightness: ``(N, 1, H, W)``.
        hints: by question: "true_1", "true_10", "any_1", "any_10" and "unusual".
        inside, outside, ring: ``(N, 1, H, W)`` bool, empty where a photograph has no segment.
    """

    images: Tensor
    lightness: Tensor
    hints: dict[str, HintBatch]
    inside: Tensor
    outside: Tensor
    ring: Tensor

    @classmethod
    def draw(cls, images: Tensor, *, generator: torch.Generator) -> Trial:
        """Draw places and colours for ``(N, 3, H, W)`` uint8 on the CPU."""
        lab = rgb_to_lab(images)
        lightness, ab = lab[:, :1].contiguous(), lab[:, 1:].contiguous()
        shape = (images.shape[-2], images.shape[-1])
        row, col = random_points(len(images), MANY, shape=shape, generator=generator)
        at_point = lightness.flatten(1).gather(1, row * shape[1] + col)
        colour = arbitrary_colours(at_point, generator=generator)
        size = torch.full_like(at_point, PATCH)
        ones = torch.ones_like(at_point)
        hints = {}
        for count in (1, MANY):
            hints[f"true_{count}"] = reveal_points(ab, row[:, :count], col[:, :count])
            parts = (value[:, :count] for value in (row.float(), col.float(), size, colour, ones))
            hints[f"any_{count}"] = HintBatch.of_points(*parts, shape=shape)
        segments = [find_segment(one, generator=generator) for one in lab]
        hints["unusual"] = _unusual_hints(lab, segments, generator=generator)
        nothing = torch.zeros(shape, dtype=torch.bool)
        masks = (
            torch.stack([nothing if one is None else getattr(one, name) for one in segments])[:, None]
            for name in ("inside", "outside", "ring")
        )
        return cls(images, lightness, hints, *masks)


def arbitrary_colours(lightness: Tensor, *, generator: torch.Generator) -> Tensor:
    """Colours of any hue, and of any chroma that sRGB can show at L ``(N, K)``: ab ``(N, K, 2)``."""
    angle = 2 * math.pi * torch.rand(lightness.shape, generator=generator)
    vivid = _at_gamut(lightness, VIVID * torch.stack([angle.cos(), angle.sin()], dim=-1))
    return vivid * torch.rand(lightness.shape, generator=generator).sqrt()[..., None]  # even over the area


def unusual_colours(lightness: Tensor, ab: Tensor, *, generator: torch.Generator) -> Tensor:
    """Colours that a thing does not have.

    The hue is turned by 120 to 240 degrees; what has a chroma below 50 gets 50, or as much as sRGB has there.

    Args:
        lightness: ``(N, K)``.
        ab: ``(N, K, 2)``, the true colours.
        generator: on the CPU.
    """
    low, high = (math.radians(degrees) for degrees in TURN)
    angle = torch.atan2(ab[..., 1], ab[..., 0])
    angle = angle + low + (high - low) * torch.rand(angle.shape, generator=generator)
    chroma = ab.norm(dim=-1, keepdim=True).clamp(min=CHROMA)
    return _at_gamut(lightness, chroma * torch.stack([angle.cos(), angle.sin()], dim=-1))


def _at_gamut(lightness: Tensor, ab: Tensor) -> Tensor:
    """Chroma cut to what sRGB has in that direction: L ``(N, K)`` and ab ``(N, K, 2)`` -> ab."""
    chroma = ab.norm(dim=-1)
    direction = ab / chroma.clamp(min=1e-6)[..., None]
    cos, sin = direction.flatten(0, 1).T
    most = reach(lightness.flatten(), cos, sin).view_as(chroma)
    return direction * torch.minimum(chroma, most)[..., None]


def _unusual_hints(lab: Tensor, segments: list[Segment | None], *, generator: torch.Generator) -> HintBatch:
    """One hint deep inside each segment; weight 0 where there is none."""
    shape = (lab.shape[-2], lab.shape[-1])
    place = torch.tensor([(0, 0) if one is None else (one.row, one.col) for one in segments])
    row, col = place[:, :1], place[:, 1:]
    size = torch.full_like(row, PATCH)
    truth = patch_means(lab[:, 1:], row, col, size)
    lightness = lab[:, 0].flatten(1).gather(1, row * shape[1] + col)
    colour = unusual_colours(lightness, truth, generator=generator)
    weight = torch.tensor([[0.0 if one is None else 1.0] for one in segments])
    return HintBatch.of_points(row.float(), col.float(), size.float(), colour, weight, shape=shape)
