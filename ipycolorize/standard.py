"""A picture from standard input, and one to standard output: `ipycolorize colorize - -o - --format png`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, TextIO

from .image import Photo, PhotoError, read_photo
from .origin import Origin
from .pipes import descriptor
from .writing import check_target


def is_standard(path: Path) -> bool:
    """Whether a name is the minus that stands for standard input or output."""
    return str(path) == "-"


def read_photograph(path: Path) -> Photo:
    """A photograph from a file, or from standard input for "-".

    Raises:
        PhotoError: it cannot be read, or a terminal is standard input.
    """
    if not is_standard(path):
        return read_photo(path)
    if sys.stdin is None or sys.stdin.isatty():
        raise PhotoError(
            "expected a photograph from standard input, got a terminal: pipe one in, < photo.jpg"
        )
    return read_photo(sys.stdin.buffer)


def picture_target(
    path: Path, photo: Photo, *, format: str | None, force: bool, spare: Path | None = None
) -> Path | Any:
    """Where a picture goes, if it may: the path, or for "-" the open standard output.

    Args:
        path: that was asked for.
        photo: whose file is never replaced.
        format: "png", "jpg", "tif" or None: as the path says.
        force: whether a file that is there may be replaced.
        spare: another photograph that stays in any case.

    Raises:
        FileExistsError: it is there, and `force` is false.
        PhotoError: it cannot or must not be written.
    """
    if is_standard(path):
        if sys.stdout.isatty():
            raise PhotoError("expected standard output to be a file or a pipe, got a terminal: name a file")
        target: Any = _Output()
    else:
        target = path
    check_target(target, photo, format=format, overwrite=force, remedy="--force")
    origin = None if spare is None or is_standard(path) else Origin.of_path(spare)
    if origin is not None and origin.is_file(path):
        raise PhotoError(f"expected another name than the reference's own, got {path}: it is never replaced")
    return target


def messages(path: Path) -> TextIO:
    """Where words go that must not get into the picture."""
    return sys.stderr if is_standard(path) or descriptor(path) == 1 else sys.stdout


class _Output:
    """Standard output, which whoever reads it may close early."""

    def write(self, data: Any) -> int:
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError as error:
            nowhere = os.open(os.devnull, os.O_WRONLY)  # else the interpreter complains once more at its end
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
            raise PhotoError("expected somebody to read the picture, but the pipe was closed") from error
        return len(data)
