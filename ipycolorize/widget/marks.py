"""The points of a session, in the colours that they are drawn with."""

from __future__ import annotations

from ..hints import Hint
from ..session import Session
from .canvas import Mark
from .swatches import RGB


class Marks:
    """What each point looks like; one without a colour of its own has the picture's, which the network tells.

    Args:
        session: whose points they are.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._looks: dict[Hint, RGB] = {}

    def of(self, selected: int | None, *, fresh: bool = True) -> list[Mark]:
        """The points as they are now.

        Args:
            selected: number of the point that is shown so.
            fresh: ask the network; False: a colour that was known already does, for it needs no waiting.
        """
        hints, looks = tuple(self._session.hints), self._looks
        self._looks = {
            hint: looks[hint]
            if hint in looks and (hint.weight > 0 or not fresh)
            else self._session.color_of(hint)
            for hint in hints
        }
        return [Mark(hint.row, hint.col, hint.size, self._looks[hint], hint.id == selected) for hint in hints]
