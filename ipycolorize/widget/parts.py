"""What controls are made of: styled widgets, rows, sections, and the wishes of a person among all changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ipyevents import Event
from ipywidgets import HTML, Box, DOMWidget, VBox

Post = Callable[[Any], None]


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


def pointer_events(widget: DOMWidget, on_event: Callable[[dict[str, Any]], None]) -> Event:
    """The mouse on a widget, at most 30 times a second."""
    events = Event(
        source=widget,
        watched_events=["mousedown", "mousemove", "mouseup", "mouseleave"],
        prevent_default_action=True,
        throttle_or_debounce="throttle",
        wait=33,
    )
    events.on_dom_event(on_event)
    return events


def section(title: str, *parts: DOMWidget) -> VBox:
    """Parts below a title."""
    return styled(VBox([styled(HTML(title), "ipc-label"), *parts]), "ipc-section")


def row(*parts: DOMWidget) -> Box:
    """Parts side by side."""
    return styled(Box(parts), "ipc-row")
