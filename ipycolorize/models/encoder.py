"""What `live` sees of a photograph: a backbone that knows things, and a way back up to half resolution."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from .backbone import Backbone
from .layers import conv

STRIDE = 32  # of the coarsest scale
ATTENDING = 2  # scales, from the coarsest up, whose cells look at the whole picture


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
    """A backbone down to 1/32, attention at the two coarsest scales, top-down merge up to half resolution.

    Args:
        backbone: as `Backbone` takes it.
        widths: channels of the way up at 1/4, 1/8, 1/16 and 1/32.
        out: channels at 1/2, where a convolution over all channels would cost as much as all of the backbone:
            there it is depthwise and 1 x 1.
    """

    def __init__(self, *, backbone: str, widths: tuple[int, ...], out: int) -> None:
        super().__init__()
        self.backbone = Backbone(backbone)
        half, *coarser = self.backbone.widths
        self.lateral = nn.ModuleList(nn.Conv2d(*sides, 1) for sides in zip(coarser, widths, strict=True))
        self.attend = nn.ModuleList(Attention(width) for width in widths[-ATTENDING:])
        self.up, self.merge = nn.ModuleList(), nn.ModuleList()
        for fine, coarse in pairwise(widths):
            self.up.append(nn.Conv2d(coarse, fine, 1))
            self.merge.append(Residual(fine))
        self.last_up, self.last_lateral = nn.Conv2d(widths[0], out, 1), nn.Conv2d(half, out, 1)
        self.last = nn.Sequential(
            nn.Conv2d(out, out, 3, 1, 1, groups=out, bias=False), nn.BatchNorm2d(out), nn.ReLU(),
            nn.Conv2d(out, out, 1, bias=False), nn.BatchNorm2d(out),
        )  # fmt: skip

    def forward(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """See photographs.

        Args:
            lightness: ``(N, 1, H, W)`` L in [0, 100], sides divisible by 32.

        Returns:
            ``(N, out, H/2, W/2)`` and ``(N, widths[0], H/4, W/4)``.
        """
        half, *coarser = self.backbone(lightness)
        sides = [lateral(scale) for lateral, scale in zip(self.lateral, coarser, strict=True)]
        first = len(sides) - len(self.attend)
        x = self.attend[-1](F.relu(sides[-1]))
        for level in reversed(range(len(self.merge))):
            x = self.merge[level](sides[level] + _enlarged(self.up[level](x), sides[level]))
            if level >= first:
                x = self.attend[level - first](x)
        fine = F.relu(self.last_lateral(half) + _enlarged(self.last_up(x), half))
        return F.relu(fine + self.last(fine)), x


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear")
