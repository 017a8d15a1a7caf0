"""The training loop: a network, photographs, simulated hints; resumable, and quiet about nothing."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from tqdm import tqdm

from ..files import replacing
from ..gamut import AbBins
from ..models.base import Network
from ..models.published import describe_mismatch
from ..models.weights import save_model
from ..processes import ALONE, Processes
from ..protocol import psnr_by_count
from .balance import estimate_weights
from .checkpoint import TrainingError, check_same, read_checkpoint, write_checkpoint
from .config import BUDGET, Record, TrainConfig, learning_rate
from .data import Photographs
from .examples import draw, generator_of
from .folder import AVERAGE, CHECKPOINT, LOG, check_folder, claim, insist, seen, try_to
from .interrupt import on_interrupt
from .losses import objective

PARTS = (
    "config",
    "network_config",
    "network",
    "average",
    "optimizer",
    "step",
    "examples",
    "seconds",
    "history",
)


def validate(
    network: Network, images: Tensor, *, counts: tuple[int, ...] = (0, 1, 10, 100)
) -> dict[str, float]:
    """Mean PSNR in dB on held-out photographs ``(N, 3, H, W)`` uint8, a quick look while training."""
    names = [str(number) for number in range(len(images))]
    parts = [
        psnr_by_count(network, part, counts=counts, names=names[8 * number :][: len(part)], everything=True)
        for number, part in enumerate(images.split(8))
    ]
    return {name: torch.cat([part[name] for part in parts]).mean().item() for name in parts[0]}


class Trainer:
    """Everything that a checkpoint holds: network, averaged network, optimiser, progress.

    Each step draws its crops and hints from the seed and its own number. So a run that goes on from a
    checkpoint, or that several processes share, computes what one that never stopped would, as long as all
    photographs fit into memory.

    Args:
        network: to train, on its device; in every process the same.
        photographs: to learn from; in every process the same.
        config: how.
        folder: checkpoints, log and averaged weights go here; a checkpoint found there is resumed.
        validation: ``(N, 3, H, W)`` uint8 for the PSNR in the log, or None.
        processes: that train together.
        compile: backend of `torch.compile` for the network ("inductor"); None: as it is.
        overwrite: replace weights and a log that are in the folder without a checkpoint.

    Raises:
        TrainingError: a checkpoint that is damaged or belongs to another run.
        FileExistsError: weights or a log that no checkpoint belongs to, and `overwrite` is false.
        ProcessesError: processes that differ.
        ValueError: shards that the processes cannot share out, or a validation set without photographs.
    """

    def __init__(
        self,
        network: Network,
        photographs: Photographs,
        config: TrainConfig,
        folder: Path,
        *,
        validation: Tensor | None = None,
        processes: Processes = ALONE,
        compile: str | None = None,
        overwrite: bool = False,
    ) -> None:
        if config.shards % processes.count:
            raise ValueError(
                f"expected shards that {processes.count} processes can share out evenly, "
                f"got {config.shards}; use shards={processes.count * -(-config.shards // processes.count)}"
            )
        if validation is not None and not len(validation):
            raise ValueError("expected at least one photograph to validate with, got none; or use None")
        self.network, self.photographs, self.config, self.folder = network, photographs, config, folder
        self.validation, self.processes = validation, processes
        self.device = next(network.parameters()).device
        self.average = deepcopy(network).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=config.decay)
        self.bins = AbBins(self.device, centers=network.bin_centers)
        self.step, self.examples, self.seconds = 0, 0, 0.0
        self.history: list[Record] = []
        self._saved: int | None = None  # step of the checkpoint
        self._stop = False
        if processes.main:  # the others come here when it may already have written
            check_folder(folder, overwrite=overwrite)
        folder.mkdir(parents=True, exist_ok=True)
        self._seen = seen(self.checkpoint)
        if self.checkpoint.exists():
            self._resume()
        processes.check_same([*network.parameters(), *self.average.parameters(), torch.tensor(self.step)])
        self._forward = torch.compile(network, backend=compile) if compile else network
        self._balance = None
        if config.rebalance:
            self._balance = estimate_weights(
                photographs, self.bins, uniform=config.rebalance, seed=config.seed
            )
        stored = network.state_dict(keep_vars=True)
        self._statistics = [buffer for name, buffer in network.named_buffers() if name in stored]
        for parameter in network.parameters():  # from now on 0, never None: all processes add up the same
            parameter.grad = torch.zeros_like(parameter)

    @property
    def checkpoint(self) -> Path:
        """File that training goes on from."""
        return self.folder / CHECKPOINT

    @property
    def finished(self) -> bool:
        """Whether the whole budget is used up."""
        return self._share >= 1

    @property
    def _share(self) -> float:
        return self.config.share(step=self.step, seconds=self.seconds)

    def _resume(self) -> None:
        state = read_checkpoint(self.checkpoint, parts=PARTS)
        since = asdict(TrainConfig(steps=0))  # what a configuration was before it had all of today's fields
        check_same(
            self.checkpoint, "config", here=asdict(self.config), there=since | state["config"], ignore=BUDGET
        )
        check_same(self.checkpoint, "network", here=self.network.config, there=state["network_config"])
        mismatch = describe_mismatch(self.network.state_dict(), state["network"])
        if mismatch:
            raise TrainingError(
                f"{self.checkpoint} was trained with another version of the network: {mismatch} in it; "
                "use another folder"
            )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.examples, self.seconds = state["step"], state["examples"], state["seconds"]
        self.history = [Record(**record) for record in state["history"]]
        self._saved = self.step

    def save(self) -> None:
        """Write the checkpoint, the averaged weights and the log, each whole or not at all.

        Only the main process does.

        Raises:
            TrainingError: the system refuses (disk full, no permission); the last checkpoint is kept.
            ClaimedError: another training writes to the folder.
        """
        with self._claim():
            self._save()

    def _claim(self) -> AbstractContextManager[None]:
        return claim(self.folder, checkpoint=self._seen) if self.processes.main else nullcontext()

    def _save(self) -> None:
        if not self.processes.main:
            return
        try:
            self._write()
        except (OSError, RuntimeError, SafetensorError) as error:  # torch raises RuntimeError for files
            raise TrainingError(
                f"cannot write to {self.folder}: {error}; is the disk full? {self._kept()}"
            ) from error
        self._saved = self.step

    def _write(self) -> None:
        values = (
            asdict(self.config), self.network.config, self.network.state_dict(), self.average.state_dict(),
            self.optimizer.state_dict(), self.step, self.examples, self.seconds,
            [asdict(record) for record in self.history],
        )  # fmt: skip
        write_checkpoint(self.checkpoint, dict(zip(PARTS, values, strict=True)))
        self._seen = seen(self.checkpoint)
        save_model(self.folder / AVERAGE, self.average, metadata={"examples": str(self.examples)})
        with replacing(self.folder / LOG) as part, part.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["step", "seconds", "examples", "huber", "auto", "cross_entropy", "rate", "psnr"])
            for record in self.history:
                writer.writerow([*list(asdict(record).values())[:-1], json.dumps(record.psnr)])

    def _kept(self) -> str:
        if self._saved is None:
            return "Nothing had been saved yet"
        return f"The last checkpoint is kept: step {self._saved} in {self.folder}"

    def _train_step(self) -> Tensor:
        """One step of all processes; returns its losses ``(3,)``, see `objective`."""
        config, phase = self.config, self.config.phase(self._share)
        weights = torch.tensor([1.0, config.auto, config.classify], device=self.device)
        losses = torch.zeros_like(weights)
        before = [value.clone() for value in self._statistics]
        after = [torch.zeros_like(value) for value in self._statistics]
        self.optimizer.zero_grad(set_to_none=False)
        sizes = list(enumerate(config.split(phase.batch)))
        for shard, size in sizes[self.processes.index :: self.processes.count]:
            for value, start in zip(self._statistics, before, strict=True):
                value.copy_(start)
            examples = draw(
                self.photographs, config, size=size, crop=phase.crop, device=self.device,
                generator=generator_of(config.seed, step=self.step, shard=shard),
                tell=self.network.reads_global_hints,
            )  # fmt: skip
            with torch.autocast(self.device.type, dtype=torch.bfloat16):
                told = {} if examples.global_hints is None else {"global_hints": examples.global_hints}
                outputs = self._forward(examples.lightness, examples.hints, **told)
            parts = objective(outputs, examples, self.bins, delta=config.delta, balance=self._balance)
            share = size / phase.batch
            (share * (parts @ weights)).backward()
            losses += share * parts.detach()
            for value, end in zip(after, self._statistics, strict=True):
                value += share * end if end.is_floating_point() else 0
        gradients = [value.grad for value in self.network.parameters() if value.grad is not None]
        tracked = [value for value in after if value.is_floating_point()]
        self.processes.add_up([losses, *gradients, *tracked])
        self._check("loss", losses @ weights)
        self._check("gradient", nn.utils.clip_grad_norm_(self.network.parameters(), config.clip))
        for value, end in zip(self._statistics, after, strict=True):
            if value.is_floating_point():  # counts have gone on by one already
                value.copy_(end)
        self.optimizer.step()
        self.examples += phase.batch
        return losses

    def _check(self, what: str, value: Tensor) -> None:
        """Stop before anything that is not finite reaches the parameters."""
        if not bool(torch.isfinite(value)):
            raise TrainingError(
                f"the {what} became {value.item()} at step {self.step}; lower the learning rate "
                f"({self.config.rate}). {self._kept()}"
            )

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for mine, theirs in zip(
            self.average.state_dict().values(), self.network.state_dict().values(), strict=True
        ):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)

    def stop(self) -> None:
        """End `run` after the step that it is in; for other threads, and for signals."""
        self._stop = True

    def run(
        self,
        *,
        every_seconds: float = 60.0,
        on_record: Callable[[Record], None] | None = None,
        progress: bool = True,
    ) -> list[Record]:
        """Train until the budget is used up, or until `stop`, Ctrl-C or SIGTERM.

        Whatever ends it, the step that is running is finished and a checkpoint written, from which a new run
        goes on. A second Ctrl-C interrupts at once. While the disk is full training goes on, and tries again
        at the next save.

        Args:
            every_seconds: of training between log lines, each with a checkpoint.
            on_record: called with each line, to draw a live plot for example.
            progress: show a bar.

        Raises:
            TrainingError: a loss or a gradient that is not finite; files that cannot be written, even at the
                end, after ten more minutes; or another training has gone on from the same checkpoint.
            ClaimedError: another training writes to the folder.
        """
        show = progress and self.processes.main
        bar = tqdm(total=100, initial=round(100 * self._share), unit="%", disable=not show, desc="training")
        sums, since, first = torch.zeros(3, device=self.device), self.seconds, self.step
        stopped = False
        try:
            with self._claim(), on_interrupt(self.stop):
                while self._share < 1 and not stopped:
                    started = time.perf_counter()
                    rate = learning_rate(self.step, self._share, self.config)
                    for group in self.optimizer.param_groups:
                        group["lr"] = rate
                    self.network.train()
                    sums += self._train_step()
                    self.step += 1
                    self._update_average()
                    self.seconds, stopped = self.processes.agree(
                        seconds=self.seconds + time.perf_counter() - started, stop=self._stop
                    )
                    bar.update(min(100, round(100 * self._share)) - bar.n)
                    if self.seconds - since >= every_seconds or self._share >= 1:
                        if self.processes.main:
                            record = self._record(sums / (self.step - first), rate)
                            bar.set_postfix(huber=record.huber, **record.psnr)
                            if on_record is not None:
                                on_record(record)
                        sums, since, first = torch.zeros_like(sums), self.seconds, self.step
                if self._saved != self.step and self.processes.main and (stopped or self.history):
                    insist(self._save, until=lambda: self._stop)
        finally:
            self._stop = False
            bar.close()
        return self.history

    def _record(self, losses: Tensor, rate: float) -> Record:
        """Write a line of the log, with a checkpoint."""
        scores = {} if self.validation is None else validate(self.average, self.validation)
        huber, auto, cross_entropy = (round(loss, 4) for loss in losses.tolist())
        psnr = {name: round(value, 3) for name, value in scores.items()}
        record = Record(
            self.step, round(self.seconds, 1), self.examples, huber, auto, cross_entropy, rate, psnr
        )
        self.history.append(record)
        try_to(self._save)
        return record
