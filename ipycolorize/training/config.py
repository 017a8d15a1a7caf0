"""How a network is trained, as values that a checkpoint can hold."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

RATE = 1e-3  # peak learning rate for a new network
FINE_RATE = 1e-4  # for one that has learned: what it knows is to be kept
BUDGET = ("minutes", "steps")  # of a configuration: a run may be prolonged


@dataclass(frozen=True)
class Phase:
    """A stretch of training with crops of one size.

    Attributes:
        start: share of the budget at which it begins, from 0 to 1.
        crop: side of a crop in pixels.
        batch: crops in a step.
        joint: learn everything; False: only the automatic colours and their distribution, without hints,
            several times faster, by networks that have them apart.
        frozen: blocks of a pretrained backbone, from the first on, that do not learn.
    """

    start: float
    crop: int
    batch: int
    joint: bool = True
    frozen: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.start <= 1 or min(self.crop, self.batch) < 1:
            raise ValueError(
                f"expected a start within 0..1, and a crop and a batch of at least 1, got {self}"
            )


# Small crops teach what things look like at a fraction of the price; large ones, last, make the network used
# to whole photographs (Touvron et al. 2019, "Fixing the train-test resolution discrepancy"). Every step has
# about as many pixels.
PHASES = (Phase(0.0, 96, 28), Phase(0.4, 128, 16), Phase(0.8, 192, 8))

# A network with automatic colours of its own learns those first: what things are takes most of the
# pictures, and a picture costs a third without hints.
AUTOMATIC_FIRST = (
    Phase(0.0, 144, 24, joint=False), Phase(0.45, 128, 16, frozen=5), Phase(0.85, 160, 10, frozen=5)
)  # fmt: skip

# Small crops would shift the statistics of a trained network's batch norms.
FINE_PHASES = (Phase(0.0, 192, 8),)


@dataclass(frozen=True)
class TrainConfig:
    """How a network is trained; stored in every checkpoint.

    Attributes:
        minutes: of training time in all; or None, and `steps` is given. The learning rate follows the share
            of the budget that is used up, so that any budget ends well.
        steps: in all, exactly repeatable; or None, and `minutes` is given.
        phases: sizes of crops and batches over the budget; the first begins at 0.
        rate: peak learning rate of AdamW.
        warmup: steps of linear warm-up.
        decay: weight decay.
        clip: largest norm of the gradient.
        ema: decay of the averaged weights, which are the ones that ship.
        delta: of the Huber loss, Lab units.
        auto: weight of the Huber loss on the colours without hints, where a network has them apart.
        classify: weight of the cross-entropy.
        blank: share of the pictures without hints.
        many: share of the pictures with log-uniform counts of points up to `most`.
        strokes: share of the pictures with brush strokes. All three at 0 are the paper's law.
        most: largest number of points.
        statistics: share of the pictures whose histogram, saturation or both are given, to networks that
            read them; 3/4 is the paper's law.
        unusual: share of the pictures that are recoloured.
        aged: share of the pictures whose L is damaged like an old print's.
        varied: share of the pictures whose L has another tone curve and sharpness, as other cameras would
            give.
        rebalance: 0 counts every pixel alike in the cross-entropy; else the lambda of `balance`, which lets
            rare colours count more the smaller it is: 1/2 in Zhang et al. 2016.
        shards: parts of a batch that pass through the network one after the other, each with batch norms of
            its own. P processes share them out, so that as many shards mean the same on any number of them.
        seed: of crops and hints; seed torch itself for the initial weights.
    """

    minutes: float | None = None
    steps: int | None = None
    phases: tuple[Phase, ...] = PHASES
    rate: float = RATE
    warmup: int = 100
    decay: float = 0.02
    clip: float = 1.0
    ema: float = 0.999
    delta: float = 20.0
    auto: float = 1.0
    classify: float = 0.5
    blank: float = 0.15
    many: float = 0.4
    strokes: float = 0.1
    most: int = 512
    statistics: float = 0.5
    unusual: float = 0.06
    aged: float = 0.08
    varied: float = 0.5
    rebalance: float = 0.0
    shards: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.steps is None):
            raise ValueError(
                f"expected either minutes or steps, got minutes={self.minutes} and steps={self.steps}"
            )
        if (self.minutes or self.steps or 0) < 0:
            raise ValueError(f"expected a positive budget, got {self.minutes or self.steps}")
        starts = [phase.start for phase in self.phases]
        if not starts or starts[0] != 0 or starts != sorted(starts):
            raise ValueError(f"expected phases in order, the first from 0 on, got starts of {starts}")
        smallest = min(phase.batch for phase in self.phases)
        if not 1 <= self.shards <= smallest:
            raise ValueError(
                f"expected 1 to {smallest} shards, because the smallest batch has {smallest} crops, "
                f"got {self.shards}"
            )
        if not 0 <= self.rebalance <= 1:
            raise ValueError(f"expected rebalance within 0..1, got {self.rebalance}")
        if self.seed < 0:
            raise ValueError(f"expected a seed of at least 0, got {self.seed}")

    def share(self, *, step: int, seconds: float) -> float:
        """How much of the budget is used up: from 0 to 1, and beyond."""
        if self.steps is not None:
            return step / self.steps if self.steps else 1.0
        return seconds / (60 * self.minutes) if self.minutes else 1.0

    def phase(self, share: float) -> Phase:
        """The phase that a share of the budget falls into."""
        return [phase for phase in self.phases if phase.start <= share][-1]

    def split(self, batch: int) -> list[int]:
        """Crops in each shard of a batch, as even as can be."""
        return [batch // self.shards + (shard < batch % self.shards) for shard in range(self.shards)]


def automatic(config: TrainConfig, *, squares: bool) -> TrainConfig:
    """For a network that reads no points: photographs as they are, without hints.

    Args:
        config: whose budget, sizes, rate and the like are kept.
        squares: let the Huber loss be l2, which it is below its delta.
    """
    delta = 220.0 if squares else config.delta  # no two colours are further apart in a or in b
    return replace(
        config,
        delta=delta,
        blank=1.0,
        many=0.0,
        strokes=0.0,
        statistics=0.0,
        unusual=0.0,
        aged=0.0,
        varied=0.0,
    )


def learning_rate(step: int, share: float, config: TrainConfig) -> float:
    """Linear warm-up, then a cosine over the used share of the budget, down to 1 % of the peak."""
    cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return config.rate * min(1.0, (step + 1) / max(1, config.warmup)) * cosine


@dataclass(frozen=True)
class Record:
    """One line of the log: losses are means since the last line, PSNR is in dB by number of points."""

    step: int
    seconds: float
    examples: int
    huber: float
    auto: float
    cross_entropy: float
    rate: float
    psnr: dict[str, float]
