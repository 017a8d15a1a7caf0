"""What a network learns from in one step: crops of photographs with simulated hints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..aging import degrade
from ..color import rgb_to_lab
from ..global_hints import GlobalHints
from ..hint_batch import HintBatch
from .augment import recolour, vary
from .config import TrainConfig
from .data import Photographs
from .simulate import simulate_batch, simulate_global_hints


@dataclass(frozen=True)
class Examples:
    """Pictures as a network sees them, and what it should answer.

    Attributes:
        lightness: ``(N, 1, H, W)`` in [0, 100], of some pictures damaged.
        hints: of a simulated user.
        truth: ``(N, 2, H, W)`` ab in Lab units.
        natural: ``(N,)`` 1 where the colours are the photograph's own, 0 where they were changed: those
            nobody can guess without hints.
        global_hints: true statistics of some pictures; None for a network that reads none.
    """

    lightness: Tensor
    hints: HintBatch
    truth: Tensor
    natural: Tensor
    global_hints: GlobalHints | None = None


def generator_of(seed: int, *, step: int, shard: int) -> torch.Generator:
    """The randomness of one shard of one step, whichever process draws it, whatever was drawn before."""
    state = np.random.SeedSequence((seed, step, shard)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))


def draw(
    photographs: Photographs,
    config: TrainConfig,
    *,
    size: int,
    crop: int,
    generator: torch.Generator,
    device: torch.device,
    tell: bool = False,
    joint: bool = True,
) -> Examples:
    """Draw `size` examples of `crop` x `crop` pixels.

    Args:
        photographs: to crop.
        config: the mixture of hints and damages.
        size: number of examples.
        crop: their side in pixels.
        generator: on the CPU.
        device: of the result.
        tell: give global hints too.
        joint: with hints; False: the photographs' own colours, for a phase that learns only these.
    """
    rgb = photographs.batch(size, crop=crop, generator=generator).to(device)
    share = config.unusual if joint else 0.0
    lab, anchor = recolour(rgb_to_lab(rgb), share=share, generator=generator)
    truth = lab[:, 1:].contiguous()
    lightness = vary(lab[:, :1].contiguous(), share=config.varied, generator=generator)
    lightness = degrade(lightness, share=config.aged, generator=generator)
    if not joint:
        none = HintBatch.empty(shape=(crop, crop), count=size, device=device)
        return Examples(lightness, none, truth, torch.ones(size, device=device))
    hints = simulate_batch(
        truth, generator=generator, blank=config.blank, many=config.many, strokes=config.strokes,
        most=config.most, anchor=anchor,
    )  # fmt: skip
    told = simulate_global_hints(lab, share=config.statistics, generator=generator) if tell else None
    return Examples(lightness, hints, truth, (anchor[:, 0] < 0).to(truth), told)
