"""The training loop: a network, photographs, simulated hints; resumable, and quiet about nothing."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..color import rgb_to_lab
from ..gamut import AbBins
from ..models.base import Network
from ..models.weights import save_model
from ..protocol import psnr_by_count
from .data import Photographs
from .losses import huber, soft_cross_entropy
from .simulate import simulate_batch

BUDGET = ("minutes", "steps")  # of a configuration: a run may be prolonged


class TrainingError(RuntimeError):
    """Training that cannot go on; the last good checkpoint is kept."""


@dataclass(frozen=True)
class TrainConfig:
    """How a network is trained; stored in every checkpoint.

    Attributes:
        minutes: of training time in all; or None, and `steps` is given. The learning rate follows the share
            of the budget that is used up, so that any budget ends well.
        steps: in all, exactly repeatable; or None, and `minutes` is given.
        batch: crops in a step.
        crop: side of a crop in pixels.
        rate: peak learning rate of AdamW.
        warmup: steps of linear warm-up.
        decay: weight decay.
        clip: largest norm of the gradient.
        ema: decay of the averaged weights, which are the ones that ship.
        delta: of the Huber loss, Lab units.
        classify: weight of the cross-entropy.
        blank: share of the batches without hints.
        many: share of the batches with log-uniform counts of points up to `most`; 0 is the paper's law.
        most: largest number of points.
        seed: of crops and hints; seed torch itself for the initial weights.
    """

    minutes: float | None = None
    steps: int | None = None
    batch: int = 16
    crop: int = 128
    rate: float = 1e-3
    warmup: int = 100
    decay: float = 0.02
    clip: float = 1.0
    ema: float = 0.999
    delta: float = 10.0
    classify: float = 0.5
    blank: float = 0.2
    many: float = 0.4
    most: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.steps is None):
            raise ValueError(
                f"expected either minutes or steps, got minutes={self.minutes} and steps={self.steps}"
            )
        if (self.minutes or self.steps or 0) < 0:
            raise ValueError(f"expected a positive budget, got {self.minutes or self.steps}")

    def share(self, *, step: int, seconds: float) -> float:
        """How much of the budget is used up: from 0 to 1, and beyond."""
        if self.steps is not None:
            return step / self.steps if self.steps else 1.0
        return seconds / (60 * self.minutes) if self.minutes else 1.0


@dataclass(frozen=True)
class Record:
    """One line of the log: losses are means since the last line, PSNR is in dB by number of points."""

    step: int
    seconds: float
    examples: int
    huber: float
    cross_entropy: float
    rate: float
    psnr: dict[str, float]


def learning_rate(step: int, share: float, config: TrainConfig) -> float:
    """Linear warm-up, then a cosine over the used share of the budget, down to 1 % of the peak."""
    cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return config.rate * min(1.0, (step + 1) / max(1, config.warmup)) * cosine


def validate(
    network: Network, images: Tensor, *, counts: tuple[int, ...] = (0, 1, 10, 100)
) -> dict[str, float]:
    """Mean PSNR in dB on held-out photographs ``(N, 3, H, W)`` uint8, a quick look while training."""
    generator = torch.Generator().manual_seed(0)
    parts = [
        psnr_by_count(network, part, counts=counts, generator=generator, everything=True)
        for part in images.split(8)
    ]
    return {name: torch.cat([part[name] for part in parts]).mean().item() for name in parts[0]}


class Trainer:
    """Everything that a checkpoint holds: network, averaged network, optimiser, random state, progress.

    Args:
        network: to train, on its device.
        photographs: to learn from.
        config: how.
        folder: checkpoints, log and averaged weights go here; a checkpoint found there is resumed.
        validation: ``(N, 3, H, W)`` uint8 for the PSNR in the log, or None.
    """

    def __init__(
        self,
        network: Network,
        photographs: Photographs,
        config: TrainConfig,
        folder: Path,
        *,
        validation: Tensor | None = None,
    ) -> None:
        self.network, self.photographs, self.config, self.folder = network, photographs, config, folder
        self.validation = validation
        self.device = next(network.parameters()).device
        self.average = deepcopy(network).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=config.decay)
        self.generator = torch.Generator().manual_seed(config.seed)
        self.bins = AbBins(self.device)
        self.step, self.seconds = 0, 0.0
        self.history: list[Record] = []
        folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self._resume()

    @property
    def checkpoint(self) -> Path:
        """File that training goes on from."""
        return self.folder / "checkpoint.pt"

    @property
    def finished(self) -> bool:
        """Whether the whole budget is used up."""
        return self._share >= 1

    @property
    def _share(self) -> float:
        return self.config.share(step=self.step, seconds=self.seconds)

    def _resume(self) -> None:
        try:
            state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises half a dozen kinds for files it cannot read
            raise TrainingError(
                f"expected a checkpoint, but {self.checkpoint} is damaged ({type(error).__name__}); "
                "remove it, or use another folder"
            ) from error
        ours = {"config": asdict(self.config), "network": _plain(self.network.config)}
        theirs = {"config": state["config"], "network": state["network_config"]}
        for part, values in ours.items():
            different = [key for key in values if key not in BUDGET and values[key] != theirs[part].get(key)]
            if different:
                listed = ", ".join(
                    f"{key}: {theirs[part].get(key)} there, {values[key]} here" for key in different
                )
                raise TrainingError(
                    f"{self.checkpoint} was trained with another {part} ({listed}); "
                    "use the same, or another folder"
                )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.history = [Record(**record) for record in state["history"]]

    def save(self) -> None:
        """Write the checkpoint, the averaged weights and the log; the first two whole or not at all.

        Raises:
            TrainingError: the system refuses (disk full, no permission); the last checkpoint is kept.
        """
        try:
            self._write()
        except (OSError, RuntimeError) as error:  # RuntimeError: torch, of files that it cannot write
            raise TrainingError(
                f"cannot write to {self.folder}: {error}; is the disk full? The last checkpoint is kept"
            ) from error

    def _write(self) -> None:
        state = {
            "config": asdict(self.config),
            "network_config": _plain(self.network.config),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
            "seconds": self.seconds,
            "history": [asdict(record) for record in self.history],
        }
        partial = self.checkpoint.with_suffix(".partial")
        try:
            torch.save(state, partial)
            partial.replace(self.checkpoint)
        finally:
            partial.unlink(missing_ok=True)
        save_model(
            self.folder / "average.safetensors",
            self.average,
            metadata={"examples": str(self.step * self.config.batch)},
        )
        with (self.folder / "log.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["step", "seconds", "examples", "huber", "cross_entropy", "rate", "psnr"])
            for record in self.history:
                writer.writerow([*list(asdict(record).values())[:-1], json.dumps(record.psnr)])

    def _train_step(self) -> tuple[float, float]:
        config = self.config
        rgb = self.photographs.batch(config.batch, crop=config.crop, generator=self.generator).to(self.device)
        lab = rgb_to_lab(rgb)
        lightness, truth = lab[:, :1].contiguous(), lab[:, 1:].contiguous()
        hints = simulate_batch(
            truth, generator=self.generator, blank=config.blank, many=config.many, most=config.most
        )
        with torch.autocast(self.device.type, dtype=torch.bfloat16):
            ab, logits = self.network(lightness, hints)
        regression = huber(ab, truth, delta=config.delta)
        classification = soft_cross_entropy(logits, truth, self.bins)
        loss = regression + config.classify * classification
        self._check("loss", loss)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self._check("gradient", nn.utils.clip_grad_norm_(self.network.parameters(), config.clip))
        self.optimizer.step()
        return regression.item(), classification.item()

    def _check(self, what: str, value: Tensor) -> None:
        """Stop before anything that is not finite reaches the parameters."""
        if not bool(torch.isfinite(value)):
            raise TrainingError(
                f"the {what} became {value.item()} at step {self.step}; lower the learning rate "
                f"({self.config.rate}); the last checkpoint is kept"
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

    def run(
        self,
        *,
        every_seconds: float = 60.0,
        on_record: Callable[[Record], None] | None = None,
        progress: bool = True,
    ) -> list[Record]:
        """Train until the budget is used up or Ctrl-C; either leaves a checkpoint that a new run resumes.

        Args:
            every_seconds: of training between log lines, each with a checkpoint.
            on_record: called with each line, to draw a live plot for example.
            progress: show a bar.

        Raises:
            TrainingError: a loss or a gradient that is not finite, or files that cannot be written.
        """
        bar = tqdm(
            total=100, initial=round(100 * self._share), unit="%", disable=not progress, desc="training"
        )
        sums, since, first = [0.0, 0.0], self.seconds, self.step
        try:
            while self._share < 1:
                started = time.perf_counter()
                rate = learning_rate(self.step, self._share, self.config)
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                self.network.train()
                losses = self._train_step()
                sums = [total + loss for total, loss in zip(sums, losses, strict=True)]
                self.step += 1
                self._update_average()
                self.seconds += time.perf_counter() - started
                bar.update(min(100, round(100 * self._share)) - bar.n)
                if self.seconds - since >= every_seconds or self._share >= 1:
                    steps = self.step - first
                    scores = {} if self.validation is None else validate(self.average, self.validation)
                    record = Record(
                        self.step, round(self.seconds, 1), self.step * self.config.batch,
                        round(sums[0] / steps, 4), round(sums[1] / steps, 4), rate,
                        {name: round(value, 3) for name, value in scores.items()},
                    )  # fmt: skip
                    self.history.append(record)
                    self.save()
                    bar.set_postfix(huber=record.huber, **record.psnr)
                    if on_record is not None:
                        on_record(record)
                    sums, since, first = [0.0, 0.0], self.seconds, self.step
        except KeyboardInterrupt:
            self.save()
        finally:
            bar.close()
        return self.history


def _plain(config: dict[str, Any]) -> dict[str, Any]:
    """Constructor arguments as a checkpoint stores them: tuples become lists."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in config.items()}
