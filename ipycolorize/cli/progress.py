"""A sign of life on stderr while something takes longer than a person expects."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE = 2.0  # seconds without a word


@contextmanager
def waiting(what: str, *, quiet: bool = False, patience: float = PATIENCE) -> Iterator[None]:
    """Say on a terminal what is being done and for how long, once it has taken longer than a moment.

    One line counts the seconds and disappears at the end. Elsewhere, in a log or a pipe, nothing is written.
    """
    if quiet or not sys.stderr.isatty():
        yield
        return
    over, started = threading.Event(), time.monotonic()

    def say() -> None:
        spell = patience
        while not over.wait(spell):
            print(f"\r{what}: {time.monotonic() - started:.0f} s", end="", file=sys.stderr, flush=True)
            spell = 1.0

    speaker = threading.Thread(target=say, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join()
        if time.monotonic() - started > patience:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
