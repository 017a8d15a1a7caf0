"""Colour transfer by mean and standard deviation: Reinhard, Ashikhmin, Gooch and Shirley 2001.

"Color transfer between images" (IEEE CG&A 21(5)) moves each channel of a picture so that its mean and
deviation become those of another picture. The authors do this in l-alpha-beta, whose three channels are
nearly independent, to all three. Here it is done in Lab and to a and b alone: the lightness is the
photograph's own and must not change, and a histogram of the 313 bins knows about a and b and nothing else.
Saturation is no part of the original; the simplest thing that meets it is one gain for all chroma.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..color import lab_to_rgb, saturation
from ..gamut import AbBins
from ..global_hints import GlobalHints
from ..models.base import Prediction
from .guided import Guided

SPREAD = 25.0  # variance that soft encoding adds to a histogram: its sigma², 5 x 5 (paper 3.2)
FLAT = 1e-3  # least deviation of ab: one colour all over has none to enlarge
MOST = 8.0  # the largest gain of chroma
HALVINGS = 14  # of that: the gain is found to 0.0005


def reinhard(ab: Tensor, goal_mean: Tensor, goal_std: Tensor) -> Tensor:
    """Give each chroma channel another mean and standard deviation over the picture.

    Args:
        ab: ``(N, 2, H, W)`` in Lab units.
        goal_mean, goal_std: ``(N, 2)`` of a and b, in Lab units.

    Returns:
        ``(N, 2, H, W)``, which may leave the gamut. A channel without any variation keeps none.
    """
    mean = ab.mean(dim=(2, 3), keepdim=True)
    std = ab.std(dim=(2, 3), correction=0, keepdim=True).clamp(min=FLAT)
    return (ab - mean) * (goal_std[:, :, None, None] / std) + goal_mean[:, :, None, None]


def histogram_moments(histogram: Tensor) -> tuple[Tensor, Tensor]:
    """What a histogram over the 313 bins knows of a picture's mean and standard deviation.

    They are those of the bins' centres, less the variance that soft encoding has added to every colour.

    Args:
        histogram: ``(N, 313)``, each row summing to 1.

    Returns:
        Mean and deviation of a and b, ``(N, 2)`` each, in Lab units; of one colour the deviation is 0.
    """
    centers = AbBins(histogram.device).centers
    mean = histogram @ centers
    variance = histogram @ centers.square() - mean.square()
    return mean, (variance - SPREAD).clamp(min=0).sqrt()


def saturated(lightness: Tensor, ab: Tensor, goal: Tensor) -> Tensor:
    """Change the chroma of whole pictures by one gain each, so that their mean saturation meets a goal.

    The gain is found by bisection in [0, 8]; a goal beyond its reach is approached. Grey stays grey.

    Args:
        lightness: ``(N, 1, H, W)`` in [0, 100].
        ab: ``(N, 2, H, W)`` in Lab units.
        goal: ``(N,)`` mean S of HSV, in [0, 1], of the picture as sRGB shows it.

    Returns:
        ``(N, 2, H, W)``.
    """
    gain = torch.zeros_like(goal)
    for halving in range(1, HALVINGS + 1):
        trial = gain + MOST * 0.5**halving
        below = mean_saturation(lightness, trial[:, None, None, None] * ab) <= goal
        gain = torch.where(below, trial, gain)
    return gain[:, None, None, None] * ab


def mean_saturation(lightness: Tensor, ab: Tensor) -> Tensor:
    """Mean S of HSV ``(N,)``, in [0, 1], of L ``(N, 1, H, W)`` and ab ``(N, 2, H, W)``, clipped into sRGB."""
    return saturation(lab_to_rgb(torch.cat([lightness, ab], dim=1)).clamp(0, 1)).mean(dim=(1, 2))


class Reinhard(Guided):
    """Reinhard's transfer from a histogram to what an automatic network has coloured.

    The whole picture is moved, points and all: the method knows no places. A statistic that is given by half
    moves it half of the way. Where both are given, saturation comes last and has the last word. The
    distribution (`Prediction.logits`) stays the automatic network's.
    """

    name = "reinhard"

    def _guide(self, lightness: Tensor, prediction: Prediction, wanted: GlobalHints) -> Prediction:
        share = wanted.histogram_given[:, None, None, None]
        ab = torch.lerp(prediction.ab, reinhard(prediction.ab, *histogram_moments(wanted.histogram)), share)
        told = wanted.saturation_given > 0
        if bool(told.any()):
            goal = torch.lerp(mean_saturation(lightness, ab), wanted.saturation, wanted.saturation_given)
            ab = torch.where(told[:, None, None, None], saturated(lightness, ab, goal), ab)
        return Prediction(ab, lambda: prediction.logits)
