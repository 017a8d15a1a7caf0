"""What commands write: refused before anything is measured for it, where it would cost somebody a file."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from .corpus import find_images
from .errors import RequestError
from .files import check_free
from .pipes import is_stream
from .writing import write_json

KEPT = "results.csv"  # of single photographs, in a folder of results


def check_file(path: Path | None, *, force: bool, source: Path | None = None) -> None:
    """Refuse a file that cannot or must not be written.

    Args:
        path: of the file; None passes.
        force: whether a file that is there may be replaced.
        source: of the photographs that are measured on, which stay in any case.

    Raises:
        FileExistsError: it is there, and `force` is false.
        ValueError: no folder that can be written to, or a photograph.
    """
    if path is None or is_stream(path):
        return
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise RequestError(f"expected a file in a folder that can be written to, got {path}")
    check_free(path, overwrite=force, remedy="--force")
    _spare([path], source)


def prepare(folder: Path, files: Sequence[Path], *, force: bool, source: Path, goes_on: bool = True) -> bool:
    """Make a folder ready for files.

    Args:
        folder: is made.
        files: that are going to be written there.
        force: whether files that are there may be replaced.
        source: of the photographs that are measured on, which stay in any case.
        goes_on: whether results that the folder keeps are continued; what was made from them is made anew.

    Returns:
        Whether files that are there are to be replaced.

    Raises:
        FileExistsError: one is there that nobody allowed to replace.
        ValueError: one is a photograph.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"expected a folder, got the file {folder}: choose another name")
    folder.mkdir(parents=True, exist_ok=True)
    overwrite = force or (goes_on and (folder / KEPT).exists())
    check_free(*files, overwrite=overwrite, remedy="--force")
    _spare(files, source)
    return overwrite


def _spare(files: Sequence[Path], source: Path | None) -> None:
    present = [path for path in files if path.exists()]
    if source is None or not present or not source.exists():
        return
    for image in find_images([source]):
        for path in present:
            if path.samefile(image.path):
                raise RequestError(
                    f"expected another name than a photograph's own, got {path}: it is never replaced"
                )


def write_rows(path: Path | None, rows: list[dict[str, object]], *, overwrite: bool) -> None:
    """Write rows as JSON, which has no infinity and no nan: they become null. None writes nothing.

    Raises:
        FileExistsError: a file is there, and `overwrite` is false.
        OSError: the system refuses.
    """

    def finite(value: object) -> object:
        return None if isinstance(value, float) and not math.isfinite(value) else value

    if path is not None:
        write_json(
            path, [{key: finite(value) for key, value in row.items()} for row in rows], overwrite=overwrite
        )
