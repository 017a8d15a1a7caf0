"""Matching the automatic distribution to a histogram by minimising an energy, after Larsson et al. 2016.

"Learning representations for automatic colorization" predicts distributions for each pixel (of hue and of
chroma; ours are over the 313 ab bins) and fuses them with a given histogram by energy minimisation: the peer
of the paper's section 4.4 and table 3. The idea is theirs: every pixel keeps near its own prediction while
the picture's average comes near the histogram. The code that they published
(github.com/gustavla/autocolorize) has no such step, and we have not compared with their own formula, so the
two distances, their weight and the solver are ours:

    E = mean_x KL(p'(x) | p(x)) + weight * chi²(mean_x p'(x), h),    chi²(m, h) = 1/2 sum_q (m - h)² / (m + h)

At the minimum over all fields p', log p'(x, q) - log p(x, q) is the same at every pixel but for what makes
the sum 1. So one bias for each bin, added to the logits, is all there is to find. `models.tilt` meets the
histogram exactly where it can; this energy comes to the same with a large weight, and gives the pixels a say
with a small one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..gamut import NUM_BINS
from ..global_hints import GlobalHints
from ..models.base import Network, Prediction
from .guided import Guided

WEIGHT = 100.0  # on 24 photographs whose true histogram was given, a tenth lost 0.5 dB, ten times gained 0.04
STEPS = 40  # of L-BFGS; 200 moved colours by less than 0.2 Lab units in the mean
TINY = 1e-9


def energy(bias: Tensor, logarithms: Tensor, histogram: Tensor, *, weight: float) -> Tensor:
    """E of the module's docstring, in nats.

    Args:
        bias: ``(313,)`` added to the logarithms.
        logarithms: ``(P, 313)`` of the pixels' own distributions.
        histogram: ``(313,)`` that is wanted, summing to 1.
        weight: of the histogram's term.
    """
    after = F.log_softmax(logarithms + bias, dim=1)
    probabilities = after.exp()
    mean = probabilities.mean(dim=0)
    stray = (probabilities * (after - logarithms)).sum(dim=1).mean()
    return stray + 0.5 * weight * ((mean - histogram).square() / (mean + histogram + TINY)).sum()


def match(probabilities: Tensor, histogram: Tensor, *, weight: float = WEIGHT) -> Tensor:
    """Bring the average of distributions nearer to a histogram, by gradient descent (L-BFGS) on the energy.

    Args:
        probabilities: ``(P, 313)`` of the pixels of one picture, each summing to 1.
        histogram: ``(313,)``, summing to 1.
        weight: how much the histogram counts against the pixels' own predictions; 0: nothing changes.

    Returns:
        ``(P, 313)``, each summing to 1.
    """
    with torch.inference_mode(False), torch.enable_grad():
        logarithms = probabilities.detach().clone().clamp(min=TINY).log().log_softmax(dim=1)
        goal = histogram.detach().clone()
        bias = torch.zeros(NUM_BINS, device=goal.device, requires_grad=True)
        search = torch.optim.LBFGS([bias], max_iter=STEPS, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            search.zero_grad()
            value = energy(bias, logarithms, goal, weight=weight)
            value.backward()
            return value

        search.step(closure)
    return torch.softmax(logarithms + bias.detach(), dim=1)


class HistogramMatching(Guided):
    """Matching a network's distribution to a histogram; see the module's docstring.

    Colours move by what the mean of the distribution moves, bilinearly enlarged, as `live` does it: so the
    automatic result keeps its own edges. Given by half, the goal lies between the picture's own average and
    the histogram. A saturation changes nothing: the method speaks of histograms.

    Args:
        automatic: a network whose logits speak of the 313 bins.
        weight: of the histogram's term in the energy.

    Raises:
        ValueError: a network with other bins.
    """

    name = "larsson-matching"

    def __init__(self, automatic: Network, *, weight: float = WEIGHT) -> None:
        if len(automatic.bin_centers) != NUM_BINS:
            raise ValueError(
                f"expected a network over {NUM_BINS} ab bins, got {len(automatic.bin_centers)}: a histogram "
                "cannot be matched to others"
            )
        super().__init__(automatic)
        self.config["weight"] = weight
        self.weight = weight

    def _guide(self, lightness: Tensor, prediction: Prediction, wanted: GlobalHints) -> Prediction:
        told = (wanted.histogram_given > 0).nonzero()[:, 0]
        if len(told) == 0:
            return prediction
        logits = prediction.logits.float()
        grid = logits.shape[-2:]
        before = logits[told].softmax(dim=1).flatten(2).transpose(1, 2)  # (M, P, 313)
        goals = torch.lerp(before.mean(1), wanted.histogram[told], wanted.histogram_given[told, None])
        after = torch.stack(
            [match(own, goal, weight=self.weight) for own, goal in zip(before, goals, strict=True)]
        )
        moved = ((after - before) @ self.bin_centers).transpose(1, 2).unflatten(2, grid)
        large = F.interpolate(moved, size=prediction.ab.shape[-2:], mode="bilinear", align_corners=False)
        ab = prediction.ab.index_add(0, told, large.to(prediction.ab))
        matched = after.clamp(min=TINY).log().transpose(1, 2).unflatten(2, grid)
        return Prediction(ab, lambda: logits.index_copy(0, told, matched))
