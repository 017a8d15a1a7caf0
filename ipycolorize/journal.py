"""A file of events, one line of JSON each, on the disk before the program goes on.

Nothing that was written is lost when a kernel dies; of a line that was being written then, the torn rest is
dropped by whoever opens the file next. Of two who continue the same file, the slower one is told.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .files import folder_to_disk
from .locks import lock

Record = dict[str, Any]


class JournalError(ValueError):
    """A journal that is not what it should be, or belongs to something else."""


class Journal:
    """Events about one undertaking, which its first line describes.

    Args:
        path: the file; folders are made, and a file that is there is continued.
        about: the first line: everything that must be the same for the events to belong together.

    Raises:
        JournalError: the file there is about something else, or no journal.
        OSError: it cannot be read or written.

    Attributes:
        records: the events so far, oldest first.
    """

    def __init__(self, path: Path, about: Record) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.records: list[Record] = []
        self._size = _drop_torn_line(path)
        if not self._size:
            self._write(about)
            folder_to_disk(path.parent)
            return
        present, self.records = read_journal(path)
        if present != json.loads(json.dumps(about)):
            raise JournalError(
                f"expected {path} to be about the same photographs, methods and settings as now, but it was "
                "begun with others; choose another name or folder"
            )

    def append(self, record: Record) -> None:
        """Write an event.

        Raises:
            OSError: it cannot be written; nothing has changed.
            JournalError: somebody else has gone on with the file; nothing has changed.
        """
        self._write(record)
        self.records.append(record)

    def _write(self, record: Record) -> None:
        line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
        with self._path.open("ab", buffering=0) as file:  # a buffer would write its rest while closing
            lock(file.fileno())
            start = os.fstat(file.fileno()).st_size
            if start != self._size:
                raise JournalError(
                    f"expected to be alone with {self._path}, but somebody else has gone on with it: close "
                    "one of the two, and open this one again"
                )
            try:
                while line:
                    line = line[file.write(line) :]
                os.fsync(file.fileno())
            except OSError:
                os.truncate(self._path, start)
                raise
            self._size = os.fstat(file.fileno()).st_size


def _drop_torn_line(path: Path) -> int:
    """Cut a file off behind its last whole line; returns how long it is then, 0 if there is none."""
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        lock(file.fileno())  # what is being written now is not torn
        whole = file.read()
        size = whole.rfind(b"\n") + 1
        if size != len(whole):
            file.truncate(size)
        return size


def read_journal(path: Path) -> tuple[Record, list[Record]]:
    """What a journal is about, and its events; a torn last line is left out.

    Raises:
        JournalError: it is none.
        OSError: it cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]  # the torn rest may end within a letter
        about, *records = [json.loads(line) for line in lines]
    except ValueError as error:
        raise JournalError(f"expected lines of JSON in {path}, got something else: {error}") from None
    return about, records


def check_name(participant: str | int) -> str:
    """The name or number of a participant as text, which becomes part of a file's name.

    Raises:
        ValueError: it could not.
    """
    name = str(participant)
    if not re.fullmatch(r"\w([\w. -]{0,62}\w)?", name):
        raise ValueError(
            f"expected a participant's name or number of letters, digits, spaces, . - and _, got {name!r}"
        )
    return name


def now() -> str:
    """The time in UTC, to the second: 2026-01-31T12:00:00Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
