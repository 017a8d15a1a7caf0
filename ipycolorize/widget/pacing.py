"""When a pad brings the screen up to date: once the way there has room, or when a slow link rests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .cells import ForCells
from .flow import FINAL, QUALITIES
from .static import Companion, png
from .worker import Worker

ROOM = "room"  # event: the way to the browser is free again
LATER = 30.0  # seconds of rest after which even a slow link has time for everything


class Paced(ForCells):
    """The part of a pad that waits for room instead of letting anybody wait."""

    _worker: Worker
    _companion: Companion
    _wanted: Callable[[], np.ndarray]
    _still_stale: bool
    _behind = False  # the screen is, for want of room on the way there

    def _if_room(self, *steps: Callable[[], Any]) -> Sequence[Callable[[], Any]]:
        """The steps that bring the screen up to date, or the wait for it."""
        self._behind = not self._picture.flow.room()
        return [self._wait_for_room] if self._behind else steps

    def _wait_for_room(self) -> None:
        """Show the newest state when the browser has shown what is on its way, or nobody seems to look."""
        self._behind = True
        self._worker.remind(self._picture.flow.patience, ROOM)

    def _catch_up(self) -> None:
        """The browser has shown a picture; on any thread."""
        if self._behind:
            self._worker.post(ROOM)

    def _rest(self) -> None:
        """After a longer pause: renew the picture that stays in the notebook, if that holds up nobody."""
        if self._still_stale and self._companion.shown:
            still = self.snapshot()
            if self._picture.flow.carries(len(png(still)) * 4 // 3, FINAL):
                self._companion.update(still, edited=self._edited)
                self._still_stale = False

    def _catch_breath(self) -> None:
        """After a long one: what a slow link had no time for."""
        if self._picture.quality != QUALITIES[0]:
            self._picture.draw(rgb=self._wanted(), fine=True)
        if self._still_stale and self._companion.shown:
            self._companion.update(self.snapshot(), edited=self._edited)
            self._still_stale = False
