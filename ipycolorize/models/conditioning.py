"""Conditioning: what global hints change in `live`, before and after the points.

A histogram or a saturation tilts the automatic distribution (see `tilt`), and the automatic colours follow
its mean. Then points flow over these colours as over any others. What they have coloured counts towards a
histogram too, so in the end the mixture of both is tilted once more, at an eighth of the resolution: if the
points have taken the blue, the rest gets less of it. (For a saturation that was measured to gain nothing.)
No layer learns any of this, only four numbers; what training teaches is the distribution, to be right where
statistics decide.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..gamut import AbBins
from ..global_hints import GlobalHints
from .features import Features, Told
from .propagation import AB_SCALE, SPEED, TINY
from .tilt import tilt

LEAST = 1e-8  # share of a bin, before its logarithm
DECIDED, SURER = (1.5, 1.0), (1.5, 1.0)  # for a histogram and for a saturation, before training


class Conditioning(nn.Module):
    """Global hints for `Features`.

    Attributes:
        decided: ``(2,)`` how much more decided pixels are when a histogram or a saturation is given: the
            logarithm of their distribution's exponent.
        surer: ``(2,)`` how much stronger the null is: automatic colours are better then.
    """

    centers: Tensor
    base: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.decided, self.surer = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
        self.register_buffer("base", torch.tensor([DECIDED, SURER]).log(), persistent=False)
        self.register_buffer("centers", AbBins().centers, persistent=False)

    def forward(self, features: Features, wanted: GlobalHints) -> Features:
        """The same photographs under global hints; asked for the same again, what was computed before."""
        wanted.check_count(len(features.null))
        known = features.tellings.get("last")
        if known is not None and known[0].equals(wanted):
            return known[1]
        with torch.autocast(features.null.device.type, enabled=False):
            told = self._tell(features, wanted)
        if not self.training:
            features.tellings["last"] = (wanted, told)
        return told

    def _tell(self, features: Features, wanted: GlobalHints) -> Features:
        given = torch.stack([wanted.histogram_given, wanted.saturation_given], dim=1)
        learned = torch.stack([self.decided, self.surer])
        decided, surer = (given @ (self.base + SPEED * learned).T).exp().unbind(1)
        own = features.cropped(features.logits).softmax(1)
        before = own.flatten(2).transpose(1, 2)
        after = tilt(before, features.lightness.flatten(1), wanted, sharpness=decided)
        tilted = after.transpose(1, 2).unflatten(2, own.shape[-2:])
        null = features.null * surer[:, None]
        return replace(
            features,
            auto=features.auto + enlarged_change(before, after, self.centers, scale=2, features=features),
            logits=tilted.clamp(min=LEAST).log(),
            null=null,
            told=_told(features, wanted, null, tilted) if bool((wanted.histogram_given > 0).any()) else None,
            sums={},
            full={},
            lively={},
            tellings={},  # not those that will hold this: a cycle would keep photographs in memory
        )

    def settle(self, features: Features, given: Tensor) -> Tensor:
        """What points and a histogram still disagree about: a change of ab ``(N, 2, H', W')``, normalised.

        Args:
            features: under a histogram.
            given: ``(N, p, 314)`` of `Propagation`.
        """
        told = features.told
        assert told is not None
        null = told.null[..., None]
        mixture = (given[..., :-1] + null * told.probabilities) / (given[..., -1:] + null + TINY)
        settled = tilt(mixture, told.lightness, told.histogram)
        return enlarged_change(mixture, settled, self.centers, scale=4, features=features)


def enlarged_change(
    before: Tensor, after: Tensor, centers: Tensor, *, scale: int, features: Features
) -> Tensor:
    """How mean colours change, normalised, at half resolution.

    Args:
        before, after: ``(N, h w, 313)`` distributions.
        centers: ``(313, 2)`` ab of the bins.
        scale: how many times coarser than half resolution they are.
        features: of the photographs.

    Returns:
        ``(N, 2, H', W')``.
    """
    size = [-(-side // (2 * scale)) for side in features.shape]
    change = ((after - before) @ centers / AB_SCALE).transpose(1, 2).unflatten(2, size)
    rows, cols = features.grid
    large = F.interpolate(change, scale_factor=scale, mode="bilinear")[..., :rows, :cols]
    return F.pad(large, (0, cols - large.shape[-1], 0, rows - large.shape[-2]), mode="replicate")


def _told(features: Features, wanted: GlobalHints, null: Tensor, tilted: Tensor) -> Told:
    """What `Conditioning.settle` will need: of the new null and the tilted field ``(N, 313, h, w)``."""
    return Told(
        histogram=wanted.given(histogram=wanted.histogram_given, saturation=False),
        queries=_eighth(features.queries.flatten(0, 1), features).unflatten(0, (len(null), -1)),
        null=_eighth(null.clamp(min=TINY).log()[..., None], features)[..., 0].exp(),
        probabilities=_halved(tilted).flatten(2).transpose(1, 2).contiguous(),
        lightness=_halved(features.lightness).flatten(1),
    )


def _halved(image: Tensor) -> Tensor:
    return F.avg_pool2d(image, 2, ceil_mode=True)


def _eighth(values: Tensor, features: Features) -> Tensor:
    """Means over 4 x 4 pixels of the picture, without those of its padding: (M, H' W', C) to (M, p, C)."""
    rows, cols = (-(-side // 2) for side in features.shape)
    image = values.transpose(1, 2).unflatten(2, features.grid)[..., :rows, :cols]
    return F.avg_pool2d(image, 4, ceil_mode=True).flatten(2).transpose(1, 2).contiguous()
