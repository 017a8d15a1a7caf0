"""Streams: pipes, sockets, devices and open files, which may have no end in sight and cannot go back."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

MAX_BYTES = 1 << 30  # of a photograph that comes as a stream: 100 megapixels of 16 bits, and some more
_STEP = 1 << 20
_DESCRIPTORS = re.compile(r"/dev/(stdin|stdout|stderr)|/dev/fd/(\d{1,9})|/proc/self/fd/(\d{1,9})")
_NAMED = {"stdin": 0, "stdout": 1, "stderr": 2}


class StreamError(ValueError):
    """A stream that is too long, or that gives something else than bytes."""


def descriptor(path: str | os.PathLike[str]) -> int | None:
    """The number of the open file that a name such as /dev/stdin or /dev/fd/63 stands for, or None."""
    match = _DESCRIPTORS.fullmatch(Path(path).as_posix())
    if match is None:
        return None
    name, *numbers = match.groups()
    return _NAMED[name] if name else int(next(number for number in numbers if number))


def is_stream(path: Path) -> bool:
    """Whether a name stands for an open file, a pipe or a device instead of a file or folder."""
    if descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def read_path(path: Path) -> bytes:
    """What comes from a stream that has a name, to its end.

    Raises:
        StreamError: it is too long.
        OSError: it cannot be read.
    """
    number = descriptor(path)
    with path.open("rb", 0) if number is None else os.fdopen(os.dup(number), "rb", 0) as file:
        return read_all(file, str(path))


def read_all(file: Any, label: str) -> bytes:
    """The bytes of an open file: all of them where it can go back, else what is left.

    Args:
        file: anything with ``read``.
        label: what errors call it.

    Raises:
        StreamError: more than `MAX_BYTES`, or something else than bytes.
        OSError: it cannot be read.
    """
    if _goes_back(file):
        file.seek(0)
    pieces: list[bytes] = []
    size = 0
    while True:
        piece = file.read(_STEP)
        if not isinstance(piece, bytes | bytearray | memoryview):
            raise StreamError(_no_bytes(piece, label))
        if not piece:
            return b"".join(pieces)
        pieces.append(bytes(piece))
        size += len(piece)
        if size > MAX_BYTES:
            raise StreamError(
                f"expected at most {MAX_BYTES >> 20} MiB, got more from {label}: save it as a file"
            )


def _goes_back(file: Any) -> bool:
    try:
        return bool(file.seekable())
    except AttributeError:  # a plain object with `read`
        return False


def _no_bytes(piece: Any, label: str) -> str:
    if isinstance(piece, str):
        return f"expected bytes, got text from {label}: open it with mode 'rb'"
    if piece is None:
        return f"expected bytes, got none yet from {label}, which does not wait for them: read it first"
    return f"expected bytes, got {type(piece).__name__} from {label}: read it first"
