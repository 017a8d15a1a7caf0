"""Files replaced as a whole or not at all, so that a full disk or a crash never costs the old one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

_NAME_MAX = 255  # bytes of a file's name that every usual file system holds


def free_name(path: Path) -> Path:
    """The path itself where nothing has its name, else the first free of "name (2).png", "name (3).png"..."""
    stem, suffix = path.stem, path.suffix
    for number in count(1):
        ending = suffix if number == 1 else f" ({number}){suffix}"
        candidate = path.with_name(_cut(stem, _NAME_MAX - len(os.fsencode(ending))) + ending)
        if not os.path.lexists(candidate):  # a link to nowhere is somebody's as well
            return candidate
    raise AssertionError("count never ends")


def _cut(text: str, size: int) -> str:
    """The beginning of a text that fits into so many bytes."""
    while len(os.fsencode(text)) > size:
        text = text[:-1]
    return text


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
