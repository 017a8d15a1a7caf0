"""Where a photograph came from, so that its own file is known again, however it is called, and stays."""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Origin:
    """The file that a photograph was read from, which may have been moved or copied since.

    Attributes:
        path: where it was, absolute and without links; None if it came as bytes.
        size: in bytes.
        digest: SHA-256 of its content, in hexadecimal.
    """

    path: Path | None
    size: int
    digest: str

    @classmethod
    def of_bytes(cls, data: bytes | bytearray | memoryview, *, path: Path | None = None) -> Origin:
        """Of the content of a file."""
        view = memoryview(data)
        return cls(path and path.resolve(), view.nbytes, hashlib.sha256(view).hexdigest())

    @classmethod
    def of_path(cls, path: Path) -> Origin | None:
        """Of a file; None if it cannot be read."""
        try:
            return cls(path.resolve(), path.stat().st_size, _digest(path))
        except (OSError, ValueError):
            return None

    @classmethod
    def of_image(cls, image: Any) -> Origin | None:
        """Of a PIL image, before it is loaded; None if it was never in a file, or not even Pillow knows."""
        file = getattr(image, "fp", None)
        name = os.fsdecode(getattr(image, "filename", "") or "")
        with suppress(Exception):  # it may be closed, or anything that only looks like a file
            if file is not None and file.seekable():
                position = file.tell()
                try:
                    file.seek(0)
                    return cls.of_bytes(file.read(), path=Path(name) if name else None)
                finally:
                    file.seek(position)
        return cls.of_path(Path(name)) if name and Path(name).is_file() else None

    @classmethod
    def of_stream(cls, file: Any, data: bytes) -> Origin:
        """Of what was read from an open file or a pipe."""
        return cls.of_bytes(data, path=path_of(file))

    def is_file(self, path: Path) -> bool:
        """Whether a file is this one: by another name, through a link, moved, or a copy of it."""
        try:
            if self.path is not None and self.path.exists() and path.samefile(self.path):
                return True
            return path.is_file() and path.stat().st_size == self.size and _digest(path) == self.digest
        except (OSError, ValueError):
            return False


def path_of(file: Any) -> Path | None:
    """The file that an open file reads, if it has a name in the file system."""
    name = getattr(file, "name", None)
    if isinstance(name, str | os.PathLike):
        with suppress(OSError, ValueError, AttributeError, io.UnsupportedOperation):
            path = Path(name)
            if path.is_file() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return path
    return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
