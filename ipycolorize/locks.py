"""Locks between processes. The system lets go of them when a process ends, however it does.

A process forked from one that holds a lock holds it as well, until both are gone or the lock is given back.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NAME = ".ipycolorize.lock"
_BUSY = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}


class ClaimedError(RuntimeError):
    """Another process, or another part of this one, works in a folder."""


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30  # a byte beyond every content: locked bytes cannot be read there

    def lock(handle: int, *, wait: bool = True) -> None:
        """Lock an open file for this descriptor.

        Raises:
            OSError: another descriptor holds it, and `wait` is false; or the file system knows no locks.
        """
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)

    def unlock(handle: int) -> None:
        """Give a lock back; nothing happens if there is none."""
        with suppress(OSError):
            os.lseek(handle, _FAR, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def lock(handle: int, *, wait: bool = True) -> None:
        """Lock an open file for this descriptor.

        Where the file system knows no locks nothing is locked if `wait` is true.

        Raises:
            OSError: `wait` is false, and another descriptor holds it or the file system knows no locks.
        """
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            if not wait:
                raise

    def unlock(handle: int) -> None:
        """Give a lock back; nothing happens if there is none."""
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)


@contextmanager
def claimed(folder: Path, *, work: str) -> Iterator[None]:
    """Keep a folder for this block: nobody else can claim it until it ends, or its process does.

    Args:
        folder: that is written to; it exists.
        work: what is done there, for the error: "training".

    Raises:
        ClaimedError: somebody else has claimed it.
        OSError: the folder cannot be written to.
    """
    path = folder / _NAME
    while True:
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            lock(handle, wait=False)
        except OSError as error:
            os.close(handle)
            if error.errno not in _BUSY:  # a file system without locks: better without than not at all
                yield
                return
            raise ClaimedError(
                f"expected a folder of its own, but another {work} writes to {folder}: stop it first, or "
                "choose another folder"
            ) from None
        if path.exists() and os.path.samestat(os.fstat(handle), path.stat()):
            break
        os.close(handle)  # whoever had it took the file away meanwhile
    try:
        yield
    finally:
        if sys.platform != "win32":
            path.unlink(missing_ok=True)
        unlock(handle)
        os.close(handle)
        if sys.platform == "win32":
            with suppress(OSError):
                path.unlink()
