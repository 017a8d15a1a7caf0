"""Automatic colorization by hue and chroma: Larsson, Maire and Shakhnarovich 2016, a peer in table 1.

"Learning representations for automatic colorization" (ECCV) reads hypercolumns, the features of all layers
at one place, of VGG-16, and predicts two histograms there, of hue and of chroma. Chroma is the median of its
histogram, hue the direction of the mean on the circle; where the hues disagree, the mean comes near the
centre and the colour fades. The authors' hue and chroma are those of HSV-like RGB; here they are the angle
and length of (a, b), so that L stays the photograph's. Their network starts from ImageNet's classes, this one
from nothing.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..hint_batch import HintBatch
from .automatic import Automatic, Seen
from .base import Outputs, pad_to_multiple
from .layers import conv, he_normal

STRIDE = 16  # of conv5
BINS = 32  # of hue, and of chroma
CHROMA_STEP = 4.0  # Lab units from one chroma bin to the next: 0, 4 .. 124
FADING = 0.03  # length of the mean hue below which colours fade
CONVS = (2, 2, 3, 3, 3)  # of VGG-16's five stages


def polar_targets(ab: Tensor) -> tuple[Tensor, Tensor]:
    """Histograms of single colours: each is shared by the two nearest bins.

    Args:
        ab: ``(N, 2, h, w)`` in Lab units.

    Returns:
        Of hue and of chroma, ``(N, 32, h, w)`` each, summing to 1.
    """
    angle = torch.atan2(ab[:, 1], ab[:, 0]) / (2 * math.pi) * BINS
    length = (ab.norm(dim=1) / CHROMA_STEP).clamp(max=BINS - 1)
    return _shared(angle % BINS, round_=True), _shared(length, round_=False)


def _shared(place: Tensor, *, round_: bool) -> Tensor:
    low = place.floor().long().clamp(max=BINS - 1)
    high = (low + 1) % BINS if round_ else (low + 1).clamp(max=BINS - 1)
    share = place - low
    dense = place.new_zeros(len(place), BINS, *place.shape[1:])
    dense.scatter_add_(1, low[:, None], (1 - share)[:, None])
    return dense.scatter_add_(1, high[:, None], share[:, None])


def hue_directions(device: torch.device | str = "cpu") -> Tensor:
    """Unit vectors ``(32, 2)`` of the hue bins in the plane of a and b."""
    angle = torch.arange(BINS, device=device) * (2 * math.pi / BINS)
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def polar_colours(hue: Tensor, chroma: Tensor) -> Tensor:
    """Ab ``(N, 2, h, w)`` of histograms of hue and chroma (section 3.3), ``(N, 32, h, w)`` each."""
    mean = torch.einsum("nqhw,qc->nchw", hue, hue_directions(hue.device))
    length = mean.norm(dim=1, keepdim=True)
    fading = (length / FADING).clamp(max=1)
    return median(chroma) * fading * mean / length.clamp(min=1e-6)


def median(chroma: Tensor) -> Tensor:
    """Median ``(N, 1, h, w)``, in Lab units, of histograms over the chroma bins, even inside each bin."""
    below = chroma.cumsum(dim=1)
    bin_ = (below < 0.5).sum(dim=1, keepdim=True).clamp(max=BINS - 1)
    inside = chroma.gather(1, bin_).clamp(min=1e-6)
    rest = 0.5 - (below.gather(1, bin_) - inside)
    # a bin spreads half a step to both sides of its centre
    return ((bin_ - 0.5 + (rest / inside).clamp(0, 1)) * CHROMA_STEP).clamp(min=0)


class Larsson16(Automatic):
    """Hypercolumns of VGG-16 and two histograms a place.

    Its bins are all pairs of a chroma and a hue: the two histograms are independent.

    Args:
        width: channels of the first stage; 64 is VGG-16's.
    """

    name = "larsson16"

    def __init__(self, *, width: int = 64) -> None:
        super().__init__()
        self.config = {"width": width}
        channels = [width, 2 * width, 4 * width, 8 * width, 8 * width]
        stages = []
        for (inputs, outputs), convs in zip(pairwise([1, *channels]), CONVS, strict=True):
            sizes = [inputs, *[outputs] * convs]
            stages.append(nn.Sequential(*(conv(a, b) for a, b in pairwise(sizes))))
        self.stages = nn.ModuleList(stages)
        self.fc = nn.Sequential(conv(8 * width, 16 * width), conv(16 * width, 16 * width, size=1))
        hidden = 16 * width  # a 1x1 convolution of concatenated maps is the sum of one 1x1 convolution each
        self.taps = nn.ModuleList(nn.Conv2d(count, hidden, 1) for count in [*channels, 16 * width])
        self.to_hue, self.to_chroma = nn.Conv2d(hidden, BINS, 1), nn.Conv2d(hidden, BINS, 1)
        radius = CHROMA_STEP * torch.arange(BINS, dtype=torch.float32, device="cpu")
        self.bin_centers = (radius[:, None, None] * hue_directions()).flatten(0, 1)  # chroma, then hue
        he_normal(self)
        with torch.no_grad():
            for tap in self.taps:
                tap.weight *= len(self.taps) ** -0.5
        for last in (self.to_hue, self.to_chroma):
            nn.init.normal_(last.weight, std=1e-2)

    def _classify(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of hue and chroma ``(N, 32, H'/4, W'/4)`` of L, with sides H', W' that 16 divides."""
        x = pad_to_multiple((lightness - 50) / 50, STRIDE)
        quarter = (x.shape[-2] // 4, x.shape[-1] // 4)
        maps = []
        for number, stage in enumerate(self.stages):
            x = stage(F.max_pool2d(x, 2) if number else x)
            maps.append(x)
        maps.append(self.fc(x))
        hidden = x.new_zeros(())
        for number, (tap, seen) in enumerate(zip(self.taps, maps, strict=True)):
            if number < 2:  # finer than the result
                hidden = hidden + tap(F.avg_pool2d(seen, 4 >> number))
            else:
                hidden = hidden + F.interpolate(tap(seen), size=quarter, mode="bilinear")
        hidden = F.relu(hidden)
        return self.to_hue(hidden), self.to_chroma(hidden)

    def encode(self, lightness: Tensor) -> Seen:
        """Colorize L ``(N, 1, H, W)`` in [0, 100]."""
        height, width = lightness.shape[-2:]
        hue, chroma = (logits.float().log_softmax(1) for logits in self._classify(lightness))
        ab = F.interpolate(polar_colours(hue.exp(), chroma.exp()), scale_factor=4, mode="bilinear")
        joint = (chroma[:, :, None] + hue[:, None]).flatten(1, 2)
        return Seen(ab[..., :height, :width], joint[..., : -(-height // 4), : -(-width // 4)])

    def forward(self, lightness: Tensor, hints: HintBatch) -> Outputs:
        """For training: the two histograms of whole cells of 4 x 4 pixels."""
        return Outputs(polar=self._classify(lightness))
