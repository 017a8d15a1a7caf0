"""What the controls are to show, of a session and of what is selected in it."""

from __future__ import annotations

from collections.abc import Callable

from ..color import to_hex
from ..gamut import displayed
from ..hints import Hint
from ..session import Session
from .choices import Colors
from .controls import View
from .gestures import State
from .swatches import AB, RGB


def place_of(session: Session, state: State) -> tuple[Hint | None, tuple[int, int]]:
    """The selected point, None without one, and the (row, col) that colours are asked for."""
    hint = None if state.selected is None else session.hints[state.selected]
    return hint, state.place if hint is None else (hint.row, hint.col)


def view_of(
    session: Session,
    state: State,
    *,
    colour: Callable[[Hint], tuple[AB, RGB]],
    suggested: Callable[[int, int], Colors],
    changed: bool,
) -> View:
    """What to show.

    Args:
        session: with the points.
        state: selection, size, colours used before.
        colour: of a point: (a, b) and what it looks like.
        suggested: colours to pick from at (row, col).
        changed: there is something that can be removed.
    """
    hint, place = place_of(session, state)
    lightness = session.lightness_at(*place)
    ab, rgb = (None, None) if hint is None else colour(hint)
    return View(
        lightness=lightness,
        ab=ab,
        rgb=rgb,
        size=state.size if hint is None else hint.size,
        reach=state.reach if hint is None else hint.reach,
        suggested=suggested(*place),
        recent=tuple((rgb := displayed(lightness, used)[0], used, to_hex(rgb)) for used in state.recent),
        changed=changed,
        can_undo=session.can_undo or state.live,
        can_redo=session.can_redo,
        before=state.before,
    )
