"""Hints as tensors for networks: as points, and as the paper's raster U_l (section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .raster import rasterize


@dataclass(frozen=True)
class HintBatch:
    """Hints of N pictures in a network's grid, ready for a network.

    Attributes:
        row, col: ``(N, K)`` centres in grid pixels (a pixel's centre is at its integer coordinate).
        size: ``(N, K)`` patch sides in grid pixels.
        ab: ``(N, K, 2)`` colours in Lab units.
        weight: ``(N, K)`` in [0, 1]: 0 marks padding, small values weak hints such as the points of a stroke.
        mask: ``(N, 1, H, W)`` 1 where a colour is revealed: B_ab of the paper.
        raster: ``(N, 2, H, W)`` the revealed colours in Lab units, 0 elsewhere: X_ab of the paper.
        reach: ``(N, K)`` how far each acts, as `Hint.reach`; None: all as a thing.
        region: ``(N, K, H, W)`` bool, where each may act; None: everywhere. Reach and region are for networks
            whose hints flow; others do not read them.
    """

    row: Tensor
    col: Tensor
    size: Tensor
    ab: Tensor
    weight: Tensor
    mask: Tensor
    raster: Tensor
    reach: Tensor | None = None
    region: Tensor | None = None

    def to(self, device: torch.device | str) -> HintBatch:
        """The same on another device."""
        return HintBatch(
            **{name: value.to(device) for name, value in vars(self).items() if value is not None}
        )

    def columns(self, start: int, stop: int) -> HintBatch:
        """Hints `start` to `stop` of each picture; the raster stays that of all."""
        parts = {
            name: value if name in ("mask", "raster") or value is None else value[:, start:stop]
            for name, value in vars(self).items()
        }
        return HintBatch(**parts)

    @classmethod
    def of_points(
        cls, row: Tensor, col: Tensor, size: Tensor, ab: Tensor, weight: Tensor, *, shape: tuple[int, int]
    ) -> HintBatch:
        """Rasterise points; where patches overlap the later wins; a patch covers at least one pixel."""
        mask, raster = rasterize(row, col, size, ab, weight, shape=shape)
        return cls(row, col, size, ab, weight, mask, raster)

    @classmethod
    def empty(
        cls, *, shape: tuple[int, int], count: int = 1, device: torch.device | str = "cpu"
    ) -> HintBatch:
        """No hints at all, for `count` pictures."""
        none = torch.zeros(count, 0, device=device)
        return cls.of_points(none, none, none, torch.zeros(count, 0, 2, device=device), none, shape=shape)

    @classmethod
    def where(cls, chosen: Tensor, first: HintBatch, second: HintBatch) -> HintBatch:
        """Picture by picture the hints of `first` where `chosen` ``(N,)`` is true, else those of `second`."""
        points = max(first.row.shape[1], second.row.shape[1])

        def pick(name: str) -> Tensor:
            ours, theirs = getattr(first, name), getattr(second, name)
            if name not in ("mask", "raster"):  # (N, K, ...): padding has weight 0
                ours, theirs = (
                    torch.cat(
                        [value, value.new_zeros(len(value), points - value.shape[1], *value.shape[2:])], 1
                    )
                    for value in (ours, theirs)
                )
            return torch.where(chosen.to(ours.device).view(-1, *[1] * (ours.dim() - 1)), ours, theirs)

        return cls(**{name: pick(name) for name in vars(first) if getattr(first, name) is not None})

    @classmethod
    def revealed(cls, ab: Tensor, *, cells: int = 16) -> HintBatch:
        """Everything revealed (the paper's 1 % and table 1's last row): ``(N, 2, H, W)``.

        The raster is the picture itself. Networks that read points get one for each cell of a `cells` x
        `cells` grid, placed at the cell's centre with the colour found there.
        """
        count, _, height, width = ab.shape
        rows = ((torch.arange(cells, device=ab.device) + 0.5) * height / cells).long().clamp(max=height - 1)
        cols = ((torch.arange(cells, device=ab.device) + 0.5) * width / cells).long().clamp(max=width - 1)
        row, col = (grid.flatten().expand(count, -1) for grid in torch.meshgrid(rows, cols, indexing="ij"))
        points = ab[:, :, rows][:, :, :, cols].flatten(2).transpose(1, 2)  # (N, cells², 2)
        ones = torch.ones_like(row, dtype=ab.dtype)
        return cls(row.to(ab.dtype), col.to(ab.dtype), ones, points, ones, torch.ones_like(ab[:, :1]), ab)
