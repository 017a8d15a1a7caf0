"""Scheduling: one thread does all the work of a pad, and only the newest of what was asked for.

Callbacks of widgets run on whatever thread the kernel likes (it differs between releases of ipykernel) and
what they raise is lost. So they only `post`; everything else (network, encoding, drawing) happens here, in
order, and whatever is raised goes to `on_error` while the thread lives on.

Mouse moves come faster than a network answers. `merge` drops an event that a newer one makes pointless, and a
frame is never started sooner than `interval` seconds after the last: without that the browser itself is the
bottleneck and falls behind.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

Handle = Callable[[list[Any]], None]
Merge = Callable[[Any, Any], bool]
Idle = tuple[float, Callable[[], None]]


class Worker:
    """A daemon thread that handles events in batches, and idle work when no event comes for a while.

    Args:
        handle: called with the events that came since the last call, oldest first.
        merge: ``merge(old, new)`` says whether `old`, still waiting, is made pointless by `new`, which came
            right after it.
        idle: (seconds, function) pairs, soonest first: each function is called once when no event came for
            that long.
        on_error: told every exception of `handle` and of the idle functions.
        interval: seconds between the starts of two batches, at least.
        name: of the thread.
    """

    def __init__(
        self,
        handle: Handle,
        *,
        merge: Merge,
        on_error: Callable[[Exception], None],
        idle: Sequence[Idle] = (),
        interval: float = 0.04,
        name: str = "ipycolorize-pad",
    ) -> None:
        self._handle, self._merge, self._on_error = handle, merge, on_error
        self._idle, self._interval = tuple(idle), interval
        self._waiting: list[Any] = []
        self._changed = threading.Condition()
        self._busy = self._closed = False
        self._rested = len(self._idle)  # how many of the idle functions ran since the last event
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def pending(self) -> bool:
        """Whether newer events wait: time to skip what can be done later."""
        with self._changed:
            return bool(self._waiting)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def post(self, event: Any) -> None:
        """Hand over an event; returns at once, from any thread. After `close` events are dropped."""
        with self._changed:
            if self._closed:
                return
            if self._waiting and self._merge(self._waiting[-1], event):
                self._waiting[-1] = event
            else:
                self._waiting.append(event)
            self._changed.notify_all()

    def wait(self, timeout: float = 10.0, *, idle: int | None = None) -> bool:
        """Wait until all events are done, and the first `idle` of the idle functions (None: all of them).

        Returns:
            False if `timeout` seconds are not enough.
        """
        stages = len(self._idle) if idle is None else idle
        with self._changed:
            return self._changed.wait_for(
                lambda: self._closed or not (self._waiting or self._busy or self._rested < stages), timeout
            )

    def close(self, timeout: float = 5.0) -> None:
        """Stop the thread after the batch it is working on; waiting events are dropped."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _run(self) -> None:
        last = 0.0
        while (work := self._next(last)) is not None:
            started = time.monotonic()
            try:
                work()
            except Exception as error:
                self._report(error)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()
            self._pause(self._interval - (time.monotonic() - started))
            last = time.monotonic()

    def _next(self, since: float) -> Callable[[], None] | None:
        """What to do next: a batch of events, else idle work that is due; None when closed."""
        with self._changed:
            while not self._closed:
                if self._waiting:
                    batch, self._waiting = self._waiting, []
                    self._busy, self._rested = True, 0
                    return lambda: self._handle(batch)
                if self._rested == len(self._idle):
                    self._changed.wait()
                    continue
                delay, function = self._idle[self._rested]
                if (left := since + delay - time.monotonic()) <= 0:
                    self._busy = True
                    self._rested += 1
                    return function
                self._changed.wait(left)
            return None

    def _report(self, error: Exception) -> None:
        try:
            self._on_error(error)
        except Exception as second:  # the status line itself is gone: the pad is being closed under us
            error.add_note(f"and reporting it failed: {second!r}")

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            with self._changed:
                self._changed.wait_for(lambda: self._closed, seconds)
