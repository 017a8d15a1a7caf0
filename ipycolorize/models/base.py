"""What every network promises: `encode` a photograph once, `decode` it for each new set of hints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from ..gamut import AbBins
from ..global_hints import GlobalHints
from ..hint_batch import HintBatch


class Prediction:
    """Colours and, when somebody asks, their distribution: one pass serves the picture and the palette.

    Attributes:
        ab: ``(N, 2, H, W)`` in Lab units, at the size of the L that was encoded.
    """

    def __init__(self, ab: Tensor, head: Callable[[], Tensor]) -> None:
        self.ab = ab
        self._head = head

    @cached_property
    def logits(self) -> Tensor:
        """``(N, Q, h, w)`` logits over the ab bins, coarser than ab (paper 3.4.2), computed at first use."""
        return self._head()


@dataclass(frozen=True)
class Outputs:
    """What a network learns from; None is what it does not predict, or predicts from the others.

    Attributes:
        ab: ``(N, 2, H, W)`` colours with the hints, in Lab units.
        logits: ``(N, Q, h, w)`` of the distribution.
        auto: ``(N, 2, h, w)`` colours without the hints, in Lab units, where a network has them apart.
        polar: ``(N, 32, h, w)`` logits of hue, and as many of chroma (Larsson et al. 2016).
    """

    ab: Tensor | None = None
    logits: Tensor | None = None
    auto: Tensor | None = None
    polar: tuple[Tensor, Tensor] | None = None


class Network(nn.Module):
    """A colorization network: Lab units at its borders, normalisation inside, any height and width.

    Attributes:
        name: of the architecture.
        config: the constructor's arguments, which rebuild it.
        bin_centers: ``(Q, 2)`` ab of the bins that `Prediction.logits` speaks of.
        reads_points: whether points change its result.
        knows_distribution: whether its logits say which colours are likely where; else they are even.
        reads_global_hints: whether it can be told a histogram and a saturation.
        later: tensors that files of earlier versions lack; they keep the values of a new network.
        reads_vividness: whether `decode` takes a vividness in [0, 1].
    """

    name: str
    config: dict[str, Any]
    bin_centers: Tensor
    reads_points = True
    knows_distribution = True
    reads_global_hints = False
    reads_vividness = False
    later: frozenset[str] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bin_centers", AbBins().centers, persistent=False)

    @property
    def prior(self) -> Tensor | None:
        """How often the bins occur in what it learns from, ``(Q,)``; None for networks that do not ask."""
        return None

    def start_new(self) -> None:
        """Take what a new network begins with, where that is more than random weights."""

    @classmethod
    def renamed(cls, name: str) -> str:
        """Today's name of a tensor that a file, perhaps of an earlier version, calls so."""
        return name

    def freeze(self, blocks: int) -> None:
        """Let what this many first blocks know stay as it is, in networks that began with knowledge."""

    def parameter_groups(self) -> list[dict[str, Any]]:
        """All parameters in groups with a rate of their own: ``{"params": [...], "scale": float}``."""
        return [{"params": list(self.parameters()), "scale": 1.0}]

    def encode(self, lightness: Tensor) -> Any:
        """Take L ``(N, 1, H, W)`` in [0, 100] and return what later edits of this photograph can reuse."""
        raise NotImplementedError

    def decode(
        self, features: Any, hints: HintBatch, *, global_hints: GlobalHints | None = None
    ) -> Prediction:
        """Colorize with these hints and, where `reads_global_hints`, these statistics."""
        raise NotImplementedError

    def _refuse(self, global_hints: GlobalHints | None) -> None:
        """For networks that read none."""
        if global_hints is not None:
            reads = "points only" if self.reads_points else "the photograph alone"
            raise ValueError(
                f"expected no global hints: this {self.name} reads {reads}; use another network for a "
                "histogram or a saturation"
            )


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Grow ``(N, C, H, W)`` at the bottom and right, by replication, to sides that `multiple` divides."""
    height, width = image.shape[-2:]
    grow = (-height % multiple, -width % multiple)
    return F.pad(image, (0, grow[1], 0, grow[0]), mode="replicate") if any(grow) else image
