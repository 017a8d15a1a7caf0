"""Where seams are looked for: a picture as one network sees it, and two points inside one thing of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from ..color import rgb_to_lab
from ..hint_batch import HintBatch
from ..hints import Hint
from ..models.base import Network
from ..seam import PAIRS, SIZE, fit_pair, place_pair
from .segments import find_segment
from .things import DRAWS, screen

APART = 1.2  # distance of two points in a photograph, in halves of the thing's chord through its middle
SLENDER = 2.5  # how much longer than the thing's depth that half chord may be
VIVID = 40.0  # ab units that two colours must be apart at a thing's lightness


class Scene:
    """One picture as one network sees it: encoded once, and then asked for any points.

    Args:
        network: in eval mode.
        lightness: ``(1, 1, H, W)`` in [0, 100].
    """

    def __init__(self, network: Network, lightness: Tensor) -> None:
        self._network, self._lightness = network, lightness
        with torch.inference_mode():
            self._features = network.encode(lightness.to(network.bin_centers.device))
        self.automatic = self.ab()

    @classmethod
    def of_picture(cls, network: Network, rgb: np.ndarray) -> Scene:
        """The lightness of ``(H, W, 3)`` uint8."""
        return cls(network, rgb_to_lab(torch.tensor(rgb).permute(2, 0, 1)[None])[:, :1].contiguous())

    def ab(self, hints: Sequence[Hint] = ()) -> np.ndarray:
        """Colours with these points, placed in the picture's pixels: ``(2, H, W)`` in Lab units."""
        shape = (self._lightness.shape[-2], self._lightness.shape[-1])
        points = torch.tensor([(hint.row, hint.col, hint.size, hint.weight, *hint.ab) for hint in hints])
        row, col, size, weight, *ab = points.view(1, -1, 6).unbind(-1)
        colour = torch.stack(ab, dim=-1)
        batch = HintBatch.of_points(row, col, size, colour, weight, shape=shape)
        with torch.inference_mode():
            shown = self._network.decode(self._features, batch.to(self._network.bin_centers.device)).ab
        return shown[0].float().cpu().numpy()

    def picture(self, ab: np.ndarray) -> np.ndarray:
        """Colours as a screen shows them: ``(H, W, 3)`` uint8."""
        return screen(self._lightness, torch.from_numpy(ab)[None])


def place_in_thing(
    lab: Tensor, pairs: Iterable[str], *, seed: int = 0
) -> tuple[np.ndarray, dict[str, tuple[Hint, Hint]]] | None:
    """The roomiest of some things in a photograph: its ``(H, W)`` bool, and two points in it for each pair.

    None where there is no thing, where the patches would touch, or where it is so dark or bright that sRGB
    hardly tells the colours of a pair apart.

    Args:
        lab: the truth, ``(3, H, W)``.
        pairs: names among `ipycolorize.seam.PAIRS`.
        seed: of the things.
    """
    generator = torch.Generator().manual_seed(seed)
    best = None
    for segment in (find_segment(lab, generator=generator) for _ in range(DRAWS)):
        if segment is None:
            continue
        colours = {
            pair: fit_pair(PAIRS[pair], float(lab[0, segment.row, segment.col]))
            for pair in dict.fromkeys(pairs)
        }
        inside = ndimage.binary_fill_holes(segment.inside.numpy())
        angle, chord = _chord(inside, segment.row, segment.col)
        depth = ndimage.distance_transform_edt(inside)[segment.row, segment.col]
        reach = min(chord, SLENDER * float(depth))  # in a slender thing few rows hold both points
        lively = min(math.dist(*two) for two in colours.values()) >= VIVID and APART * reach >= 2 * SIZE
        if lively and (best is None or reach > best[0]):
            best = reach, angle, inside, (segment.row, segment.col), colours
    if best is None:
        return None
    reach, angle, inside, middle, colours = best
    return inside, {
        pair: place_pair(two, middle=middle, distance=APART * reach, angle=angle)
        for pair, two in colours.items()
    }


def _chord(inside: np.ndarray, row: int, col: int) -> tuple[float, float]:
    """Direction in degrees in which a place has most room to both sides, and how much, in pixels."""
    reach = np.arange(max(inside.shape))

    def room(angle: float) -> int:
        sides = []
        for sign in (-1, 1):
            rows = np.rint(row + sign * reach * math.sin(math.radians(angle))).astype(int)
            cols = np.rint(col + sign * reach * math.cos(math.radians(angle))).astype(int)
            within = (rows >= 0) & (rows < inside.shape[0]) & (cols >= 0) & (cols < inside.shape[1])
            free = within & inside[rows.clip(0, inside.shape[0] - 1), cols.clip(0, inside.shape[1] - 1)]
            sides.append(len(free) if free.all() else int(free.argmin()))
        return min(sides)

    most, angle = max((room(angle), -angle) for angle in range(0, 180, 5))
    return -float(angle), float(most)
