"""Where a pixel of the photograph lies in the network's grid, and back: the one owner of coordinates."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """A photograph of `photo` = (H, W) pixels, which the network sees as `grid` = (h, w) pixels.

    A pixel's centre has integer coordinates, so the picture reaches from -0.5 to H - 0.5, and

        grid row = (photo row + 0.5) * h / H - 0.5

    and likewise for columns. Rows and columns keep their own exact factors: rounding the grid to whole
    pixels makes them differ a little, and with one common factor points would drift towards the far border.
    """

    photo: tuple[int, int]
    grid: tuple[int, int]

    def __post_init__(self) -> None:
        if min(*self.photo, *self.grid) < 1:
            raise ValueError(f"expected sides of at least 1 pixel, got {self}")

    @classmethod
    def fit(
        cls,
        photo_shape: tuple[int, int],
        *,
        short_side: int,
        max_pixels: int | None = None,
        max_side: int | None = None,
    ) -> Frame:
        """Give the grid of the photograph's aspect ratio whose short side has `short_side` pixels.

        Each side is rounded to a whole pixel, at least 1; a small photograph is enlarged too. Where the
        grid would have more than `max_pixels`, or a side longer than `max_side`, it shrinks as a whole,
        short side included, so that long panoramas stay affordable and undistorted.
        """
        height, width = photo_shape
        limits = [limit for limit in (short_side, max_pixels, max_side) if limit is not None]
        if min(height, width, *limits) < 1:
            raise ValueError(
                f"expected sides and limits of at least 1 pixel, got photo {photo_shape}, "
                f"short_side={short_side}, max_pixels={max_pixels}, max_side={max_side}"
            )
        scale = short_side / min(height, width)
        if max_side is not None:
            scale = min(scale, max_side / max(height, width))
        if max_pixels is not None:
            scale = min(scale, math.sqrt(max_pixels / (height * width)))
        rows, cols = max(1, round(height * scale)), max(1, round(width * scale))
        if max_pixels is not None:  # rounding may have gone above; the long side bears it best
            if rows > cols:
                rows = max(1, min(rows, max_pixels // cols))
            else:
                cols = max(1, min(cols, max_pixels // rows))
        return cls(photo=(height, width), grid=(rows, cols))

    @property
    def scale(self) -> float:
        """Grid pixels per photo pixel: the geometric mean of both factors, so that areas come out right."""
        return math.sqrt(self.grid[0] * self.grid[1] / (self.photo[0] * self.photo[1]))

    def to_grid(self, row: float, col: float) -> tuple[float, float]:
        """Map a point of the photograph to its (fractional) row and column in the grid."""
        return (
            (row + 0.5) * self.grid[0] / self.photo[0] - 0.5,
            (col + 0.5) * self.grid[1] / self.photo[1] - 0.5,
        )

    def to_photo(self, row: float, col: float) -> tuple[int, int]:
        """Map a point of the grid to the photo pixel that holds it, clipped into the photograph."""
        return (
            _pixel((row + 0.5) * self.photo[0] / self.grid[0] - 0.5, self.photo[0]),
            _pixel((col + 0.5) * self.photo[1] / self.grid[1] - 0.5, self.photo[1]),
        )

    def size_to_grid(self, size: float) -> float:
        """Map a length in photo pixels (a hint's patch size) to grid pixels."""
        return size * self.scale

    def contains(self, row: float, col: float) -> bool:
        """Whether a point in photo pixels lies in the photograph."""
        return -0.5 <= row < self.photo[0] - 0.5 and -0.5 <= col < self.photo[1] - 0.5


def _pixel(position: float, length: int) -> int:
    """Round half up (Python's round would pull halves to even pixels) and clip to 0 .. length - 1."""
    return min(max(math.floor(position + 0.5), 0), length - 1)
