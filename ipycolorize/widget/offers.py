"""Suggestions of several networks: a row of colours for each."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

from ipywidgets import VBox

from ..color import to_hex
from ..palette import COLORS
from .choices import Colors
from .parts import section
from .swatches import AB, Swatches


class Offers:
    """Rows under the networks' names.

    Args:
        names: of the networks.
        on_pick: called with the (a, b) of a colour that is clicked.
    """

    def __init__(self, names: Sequence[str], on_pick: Callable[[AB], None]) -> None:
        self._on_pick = on_pick
        self.colors: list[Colors] = [() for _ in names]
        self.rows = [
            Swatches(COLORS, lambda place, number=number: self._pick(number, place))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            for number in range(len(names))
        ]
        self.sections: list[VBox] = [
            section(f"Suggested by {html.escape(name)}", row.box)
            for name, row in zip(names, self.rows, strict=True)
        ]

    def show(self, number: int, colors: Colors) -> None:
        """Show what a network suggests."""
        self.colors[number] = colors
        self.rows[number].show([(to_hex(rgb), tip) for rgb, _, tip in colors])

    def _pick(self, number: int, place: int) -> None:
        if place < len(self.colors[number]):
            self._on_pick(self.colors[number][place][1])
