"""What a cell asks of a pad: its picture and its points, read, written and replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..session import Session
from .canvas import Picture
from .gestures import State
from .marks import Marks

REFRESH = "refresh"  # event: the session was changed from outside


class ForCells:
    """The part of a pad that cells call, from their own thread."""

    session: Session
    _picture: Picture
    _marks: Marks
    _state: State
    _post: Callable[[Any], None]

    def rgb(self) -> np.ndarray:
        """The colorized photograph, ``(H, W, 3)`` uint8 at full size."""
        return self.session.rgb()

    def save(self, path: str | Path) -> None:
        """Write the points as JSON."""
        self.session.save(path)

    def load(self, path: str | Path) -> None:
        """Replace the points by those of a JSON file, which can be undone."""
        self.session.load(path)
        self.refresh()

    def export(self, path: str | Path) -> None:
        """Write the colorized photograph at full size, as .png, .jpg or .tif."""
        self.session.export(path)

    def refresh(self) -> None:
        """Show what the session holds, after it was changed from a cell."""
        self._post(REFRESH)

    def snapshot(self) -> Image.Image:
        """The picture with its points, as on the screen."""
        return self._picture.still(
            self.session.rgb(self._picture.sent_shape), self._marks.of(self._state.selected)
        )

    @property
    def _edited(self) -> bool:
        """Whether there is anything to lose."""
        return bool(self.session.hints.items) or not self.session.mood.plain
