"""What hints look like on a network's grid: points as square patches, regions as masks."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from .frame import Frame

PATCHES = 1 << 22  # pixels of patches that are drawn at a time: some 100 MB


def rasterize(
    row: Tensor, col: Tensor, size: Tensor, ab: Tensor, weight: Tensor, *, shape: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Draw points as square patches: the paper's U_l.

    Args:
        row, col, size, weight: ``(N, K)`` in grid pixels, as in `HintBatch`.
        ab: ``(N, K, 2)`` in Lab units.
        shape: ``(H, W)`` of the grid.

    Returns:
        mask ``(N, 1, H, W)`` and raster ``(N, 2, H, W)``.
    """
    count, points = row.shape
    height, width = shape
    owner = torch.zeros(count, height * width, dtype=torch.long, device=row.device)  # 0: nobody
    if points:
        # a patch of side s around r covers the pixel centres in [r - s/2, r + s/2), and always the pixel that
        # holds the point
        top, bottom = _cover(row, size, height)
        left, right = _cover(col, size, width)
        tall, wide = max(int((bottom - top).max()), 0), max(int((right - left).max()), 0)
        step = max(1, PATCHES // max(1, count * tall * wide))
        for first in range(0, points, step):  # many large patches would take gigabytes at once
            part = slice(first, first + step)
            rows = top[:, part, None] + torch.arange(tall, device=row.device)  # (N, K, tall)
            cols = left[:, part, None] + torch.arange(wide, device=row.device)  # (N, K, wide)
            in_row = (rows < bottom[:, part, None]) & (weight[:, part, None] > 0)
            in_col = cols < right[:, part, None]
            inside = (in_row[..., :, None] & in_col[..., None, :]).flatten(1)  # (N, K tall wide)
            pixel = (
                rows.clamp(max=height - 1)[..., :, None] * width + cols.clamp(max=width - 1)[..., None, :]
            ).flatten(1)
            number = torch.arange(first + 1, first + 1 + rows.shape[1], device=row.device)[None, :, None]
            number = number.expand(count, -1, tall * wide).reshape(count, -1)
            # the largest number is the latest point: it wins where patches overlap
            owner.scatter_reduce_(1, pixel, number * inside, reduce="amax")
    colours = torch.cat([torch.zeros_like(ab[:, :1]), ab], dim=1) if points else ab.new_zeros(count, 1, 2)
    raster = colours.gather(1, owner[..., None].expand(-1, -1, 2)).transpose(1, 2)
    return (owner > 0).to(ab.dtype).view(count, 1, height, width), raster.reshape(count, 2, height, width)


def _cover(centre: Tensor, size: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """First pixel and the one after the last that patches cover along one axis of `length` pixels."""
    home = centre.round()
    first = torch.minimum((centre - size / 2).ceil(), home)
    last = torch.maximum((centre + size / 2).ceil(), home + 1)
    return first.clamp(0, length).long(), last.clamp(0, length).long()


def rasterize_region(region: tuple[tuple[float, float], ...] | None, frame: Frame) -> np.ndarray:
    """Draw a polygon of photo pixels: bool ``(H, W)`` of the grid, true inside; None: true everywhere."""
    height, width = frame.grid
    if region is None:
        return np.ones((height, width), bool)
    scale = (width / frame.photo[1], height / frame.photo[0])
    fine = 2  # draws at twice the size, so that a pixel belongs to the polygon by its centre
    image = Image.new("1", (fine * width, fine * height))
    corners = [(fine * col * scale[0] - 0.5, fine * row * scale[1] - 0.5) for row, col in region]
    ImageDraw.Draw(image).polygon(corners, fill=1)
    parts = np.array(image).reshape(height, fine, width, fine)
    return parts.mean((1, 3)) >= 0.5
