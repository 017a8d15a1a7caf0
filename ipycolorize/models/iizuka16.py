"""Automatic colorization by regression: Iizuka, Simo-Serra and Ishikawa 2016, a peer in the paper's table 1.

"Let there be color!" (SIGGRAPH) joins features of places with one vector of the whole picture, and regresses
ab with an l2 loss: where a thing could have many colours, the mean of them is dull. Two departures: the
authors' network also learned to name the scene (Places205), for which photographs without labels are not
enough; and it looks at the whole picture at 224 x 224 pixels, this one at 112 x 112, which a quarter of the
channels can do.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..hint_batch import HintBatch
from .automatic import Automatic, Seen
from .base import Outputs, pad_to_multiple
from .layers import conv, he_normal

STRIDE = 8  # of the low-level features
WHOLE = 112  # side of the square as which the global features see a picture
AB_SCALE = 110.0


def dense(inputs: int, outputs: int) -> nn.Sequential:
    """Fully connected layer, batch norm, ReLU."""
    return nn.Sequential(nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU())


def doubled(image: Tensor) -> Tensor:
    """Twice the resolution by the nearest pixel, as the authors have it."""
    return F.interpolate(image, scale_factor=2, mode="nearest")


class Iizuka16(Automatic):
    """The network of "Let there be color!", figure 2, without its classifier of scenes.

    Args:
        width: channels of the first layer; 64 is the authors'.
    """

    name = "iizuka16"
    knows_distribution = False

    def __init__(self, *, width: int = 64) -> None:
        super().__init__()
        self.config = {"width": width}
        w1, w2, w4, w8 = width, 2 * width, 4 * width, 8 * width
        self.low = nn.Sequential(
            conv(1, w1, stride=2), conv(w1, w2), conv(w2, w2, stride=2), conv(w2, w4),
            conv(w4, w4, stride=2), conv(w4, w8),
        )  # fmt: skip
        self.mid = nn.Sequential(conv(w8, w8), conv(w8, w4))
        self.whole = nn.Sequential(conv(w8, w8, stride=2), conv(w8, w8), conv(w8, w8, stride=2), conv(w8, w8))
        cells = (WHOLE // STRIDE + 3) // 4
        self.vector = nn.Sequential(dense(w8 * cells**2, 2 * w8), dense(2 * w8, w8), dense(w8, w4))
        self.fusion = conv(2 * w4, w4, size=1)
        self.colour = nn.ModuleList([
            conv(w4, w2), nn.Sequential(conv(w2, w1), conv(w1, w1)), conv(w1, max(1, w1 // 2)),
        ])  # fmt: skip
        self.out = nn.Conv2d(max(1, w1 // 2), 2, 3, padding=1)
        he_normal(self)
        nn.init.normal_(self.out.weight, std=1e-3)

    def _regress(self, lightness: Tensor) -> Tensor:
        """Ab ``(N, 2, H'/2, W'/2)`` of L ``(N, 1, H, W)``, with sides H', W' that 8 divides."""
        norm = (lightness - 50) / 50
        mid = self.mid(self.low(pad_to_multiple(norm, STRIDE)))
        square = F.interpolate(norm, size=(WHOLE, WHOLE), mode="bilinear", antialias=True)
        vector = self.vector(self.whole(self.low(square)).flatten(1))
        everywhere = vector[:, :, None, None].expand(-1, -1, *mid.shape[-2:])
        x = self.fusion(torch.cat([mid, everywhere], dim=1))
        first, second, third = self.colour
        x = third(doubled(second(doubled(first(x)))))
        return torch.tanh(self.out(x).float()) * AB_SCALE

    def encode(self, lightness: Tensor) -> Seen:
        """Colorize L ``(N, 1, H, W)`` in [0, 100]."""
        height, width = lightness.shape[-2:]
        ab = F.interpolate(self._regress(lightness), scale_factor=2, mode="bilinear")
        return Seen(ab[..., :height, :width])

    def forward(self, lightness: Tensor, hints: HintBatch) -> Outputs:
        """For training: colours, and no distribution."""
        return Outputs(ab=self.encode(lightness).ab)
