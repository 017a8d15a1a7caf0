"""One thing in a photograph to put points into, and pictures of what comes of it: shared by experiments."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..color import rgb_to_lab, to_uint8
from ..gamut import displayed, screen_rgb
from ..hint_batch import HintBatch
from ..hints import Hint
from ..protocol import PATCH, square
from .panels import Mark
from .segments import Segment, find_segment

DRAWS = 12  # things drawn in a photograph, of which one is chosen
LIGHTNESS = (25.0, 80.0)  # mean L of a thing: beyond, sRGB has few colours
SHOWN = 14  # a point is drawn this many times smaller than its picture


def middle_square(photograph: np.ndarray, size: int) -> Tensor:
    """The middle of a photograph ``(H, W, 3)`` uint8, as ``(3, size, size)`` uint8: nothing is squashed."""
    height, width = photograph.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return square(np.ascontiguousarray(photograph[top : top + side, left : left + side]), size)


def largest_thing(lab: Tensor, *, generator: torch.Generator) -> Segment | None:
    """The largest of twelve segments around random pixels that is neither dark nor bright; None without one.

    Args:
        lab: the truth, ``(3, H, W)`` on the CPU.
        generator: on the CPU.
    """
    drawn = [find_segment(lab, generator=generator) for _ in range(DRAWS)]
    found = [one for one in drawn if one is not None]
    lively = [one for one in found if LIGHTNESS[0] <= lab[0][one.inside].mean() <= LIGHTNESS[1]]
    return max(lively, key=lambda one: int(one.inside.sum()), default=None)


def spread(inside: np.ndarray, count: int) -> tuple[Tensor, Tensor]:
    """Places in a region that lie deep and far apart: rows and columns, ``(count,)`` integers each.

    The first is the deepest; each further one has most room to the rim and to those before it. Where there is
    no room left, places come twice.

    Args:
        inside: ``(H, W)`` bool with at least one pixel.
        count: of the places.
    """
    depth = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    index = np.indices(inside.shape)
    nearest = np.full(inside.shape, np.inf)
    places: list[tuple[int, int]] = []
    for _ in range(count):
        room = depth.clip(max=2 * PATCH) * nearest if places else depth
        row, col = divmod(int(np.where(inside, room, -1.0).argmax()), inside.shape[1])
        places.append((row, col))
        nearest = np.minimum(nearest, np.hypot(index[0] - row, index[1] - col))
    rows, cols = torch.tensor(places, dtype=torch.long).view(-1, 2).T
    return rows, cols


def join(first: HintBatch, second: HintBatch) -> HintBatch:
    """The points of both, those of `first` first; where patches overlap the second's win."""
    shape = (first.mask.shape[-2], first.mask.shape[-1])
    points = (
        torch.cat([getattr(first, name), getattr(second, name)], dim=1)
        for name in ("row", "col", "size", "ab", "weight")
    )
    return HintBatch.of_points(*points, shape=shape)


def screen(lightness: Tensor, ab: Tensor | None = None) -> np.ndarray:
    """A picture as a screen shows it, ``(H, W, 3)`` uint8.

    Args:
        lightness: ``(1, 1, H, W)``.
        ab: ``(1, 2, H, W)``; None for grey.
    """
    ab = torch.zeros(1, 2, 1, 1) if ab is None else ab
    lab = torch.cat([lightness, ab.expand(-1, -1, *lightness.shape[-2:])], dim=1)[0]
    return to_uint8(screen_rgb(lab)).permute(1, 2, 0).numpy()


def hints_of(points: HintBatch) -> list[Hint]:
    """The points of one picture, one by one."""
    values = torch.stack([points.row[0], points.col[0], *points.ab[0].T, points.size[0]], dim=1).tolist()
    return [
        Hint(number, int(row), int(col), a, b, int(size))
        for number, (row, col, a, b, size) in enumerate(values, start=1)
    ]


def marks(hints: Iterable[Hint], rgb: np.ndarray) -> tuple[Mark, ...]:
    """Points of a picture ``(H, W, 3)`` uint8 as panels draw them: in their colours at its lightness there.

    They are drawn larger than they are, so that they can be seen in print.
    """
    lightness = rgb_to_lab(rgb)[..., 0]
    size = max(rgb.shape) / SHOWN
    return tuple(
        Mark(hint.row, hint.col, displayed(float(lightness[hint.row, hint.col]), hint.ab)[0], size)
        for hint in hints
    )
