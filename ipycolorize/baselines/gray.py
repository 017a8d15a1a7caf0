"""No colour at all: the floor that every method is compared with."""

from __future__ import annotations

from torch import Tensor

from ..global_hints import GlobalHints
from ..hint_batch import HintBatch
from ..models.base import Network, Prediction


class Gray(Network):
    """The baseline that predicts no colour at all, whatever points and statistics it is told."""

    name = "gray"
    reads_points = False
    knows_distribution = False
    reads_global_hints = True  # and takes no notice: so it can stand beside those who do

    def __init__(self) -> None:
        super().__init__()
        self.config = {}

    def encode(self, lightness: Tensor) -> Tensor:
        """Keep L ``(N, 1, H, W)``."""
        return lightness

    def decode(
        self, features: Tensor, hints: HintBatch, *, global_hints: GlobalHints | None = None
    ) -> Prediction:
        """Zeros, and an even distribution."""
        ab = features.new_zeros(len(features), 2, *features.shape[-2:])
        return Prediction(ab, lambda: features.new_zeros(len(features), len(self.bin_centers), 1, 1))
