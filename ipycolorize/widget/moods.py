"""Interaction with the mood: what a person asks of the colours as a whole, as functions like in `gestures`.

A slider or a bar that is being dragged changes the session with ``record=False``; the next event that is not
part of the drag, or a pause, makes the whole drag one step of undo.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..image import Photo
from ..mood import Mood
from ..session import Session
from .gestures import Grip, State, settle


class MoodEvent:
    """What a person does in the section of the mood."""


@dataclass(frozen=True)
class OpenMood(MoodEvent):
    """Show the section, or fold it away."""

    wide: bool


@dataclass(frozen=True)
class SetReference(MoodEvent):
    """A photograph whose colours are asked for; None takes it away, and its histogram and saturation."""

    photo: Photo | None


@dataclass(frozen=True)
class SetSaturation(MoodEvent):
    """A mean saturation in [0, 1], which may move on; None leaves it as it comes."""

    value: float | None


@dataclass(frozen=True)
class SetStrength(MoodEvent):
    """How much of the way to go, in [0, 1], which may move on."""

    value: float


@dataclass(frozen=True)
class SetVividness(MoodEvent):
    """How lively colours are that nobody asked for, in [0, 1], which may move on."""

    value: float


@dataclass(frozen=True)
class ChooseFamily(MoodEvent):
    """The colour family (number among `families`) whose share shall be set."""

    family: int


@dataclass(frozen=True)
class SetShare(MoodEvent):
    """Another share, in [0, 1], of a colour family, which may move on."""

    family: int
    share: float


@dataclass(frozen=True)
class DragFamily(MoodEvent):
    """The same by a bar; `done` is False while the mouse still holds it."""

    family: int
    share: float
    done: bool = True


@dataclass(frozen=True)
class ClearMood(MoodEvent):
    """Ask for nothing."""


def pointless(old: MoodEvent, new: MoodEvent) -> bool:
    """Whether a waiting event can go because of the one right after it."""
    match old, new:
        case DragFamily(family, _, False), DragFamily():
            return family == new.family
        case SetShare(family, _), SetShare():
            return family == new.family
        case (
            (SetSaturation(), SetSaturation())
            | (SetStrength(), SetStrength())
            | (SetVividness(), SetVividness())
        ):
            return True
    return False


def react(session: Session, state: State, event: MoodEvent) -> State:
    """The state after an event; the session is changed where the event asks for it.

    Raises:
        MoodError: a reference without colours; session and state are as they were.
    """
    match event:
        case OpenMood(wide):
            return replace(state, mood_open=wide)
        case ChooseFamily(family):
            return replace(state, family=family)
        case SetSaturation(None):
            return _ask(session, settle(session, state), replace(session.mood, saturation=None), done=True)
        case SetSaturation(value):
            return _ask(session, state, replace(session.mood, saturation=value), done=False)
        case SetStrength(value):
            return _ask(session, state, replace(session.mood, strength=value), done=False)
        case SetVividness(value):
            return _ask(session, state, replace(session.mood, vividness=value), done=False)
        case SetShare(family, share):
            return _share(session, state, family, share, done=False, held=False)
        case DragFamily(family, share, done):
            return _share(session, state, family, share, done=done, held=not done)
        case ClearMood():
            nothing = Mood(vividness=session.mood.vividness)
            return _ask(session, settle(session, state), nothing, done=True)
        case SetReference(None):
            mood = replace(session.mood, histogram=None, saturation=None, source="")
            return _ask(session, settle(session, state), mood, done=True)
        case SetReference(photo):
            # a mood at strength 0 would take the photograph and show nothing
            mood = replace(
                session.mood_of(photo), strength=session.mood.strength or 1.0,
                vividness=session.mood.vividness,
            )  # fmt: skip
            return _ask(session, settle(session, state), mood, done=True)
    return state


def _ask(session: Session, state: State, mood: Mood, *, done: bool) -> State:
    if mood != session.mood:
        session.set_mood(mood, record=False)
        state = replace(state, live=True)
    state = replace(state, grip=None, message="")
    return settle(session, state) if done else state


def _share(session: Session, state: State, family: int, share: float, *, done: bool, held: bool) -> State:
    grip = state.grip
    if grip is not None and (grip.family, grip.after) == (family, session.mood):
        before = grip.before  # so that the others get back what they had, even from a share of everything
    else:
        before = _editable(session, state)
    after = before.with_family(family, share)
    state = _ask(session, state, after, done=done)
    return replace(state, family=family, grip=Grip(family, before, after, held))


def _editable(session: Session, state: State) -> Mood:
    """The mood with a histogram to change: its own, or that of the picture as it was seen last."""
    mood = session.mood
    if mood.histogram is not None:
        return mood
    return replace(
        state.present or present(session), saturation=mood.saturation, strength=mood.strength,
        vividness=mood.vividness,
    )  # fmt: skip


def present(session: Session) -> Mood:
    """Histogram and saturation of the picture as it is; takes a fraction of a second."""
    return Mood.measured(session.rgb(session.frame.grid))


def described(mood: Mood) -> str:
    """What is asked for, in one line; "" if it is nothing."""
    histogram = "" if mood.histogram is None else mood.source or "own colours"
    saturation = "" if mood.saturation is None else f"saturation {100 * mood.saturation:.0f} %"
    asked = [part for part in (histogram, saturation) if part]
    if asked and mood.strength < 1:
        asked.append(f"strength {100 * mood.strength:.0f} %")
    return " · ".join(asked)
