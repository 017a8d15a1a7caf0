"""Things in a photograph, as far as true colours tell them apart: where a hint should spread, and where not.

A segment is what is connected to a seed pixel and coloured like it (L, a and b, over 5 x 5 pixels). What is
clearly coloured otherwise, both over 5 x 5 pixels and by itself, lies outside. Pixels in between, and equal
colours elsewhere in the photograph, belong to neither: nobody can say whether they are the same thing. The
method is fixed and knows no network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

ALIKE = 12.0  # Lab units from the seed's colour within which a pixel belongs to its segment
OTHER = 24.0  # beyond which it lies outside
SMOOTH = 5  # side of the mean that takes grain and texture away, in pixels
DEPTH = 6.0  # pixels from the deepest place to the rim, at least: a 7 x 7 patch fits with its corners
AREA = (0.01, 0.4)  # shares of the picture: neither a speck nor the background of everything
LIGHTNESS = (20.0, 90.0)  # of the seed: near black and near white sRGB has hardly any colours
RING = 10.0  # pixels around the segment
SEEDS = 16  # drawn before a photograph is given up


@dataclass(frozen=True)
class Segment:
    """One thing.

    Attributes:
        row, col: the pixel deepest inside.
        inside: ``(H, W)`` bool.
        outside: ``(H, W)`` bool.
        ring: ``(H, W)`` bool, the part of `outside` within 10 pixels of the segment.
    """

    row: int
    col: int
    inside: Tensor
    outside: Tensor
    ring: Tensor


def find_segment(lab: Tensor, *, generator: torch.Generator) -> Segment | None:
    """A segment around a random pixel; None where 16 random pixels lie in none that a hint can test.

    Args:
        lab: the truth, ``(3, H, W)`` on the CPU.
        generator: on the CPU.
    """
    colours = _smooth(lab)
    height, width = lab.shape[-2:]
    rows = torch.randint(height, (SEEDS,), generator=generator).tolist()
    cols = torch.randint(width, (SEEDS,), generator=generator).tolist()
    found = (_around(lab, colours, row, col) for row, col in zip(rows, cols, strict=True))
    return next((segment for segment in found if segment is not None), None)


def segment_at(lab: Tensor, row: int, col: int) -> Segment | None:
    """The segment around a chosen pixel; None where it lies in none that a hint can test.

    Args:
        lab: the truth, ``(3, H, W)`` on the CPU.
        row, col: the pixel.
    """
    return _around(lab, _smooth(lab), row, col)


def _smooth(lab: Tensor) -> np.ndarray:
    half = SMOOTH // 2
    padded = F.pad(lab[None], (half, half, half, half), mode="replicate")
    return F.avg_pool2d(padded, SMOOTH, stride=1)[0].numpy()


def _around(lab: Tensor, colours: np.ndarray, row: int, col: int) -> Segment | None:
    if not LIGHTNESS[0] <= colours[0, row, col] <= LIGHTNESS[1]:
        return None
    seed = colours[:, row, col, None, None]
    distance = np.linalg.norm(colours - seed, axis=0)
    number, _ = ndimage.label(distance < ALIKE)
    inside = number == number[row, col]
    if not AREA[0] <= inside.mean() <= AREA[1]:
        return None
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]  # the picture's border counts
    if depth.max() < DEPTH:
        return None
    outside = (distance > OTHER) & (np.linalg.norm(lab.numpy() - seed, axis=0) > OTHER)
    ring = outside & (ndimage.distance_transform_edt(~inside) <= RING)
    deepest = divmod(int(depth.argmax()), lab.shape[-1])
    return Segment(*deepest, *(torch.from_numpy(part) for part in (inside, outside, ring)))
