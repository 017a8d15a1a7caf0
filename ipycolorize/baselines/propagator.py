"""What the methods of edit propagation share: they know one photograph and its revealed colours, no more.

They have learned nothing from other photographs, so without hints the result is grey, and what is revealed
keeps its colour exactly (paper, section 4.1 and table 1). They read the raster of the hints and are computed
on the processor, in numpy, one photograph after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..global_hints import GlobalHints
from ..hint_batch import HintBatch
from ..models.base import Network, Prediction


@dataclass(frozen=True)
class Studied:
    """What the edits of N photographs share.

    Attributes:
        lightness: ``(N, 1, H, W)`` in [0, 100].
        each: what the method keeps of each photograph.
    """

    lightness: Tensor
    each: tuple[Any, ...]


class Propagator(Network):
    """A method of edit propagation; subclasses say what they keep of a photograph and how colours spread."""

    knows_distribution = False

    def __init__(self) -> None:
        super().__init__()
        self.config = {}

    def encode(self, lightness: Tensor) -> Studied:
        """Study L ``(N, 1, H, W)`` in [0, 100], once for all hints."""
        plain = lightness.detach().cpu().double().numpy()
        return Studied(lightness, tuple(self._study(photograph[0]) for photograph in plain))

    def decode(
        self, features: Studied, hints: HintBatch, *, global_hints: GlobalHints | None = None
    ) -> Prediction:
        """Spread the revealed colours.

        Args:
            features: of `encode`; those of one photograph serve any number of sets of hints.
            hints: N sets of hints in the grid of L.
            global_hints: must be None.

        Returns:
            ab ``(N, 2, H, W)``, equal to the raster where it is revealed and grey where nothing is; an even
            distribution, for none is known.

        Raises:
            ValueError: hints in another grid than L, of another number of photographs, or global hints.
        """
        self._refuse(global_hints)
        count, _, *grid = hints.mask.shape
        lightness = features.lightness
        if tuple(grid) != tuple(lightness.shape[-2:]):
            raise ValueError(f"expected hints in a grid of {tuple(lightness.shape[-2:])}, got {tuple(grid)}")
        if len(lightness) not in (1, count):
            raise ValueError(f"expected hints of {len(lightness)} photographs, got {count}")
        each = features.each * count if len(lightness) == 1 else features.each
        known = (hints.mask[:, 0] > 0).cpu().numpy()
        raster = hints.raster.detach().cpu().double().numpy()
        ab = np.stack([self._fill(*case) for case in zip(each, known, raster, strict=True)])
        spread = torch.from_numpy(ab).to(lightness.dtype).to(lightness.device)  # mps has no float64
        shown = torch.where(hints.mask > 0, hints.raster, spread).to(lightness)
        return Prediction(shown, lambda: shown.new_zeros(count, len(self.bin_centers), 1, 1))

    def _fill(self, studied: Any, known: np.ndarray, raster: np.ndarray) -> np.ndarray:
        """One photograph's ab ``(2, H, W)``; nothing to spread, or nowhere to spread it, takes no work."""
        if known.all() or not known.any():
            return np.where(known, raster, 0.0)
        return self._spread(studied, known, raster)

    def _study(self, lightness: np.ndarray) -> Any:
        """What all edits of the photograph L ``(H, W)`` in [0, 100] can use."""
        raise NotImplementedError

    def _spread(self, studied: Any, known: np.ndarray, raster: np.ndarray) -> np.ndarray:
        """Bring the colours of some pixels to the others.

        Args:
            studied: of `_study`.
            known: ``(H, W)`` bool, neither all nor none.
            raster: ``(2, H, W)`` ab where it is known.

        Returns:
            ab ``(2, H, W)``; what stands at known pixels does not matter.
        """
        raise NotImplementedError
