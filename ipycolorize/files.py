"""Files replaced as a whole or not at all, so that a full disk or a crash never costs the old one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
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
