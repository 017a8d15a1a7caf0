"""Several processes that train one network, or measure together: who takes part, what they agree on.

A launcher starts them, and Hugging Face accelerate picks their devices and connects them:

    PYTHONSAFEPATH=1 accelerate launch --multi_gpu --num_processes 2 -m ipycolorize train ...
    PYTHONSAFEPATH=1 torchrun --nproc-per-node 2 -m ipycolorize train ...

The variable keeps them from running Python files that lie beside the photographs. Both work without a GPU as
well (accelerate's own flag for that, --cpu, starts several processes only by MPI).
What the processes exchange is little: one sum of gradients in each step of a training, what was measured at
the end of a measurement.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor

from .models.device import pick_device

CPU = torch.device("cpu")
SIZES = ("WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")  # as launchers say them

T = TypeVar("T")


class ProcessesError(RuntimeError):
    """Processes that cannot work together."""


@dataclass(frozen=True)
class Processes:
    """All processes of a run, seen from one of them.

    Attributes:
        count: how many there are.
        index: of this one; 0 is the main one, which logs, validates and saves.
        device: of this one.
    """

    count: int = 1
    index: int = 0
    device: torch.device = CPU

    @property
    def main(self) -> bool:
        """Whether this process speaks for all."""
        return self.index == 0

    def add_up(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its sum over the processes, all in one message."""
        if self.count > 1:
            message = torch.cat([tensor.flatten() for tensor in tensors])
            torch.distributed.all_reduce(message)
            for tensor, total in zip(tensors, message.split([t.numel() for t in tensors]), strict=True):
                tensor.copy_(total.view(tensor.shape))

    def agree(self, *, seconds: float, stop: bool) -> tuple[float, bool]:
        """The main process's clock, and whether any process wants to stop: the same answer for all."""
        if self.count == 1:
            return seconds, stop
        clock = seconds if self.main else 0.0
        message = torch.tensor([clock, stop], dtype=torch.float64, device=self.device)
        self.add_up([message])
        clock, wishes = message.tolist()
        return clock, wishes > 0

    def gather(self, value: T) -> list[T]:
        """What each process has, in the order of their indexes, for all of them; any value that pickles.

        Waits until every process is here: nothing after it begins before all that comes before has ended.
        """
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        torch.distributed.all_gather_object(values, value)
        return values

    def check_same(self, tensors: list[Tensor]) -> None:
        """Make sure that all processes start from the same numbers.

        Raises:
            ProcessesError: in all of them, if they do not.
        """
        if self.count > 1:
            total = torch.stack([tensor.detach().double().sum().to(self.device) for tensor in tensors])
            extremes = torch.cat([total, -total])
            torch.distributed.all_reduce(extremes, torch.distributed.ReduceOp.MAX)
            most, least = extremes.chunk(2)
            if not torch.equal(most, -least):
                raise ProcessesError(
                    "expected all processes to start from the same weights and the same checkpoint, but they "
                    "differ; use the same seed, and a folder that all of them see"
                )


ALONE = Processes()


@contextmanager
def join(device: str = "auto", *, patience: timedelta | None = None) -> Iterator[Processes]:
    """Take part in the run that a launcher started; without a launcher, one process by itself.

    Args:
        device: a name as `pick_device` takes it.
        patience: how long one process may wait for another before it gives up; by default torch's own, which
            is meant for steps that take seconds.

    Raises:
        DeviceError: the device is not here.
        ProcessesError: there are several processes, but nothing connects them.
    """
    picked = pick_device(device)
    count = max(int(os.environ.get(name, "1")) for name in SIZES)
    if count == 1:
        if os.environ.get("ACCELERATE_USE_CPU") == "True" and "MASTER_ADDR" in os.environ:
            raise ProcessesError(
                "expected several processes, but accelerate launch --cpu started one (more need MPI); "
                "use torchrun --nproc-per-node N, or accelerate launch --multi_gpu, without a GPU too"
            )
        yield Processes(device=picked)
        return
    try:
        from accelerate import Accelerator
        from accelerate.utils import InitProcessGroupKwargs
    except ImportError as error:
        raise ProcessesError(
            "expected accelerate, which connects several processes, got none: pip install accelerate"
        ) from error
    handlers = [] if patience is None else [InitProcessGroupKwargs(timeout=patience)]
    accelerator = Accelerator(cpu=picked.type == "cpu", kwargs_handlers=handlers)
    if accelerator.num_processes != count:
        raise ProcessesError(
            f"expected {count} processes, accelerate connects {accelerator.num_processes}; use torchrun"
        )
    try:
        yield Processes(accelerator.num_processes, accelerator.process_index, accelerator.device)
    finally:
        accelerator.end_training()
