"""What `live` sees of a photograph: five scales down, the whole picture at the coarsest, and up again."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from .layers import conv

STRIDE = 32  # of the coarsest scale


class Residual(nn.Module):
    """x + conv(relu(norm(conv(x)))): two 3 x 3 convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = conv(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        nn.init.zeros_(cast(Tensor, self.second[1].weight))  # a new block starts as the identity

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same."""
        return F.relu(x + self.second(self.first(x)))


class Attention(nn.Module):
    """Self-attention over the cells of a coarse scale: the whole picture decides what colour grass has."""

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        """``(N, C, H, W)`` to the same."""
        count, width, rows, cols = x.shape
        tokens = self.norm(x.flatten(2).transpose(1, 2))  # (N, S, C)
        query, key, value = (
            self.qkv(tokens).view(count, rows * cols, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        )
        mixed = (
            F.scaled_dot_product_attention(query, key, value)
            .transpose(1, 2)
            .reshape(count, rows * cols, width)
        )
        return x + self.out(mixed).transpose(1, 2).view(count, width, rows, cols)


class Encoder(nn.Module):
    """Five scales down, attention at the two coarsest, top-down merge up to half resolution.

    The convolution at full resolution has stride 2, so that the most expensive pixels are seen only once.
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

    def forward(self, x: Tensor) -> Tensor:
        """``(N, 1, H, W)`` to ``(N, out, H/2, W/2)``; sides divisible by 32."""
        scales = []
        for down in self.down:
            x = down(x)
            scales.append(x)
        x = self.lateral[-1](scales[-1])
        for level in reversed(range(len(self.merge))):
            coarse: Tensor = F.interpolate(self.up[level](x), size=scales[level].shape[-2:], mode="bilinear")
            x = self.merge[level](self.lateral[level](scales[level]) + coarse)
        return x
