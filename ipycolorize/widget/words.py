"""What the status line of a pad says when nothing else is to be said."""

from __future__ import annotations

from ..session import Session

START = "Click anywhere on the photograph to add a colour point."
AUTOMATIC = "This network colours by itself: points change nothing. Open the photograph with live for points."


def points(count: int) -> str:
    """So many points."""
    return "1 point" if count == 1 else f"{count} points"


def summary(session: Session, milliseconds: float) -> str:
    """What the picture is made of and how long it took; before that, how to begin."""
    where = f"{session.network_name} on {session.device}"
    if not session.network.reads_points:
        return f"{AUTOMATIC} ({where})"
    count = len(session.hints)
    what = " · ".join([*(["Mood"] if session.mood else []), *([points(count)] if count else [])])
    return f"{what} · {milliseconds:.0f} ms · {where}" if what else f"{START} ({where})"
