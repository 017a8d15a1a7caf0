"""Training in a process of its own, so that a notebook and its pads stay free.

The new process holds one end of a pipe, and trains until its budget is used up or the other end is closed:
because somebody wants it to stop, or because whoever started it is gone, such as a kernel that was restarted.
Either way it finishes the running step and leaves a checkpoint. That needs no signals, which differ between
systems, and leaves no orphans.
"""

from __future__ import annotations

import _thread
import json
import math
import os
import subprocess
import sys
import threading
import time
import zlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from ..children import environment, python
from ..models.device import pick_device
from ..models.weights import load_model
from ..protocol import square
from .checkpoint import TrainingError
from .config import FINE_PHASES, FINE_RATE, Record, TrainConfig
from .curves import read_log
from .data import DataError, Photographs
from .loop import Trainer, validate

SIDE = 256  # pixels of held-out photographs: the size that a pad works at
SHARE, MOST = 0.1, 24  # held out; the most, because each is colorized five times for every line of the log
LINES = 20  # of the log, in a run
SAYS = "ipycolorize: "  # how a line for people begins
STOPPED = 130  # exit code of a run that was told to stop
NICE = 10  # a pad comes first: at this niceness Linux gives it nine tenths of a core that both want


@dataclass(frozen=True)
class Job:
    """A network to go on training, on one person's photographs.

    Attributes:
        photographs: folder of images or tar shards.
        out: folder for checkpoint, log and weights; a checkpoint found there is resumed.
        start: name or file of the weights to begin with.
        minutes: of training, in all.
        rate: peak learning rate. A tenth of the one for a new network: what it knows is to be kept.
        device: "auto", "cpu", "cuda" or "mps".
        seed: of crops and hints.
    """

    photographs: str
    out: str
    start: str = "live"
    minutes: float = 10.0
    rate: float = FINE_RATE
    device: str = "auto"
    seed: int = 0

    @property
    def config(self) -> TrainConfig:
        """How it trains; the warm-up is short, for only the optimiser starts from nothing."""
        return TrainConfig(
            minutes=self.minutes, phases=FINE_PHASES, rate=self.rate, warmup=30, seed=self.seed
        )


class Background:
    """A job in a process of low priority, which ends with this object or with this Python at the latest.

    Args:
        job: what to train; the process starts at once.

    Raises:
        DataError: the folder is missing or has fewer than three images.
        ValueError: a budget that is not positive.
        OSError: `out` cannot be made.
    """

    def __init__(self, job: Job) -> None:
        folder = Path(job.photographs).expanduser().resolve()
        if not folder.is_dir():
            raise DataError(f"expected a folder of photographs, but there is no folder {folder}")
        out = Path(job.out).expanduser().resolve()
        self.job = replace(job, photographs=str(folder), out=str(out))
        if not job.config.minutes:
            raise ValueError(f"expected a positive budget, got {job.minutes} minutes")
        self.folder = out
        out.mkdir(parents=True, exist_ok=True)
        self._process, self._said = self._start()

    def _start(self) -> tuple[subprocess.Popen[bytes], int]:
        with (self.folder / "train.err").open("ab") as errors:
            process = subprocess.Popen(
                python("ipycolorize.training.background", json.dumps(asdict(self.job))),
                env=environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                process_group=0,  # interrupting a cell interrupts the kernel's group, and not this
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),  # of Windows
            )
            return process, errors.tell()

    @property
    def weights(self) -> Path:
        """The averaged weights that did best on what is held out: a file for `load_model` and the pad.

        The network that training began with is one of those that are measured, so it never gets worse.
        """
        return self.folder / "best.safetensors"

    @property
    def records(self) -> list[Record]:
        """The log so far; its first line tells how good the network was before."""
        return read_log(self.folder / "log.csv")

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return self._process.poll() is None

    @property
    def state(self) -> Literal["running", "finished", "stopped", "failed"]:
        """How it stands."""
        match self._process.poll():
            case None:
                return "running"
            case 0:
                return "finished"
            case code:
                return "stopped" if code == STOPPED else "failed"

    @property
    def error(self) -> str:
        """Why it failed, in the process's own last words; empty unless it did."""
        if self.state != "failed":
            return ""
        said = self._words()
        code = self._process.returncode
        silent = f"the training process ended with code {code} and said nothing; was it out of memory?"
        return silent if code < 0 or not said else said[-1]

    @property
    def warning(self) -> str:
        """What it had to say last while it goes on, of a full disk for example; empty if nothing."""
        said = [line for line in self._words() if line.startswith(SAYS)] if self.running else []
        return said[-1].removeprefix(SAYS) if said else ""

    def _words(self) -> list[str]:
        """The lines that the process has written to its standard error."""
        with (self.folder / "train.err").open("rb") as file:
            file.seek(self._said)
            lines = file.read().decode(errors="replace").replace("\r", "\n").split("\n")
        return [line.strip() for line in lines if line.strip()]

    @property
    def seconds_left(self) -> float | None:
        """About how long training goes on, in seconds; None before it has begun and after it has ended."""
        records = self.records
        if not (records and self.running):
            return None
        since = time.time() - (self.folder / "log.csv").stat().st_mtime
        return max(0.0, 60 * self.job.minutes - records[-1].seconds - since)

    def stop(self, timeout: float = 120.0) -> None:
        """Let it finish the running step and save, and wait for that; the same job goes on from there.

        Args:
            timeout: seconds after which the process is killed; then the last checkpoint is what is kept.
        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait(self, timeout: float | None = None) -> list[Record]:
        """Wait for the end; returns the whole log.

        Args:
            timeout: in seconds; None: as long as it takes.

        Raises:
            TrainingError: it failed, with its last words; or it still runs after `timeout`.
        """
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TrainingError(f"expected training to end within {timeout} s, but it goes on") from None
        if self.state == "failed":
            raise TrainingError(self.error)
        return self.records


def hold_out(photographs: Photographs) -> tuple[Photographs, list[np.ndarray]]:
    """Keep a tenth of the photographs for measuring: at least one, at most `MOST`.

    Their content decides which: always the same ones, whatever the files are called, and photographs that are
    added later hardly change the choice.

    Returns:
        Those to learn from, and ``(H, W, 3)`` uint8 each to measure with.

    Raises:
        DataError: fewer than three photographs.
    """
    ordered = sorted(photographs.images, key=lambda rgb: zlib.crc32(rgb.tobytes()))
    if len(ordered) < 3:
        raise DataError(
            f"expected at least 3 photographs with colours, two to learn from and one to measure with, "
            f"got {photographs.summary()}"
        )
    count = min(MOST, max(1, round(SHARE * len(ordered))))
    return Photographs(tuple(ordered[count:]), photographs.left_out), ordered[:count]


def train(job: Job) -> bool:
    """Train in this process; whether the whole budget was used up.

    Raises:
        DataError, WeightsError, DeviceError, TrainingError: saying what was expected, what came, what to do.
    """
    folder = Path(job.out)
    photographs = Photographs.load([Path(job.photographs)], short_side=SIDE, progress=False)
    photographs, held_out = hold_out(photographs)
    network = load_model(job.start, device=pick_device(job.device))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.stack([square(rgb, SIDE) for rgb in held_out])
    trainer = Trainer(network, photographs, job.config, folder, validation=images)
    if trainer.step == 0:
        scores = {name: round(value, 3) for name, value in validate(trainer.average, images).items()}
        trainer.history.append(Record(0, 0.0, 0, math.nan, math.nan, math.nan, 0.0, scores))
        trainer.save()
    trainer.run(every_seconds=max(5.0, 60 * job.minutes / LINES), progress=False)
    return trainer.finished


def _lock(folder: str) -> None:
    """Claim a folder for this process, for as long as it lives: its error file is the lock."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(sys.stderr.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TrainingError(
            f"another training writes to {folder}; stop it first, or choose another folder"
        ) from None


def _stop_with_the_pipe() -> None:
    """Wait until the other end is closed, then do as Ctrl-C does."""
    while os.read(0, 1):
        pass
    _thread.interrupt_main()


def main(argument: str) -> None:
    """What the process does; its exit code is 0 at the end of the budget, `STOPPED`, or 1 after an error."""
    job = Job(**json.loads(argument))
    if hasattr(os, "nice"):
        os.nice(NICE)
    try:
        _lock(job.out)
        threading.Thread(target=_stop_with_the_pipe, daemon=True).start()
        sys.exit(0 if train(job) else STOPPED)
    except KeyboardInterrupt:  # before or after the steps, which end in an orderly way by themselves
        sys.exit(STOPPED)
    except (ValueError, OSError, RuntimeError) as error:  # every error of the package is one of these
        sys.exit(str(error) or type(error).__name__)


if __name__ == "__main__":
    main(sys.argv[1])
