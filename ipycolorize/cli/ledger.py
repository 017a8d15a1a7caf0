"""Which picture of a batch was made of which photograph, and that none is made twice or over another file.

The line that names a picture is on the disk before the picture appears, under a name that was free. A picture
that is there stays as it is, whoever changed it since.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ..files import free_name
from ..journal import Journal

LEDGER = "ipycolorize-batch.jsonl"
VERSION = 1


class Ledger:
    """The pictures of a batch.

    Args:
        out: their folder; made where it is missing.
        folder: of the photographs.
        fingerprint: of the recipe that all pictures in `out` follow.
        names: of all photographs: paths below `folder`, with slashes.
        suffix: of the pictures.

    Raises:
        JournalError: the folder holds a batch that was made by another recipe.
        OSError: it cannot be written.

    Attributes:
        made: how many pictures this object has written.
    """

    def __init__(
        self, out: Path, folder: Path, fingerprint: dict[str, Any], names: Sequence[str], suffix: str
    ) -> None:
        self._out, self._folder, self.suffix = out, folder, suffix
        about = {"format": "ipycolorize-batch", "version": VERSION, "suffix": suffix}
        self._journal = Journal(out / LEDGER, about | fingerprint)
        self._entries: dict[str, dict[str, Any]] = {one["photo"]: one for one in self._journal.records}
        self._wanted = _pictures(names, suffix)
        self._states: dict[str, tuple[int, int]] = {}  # before anybody read the photograph
        self.made = 0

    def has(self, name: str, hints: bytes | None) -> bool:
        """Whether the picture of this photograph, as it is now and with these hints, is there."""
        photo = self._folder / name
        self._states[name] = size, changed = _state(photo)
        entry = self._entries.get(name)
        if entry is None or entry["hints"] != _digest(hints) or not _is_there(self._out / entry["picture"]):
            return False
        if size != entry["bytes"]:
            return False
        return changed == entry["mtime_ns"] or _digest_of(photo) == entry["sha256"]

    def enter(self, name: str, hints: bytes | None, picture: bytes) -> Path:
        """Write the picture of a photograph that `has` was asked about; returns where it is.

        Raises:
            OSError: the system refuses, as a full disk does.
        """
        photo, state = self._folder / name, self._states[name]
        wanted = self._out / self._wanted[name]
        wanted.parent.mkdir(parents=True, exist_ok=True)
        entry = {"photo": name, "bytes": state[0], "mtime_ns": state[1], "hints": _digest(hints)}
        # of what was coloured: a photograph that changed meanwhile counts as another the next time
        entry["sha256"] = _digest_of(photo) if _state(photo) == state else ""
        while True:
            path = free_name(wanted)
            entry = {**entry, "picture": path.relative_to(self._out).as_posix()}
            self._journal.append(entry)
            self._entries[name] = entry
            try:
                _create(path, picture)
            except FileExistsError:
                continue  # somebody was quicker: the next free name
            self.made += 1
            return path


def _create(path: Path, data: bytes) -> None:
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


def _pictures(names: Sequence[str], suffix: str) -> dict[str, str]:
    """A picture's name for each photograph; those that differ in their suffix alone keep it in the name."""
    taken: set[str] = set()
    wanted = {}
    for name in sorted(names):
        path = PurePosixPath(name)
        picture = path.with_suffix(suffix)
        if picture.as_posix().casefold() in taken:
            picture = path.with_name(f"{path.name}{suffix}")
        taken.add(picture.as_posix().casefold())
        wanted[name] = picture.as_posix()
    return wanted


def _is_there(path: Path) -> bool:
    """Whether a picture is there; an empty file is a name that was held when the power went."""
    return path.is_file() and path.stat().st_size > 0


def _state(path: Path) -> tuple[int, int]:
    """Bytes, and nanoseconds of the last change."""
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def _digest(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
