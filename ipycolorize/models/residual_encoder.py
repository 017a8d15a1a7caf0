"""An encoder that learns everything by itself, from nothing: what `live` had before its backbone."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .encoder import Attention, Residual
from .layers import conv


class ResidualEncoder(nn.Module):
    """Five scales down, attention at the two coarsest, top-down merge up to half resolution.

    The convolution at full resolution has stride 2, so that the most expensive pixels are seen only once.

    Args:
        widths: channels of the five scales (1/2 .. 1/32).
        depths: residual blocks of each.
        out: channels at half resolution.
    """

    def __init__(self, widths: tuple[int, ...], depths: tuple[int, ...], out: int) -> None:
        super().__init__()
        self.down, self.lateral = nn.ModuleList(), nn.ModuleList()
        self.up, self.merge = nn.ModuleList(), nn.ModuleList()
        merged = [max(out, width // 2) for width in widths]
        for scale, (inputs, width, depth) in enumerate(zip((1, *widths), widths, depths, strict=False)):
            layers: list[nn.Module] = [conv(inputs, width, size=5 if scale == 0 else 3, stride=2)]
            layers += [Residual(width) for _ in range(depth)]
            if scale >= len(widths) - 2:
                layers.append(Attention(width))
            self.down.append(nn.Sequential(*layers))
            self.lateral.append(nn.Conv2d(width, merged[scale], 1))
        for fine, coarse in pairwise(merged):
            self.up.append(nn.Conv2d(coarse, fine, 1))
            self.merge.append(Residual(fine))

    def forward(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """See photographs.

        Args:
            lightness: ``(N, 1, H, W)`` L in [0, 100], sides divisible by 32.

        Returns:
            ``(N, out, H/2, W/2)``, and its means over 2 x 2 cells.
        """
        x = ((lightness - 50) / 50).contiguous(memory_format=torch.channels_last)
        scales = []
        for down in self.down:
            x = down(x)
            scales.append(x)
        x = self.lateral[-1](scales[-1])
        for level in reversed(range(len(self.merge))):
            coarse: Tensor = F.interpolate(self.up[level](x), size=scales[level].shape[-2:], mode="bilinear")
            x = self.merge[level](self.lateral[level](scales[level]) + coarse)
        return x, F.avg_pool2d(x, 2)
