"""Files replaced as a whole or not at all, so that a full disk or a crash never costs the old one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Name a file beside `target` to write to; when the block ends without error it takes the target's place.

    Raises:
        OSError: the system refuses; the target is as it was.
    """
    part = target.with_name(f".{secrets.token_hex(8)}.part")  # opened plainly: it gets the usual permissions
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def free_name(path: Path) -> Path:
    """The path itself or, where something is there, the first of "name (2)", "name (3)" that is free."""
    if not os.path.lexists(path):
        return path
    numbered = (path.with_name(f"{path.stem} ({number}){path.suffix}") for number in count(2))
    return next(other for other in numbered if not os.path.lexists(other))


def create(path: Path, data: bytes) -> None:
    """Write a new file, whole or not at all, and never over another.

    Raises:
        FileExistsError: something is there.
        OSError: the system refuses.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)  # refuses what exists, which no rename does everywhere
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links, as of memory cards: hold the name, then take it
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
