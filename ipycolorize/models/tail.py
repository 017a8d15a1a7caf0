"""The last step of `live`: from half resolution to every pixel, along the photograph's own edges.

    out(x) = ab(x) + m(x) t(x) (c(x) - ab(x)) + (1 - m(x) t(x)) (r(x) + k(x) d(x))

with the paper's mask m and raster c of revealed pixels. Three convolutions compute trust t, residual r and
slope k from what was propagated, from the hints, and from the photograph. d is what half resolution lost of
L: colour borders lie on lightness borders, so that a slope makes them as sharp as the photograph. What is
trusted needs no residual. The convolutions work at half resolution, where a pixel's four parts are channels
(sub-pixel convolution, Shi et al. 2016), for half the price; what they see of the photograph is computed
once.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PARTS = 4  # pixels of a 2 x 2 block
SHARE = 0.1  # of a residual's unit, so that it begins small


class Tail(nn.Module):
    """Trust, residual and slope.

    Args:
        width: channels of its convolutions.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.see = nn.Conv2d(PARTS, width, 3, padding=1)
        self.read = nn.Conv2d(2 + 3 * PARTS, width, 3, padding=1, bias=False)
        self.mid = nn.Conv2d(width, width, 3, padding=1)
        self.out = nn.Conv2d(width, 3 * PARTS + 2, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(cast(Tensor, self.out.bias))
        with torch.no_grad():
            cast(Tensor, self.out.bias)[:PARTS] = 3.0  # hints are trusted from the start

    def look(self, norm: Tensor) -> tuple[Tensor, Tensor]:
        """What it sees of photographs, once.

        Args:
            norm: ``(N, 1, H, W)`` L, normalised; even sides.

        Returns:
            ``(N, width, H/2, W/2)``; and ``(N, 1, H, W)`` d, what half resolution loses.
        """
        detail = norm - F.interpolate(F.avg_pool2d(norm, 2), scale_factor=2, mode="bilinear")
        return self.see(F.pixel_unshuffle(norm, 2)), detail

    def forward(self, coarse: Tensor, edges: Tensor, detail: Tensor, mask: Tensor, raster: Tensor) -> Tensor:
        """All pixels' colours.

        Args:
            coarse: ``(N, 2, H/2, W/2)`` propagated ab, normalised.
            edges, detail: of `look`.
            mask, raster: ``(N, 1, H, W)`` and ``(N, 2, H, W)`` revealed colours, normalised.

        Returns:
            ``(N, 2, H, W)`` ab, normalised.
        """
        ab = F.interpolate(coarse, scale_factor=2, mode="bilinear")
        gap = mask * (raster - ab)
        told = F.pixel_unshuffle(torch.cat([gap, mask], dim=1), 2)
        seen = F.relu(self.read(torch.cat([coarse.to(told), told], dim=1)) + edges)
        out = self.out(F.relu(self.mid(seen))).float()
        trust = mask * torch.sigmoid(F.pixel_shuffle(out[:, :PARTS], 2))
        residual = F.pixel_shuffle(out[:, PARTS : 3 * PARTS], 2)
        slope = F.interpolate(out[:, 3 * PARTS :], scale_factor=2, mode="nearest")
        return ab + trust * gap + (1 - trust) * (SHARE * residual + slope * detail)


class FullTail(nn.Module):
    """The same with convolutions at full resolution and without a slope; dearer.

    Args:
        width: channels of its convolutions.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.see = nn.Conv2d(1, width, 5, padding=2)
        self.read = nn.Conv2d(5, width, 3, padding=1, bias=False)
        self.mid = nn.Conv2d(width, width, 3, padding=1)
        self.out = nn.Conv2d(width, 3, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(cast(Tensor, self.out.bias))
        with torch.no_grad():
            cast(Tensor, self.out.bias)[2] = 3.0  # hints are trusted from the start

    def look(self, norm: Tensor) -> tuple[Tensor, Tensor]:
        """As `Tail.look`; it needs no detail."""
        return self.see(norm), torch.zeros_like(norm)

    def forward(self, coarse: Tensor, edges: Tensor, detail: Tensor, mask: Tensor, raster: Tensor) -> Tensor:
        """As `Tail.forward`."""
        ab = F.interpolate(coarse, scale_factor=2, mode="bilinear")
        gap = mask * (raster - ab)
        seen = F.relu(self.read(torch.cat([ab, gap, mask], dim=1)) + edges)
        out = self.out(F.relu(self.mid(seen))).float()
        trust = mask * torch.sigmoid(out[:, 2:])
        return ab + trust * gap + (1 - trust) * SHARE * out[:, :2]
