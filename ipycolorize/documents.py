"""JSON from files that came from anywhere: bounded before anything is made of it, in linear time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

MAX_BYTES = 4_000_000  # thousands of points take some 130 bytes each
MAX_KEYS = 64  # of one object; ours have ten at most
MAX_DEPTH = 16  # ours has five
SHOWN = 80  # characters of a value in an error


class DocumentError(ValueError):
    """Text that is no JSON, or more of it than a document of ours can have."""


def read_document(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file, or of a pipe, as long as it may be.

    Raises:
        DocumentError: longer than `MAX_BYTES`; no more than that was read.
        OSError: it cannot be read.
    """
    with Path(path).expanduser().open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise DocumentError(_too_long(f"{os.fspath(path)!s}"))
    return data


def parse_document(text: str | bytes | bytearray) -> Any:
    """The data of a JSON text.

    Raises:
        DocumentError: no JSON, too long, nested too deeply, or an object with too many keys.
    """
    if len(text) > MAX_BYTES:
        raise DocumentError(_too_long(f"{len(text):,} bytes"))
    try:
        data = json.loads(text, object_pairs_hook=_object)
    except DocumentError:
        raise
    except (ValueError, RecursionError):  # of which a number of more digits than Python converts is one
        raise DocumentError("expected hints saved as JSON, got text that is not JSON") from None
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, list | dict)
        ]
    if level:
        raise DocumentError(f"expected JSON of at most {MAX_DEPTH} levels, got more")
    return data


def brief(value: Any) -> str:
    """A value for an error's sentence, cut where it is long."""
    if isinstance(value, list | dict):
        few = list(value.items() if isinstance(value, dict) else value)[:5]
        text = ", ".join(
            f"{each[0]!r}: {brief(each[1])}" if isinstance(value, dict) else brief(each) for each in few
        )
        more = ", ..." if len(value) > len(few) else ""
        text = f"{{{text}{more}}}" if isinstance(value, dict) else f"[{text}{more}]"
    elif isinstance(value, int) and abs(value) > 10**SHOWN:  # its digits would take quadratic time
        return "a huge number"
    else:
        text = repr(value[: SHOWN + 1] if isinstance(value, str | bytes) else value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def printable(text: str) -> str:
    """A text that can be written as UTF-8 and sent to a browser.

    What stands for bytes of a file's name that are no UTF-8, and any other lone surrogate, becomes �.
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if "\ud800" <= letter <= "\udfff" else letter for letter in text
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_KEYS:
        raise DocumentError(f"expected objects of at most {MAX_KEYS} keys, got one of {len(pairs)}")
    return dict(pairs)


def _too_long(came: str) -> str:
    return f"expected a document of at most {MAX_BYTES / 1e6:.0f} MB, got {came}: it is something else"
