"""Files written as a whole or not at all, so that a full disk or a crash never costs the old one.

What is written goes to a hidden file in the same folder first, reaches the disk, and takes its place by one
step of the file system. Whoever dies in between leaves that hidden file; the next process that writes to the
folder takes it away. It knows the dead from the living by a lock that ends with the process.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import count
from pathlib import Path

from .locks import lock, unlock
from .pipes import descriptor, is_stream

_PART = ".ipycolorize-{}.part"
_NAME_MAX = 255  # bytes of a file's name that every usual file system holds
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES}


def check_free(*paths: Path, overwrite: bool = False, remedy: str = "overwrite=True") -> None:
    """Refuse to write where something is already; devices and pipes have nothing to lose.

    Args:
        paths: to be written.
        overwrite: what is there may be replaced, if it is a file.
        remedy: how whoever asked can say so.

    Raises:
        FileExistsError: naming what is there.
        IsADirectoryError: a folder is there, which nothing replaces.
    """
    for path in paths:
        if path.is_dir():
            raise IsADirectoryError(f"expected the name of a file, got the folder {path}: name a file in it")
    present = [str(path) for path in paths if path.exists() and not is_stream(path)]
    if present and not overwrite:
        what, verb = (", ".join(present), "exist" if len(present) > 1 else "exists")
        raise FileExistsError(
            f"expected a new name, but {what} {verb} already: choose another, or replace it with {remedy}"
        )


def free_name(path: Path) -> Path:
    """The path itself where nothing has its name, else the first free of "name (2).png", "name (3).png" ...

    Somebody else may take it before it is used: write to it with ``overwrite=False``.
    """
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
def replacing(target: Path, *, overwrite: bool = True) -> Iterator[Path]:
    """Name a file beside `target` to write to; when the block ends without error it takes the target's place.

    The new file has the permissions that the process gives to new files. Of a link, what it points to is
    replaced. A device or a pipe is written to, after the block.

    Args:
        target: to be written.
        overwrite: False: only if nothing is there, even if it came meanwhile.

    Raises:
        FileExistsError: something is there, and `overwrite` is false.
        OSError: the system refuses; the target is as it was.
    """
    check_free(target, overwrite=overwrite)
    if is_stream(target):
        with tempfile.TemporaryDirectory(prefix="ipycolorize-") as folder:
            part = Path(folder, "part")
            yield part
            _pour(part, target)
        return
    target = target.resolve()
    _sweep(str(target.parent))
    part, handle = _create(target.parent)
    try:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        yield part
        part.chmod(mode)  # some libraries put a file of their own there, which only its owner may read
        _to_disk(part)
        if os.name == "nt":
            handle = _closed(handle)  # an open file can neither be renamed nor removed there
        _put(part, target, overwrite=overwrite)
        folder_to_disk(target.parent)
    finally:
        _closed(handle)
        part.unlink(missing_ok=True)


def create(path: Path, data: bytes) -> None:
    """Write a new file, whole or not at all, and never over another.

    Raises:
        FileExistsError: something is there.
        OSError: the system refuses.
    """
    with replacing(path, overwrite=False) as part:
        part.write_bytes(data)


def _closed(handle: int) -> int:
    """Close a descriptor once; -1 stands for a closed one."""
    if handle >= 0:
        unlock(handle)
        os.close(handle)
    return -1


def _create(folder: Path) -> tuple[Path, int]:
    """A new file that no other process takes for a leftover, and the descriptor that sees to it."""
    while True:
        part = folder / _PART.format(secrets.token_hex(8))
        handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        lock(handle)
        if part.exists():  # nobody swept it away before it was locked
            return part, handle
        os.close(handle)


def _put(part: Path, target: Path, *, overwrite: bool) -> None:
    if overwrite:
        part.replace(target)
        return
    if os.name == "nt":
        part.rename(target)  # refuses there what exists
        return
    try:
        os.link(part, target)  # unlike a renaming, refuses what exists
    except FileExistsError:
        check_free(target)
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        check_free(target)
        part.replace(target)


def _to_disk(path: Path) -> None:
    with path.open("r+b") as file, _unless_unknown():
        os.fsync(file.fileno())


def folder_to_disk(folder: Path) -> None:
    """Make a new name last, where the system knows how."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _unless_unknown() -> Iterator[None]:
    """Some file systems know nothing of it; an error of writing passes through."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


def _pour(part: Path, target: Path) -> None:
    number = descriptor(target)
    with (
        part.open("rb") as source,
        target.open("wb") if number is None else os.fdopen(os.dup(number), "wb") as sink,
    ):
        shutil.copyfileobj(source, sink)


@lru_cache(maxsize=1024)  # once for each folder: large ones take time to read
def _sweep(folder: str) -> None:
    """Take away what processes that are dead left of files they were writing."""
    with suppress(OSError):
        for part in Path(folder).glob(_PART.format("*")):
            with suppress(OSError):
                _remove_if_dead(part)


def _remove_if_dead(part: Path) -> None:
    if os.name == "nt":  # refuses to remove what a process holds open
        part.unlink()
        return
    handle = os.open(part, os.O_RDWR)
    try:
        lock(handle, wait=False)  # OSError: somebody is writing it
        part.unlink()
    finally:
        os.close(handle)
