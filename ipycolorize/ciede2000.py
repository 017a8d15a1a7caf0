"""CIEDE2000: how different two colours look (CIE 142-2001; Sharma, Wu and Dalal 2005).

One line of the formula asks on which side of 180 degrees two hues are apart. For colours that are exactly
opposed, such as (a, b) and (-a, -b), they are at 180, and rounding decides: a mean hue on the other side of
the circle then changes the result by up to 50. Sharma, Wu and Dalal give the case of equality to "not more
than 180", so whatever is that near to it is taken to be equal.
"""

from __future__ import annotations

import torch
from torch import Tensor

OPPOSED = 1e-9  # degrees; rounding errors are below 1e-12, colours of whole numbers below 128 never nearer


def ciede2000(first: Tensor, second: Tensor) -> Tensor:
    """CIEDE2000 with kL = kC = kH = 1; symmetric, computed in float64.

    Args:
        first, second: ``(..., 3, H, W)`` Lab of one shape.

    Returns:
        ``(..., H, W)`` float64, 0 where the two are equal; about 1 is just noticed.

    Raises:
        ValueError: other shapes.
    """
    if first.shape != second.shape or first.ndim < 3 or first.shape[-3] != 3:
        raise ValueError(
            "expected two tensors (..., 3, H, W) of one shape, "
            f"got {tuple(first.shape)} and {tuple(second.shape)}"
        )
    (l1, a1, b1), (l2, a2, b2) = (lab.to(torch.float64).unbind(-3) for lab in (first, second))
    seventh = ((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * (seventh / (seventh + 25.0**7)).sqrt()  # 1 + G
    a1, a2 = stretch * a1, stretch * a2
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    h1, h2 = (torch.rad2deg(torch.atan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))

    apart = h2 - h1
    across = (apart.abs() > 180 + OPPOSED).to(apart)  # the short way passes red
    grey = c1 * c2 == 0
    turn = torch.where(grey, 0, apart - 360 * across * apart.sign())
    dl, dc, dh = l2 - l1, c2 - c1, 2 * (c1 * c2).sqrt() * torch.sin(torch.deg2rad(turn / 2))

    lightness, chroma, total = (l1 + l2) / 2, (c1 + c2) / 2, h1 + h2
    hue = torch.where(grey, total, (total + 360 * across * torch.where(total < 360, 1, -1)) / 2)
    weight = (
        1 - 0.17 * _cos(hue - 30) + 0.24 * _cos(2 * hue) + 0.32 * _cos(3 * hue + 6) - 0.2 * _cos(4 * hue - 63)
    )
    off = (lightness - 50) ** 2
    dl = dl / (1 + 0.015 * off / (20 + off).sqrt())
    dc, dh = dc / (1 + 0.045 * chroma), dh / (1 + 0.015 * chroma * weight)
    seventh = chroma**7
    blue = 30 * torch.exp(-(((hue - 275) / 25) ** 2))
    rotation = -2 * (seventh / (seventh + 25.0**7)).sqrt() * torch.sin(torch.deg2rad(2 * blue))
    return (dl**2 + dc**2 + dh**2 + rotation * dc * dh).clamp(min=0).sqrt()


def _cos(degrees: Tensor) -> Tensor:
    return torch.cos(torch.deg2rad(degrees))
