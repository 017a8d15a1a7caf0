"""Fine-tuning in one call: training in the background, and in a notebook its live view."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .training.background import Background, Job
from .training.config import FINE_RATE
from .training.curves import plot_history

if TYPE_CHECKING:
    from .widget.finetune import Progress


class FineTuning(Background):
    """Training in the background that shows itself where a notebook displays it."""

    @cached_property
    def view(self) -> Progress:
        """The curves, the time left and a button that stops it, as a widget."""
        from .widget.finetune import Progress

        return Progress(self, plot_history)

    def _ipython_display_(self, **_: Any) -> None:
        self.view._ipython_display_()


def finetune(
    photographs: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str],
    start: str | os.PathLike[str] = "live",
    minutes: float = 10.0,
    rate: float = FINE_RATE,
    device: str = "auto",
    seed: int = 0,
) -> FineTuning:
    """Teach a network your own photographs, in a process of its own; returns at once.

    A tenth of the photographs is held out, so that the curve says whether the rest teaches anything. The same
    call goes on from the last checkpoint in `out`; with more minutes it prolongs a finished run.

    Args:
        photographs: a folder, subfolders included; at least three photographs with colours.
        out: folder for checkpoint, log and weights; made if it is not there.
        start: name or file of the weights to begin with.
        minutes: of training, in all.
        rate: peak learning rate.
        device: "auto", "cpu", "cuda" or "mps".
        seed: of crops and hints.

    Returns:
        The running training: `records`, `running`, `state`, `stop()`, `wait()`, and `weights`, the file for
        ``Colorizer(photo, network=...)``. It ends with this Python at the latest.

    Raises:
        DataError: no such folder.
        ValueError: a budget that is not positive.
    """
    job = Job(
        photographs=os.fspath(photographs), out=os.fspath(out), start=os.fspath(start), minutes=minutes,
        rate=rate, device=device, seed=seed,
    )  # fmt: skip
    return FineTuning(job)
