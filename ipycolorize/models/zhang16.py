"""Automatic colorization as classification: Zhang, Isola and Efros 2016, a peer in the paper's table 1.

"Colorful image colorization" (ECCV) sees L alone and predicts, at a quarter of the resolution, a distribution
over the 313 ab bins; its colour is the annealed mean. Trained with weights by rarity of colour (section 2.2;
`training.balance`) it is vivid and often wrong, without them it is duller and nearer to the truth: the paper
of 2017 compares with both, and begins its own network from the former.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ..gamut import NUM_BINS, AbBins
from ..hint_batch import HintBatch
from .automatic import Automatic, Seen
from .base import Outputs, pad_to_multiple
from .layers import block, he_normal, upsample

STRIDE = 8  # of the bottleneck
TEMPERATURE = 0.38  # of the annealed mean (section 2.3)


class Zhang16(Automatic):
    """The network of "Colorful image colorization", figure 2.

    Args:
        width: channels of conv1; 64 is the authors'.
    """

    name = "zhang16"

    def __init__(self, *, width: int = 64) -> None:
        super().__init__()
        self.config = {"width": width}
        w1, w2, w4, w8 = width, 2 * width, 4 * width, 8 * width
        self.conv1 = block(1, w1, convs=2, stride=2)
        self.conv2 = block(w1, w2, convs=2, stride=2)
        self.conv3 = block(w2, w4, convs=3, stride=2)
        self.conv4 = block(w4, w8, convs=3)
        self.conv5 = block(w8, w8, convs=3, dilation=2)
        self.conv6 = block(w8, w8, convs=3, dilation=2)
        self.conv7 = block(w8, w8, convs=3)
        self.conv8 = nn.Sequential(
            upsample(w8, w4), nn.ReLU(), nn.Conv2d(w4, w4, 3, padding=1), nn.ReLU(),
            nn.Conv2d(w4, w4, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.bins = nn.Conv2d(w4, NUM_BINS, 1)
        he_normal(self)
        nn.init.normal_(self.bins.weight, std=1e-2)

    def _classify(self, lightness: Tensor) -> Tensor:
        """Logits ``(N, 313, H'/4, W'/4)`` of L ``(N, 1, H, W)``, with sides H', W' that 8 divides."""
        x = pad_to_multiple((lightness - 50) / 50, STRIDE)
        for stage in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5, self.conv6, self.conv7):
            x = stage(x)
        return self.bins(self.conv8(x))

    def encode(self, lightness: Tensor) -> Seen:
        """Colorize L ``(N, 1, H, W)`` in [0, 100]: there is nothing left for `decode` to do."""
        height, width = lightness.shape[-2:]
        logits = self._classify(lightness).float()
        small = AbBins(logits.device).annealed_mean(logits.softmax(1), temperature=TEMPERATURE)
        ab = F.interpolate(small, scale_factor=4, mode="bilinear")[..., :height, :width]
        return Seen(ab, logits[..., : -(-height // 4), : -(-width // 4)])

    def forward(self, lightness: Tensor, hints: HintBatch) -> Outputs:
        """For training, which teaches the distribution alone: logits of whole cells of 4 x 4 pixels."""
        return Outputs(logits=self._classify(lightness))
