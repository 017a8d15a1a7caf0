"""Vividness: colours that look alive, from the distribution that a network has anyway.

The mean of several possible colours is grey: that is why colours that minimise an error look like sepia. Two
steps away from it, in one line (the first is the prior correction known from long-tailed classification, the
second Zhang et al.'s annealed mean of 2016):

    p'(x, q)  ~  [ p(x, q) / (P(q)/2 + 1/(2 Q))^t ]^(1/T)

where P is how often the Q colours occur in the photographs that taught the network: grey walls and pale skies
are likely everywhere, and t takes back how much of p is only that. The automatic colours move by the
difference of the means of p' and p; hints flow over them as before.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from ..gamut import NUM_BINS, AbBins
from .conditioning import enlarged_change
from .features import Features

SHARP = 0.38  # T of Zhang et al. 2016, reached half-way
LEAST = 1e-8  # share of a bin, before its logarithm


class Vividness(nn.Module):
    """Livelier automatic colours for `Features`.

    Attributes:
        prior: P ``(313,)``, summing to 1; even until training has seen photographs.
    """

    centers: Tensor
    prior: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("prior", torch.full((NUM_BINS,), 1 / NUM_BINS))
        self.register_buffer("centers", AbBins().centers, persistent=False)

    def correct(self, probabilities: Tensor, vividness: float) -> Tensor:
        """p' of distributions ``(..., 313)``.

        Args:
            probabilities: p.
            vividness: t, in [0, 1]; T falls from 1 to `SHARP` as it rises to 1/2.
        """
        temperature = SHARP + (1 - SHARP) * max(0.0, 1 - 2 * vividness)
        common = (self.prior / 2 + 1 / (2 * NUM_BINS)).log()
        logits = probabilities.clamp(min=LEAST).log() - vividness * common
        return torch.softmax(logits / temperature, dim=-1)

    def forward(self, features: Features, vividness: float) -> Features:
        """The same photographs, livelier; asked for the same again, what was computed before."""
        known = features.lively.get(vividness)
        if known is None:
            own = features.cropped(features.logits).softmax(1)
            before = own.flatten(2).transpose(1, 2)
            after = self.correct(before, vividness)
            auto = features.auto + enlarged_change(before, after, self.centers, scale=2, features=features)
            logits = after.transpose(1, 2).unflatten(2, own.shape[-2:]).clamp(min=LEAST).log()
            known = replace(features, auto=auto, logits=logits, sums={}, full={}, tellings={}, lively={})
            features.lively.clear()  # a slider passes many values: one is kept
            features.lively[vividness] = known
        return known
