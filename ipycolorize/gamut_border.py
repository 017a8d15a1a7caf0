"""Where sRGB ends in Lab: whether a colour is inside, and how far it goes in a direction."""

from __future__ import annotations

import torch
from torch import Tensor

from .color import WHITE, XYZ_TO_RGB, cubed

TOLERANCE = 1e-4  # of linear light: a rounding error is not out of gamut
HALVINGS = 14  # of at most `FARTHEST`: the border is found to 0.01 ab
FARTHEST = 140.0  # ab units; no colour of sRGB has so much chroma


def is_displayable(linear: Tensor) -> Tensor:
    """Whether linear-light RGB lies in [0, 1]: ``(..., 3, H, W)`` -> ``(..., H, W)`` bool."""
    return (linear - 0.5).abs().amax(dim=-3) <= 0.5 + TOLERANCE  # six times faster than two comparisons


def reach(lightness: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The largest chroma that sRGB has at each L in a direction of the ab plane.

    Args:
        lightness: ``(M,)`` in [0, 100].
        cos, sin: ``(M,)`` of the Lab hue.

    Returns:
        ``(M,)`` chroma in Lab units, inside and within 0.01 of the border.
    """
    far = FARTHEST * torch.stack([cos, sin])
    return 2 * FARTHEST * share_inside(lightness, far, far)  # a corner is at half the way


def legs(share: Tensor) -> tuple[Tensor, Tensor]:
    """Both parts of the way from grey (share 0) straight to a corner (1/2) and straight on to a start (1)."""
    return (2 * share).clamp(max=1), (2 * share - 1).clamp(min=0)


def share_inside(lightness: Tensor, start: Tensor, corner: Tensor) -> Tensor:
    """How much of the way from grey over a corner to a start lies inside sRGB, ``(M,)``, by bisection.

    Only X and Z change on the way, so this takes half the time of as many conversions.
    """
    fy = (lightness + 16) / 116
    luminance = cubed(fy)
    leg = torch.stack([corner, start - corner])  # (2, 2, M)
    (to_x, then_x), (to_z, then_z) = (leg[:, 0] / 500).unbind(), (leg[:, 1] / -200).unbind()
    found = torch.zeros_like(lightness)
    for number in range(1, HALVINGS + 1):
        trial = found + 0.5**number
        first, second = legs(trial)
        x = WHITE[0] * cubed(fy + first * to_x + second * then_x)
        z = WHITE[2] * cubed(fy + first * to_z + second * then_z)
        excess = torch.stack([row[0] * x + row[1] * luminance + row[2] * z for row in XYZ_TO_RGB])
        inside = (excess - 0.5).abs().amax(dim=0) <= 0.5 + TOLERANCE
        found = torch.where(inside, trial, found)
    return found
