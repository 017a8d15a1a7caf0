"""What lies over a picture and says where the mouse is: plain HTML, so that it costs no drawing."""

from __future__ import annotations

import math
from collections.abc import Callable

from ipywidgets import HTML

from ..color import to_hex
from ..gamut import displayed
from ..hints import Hint
from ..influence import Influence, tint
from .parts import styled
from .swatches import AB, RGB

Place = tuple[int, int]  # (row, col) in pixels of the photograph
NAMED = 3  # points that are named for a pixel, at most
LIGHTNESS = 65.0  # of the points' tints in the line below the picture


class Overlay:
    """A cross where the mouse is on another picture, a thread to the point it comes from, and a line of text.

    Args:
        photo: (H, W) of the photograph.
        color_at: the colour on the screen at a place.
        ab_at: the same as (a, b).
    """

    def __init__(
        self, photo: tuple[int, int], color_at: Callable[[int, int], RGB], ab_at: Callable[[int, int], AB]
    ) -> None:
        self._photo, self._color_at, self._ab_at = photo, color_at, ab_at
        self.layer = styled(HTML(), "ipc-above")
        self.reading = styled(HTML(), "ipc-reading")

    def clear(self) -> None:
        """Show nothing: the mouse is nowhere."""
        self.layer.value = self.reading.value = ""

    def show_color(self, place: Place, *, here: bool, beside: AB | None) -> None:
        """Show the colour at a place.

        Args:
            place: where the mouse is.
            here: it is on this picture, which needs no cross.
            beside: (a, b) there on the picture to compare with.
        """
        self.layer.value = "" if here else self._cross(place)
        a, b = self._ab_at(*place)
        text = f"a {a:.0f}, b {b:.0f}".replace("-", "−")
        apart = "" if beside is None else f" · {math.dist((a, b), beside):.0f} apart"
        self.reading.value = _chip(to_hex(self._color_at(*place))) + text + apart

    def show_owners(self, place: Place, found: Influence, *, here: bool) -> None:
        """Show which points coloured a place, and a thread to the first of them."""
        owner = found.owner_at(*place)
        self.layer.value = ("" if here else self._cross(place)) + (
            self._thread(place, owner) if owner else ""
        )
        self.reading.value = owners_text(found, place)

    def _percent(self, row: int, col: int) -> tuple[float, float]:
        """Left and top of a pixel's centre, in percent of the picture."""
        return 100 * (col + 0.5) / self._photo[1], 100 * (row + 0.5) / self._photo[0]

    def _cross(self, place: Place) -> str:
        left, top = self._percent(*place)
        return f'<i class="ipc-plus" style="left:{left:.2f}%;top:{top:.2f}%"></i>'

    def _thread(self, place: Place, owner: Hint) -> str:
        (x, y), (left, top) = self._percent(*place), self._percent(owner.row, owner.col)
        line = f'x1="{x:.2f}" y1="{y:.2f}" x2="{left:.2f}" y2="{top:.2f}"'
        return (
            '<svg viewBox="0 0 100 100" preserveAspectRatio="none">'
            f'<line class="ipc-under" {line}/><line {line}/></svg>'
        )


def owners_text(found: Influence, place: Place) -> str:
    """HTML: the points with the most influence on a place, in their tints, and how much it is."""
    parts = []
    for hint, value in found.at(*place)[: NAMED + 1]:
        if found.kind == "weights":
            amount = f"{100 * value:.0f} %"
        elif hint is None:
            break  # nobody would notice the rest
        else:
            amount = f"{value:.0f} ab"
        if hint is None:
            parts.append(f"the photograph {amount}")
        elif value >= 0.005:
            chip = to_hex(displayed(LIGHTNESS, tint(found.hints.index(hint)))[0])
            parts.append(_chip(chip) + amount)
    return " &nbsp; ".join(parts) or "no point: the photograph itself"


def _chip(color: str) -> str:
    return f'<i style="background:{color}"></i>'
