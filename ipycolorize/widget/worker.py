"""Scheduling: one thread does all the work of a pad, and only the newest of what was asked for.

Callbacks of widgets run on whatever thread the kernel likes (it differs between releases of ipykernel) and
what they raise is lost. So they only `post`; everything else (network, encoding, drawing) happens here, in
order, and whatever is raised, `SystemExit` too, goes to `on_error` while the worker lives on.

Mouse moves come faster than a network answers. `merge` drops an event that a newer one makes pointless, and a
frame is never started sooner than `interval` seconds after the last: without that the browser itself is the
bottleneck and falls behind.

A thread that has nothing to do for a while ends; the next event starts another. One that is inside a network
when Python ends would abort the process, so it is stopped and joined before.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

Handle = Callable[[list[Any]], None]
Merge = Callable[[Any, Any], bool]
Idle = tuple[float, Callable[[], None]]

EXIT_PATIENCE = 60.0  # seconds that a batch under way, such as a large export, may take when Python ends


class _Item:
    """An event on its way, which knows whether it has been taken: an interrupted `post` tries again."""

    __slots__ = ("event", "taken")

    def __init__(self, event: Any) -> None:
        self.event, self.taken = event, False


class Worker:
    """Handles events in batches, and idle work when no event comes for a while, on a thread of its own.

    Args:
        handle: called with the events that came since the last call, oldest first.
        merge: ``merge(old, new)`` says whether `old`, still waiting, is made pointless by `new`, which came
            right after it.
        idle: (seconds, function) pairs, soonest first: each function is called once when no event came for
            that long.
        on_error: told every exception of `handle`, `merge` and the idle functions.
        interval: seconds between the starts of two batches, at least.
        rest: seconds without an event after which the thread ends until the next one.
        name: of the thread.
    """

    def __init__(
        self,
        handle: Handle,
        *,
        merge: Merge,
        on_error: Callable[[BaseException], None],
        idle: Sequence[Idle] = (),
        interval: float = 0.04,
        rest: float = 60.0,
        name: str = "ipycolorize-pad",
    ) -> None:
        self._handle, self._merge, self._on_error = handle, merge, on_error
        self._idle, self._interval, self._name = tuple(idle), interval, name
        self._rest = max([rest, *(delay for delay, _ in self._idle)])
        self._waiting: list[_Item] = []
        self._reminder: tuple[float, Any] | None = None  # when, and which event
        # entered as it is, in C: interrupted in Condition.__enter__, which is Python, it would stay locked
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._busy = self._closed = False
        self._rested = len(self._idle)  # how many of the idle functions ran since the last event
        self._since = time.monotonic()  # the end of the last work
        self._thread: threading.Thread | None = None
        self._process = os.getpid()

    @property
    def pending(self) -> bool:
        """Whether newer events wait: time to skip what can be done later."""
        with self._lock:
            return bool(self._waiting)

    @property
    def alive(self) -> bool:
        """Whether the thread runs; one that rests starts again with the next event."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def post(self, event: Any) -> None:
        """Hand over an event; returns at once, from any thread. After `close` events are dropped.

        Raises:
            KeyboardInterrupt: this very call was interrupted; the event is handed over all the same, once.
        """
        item: _Item | None = None
        failure: BaseException | None = None
        for _ in (1, 2, 3, 4, 5):  # no call before `try`: an interrupt there would still lose it
            try:
                item = item or _Item(event)
                self._put(item)
                break
            # an interrupt is meant for a cell that runs, not for a click; within Thread.start it comes as an
            # error of the lock in there
            except (KeyboardInterrupt, RuntimeError) as error:
                failure = error
        if failure is not None:
            raise failure

    def remind(self, seconds: float, event: Any) -> None:
        """Post an event after a while, instead of one that such a reminder still waits to post."""
        with self._lock:
            if not self._closed:
                self._reminder = (time.monotonic() + seconds, event)
                self._wake()

    def wait(self, timeout: float = 10.0, *, idle: int | None = None) -> bool:
        """Wait until all events and reminders are done, and the first `idle` idle functions (None: all).

        Returns:
            False if `timeout` seconds are not enough.
        """
        stages = len(self._idle) if idle is None else idle
        with self._lock:
            return self._changed.wait_for(
                lambda: (
                    self._closed
                    or not (self._waiting or self._busy or self._reminder or self._rested < stages)
                ),
                timeout,
            )

    def close(self, timeout: float = 5.0) -> None:
        """Stop the thread after the batch it is working on; waiting events are dropped."""
        with self._lock:
            self._closed = True
            self._waiting, self._reminder = [], None
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _put(self, item: _Item) -> None:
        with self._lock:
            if self._closed:
                return
            if not item.taken:
                kept = self._waiting
                if kept and self._supersedes(kept[-1].event, item.event):
                    kept = kept[:-1]
                # no call between these two lines, so that no interrupt comes between them
                self._waiting = [*kept, item]
                item.taken = True
            self._wake()

    def _supersedes(self, old: Any, new: Any) -> bool:
        try:
            return self._merge(old, new)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._report(error)
            return False

    def _wake(self) -> None:
        """See to it that the thread knows; called under the lock."""
        self._changed.notify_all()
        if not self.alive:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        stop = partial(self._end_of_python)  # equal to no other: the next thread has one of its own
        atexit.register(stop)
        try:
            while (work := self._next()) is not None:
                started = time.monotonic()
                try:
                    work()
                except BaseException as error:  # SystemExit of a network of somebody else, too
                    self._report(error)
                finally:
                    with self._lock:
                        self._busy = False
                        self._changed.notify_all()
                self._pause(self._interval - (time.monotonic() - started))
                self._since = time.monotonic()
        finally:
            atexit.unregister(stop)

    def _next(self) -> Callable[[], None] | None:
        """What to do next: a batch of events, else idle work that is due; None when it is time to end."""
        with self._lock:
            if self._thread is not threading.current_thread():
                return None  # an interrupt came while it was started, and another took its place
            while not self._closed:
                now = time.monotonic()
                if self._reminder is not None and self._reminder[0] <= now:
                    self._waiting.append(_Item(self._reminder[1]))
                    self._reminder = None
                if self._waiting:
                    batch, self._waiting = [item.event for item in self._waiting], []
                    self._busy, self._rested = True, 0
                    return lambda: self._handle(batch)
                resting = self._rested == len(self._idle)
                delay, function = (self._rest, None) if resting else self._idle[self._rested]
                due = self._since + delay
                if due <= now and function is not None:
                    self._busy = True
                    self._rested += 1
                    return function
                if due <= now and self._reminder is None:
                    break
                times = [self._reminder[0]] if self._reminder is not None else []
                if due > now:
                    times.append(due)
                self._changed.wait(min(times) - now)
            self._thread = None
            return None

    def _report(self, error: BaseException) -> None:
        try:
            self._on_error(error)
        except BaseException as second:  # the status line itself is gone: the pad is being closed under us
            error.add_note(f"and reporting it failed: {second!r}")
            logging.getLogger(__name__).error("%s failed", self._name, exc_info=error)

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            with self._lock:
                self._changed.wait_for(lambda: self._closed, seconds)

    def _end_of_python(self) -> None:
        if os.getpid() == self._process:  # a forked child has inherited this call, but no thread
            self.close(EXIT_PATIENCE)
