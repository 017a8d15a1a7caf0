"""The colours that a pad offers for a place: the network's suggestions, or always the same common ones.

The paper's study compares the two (section 4.2): one of its interfaces has the data-driven palette, the other
48 common colours.
"""

from __future__ import annotations

import math

from ..color import to_hex
from ..gamut import displayed
from ..session import Session
from .swatches import AB, RGB

Colors = tuple[tuple[RGB, AB, str], ...]  # what it looks like here, what it is, what to say about it

HUES = 12  # around the ab plane
CHROMAS = (18.0, 36.0, 58.0)  # Lab units: muted, clear, vivid
NAMED: dict[str, AB] = {  # between or below these, and often wanted
    "grey": (0.0, 0.0), "pale skin": (12.0, 12.0), "skin": (14.0, 21.0), "dark skin": (19.0, 16.0),
    "tan": (21.0, 24.0), "brown": (13.0, 26.0), "wood": (9.0, 31.0), "brick": (34.0, 27.0),
    "sand": (3.0, 23.0), "olive": (-6.0, 30.0), "foliage": (-20.0, 24.0), "sky": (-6.0, -25.0),
}  # fmt: skip


def suggested(session: Session, row: int, col: int) -> Colors:
    """What the network thinks likely at a pixel of the photograph, with its probability."""
    return tuple((one.rgb, one.ab, f"{100 * one.share:.0f} %") for one in session.palette(row, col))


def common(session: Session, row: int, col: int) -> Colors:
    """The 48 common colours, as they look at a pixel's lightness: three rows of hues, one of named ones."""
    lightness = session.lightness_at(row, col)
    shown = [(*displayed(lightness, ab), name) for name, ab in COMMON]
    return tuple((rgb, ab, name or to_hex(rgb)) for rgb, ab, name in shown)


def _polar(chroma: float, degrees: float) -> AB:
    angle = math.radians(degrees)
    return chroma * math.cos(angle), chroma * math.sin(angle)


COMMON: tuple[tuple[str, AB], ...] = (
    *(("", _polar(chroma, 360 / HUES * hue)) for chroma in CHROMAS for hue in range(HUES)),
    *NAMED.items(),
)
