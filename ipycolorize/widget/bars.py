"""Shares of the colour families as bars to drag: a column for each hue, vivid above muted, and grey."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from ipywidgets import HTML, Box

from ..color import to_hex
from ..families import HUES, families
from ..gamut import displayed
from .parts import Post, pointer_events

COLUMNS, ROWS = 1 + len(HUES), 2
LIGHTNESS = 65.0  # L of the bars
SLACK = 2.5  # CSS pixels that a pressed mouse may tremble before it is a drag

_ROW_NAMES = '<span class="ipc-axis ipc-vivid">vivid</span><span class="ipc-axis ipc-muted">muted</span>'


def percent(share: float) -> str:
    """A share for people: "12 %", and "0.4 %" where that matters."""
    value = 100 * share
    return f"{value:.1f} %" if 0.05 <= value < 9.95 else f"{value:.0f} %"


@lru_cache(maxsize=1)
def colors() -> tuple[str, ...]:
    """``#rrggbb`` of each family, as far as a screen can show it at `LIGHTNESS`."""
    return tuple(to_hex(displayed(LIGHTNESS, family.ab)[0]) for family in families())


def _family(row: int, column: int) -> int | None:
    """The family of a cell; above the neutral one there is none."""
    if column == 0:
        return None if row == 0 else 0
    return 2 * column - row


class Bars:
    """The bars: pressing one chooses it, dragging sets its share. Heights are square roots of shares.

    Args:
        on_choose: called with the number of the family.
        on_drag: called with (family, share, done): `done` is False while the mouse button is still down.
        post: takes what a callback fails with.
    """

    def __init__(
        self,
        on_choose: Callable[[int], None],
        on_drag: Callable[[int, float, bool], None],
        *,
        post: Post,
    ) -> None:
        self._on_choose, self._on_drag = on_choose, on_drag
        self._held: tuple[int, int] | None = None  # family under the pressed button, and the row of its bar
        self._start: float | None = None  # where it was pressed; None since it is being dragged
        self._bars = HTML()
        self._bars.add_class("ipc-overlay")
        self.box = Box([self._bars])
        self.box.add_class("ipc-bars")
        self.events = pointer_events(self.box, self._pointer, post=post)

    def show(self, shares: Sequence[float] | None, *, chosen: int, asked: bool) -> None:
        """Show the share of each family; None before any are known.

        Args:
            shares: 25, summing to 1.
            chosen: family whose bar is marked.
            asked: whether they are asked for; paler if that is only how the picture is.
        """
        cells = []
        for row in range(ROWS):
            for column in range(COLUMNS):
                number = _family(row, column)
                if number is None or shares is None:
                    cells.append("<i></i>")
                    continue
                share = shares[number]
                mark = ' class="ipc-on"' if number == chosen else ""
                tip = f"{families()[number].name} {percent(share)}"
                bar = f"height:{100 * max(share, 0.0) ** 0.5:.1f}%;background:{colors()[number]}"
                cells.append(f'<i{mark} title="{tip}"><b style="{bar}"></b></i>')
        look = "ipc-cells" if asked else "ipc-cells ipc-pale"
        self._bars.value = f'<div class="{look}">{"".join(cells)}</div>{_ROW_NAMES}'

    def _pointer(self, event: dict[str, Any]) -> None:
        kind, held = event["event"], bool(event.get("buttons", 0) & 1)
        width, height = event.get("boundingRectWidth", 0), event.get("boundingRectHeight", 0)
        if not (width and height):
            return
        x = (event["x"] - event["boundingRectLeft"]) / width
        y = (event["y"] - event["boundingRectTop"]) / height * ROWS  # in rows
        if kind == "mousedown" and event.get("button", 0) == 0:
            row, column = min(max(int(y), 0), ROWS - 1), min(max(int(x * COLUMNS), 0), COLUMNS - 1)
            number = _family(row, column)
            if number is not None:
                self._held, self._start = (number, row), y
                self._on_choose(number)
        elif self._held is not None:
            number, row = self._held
            if self._start is not None and abs(y - self._start) * height / ROWS > SLACK:
                self._start = None
            over = kind in ("mouseup", "mouseleave") or not held
            if self._start is None:
                self._on_drag(number, round(min(max(row + 1 - y, 0.0), 1.0) ** 2, 4), over)
            if over and not (kind == "mouseleave" and held):  # it may come back with its button down
                self._held = None
