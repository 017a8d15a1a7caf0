"""A seam between two colours inside one thing: where, how straight, how wide (paper, section 4.5, figure 8).

Two points lie in a segment whose lightness says nothing about where one colour should end. Along the way from
the first point to the second, each pixel's colour is projected on the line between both colours,

    t = (ab - first) . (second - first) / |second - first|²,     0: the first's colour, 1: the second's,

and the seam is the locus t = 1/2, found to a fraction of a pixel in each line of pixels ("row") parallel to
that way. Whatever direction the points lie in, rows are one pixel apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from .color import rgb_to_lab
from .gamut import to_gamut
from .hints import Hint

AB = tuple[float, float]

STEP = 0.5  # pixels between samples along a row
FEWEST = 8  # rows with a seam, below which there is no telling how straight it is
NEAR = 3.0  # colours nearer to each other than this (ab units) have no seam that could be seen
LEVELS = (0.1, 0.9)  # of a row's own change of colour: the transition's ends
FLAT = 0.1  # a row that changes by less of the way between the colours has no transition
WAY = 10.0  # ab units: a pixel that is nearer to a point's colour from the start cannot be said to take it

SIDE = 256  # of the scene in pixels
GREY = 128  # its square, sRGB: L 53.6
DISTANCE = 64  # between the points, in pixels
SIZE = 7  # of their patches, as in the paper


def _colour(hue: float, chroma: float) -> AB:
    return chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))


PAIRS: dict[str, tuple[AB, AB]] = {  # sRGB shows all of them at the scene's lightness
    "blue & red": (_colour(288, 65), _colour(35, 75)),
    "green & pink": (_colour(138, 55), _colour(355, 65)),
    "yellow & blue": (_colour(95, 50), _colour(275, 50)),
    "orange & cyan": (_colour(60, 55), _colour(215, 25)),
    "red & orange": (_colour(30, 60), _colour(65, 55)),
    "blue & violet": (_colour(285, 60), _colour(315, 60)),
    "grey & red": ((0.0, 0.0), _colour(35, 75)),
}


@dataclass(frozen=True)
class Seam:
    """A seam as it was measured, in pixels.

    Attributes:
        reason: why there is none; empty where there is one. Without a seam all numbers but `filled` are nan.
        position: mean offset from the middle between the points, positive towards the second: it has lost.
        roughness: rms distance of the locus from the straight line that fits it best, along the rows.
        tilt: of that line against the perpendicular, degrees; positive where it comes nearer to the second
            point from row to row, downwards (points above each other: from right to left).
        width: median over rows of the way from 10 % to 90 % of a row's change of colour.
        contrast: median change of colour along a row, as a share of the way between both colours: 1 where
            each side has its point's colour, above 1 where a network exaggerates.
        complete: share of the rows between the points that the seam crosses.
        filled: shares of the pixels nearer to the first point, and to the second, that take its colour: more
            than half of their way from the automatic colour to it has gone. The points' own pixels do not
            count; nan where none could be judged.
        locus: ``(rows, 2)`` float, row and column of the seam in the picture; one of each row that has it.
        profile: ``(samples, 2)`` float, offset from the middle in pixels, and the median t of all rows.
    """

    reason: str
    position: float
    roughness: float
    tilt: float
    width: float
    contrast: float
    complete: float
    filled: tuple[float, float]
    locus: np.ndarray
    profile: np.ndarray


def square_scene(side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """The paper's toy: a grey square on black, half as wide as the picture.

    Returns:
        The picture ``(side, side, 3)`` uint8, and the square ``(side, side)`` bool.
    """
    inside = np.zeros((side, side), bool)
    inside[side // 4 : side - side // 4, side // 4 : side - side // 4] = True
    return np.repeat(np.where(inside, GREY, 0).astype(np.uint8)[..., None], 3, axis=2), inside


def place_pair(
    colours: tuple[AB, AB],
    *,
    middle: tuple[float, float],
    distance: float,
    size: int = SIZE,
    angle: float = 0,
) -> tuple[Hint, Hint]:
    """Two points, symmetric around a place.

    Args:
        colours: of the first and the second, in Lab units.
        middle: (row, col) between them.
        distance: between them, in pixels.
        size: of their patches.
        angle: in degrees from the first to the second: 0 to the right, 90 down.
    """
    down, right = math.sin(math.radians(angle)) * distance / 2, math.cos(math.radians(angle)) * distance / 2
    first, second = colours
    return (
        Hint(1, round(middle[0] - down), round(middle[1] - right), *first, size),
        Hint(2, round(middle[0] + down), round(middle[1] + right), *second, size),
    )


def fit_pair(colours: tuple[AB, AB], lightness: float) -> tuple[AB, AB]:
    """The same hues at another lightness, with as much of their chroma as sRGB has there."""
    columns = torch.tensor([[lightness, *ab] for ab in colours]).T[..., None]
    (a, b), (c, d) = to_gamut(columns)[1:, :, 0].T.tolist()
    return (a, b), (c, d)


def measure_picture(
    rgb: np.ndarray, automatic: np.ndarray, pair: tuple[Hint, Hint], *, inside: np.ndarray
) -> Seam:
    """`measure_seam` of pictures ``(H, W, 3)`` uint8: as a screen shows them."""
    ab, without = (rgb_to_lab(picture)[..., 1:].transpose(2, 0, 1) for picture in (rgb, automatic))
    return measure_seam(ab, without, pair, inside=inside)


def measure_seam(
    ab: np.ndarray, automatic: np.ndarray, pair: tuple[Hint, Hint], *, inside: np.ndarray
) -> Seam:
    """Measure the seam between two points.

    Args:
        ab: ``(2, H, W)`` the result with both points, in Lab units.
        automatic: the same without points.
        pair: the points, their places and sizes in pixels of `ab`.
        inside: ``(H, W)`` bool, the segment; a row counts as far as all of it lies inside and touches its
            neighbours.
    """
    first, second = pair
    filled = _filled(ab, automatic, pair, inside)
    colours = np.array([first.ab, second.ab])
    apart = colours[1] - colours[0]
    if np.linalg.norm(apart) < NEAR:
        return _none("both points have the same colour", filled)
    length = math.hypot(second.row - first.row, second.col - first.col)
    if length < 2:
        return _none("the points lie on each other", filled)
    along = np.array([second.row - first.row, second.col - first.col]) / length
    across = np.array([along[1], -along[0]]) * (1 if along[1] >= 0 else -1)  # rows from top to bottom
    middle = np.array([first.row + second.row, first.col + second.col]) / 2
    offset = np.linspace(-length / 2, length / 2, 1 + math.ceil(length / STEP))
    rows = _rows_inside(inside, middle, along, across, offset)
    if rows is None:
        return _none("the way between the points leaves the thing that they lie in", filled)
    if len(rows) < FEWEST:
        return _none("the thing that the points lie in is too narrow between them", filled)
    places = middle[:, None, None] + across[:, None, None] * rows[:, None] + along[:, None, None] * offset
    samples = np.stack([ndimage.map_coordinates(plane, places, order=1, mode="nearest") for plane in ab])
    t = np.tensordot(apart, samples - colours[0][:, None, None], axes=1) / (apart @ apart)  # (rows, samples)
    return _seam_of(t, rows, offset, middle, along, across, filled)


def _seam_of(
    t: np.ndarray,
    rows: np.ndarray,
    offset: np.ndarray,
    middle: np.ndarray,
    along: np.ndarray,
    across: np.ndarray,
    filled: tuple[float, float],
) -> Seam:
    at = np.array([_crossing(offset, row, 0.5) for row in t])
    has = np.isfinite(at)
    if has.sum() < FEWEST:
        winner, loser = ("first", "second") if np.median(t) < 0.5 else ("second", "first")
        return _none(f"the {winner} colour goes on to the {loser} point", filled, t, offset)
    slope, start = np.polyfit(rows[has], at[has], 1)
    rest = at[has] - (slope * rows[has] + start)
    ends = np.array([_ends(row) for row in t[has]])
    change = ends[:, 1] - ends[:, 0]
    widths = [
        _crossing(offset, row, low + LEVELS[1] * size) - _crossing(offset, row, low + LEVELS[0] * size)
        for row, (low, _), size in zip(t[has], ends, change, strict=True)
        if size > FLAT
    ]
    return Seam(
        reason="",
        position=float(at[has].mean()),
        roughness=float(np.sqrt((rest**2).mean())),
        tilt=float(np.degrees(np.arctan(slope))),
        width=float(np.nanmedian(widths)) if np.isfinite(widths).any() else math.nan,
        contrast=float(np.median(change)),
        complete=float(has.mean()),
        filled=filled,
        locus=middle + rows[has, None] * across + at[has, None] * along,
        profile=np.stack([offset, np.median(t, axis=0)], axis=1),
    )


def _ends(row: np.ndarray) -> tuple[float, float]:
    """The levels that a row comes from and goes to: medians of its outer eighths."""
    outer = max(1, len(row) // 8)
    return float(np.median(row[:outer])), float(np.median(row[-outer:]))


def _crossing(offset: np.ndarray, row: np.ndarray, level: float) -> float:
    """Where a row rises through a level; the middle one of several places; nan where both ends lie alike."""
    above = row >= level
    if above[0] or not above[-1]:
        return math.nan
    (places,) = np.nonzero(above[1:] != above[:-1])  # an odd number, since the ends differ
    at = places[len(places) // 2]
    share = (level - row[at]) / (row[at + 1] - row[at])
    return float(offset[at] + share * (offset[at + 1] - offset[at]))


def _rows_inside(
    inside: np.ndarray, middle: np.ndarray, along: np.ndarray, across: np.ndarray, offset: np.ndarray
) -> np.ndarray | None:
    """Offsets across, whole pixels around 0, of the rows that lie inside from one point to the other."""
    most = math.ceil(math.hypot(*inside.shape))
    rows = np.arange(-most, most + 1)
    places = middle[:, None, None] + across[:, None, None] * rows[:, None] + along[:, None, None] * offset
    whole = ndimage.map_coordinates(inside.astype(np.uint8), places, order=0, mode="constant").all(axis=1)
    number, _ = ndimage.label(whole)
    return rows[number == number[most]] if whole[most] else None


def _filled(
    ab: np.ndarray, automatic: np.ndarray, pair: tuple[Hint, Hint], inside: np.ndarray
) -> tuple[float, float]:
    row, col = np.indices(inside.shape)
    far = [np.hypot(row - hint.row, col - hint.col) for hint in pair]
    own = np.any([np.maximum(abs(row - h.row), abs(col - h.col)) <= h.size / 2 for h in pair], axis=0)
    shares = []
    for hint, nearer in zip(pair, (far[0] < far[1], far[1] < far[0]), strict=True):
        target = np.array(hint.ab)[:, None, None]
        way, left = (np.linalg.norm(target - colours, axis=0) for colours in (automatic, ab))
        judged = inside & nearer & ~own & (way >= WAY)
        shares.append(float((left < way / 2)[judged].mean()) if judged.any() else math.nan)
    return shares[0], shares[1]


def _none(
    reason: str,
    filled: tuple[float, float],
    t: np.ndarray | None = None,
    offset: np.ndarray | None = None,
) -> Seam:
    profile = np.zeros((0, 2)) if t is None or offset is None else np.stack([offset, np.median(t, axis=0)], 1)
    nan = math.nan
    return Seam(reason, nan, nan, nan, nan, nan, 0.0, filled, np.zeros((0, 2)), profile)
