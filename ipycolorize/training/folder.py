"""A training's folder: whose it is, who may write to it, and what to do while it cannot be written to."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tqdm import tqdm

from ..files import check_free
from ..locks import claimed
from .checkpoint import TrainingError

CHECKPOINT, AVERAGE, LOG = "checkpoint.pt", "average.safetensors", "log.csv"
PAUSE, PATIENCE = 10.0, 600.0  # seconds between two tries at the end of a training, and of all tries

Seen = tuple[int, int, int] | None


def check_folder(folder: Path, *, overwrite: bool = False, remedy: str = "overwrite=True") -> None:
    """Refuse a folder that holds what looks like a training's files and belongs to none.

    Args:
        folder: that a training is going to write to.
        overwrite: such files may be replaced. A checkpoint never is, but gone on from.
        remedy: how whoever asked can say so.

    Raises:
        FileExistsError: naming what is there.
    """
    if not (folder / CHECKPOINT).exists():
        check_free(folder / AVERAGE, folder / LOG, overwrite=overwrite, remedy=remedy)


def seen(path: Path) -> Seen:
    """What tells whether a file is still the one that it was; None where there is none."""
    try:
        there = path.stat()
    except OSError:
        return None
    return there.st_ino, there.st_mtime_ns, there.st_size


@contextmanager
def claim(folder: Path, *, checkpoint: Seen) -> Iterator[None]:
    """Keep a folder for one training.

    Args:
        folder: of the training.
        checkpoint: that it goes on from, as `seen` saw it.

    Raises:
        ClaimedError: another training writes to the folder.
        TrainingError: another one has written to it since; or it cannot be written to.
    """
    with ExitStack() as kept:
        try:
            kept.enter_context(claimed(folder, work="training"))
        except OSError as error:
            raise TrainingError(f"cannot write to {folder}: {error}") from error
        if seen(folder / CHECKPOINT) not in (None, checkpoint):
            raise TrainingError(
                f"expected to go on from a checkpoint in {folder}, but another training has gone on from it "
                "since: begin again, from where that one is"
            )
        yield


def try_to(save: Callable[[], None]) -> None:
    """Save or, where that fails, say so on standard error: there will be a next time."""
    try:
        save()
    except TrainingError as error:
        _say(f"{error}. Training goes on, and tries again at the next save")


def insist(save: Callable[[], None], *, until: Callable[[], bool]) -> None:
    """Save at last, again and again while the disk is full, for then nothing comes after.

    Args:
        save: the function that does.
        until: nobody wants to wait any longer.

    Raises:
        TrainingError: it failed for ten minutes, or until somebody had enough.
    """
    end = time.monotonic() + PATIENCE
    said = False
    while True:
        try:
            save()
            return
        except TrainingError as error:
            if until() or time.monotonic() >= end:
                raise
            if not said:
                _say(f"{error}. Training is over, and tries again for {PATIENCE / 60:.0f} minutes")
                said = True
        pause = time.monotonic() + PAUSE
        while time.monotonic() < min(pause, end) and not until():
            time.sleep(min(0.1, PAUSE))


def _say(text: str) -> None:
    with suppress(OSError):  # standard error may be a file on the same full disk
        tqdm.write(f"ipycolorize: {text}", file=sys.stderr)  # above the bar
