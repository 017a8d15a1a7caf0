"""From a network's small ab to a picture of any size: one function for the preview and for the export.

ab is predicted on a small grid while L is known at every pixel, and colour borders lie on lightness borders
almost always. So ab is written on the grid as a local linear function of L (He et al. 2013, guided filter;
evaluated at another resolution as in He and Sun 2015), plus what that function cannot explain:

    ab = A L + B + rest,   A and B from a small window around each grid pixel, rest = ab - (A L + B)

A and B + rest are enlarged bilinearly, and L is the photograph's own at full size. On the grid itself nothing
changes at all, so no hint loses its colour, and an edge is as sharp as the photograph's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .color import to_uint8
from .gamut import screen_rgb

# Both chosen by measurement: photographs reduced to 256 and 128 pixels and enlarged again, against the truth.
WINDOW = 1  # radius in grid pixels: wider windows blur what is finer
SMOOTHNESS = 16.0  # in L²: lightness that varies by less than about 4 in a window is texture, not a border
ABSURD = 1e6  # of ab, and of logits: float32 has room for all that is made of it
STRIP = 1 << 19  # pixels rendered at a time: about 30 MB of temporaries


class NotColorsError(RuntimeError):
    """A network's answer that is no colours: NaN, infinity, or far beyond all."""


def check_answer(values: Tensor, what: str) -> None:
    """Refuse what a network may answer whose weights are damaged, before it becomes a picture.

    Raises:
        NotColorsError: a value is not finite, or larger than `ABSURD`.
    """
    if not bool((values.abs() <= ABSURD).all()):  # false for NaN
        raise NotColorsError(
            f"expected {what} from the network, got NaN, infinity or numbers beyond all: its weights are "
            "damaged, or were trained with too high a rate; use others"
        )


@dataclass(frozen=True)
class Colors:
    """ab as a function of lightness around each grid pixel: ab = slope * L + offset.

    Attributes:
        slope, offset: ``(2, h, w)`` float32 on the CPU.
    """

    slope: Tensor
    offset: Tensor

    @classmethod
    def of_prediction(cls, lightness: Tensor, ab: Tensor) -> Colors:
        """Fit slope and offset to L ``(1, 1, h, w)`` and ab ``(1, 2, h, w)`` of the network's grid.

        Raises:
            NotColorsError: ab is not finite.
        """
        check_answer(ab, "colours")
        lightness, ab = lightness.float().cpu(), ab.float().cpu()
        mean_l, mean_ab = _box(lightness), _box(ab)
        variance = _box(lightness * lightness) - mean_l * mean_l
        covariance = _box(lightness * ab) - mean_l * mean_ab
        slope = covariance / (variance.clamp(min=0) + SMOOTHNESS)
        slope = _box(slope)
        return cls(slope[0], (ab - slope * lightness)[0])

    def at(self, row: float, col: float, lightness: float) -> tuple[float, float]:
        """ab at a fractional grid position (a pixel's centre is at its integer coordinate), for this L."""
        height, width = self.slope.shape[-2:]
        place = torch.tensor([(col + 0.5) / width * 2 - 1, (row + 0.5) / height * 2 - 1]).view(1, 1, 1, 2)
        maps = torch.cat([self.slope, self.offset])[None]
        found = F.grid_sample(
            maps, place, mode="bilinear", padding_mode="border", align_corners=False
        ).flatten()
        a, b = (found[:2] * lightness + found[2:]).tolist()
        return a, b


def _box(image: Tensor) -> Tensor:
    """Mean over the window, of the part that lies inside the picture."""
    return F.avg_pool2d(image, 2 * WINDOW + 1, stride=1, padding=WINDOW, count_include_pad=False)


def _rows(maps: Tensor, first: int, last: int, height: int) -> Tensor:
    """Enlarge ``(C, h, w)`` bilinearly to rows first..last of `height`: ``(C, last - first, w)``."""
    position = (torch.arange(first, last) + 0.5) * (maps.shape[1] / height) - 0.5
    position = position.clamp(0, maps.shape[1] - 1)
    above = position.floor().long()
    below = (above + 1).clamp(max=maps.shape[1] - 1)
    return torch.lerp(maps[:, above], maps[:, below], (position - above)[:, None])


def render(lightness: np.ndarray, colors: Colors) -> np.ndarray:
    """Colour a photograph of any size.

    L is kept: where sRGB has no such colour, chroma gives way (`gamut.to_gamut`).

    Args:
        lightness: ``(H, W)`` float32, L in [0, 100].
        colors: from the network's grid, which shows the same rectangle.

    Returns:
        ``(H, W, 3)`` uint8 sRGB.
    """
    height, width = lightness.shape
    maps = torch.cat([colors.slope, colors.offset])  # (4, h, w)
    out = np.empty((height, width, 3), np.uint8)
    step = max(1, STRIP // width)
    for first in range(0, height, step):
        last = min(first + step, height)
        part = _rows(maps, first, last, height)[None]
        part = F.interpolate(part, size=(last - first, width), mode="bilinear")[0]
        strip = torch.from_numpy(np.require(lightness[first:last], np.float32, ["C", "W"]))
        lab = torch.cat([strip[None], part[:2] * strip + part[2:]])  # (3, rows, W)
        out[first:last] = to_uint8(screen_rgb(lab)).permute(1, 2, 0).numpy()
    return out
