"""What controls are made of: styled widgets, rows, sections, and the wishes of a person among all changes."""

from __future__ import annotations

import html
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipycanvas.canvas import _CANVAS_MANAGER
from ipyevents import Event
from ipywidgets import HTML, Box, DOMWidget, VBox, Widget

from ..documents import printable
from ..files import free_name

_OURS = """
const ours = (element) => element.setAttribute('data-lm-suppress-shortcuts', 'true');
const box = this.closest('.ipc-arm-holder').parentElement;
ours(box);
box.addEventListener('focusin', (event) => ours(event.target));
"""

Post = Callable[[Any], None]


@dataclass(frozen=True)
class Failed:
    """A callback of a widget has failed; whoever handles this event shows why."""

    error: BaseException


def guarded(post: Post, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function as a callback of a widget: what it raises is posted as `Failed`, not lost."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            post(Failed(error))

    return call


class Wishes:
    """Posts what a person sets with a control, and keeps silent about what the program sets.

    Args:
        post: takes every event; returns at once.
    """

    def __init__(self, post: Post) -> None:
        self._post = post
        self._writer: int | None = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While it lasts, what this thread sets is nobody's wish; other threads bring wishes all the same."""
        self._writer = threading.get_ident()
        try:
            yield
        finally:
            self._writer = None

    def __call__(self, event: Any) -> None:
        """Post an event, if it is a wish."""
        if self._writer != threading.get_ident():
            self._post(event)


def styled(widget: Any, *classes: str) -> Any:
    """The widget itself, with these CSS classes."""
    for name in classes:
        widget.add_class(name)
    return widget


def switch(widget: DOMWidget, name: str, on: bool) -> None:
    """Give a widget a CSS class, or take it away."""
    (widget.add_class if on else widget.remove_class)(name)


def pointer_events(widget: DOMWidget, on_event: Callable[[dict[str, Any]], None], *, post: Post) -> Event:
    """The mouse on a widget, at most 30 times a second; if `on_event` raises, that is posted."""
    events = Event(
        source=widget,
        watched_events=["mousedown", "mousemove", "mouseup", "mouseleave"],
        prevent_default_action=True,
        throttle_or_debounce="throttle",
        wait=33,
    )
    events.on_dom_event(guarded(post, on_event))
    return events


def section(title: str, *parts: DOMWidget) -> VBox:
    """Parts below a title."""
    return styled(VBox([styled(HTML(title), "ipc-label"), *parts]), "ipc-section")


def row(*parts: DOMWidget) -> Box:
    """Parts side by side."""
    return styled(Box(parts), "ipc-row")


def close(widget: Widget) -> None:
    """Close a widget with all its parts; ipywidgets leaves children, layouts and styles alive."""
    for value in list(widget.trait_values().values()):
        for part in value if isinstance(value, list | tuple) else [value]:
            if isinstance(part, Widget) and part is not _CANVAS_MANAGER and part.comm is not None:
                close(part)
    Widget.close(widget)


def keys_are_ours() -> HTML:
    """A part that keeps the host's shortcuts away from the box that it is put in.

    Notebook 7 takes arrows, Escape, + and the like before any canvas sees them, unless the element that has
    the focus bears this attribute (one around it is not enough: shortcuts that ask for `:focus` look at it
    first). No widget can be given it from Python.
    """
    return styled(HTML(f'<i class="ipc-arm" onanimationstart="{html.escape(_OURS)}"></i>'), "ipc-arm-holder")


def said(text: str) -> str:
    """HTML of a status line, which screen readers read when it changes."""
    return f'<span role="status" aria-live="polite">{printable(text)}</span>'


def explained(error: BaseException) -> str:
    """HTML of an error for a status line."""
    text = html.escape(str(error) or type(error).__name__)
    if not isinstance(error, ValueError | OSError):
        text = f"{type(error).__name__}: {text}. Your points are kept: undo, or try again"
    return f"<b>{text[0].upper()}{text[1:]}.</b>"


def free_path(name: str) -> Path:
    """The file of a name that somebody typed; "name (2)" where there is one already: nothing is replaced."""
    return free_name(Path(printable(name)).expanduser())
