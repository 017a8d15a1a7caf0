"""Interaction: what a pointer, a key or a control means, as functions of (session, state, event).

The session holds what is undone and saved (the hints); `State` holds what belongs to one pad (selection, a
drag under way, recent colours). Nothing here knows widgets or browsers, so that every gesture is tested with
made-up events.

While a drag lasts the session is changed with ``record=False``; the first event that is not part of it
commits, which makes the whole drag one step of undo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from ..hints import THING
from ..mood import Mood
from ..session import Session

RECENT = 10  # colours remembered, as in the original interface
SAME = 1.0  # two colours nearer than this (Lab units) look the same: one of them is enough
NOW_PICK = "Now pick a colour for this point."
SELECT_FIRST = "Select a point first, or click on the photograph to add one."

AB = tuple[float, float]
Name = Literal["undo", "redo", "delete", "reset", "before"]


@dataclass(frozen=True)
class Pointer:
    """The mouse on the picture.

    Attributes:
        kind: what happened.
        row, col: where, in pixels of the photograph, clipped into it.
        button: that went down or up: 0 left, 1 middle, 2 right.
        buttons: held at this moment, one bit each: 1 left, 2 right.
        sample: Shift or Alt is held: the click samples a colour.
        reach: photo pixels by which a click may miss a point.
        slack: photo pixels that a pressed mouse may tremble before it is a drag.
    """

    kind: Literal["down", "move", "up", "leave"]
    row: int
    col: int
    button: int = 0
    buttons: int = 0
    sample: bool = False
    reach: float = 10.0
    slack: float = 2.0


@dataclass(frozen=True)
class Key:
    """A key on the picture; `step` is the way of an arrow key in photo pixels."""

    key: str
    ctrl: bool = False
    shift: bool = False
    step: int = 1


@dataclass(frozen=True)
class Pick:
    """A colour for the selected point; `done` is False while the mouse still looks for it."""

    ab: AB
    done: bool = True


@dataclass(frozen=True)
class Resize:
    """A patch size in photo pixels for the selected point and the next ones."""

    size: int


@dataclass(frozen=True)
class Reach:
    """How far the selected point and the next ones act, as `Hint.reach`."""

    reach: float


@dataclass(frozen=True)
class Command:
    """A button."""

    name: Name


Event = Pointer | Key | Pick | Resize | Reach | Command


@dataclass(frozen=True)
class Drag:
    """A point held by the mouse: where it was grabbed, and by how much beside its centre."""

    id: int
    row: int
    col: int
    off_row: int
    off_col: int
    moving: bool = False


@dataclass(frozen=True)
class Grip:
    """A share of the mood under change: `before` it began, and as it was left `after` the last move."""

    family: int
    before: Mood
    after: Mood
    held: bool


@dataclass(frozen=True)
class State:
    """What one pad remembers beside the session.

    Attributes:
        size: patch size of the next point, photo pixels.
        reach: how far the next point acts.
        place: (row, col) whose colours are suggested while nothing is selected.
        selected: id of the selected hint.
        drag: the point under the mouse, if it is held.
        grip: the share that was changed last; it may move on.
        live: the session has changes that make no undo step yet.
        before: show the grey photograph.
        mood_open: show the section of the mood.
        family: the colour family whose share is to be set, a number among `families`.
        present: histogram and saturation of the picture as it was seen last.
        recent: ab of the colours used, newest first.
        message: what the last event has to say.
    """

    size: int
    place: tuple[int, int]
    selected: int | None = None
    drag: Drag | None = None
    grip: Grip | None = None
    live: bool = False
    before: bool = False
    reach: float = THING
    mood_open: bool = False
    family: int = 0
    present: Mood | None = None
    recent: tuple[AB, ...] = ()
    message: str = ""


def react(session: Session, state: State, event: Event) -> State:
    """The state after an event; the session is changed where the event asks for it.

    Args:
        session: of the pad.
        state: before the event.
        event: what happened.
    """
    if (
        not isinstance(event, Pointer) or event.kind == "down"
    ):  # letting the button go does not take a message back
        state = replace(state, message="")
    match event:
        case Pointer():
            state = _pointer(session, state, event)
        case Key():
            state = _key(session, state, event)
        case Pick():
            state = _pick(session, state, event)
        case Resize():
            state = _resize(session, state, event.size)
        case Reach():
            state = _limit(session, state, event.reach)
        case Command():
            state = _command(session, settle(session, state), event.name)
    return hold(session, state)


def hold(session: Session, state: State) -> State:
    """Let go of a selected point that is gone: undone, removed, or replaced by a file or from a cell."""
    gone = state.selected is not None and state.selected not in session.hints
    return replace(state, selected=None, drag=None) if gone else state


def settle(session: Session, state: State) -> State:
    """Make one undo step of everything changed live."""
    if not state.live:
        return state
    session.commit()
    return replace(state, live=False)


def _pointer(session: Session, state: State, event: Pointer) -> State:
    if event.kind == "down":
        return _down(session, settle(session, state), event)
    if event.kind == "move":
        if not event.buttons & 1:  # released where nobody could tell us
            return replace(settle(session, state), drag=None)
        return _drag(session, state, event)
    state = _drag(session, state, event)
    # a mouse that leaves with its button down may come back with it: the point stays in its hand
    return replace(settle(session, state), drag=state.drag if event.kind == "leave" else None)


def _down(session: Session, state: State, event: Pointer) -> State:
    hit = session.hints.at(event.row, event.col, radius=event.reach)
    if event.button == 2:
        if hit is None:
            return state
        session.remove(hit.id)
        return replace(state, drag=None, place=(hit.row, hit.col))
    if event.button != 0:
        return state
    if event.sample:
        if state.selected is None:
            return replace(state, message=SELECT_FIRST)
        return _pick(session, state, Pick(session.ab_at(event.row, event.col)))
    if hit is None:  # without a colour of its own: it changes nothing before one is picked
        hit = session.add(event.row, event.col, size=state.size, reach=state.reach)
        state = replace(state, message=NOW_PICK)
    grip = Drag(hit.id, event.row, event.col, hit.row - event.row, hit.col - event.col)
    return replace(state, selected=hit.id, drag=grip, place=(hit.row, hit.col))


def _drag(session: Session, state: State, event: Pointer) -> State:
    drag = state.drag
    if drag is None or drag.id not in session.hints:
        return replace(state, drag=None)
    if not drag.moving and math.hypot(event.row - drag.row, event.col - drag.col) <= event.slack:
        return state
    moved = _move(session, state, drag.id, event.row + drag.off_row, event.col + drag.off_col)
    return replace(moved, drag=replace(drag, moving=True))


def _move(session: Session, state: State, id: int, row: int, col: int) -> State:
    height, width = session.photo.shape
    row, col = min(max(row, 0), height - 1), min(max(col, 0), width - 1)
    hint = session.hints[id]
    if (row, col) == (hint.row, hint.col):
        return state
    session.move(id, row, col, record=False)
    return replace(state, live=True, place=(row, col))


def _pick(session: Session, state: State, event: Pick) -> State:
    if state.selected is None:
        return replace(state, message=SELECT_FIRST)
    hint = session.hints[state.selected]
    if hint.ab != event.ab or hint.weight == 0:
        session.recolor(state.selected, event.ab, record=False)
        state = replace(state, live=True)
    if not event.done:
        return state
    return replace(settle(session, state), recent=remember(state.recent, event.ab))


def remember(recent: tuple[AB, ...], ab: AB) -> tuple[AB, ...]:
    """Put a colour in front of the recent ones; those that look the same go, and the list stays short."""
    return (ab, *(old for old in recent if math.dist(old, ab) >= SAME))[:RECENT]


def _resize(session: Session, state: State, size: int) -> State:
    state = replace(state, size=max(1, size))
    if state.selected is None or session.hints[state.selected].size == state.size:
        return state
    session.resize(state.selected, state.size, record=False)
    return replace(state, live=True)


def _limit(session: Session, state: State, reach: float) -> State:
    state = replace(state, reach=reach)
    if state.selected is None or session.hints[state.selected].reach == reach:
        return state
    session.limit(state.selected, reach=reach, record=False)
    return replace(state, live=True)


def _key(session: Session, state: State, event: Key) -> State:
    height, width = session.photo.shape
    if event.ctrl:
        if event.key.lower() not in ("z", "y"):
            return state
        redo = event.key.lower() == "y" or event.shift
        return _command(session, settle(session, state), "redo" if redo else "undo")
    match event.key:
        case "Delete" | "Backspace":
            return _command(session, settle(session, state), "delete")
        case "Escape":
            return replace(settle(session, state), selected=None, drag=None)
        case "+" | "=" | "-":
            size = session.hints[state.selected].size if state.selected is not None else state.size
            return _resize(session, state, size - 1 if event.key == "-" else size + 1)
        case "Enter" if (
            state.selected is None
        ):  # a point without a mouse: in the middle, for the arrow keys to move
            return _down(session, settle(session, state), Pointer("down", height // 2, width // 2))
        case "ArrowUp" | "ArrowDown" | "ArrowLeft" | "ArrowRight" if state.selected is not None:
            hint, step = session.hints[state.selected], event.step * (10 if event.shift else 1)
            down = {"ArrowUp": -step, "ArrowDown": step}.get(event.key, 0)
            right = {"ArrowLeft": -step, "ArrowRight": step}.get(event.key, 0)
            return _move(session, state, hint.id, hint.row + down, hint.col + right)
    return state


def _command(session: Session, state: State, name: Name) -> State:
    state = replace(state, drag=None)
    match name:
        case "undo":
            return state if session.undo() else replace(state, message="Nothing to undo.")
        case "redo":
            return state if session.redo() else replace(state, message="Nothing to redo.")
        case "before":
            return replace(state, before=not state.before)
        case "reset":
            if len(session.hints) or not session.mood.plain:
                session.reset()
        case "delete":
            if state.selected is None:
                return replace(state, message="Select the point to delete first.")
            hint = session.hints[state.selected]
            session.remove(hint.id)
            return replace(state, place=(hint.row, hint.col))
    return state


def pointless(old: Event, new: Event) -> bool:
    """Whether an event that waits can go because of the one right after it."""
    match old, new:
        case Pointer(kind="move"), Pointer(kind="move" | "up"):
            return True
        case (Pick(done=False), Pick()) | (Resize(), Resize()) | (Reach(), Reach()):
            return True
    return False
