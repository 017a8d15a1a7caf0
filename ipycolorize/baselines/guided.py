"""An automatic network whose result is changed afterwards, so that it comes nearer to global hints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..global_hints import GlobalHints
from ..hint_batch import HintBatch
from ..models.base import Network, Prediction


@dataclass(frozen=True)
class Seen:
    """What the edits of one photograph share.

    Attributes:
        lightness: ``(N, 1, H, W)`` in [0, 100].
        automatic: features of the automatic network.
    """

    lightness: Tensor
    automatic: Any


class Guided(Network):
    """A network around another, which sees the photograph and the points and never the global hints.

    Args:
        automatic: the other network. It keeps its mode, training or not, and moves between devices with this
            one; nothing else is learned.
    """

    reads_global_hints = True

    def __init__(self, automatic: Network) -> None:
        super().__init__()
        self.config = {"automatic": automatic}
        self.automatic = automatic
        self.bin_centers = automatic.bin_centers
        self.train(automatic.training)

    def encode(self, lightness: Tensor) -> Seen:
        """Let the automatic network look at L ``(N, 1, H, W)`` in [0, 100], once."""
        return Seen(lightness, self.automatic.encode(lightness))

    def decode(
        self, features: Seen, hints: HintBatch, *, global_hints: GlobalHints | None = None
    ) -> Prediction:
        """Colorize with the points, then do justice to the statistics that are given.

        Raises:
            ValueError: statistics of another number of pictures.
        """
        prediction = self.automatic.decode(features.automatic, hints)
        if global_hints is None:
            return prediction
        global_hints.check_count(len(prediction.ab))
        wanted = global_hints.to(prediction.ab.device)
        return self._guide(features.lightness.expand(len(wanted), -1, -1, -1), prediction, wanted)

    def _guide(self, lightness: Tensor, prediction: Prediction, wanted: GlobalHints) -> Prediction:
        """Change the prediction of N pictures; those to which nothing is given stay exactly as they are."""
        raise NotImplementedError
