"""Networks that see a photograph and nothing else: no points, no statistics."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..global_hints import GlobalHints
from ..hint_batch import HintBatch
from .base import Network, Prediction


@dataclass(frozen=True)
class Seen:
    """What an automatic network has made of photographs.

    Attributes:
        ab: ``(N, 2, H, W)`` in Lab units.
        logits: ``(N, Q, h, w)`` over the network's bins; None for a network that predicts colours alone.
    """

    ab: Tensor
    logits: Tensor | None = None


class Automatic(Network):
    """A network whose result is decided when it has seen L: `encode` does all the work."""

    reads_points = False

    def encode(self, lightness: Tensor) -> Seen:
        """Colorize L ``(N, 1, H, W)`` in [0, 100]."""
        raise NotImplementedError

    def decode(
        self, features: Seen, hints: HintBatch, *, global_hints: GlobalHints | None = None
    ) -> Prediction:
        """Hand out the colours of `encode`, whatever the hints say.

        Raises:
            ValueError: global hints, which none of these networks reads.
        """
        self._refuse(global_hints)
        count = len(hints.mask)

        def logits() -> Tensor:
            if features.logits is None:  # it offers no choice of colours: an even distribution says so
                return features.ab.new_zeros(count, len(self.bin_centers), 1, 1)
            return features.logits.expand(count, -1, -1, -1)

        return Prediction(features.ab.expand(count, -1, -1, -1), logits)
