"""Colour families: the 313 ab bins sorted by hue and chroma, so that a person can speak about a histogram."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .gamut import AbBins

HUES = ("rose", "red", "orange", "yellow", "lime", "green",
        "teal", "cyan", "sky", "blue", "indigo", "magenta")  # fmt: skip
NEUTRAL = 12.0  # ab units: less chroma is grey
VIVID = 35.0  # from here on
FADE = 10.0  # ab units by which colours of a family that had nothing fall off


@dataclass(frozen=True)
class Family:
    """Bins that look alike.

    Attributes:
        name: for people, such as "muted red".
        hue: index into `HUES`; None for the neutral family.
        vivid: whether its chroma is at least 35.
        bins: indices among the 313.
        ab: mean colour of the bins, Lab units.
    """

    name: str
    hue: int | None
    vivid: bool
    bins: tuple[int, ...]
    ab: tuple[float, float]


@lru_cache(maxsize=1)
def families() -> tuple[Family, ...]:
    """The neutral family, then muted and vivid of each hue; hue k lies within 15 degrees of 30 k in ab.

    Every bin belongs to one of the 25.
    """
    centers = AbBins().centers.numpy()
    chroma = np.hypot(*centers.T)
    hue = np.round(np.degrees(np.arctan2(centers[:, 1], centers[:, 0])) / 30).astype(int) % len(HUES)

    def family(name: str, index: int | None, vivid: bool, inside: np.ndarray) -> Family:
        a, b = centers[inside].mean(0).tolist()
        return Family(name, index, vivid, tuple(np.flatnonzero(inside).tolist()), (a, b))

    found = [family("neutral", None, False, chroma < NEUTRAL)]
    for index, name in enumerate(HUES):
        here = (hue == index) & (chroma >= NEUTRAL)
        found.append(family(f"muted {name}", index, False, here & (chroma < VIVID)))
        found.append(family(f"vivid {name}", index, True, here & (chroma >= VIVID)))
    return tuple(found)


def shares_of(histogram: np.ndarray) -> np.ndarray:
    """Share of each family, ``(25,)``, of a histogram ``(313,)``."""
    return np.array([histogram[list(family.bins)].sum() for family in families()])


def with_share(histogram: np.ndarray, family: int, share: float) -> np.ndarray:
    """A histogram in which one family has another share; the others keep their proportions.

    Where there is nothing to keep in proportion, the colours with the least chroma come first: in a family
    that was empty, and outside one that was alone.

    Args:
        histogram: ``(313,)``, summing to 1.
        family: number among `families`.
        share: in [0, 1].

    Raises:
        ValueError: another share, or no such family.
    """
    if not 0 <= share <= 1 or not 0 <= family < len(families()):
        raise ValueError(
            f"expected a share within 0..1 of a family 0..{len(families()) - 1}, got {share} of {family}"
        )
    bins = list(families()[family].bins)
    inside = np.zeros(len(histogram), bool)
    inside[bins] = True
    return share * _part(histogram, inside) + (1 - share) * _part(histogram, ~inside)


def _part(histogram: np.ndarray, where: np.ndarray) -> np.ndarray:
    """What a histogram has of some bins, as shares that sum to 1."""
    mass = np.where(where, histogram, 0.0)
    if mass.sum() <= 1e-9:
        chroma = np.hypot(*AbBins().centers.numpy().T)
        mass = np.where(where, np.exp(-chroma / FADE), 0.0)
    return mass / mass.sum()
