"""live: learned edit propagation. The photograph is encoded once; hints then flow along learned similarity.

The paper's network (siggraph17) must redo everything for each click, because hints enter its first
convolution. Here the two halves of the paper's title, edit propagation and learned priors, meet in one
formula:

    ab(x) = auto(x) + sum_h w(x, h) [ z (c_h - auto(x)) + (1 - z) g(x) (c_h - auto(h)) / g(h) ]
    w = softmax over all (head k, hint h) and a null
    logit_k(x, h) = T_k (e_k(x).e_k(h) - 1) - r_k |x - h|² + b_k(x) + s_k(c_h, auto(h)),   the null's: n(x)

`auto` is the automatic colorization, e_k unit embeddings, n, b and g read from the photograph alone (all
cached by `encode`, at half resolution); distances are in units of the side of a square as large as the
picture. A hint brings its colour (what belongs to it gets c_h) and, by a share 1 - z, the change that it made
at its own place (what belongs to it turns as it did). g is how much colour a place shows: less in the shade,
so that a hint in the light does not paint it flat. s_k weighs a hint by what it says: one that contradicts
the automatic colour means an unusual thing and should fill it (paper, section 4.3), one that agrees leaves
the rest to `auto`.
Where the null wins, the automatic colour stays. What the hints' own places still lack after that flows along
the same weights; see `propagation`. A small tail at full resolution then sharpens colour borders
along the photograph's own edges and trusts revealed pixels:

    out(x) = ab(x) + m(x) t(x) (c(x) - ab(x)) + (1 - m(x) t(x)) r(x)

with the paper's mask m and raster c of revealed pixels; t and r are computed by three convolutions, and what
is trusted needs no residual. The distribution for the palette follows the same weights,
(1 - sum_h w) p_auto(x) + sum_h w(x, h) soft(c_h). Unlike the paper's (3.4.2), p_auto may shape the encoder:
what colours a thing can have is worth knowing for `auto` and for the null as well.
A histogram or a saturation of the whole picture changes p_auto, `auto` and n first; see `conditioning`.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..gamut import NUM_BINS
from ..global_hints import GlobalHints
from ..hints import HintBatch
from .base import Network, Outputs, Prediction, pad_to_multiple
from .conditioning import Conditioning
from .encoder import STRIDE, Encoder
from .layers import conv
from .propagation import AB_SCALE, Features, Propagation, encoded
from .tilt import tilt

GAIN = 2.0  # the largest |log g|


class Live(Network):
    """Learned edit propagation.

    Args:
        widths: channels of the five scales (1/2 .. 1/32).
        depths: residual blocks of each.
        heads: of different reach.
        dim: of an embedding.
        out: channels at half resolution.
        tail: channels at full resolution.
    """

    name = "live"
    reads_global_hints = True

    def __init__(
        self,
        *,
        widths: tuple[int, ...] = (32, 64, 128, 224, 256),
        depths: tuple[int, ...] = (1, 2, 2, 3, 2),
        heads: int = 4,
        dim: int = 16,
        out: int = 48,
        tail: int = 16,
    ) -> None:
        super().__init__()
        self.config = {
            "widths": tuple(widths),
            "depths": tuple(depths),
            "heads": heads,
            "dim": dim,
            "out": out,
            "tail": tail,
        }
        self.heads, self.dim = heads, dim
        self.encoder = Encoder(tuple(widths), tuple(depths), out)
        self.to_embedding = nn.Conv2d(out, heads * dim, 1)
        self.to_auto = nn.Conv2d(out, 2, 1)
        self.to_gates = nn.Conv2d(out, 1 + heads, 1)  # null, then the heads' biases
        self.to_gain = nn.Conv2d(out, 1, 1)
        self.to_logits = nn.Sequential(conv(out, 128, stride=2), nn.Conv2d(128, NUM_BINS, 1))
        self.flow = Propagation(heads=heads, dim=dim)
        self.conditioning = Conditioning()
        self.edge = nn.Conv2d(1, tail, 5, padding=2)
        self.tail_in = nn.Conv2d(5, tail, 3, padding=1, bias=False)
        self.tail_mid = nn.Conv2d(tail, tail, 3, padding=1)
        self.tail_out = nn.Conv2d(tail, 3, 1)
        self._start()

    def _start(self) -> None:
        """Begin as plain edit propagation over grey: no automatic colour, no residual, trusted hints."""
        for layer in (self.to_auto, self.to_gates, self.to_gain, self.tail_out):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)
        with torch.no_grad():
            cast(Tensor, self.to_gates.bias)[0] = -4.0
            cast(Tensor, self.tail_out.bias)[2] = 3.0

    def encode(self, lightness: Tensor) -> Features:
        """Look at photographs once: L ``(N, 1, H, W)`` in [0, 100]."""
        norm = (lightness - 50) / 50
        deep = self.encoder(pad_to_multiple(norm, STRIDE).contiguous(memory_format=torch.channels_last))
        grid = (deep.shape[-2], deep.shape[-1])
        vectors = self.to_embedding(deep).float().flatten(2).unflatten(1, (self.heads, self.dim))
        embedding = F.normalize(vectors, dim=2)  # (N, heads, D, P)
        gates = self.to_gates(deep).float().flatten(2)
        null, bias = gates[:, 0], gates[:, 1:]
        # No logit exceeds its bias by more than SAY, because the other terms are never positive. So the
        # softmax can be shifted by a value that the photograph alone decides, and an edit needs no search for
        # the largest logit.
        peak = torch.maximum(null, bias.amax(dim=1)).detach()
        return Features(
            shape=(lightness.shape[-2], lightness.shape[-1]),
            grid=grid,
            embedding=embedding.flatten(1, 2).unflatten(2, grid),
            queries=self.flow.queries(embedding, bias - peak[:, None], grid),
            null=(null - peak).exp(),
            auto=self.to_auto(deep).float(),
            logits=self.to_logits(deep).float(),
            gain=(GAIN * torch.tanh(self.to_gain(deep).float())).exp(),
            edges=self.edge(norm),
            lightness=F.avg_pool2d(lightness, 4, ceil_mode=True),
        )

    def weights(
        self, features: Features, hints: HintBatch, *, global_hints: GlobalHints | None = None
    ) -> Tensor:
        """w(x, h), which hint coloured what: ``(N, K, H', W')``; the rest to 1 is the null's."""
        told = features if global_hints is None else self.conditioning(features, global_hints)
        return self.flow.weights(told, hints)

    def propagate(self, features: Features, hints: HintBatch) -> Tensor:
        """ab ``(N, 2, H', W')``, normalised, at half resolution."""
        ab, given = self.flow(features, hints)
        return ab if given is None else ab + self.conditioning.settle(features, given)

    def _tail(self, features: Features, coarse: Tensor, hints: HintBatch) -> Tensor:
        height, width = features.shape
        ab = F.interpolate(coarse, scale_factor=2, mode="bilinear")[..., :height, :width]
        gap = hints.mask * (hints.raster / AB_SCALE - ab)
        seen = self.tail_in(torch.cat([ab, gap, hints.mask], dim=1))
        out = self.tail_out(F.relu(self.tail_mid(F.relu(seen + features.edges)))).float()
        trust = torch.sigmoid(out[:, 2:])
        return ab + trust * gap + (1 - hints.mask * trust) * 0.1 * out[:, :2]

    def _distribution(self, features: Features, hints: HintBatch) -> Tensor:
        """Logits ``(N, 313, H'/2, W'/2)`` of the mixture."""
        logits = features.cropped(features.logits)
        if hints.row.shape[1] == 0:
            return logits
        share = features.cropped(F.avg_pool2d(self.weights(features, hints), 2))  # (N, K, h, w)
        given = torch.einsum("nkhw,nkq->nqhw", share, encoded(hints))
        free = (1 - share.sum(1, keepdim=True)).clamp(min=0)
        mixture = free * logits.softmax(1) + given
        if features.told is not None:
            flat = mixture.flatten(2).transpose(1, 2)
            settled = tilt(flat, features.lightness.flatten(1), features.told.histogram)
            mixture = settled.transpose(1, 2).unflatten(2, mixture.shape[-2:])
        return mixture.clamp(min=1e-8).log()

    def decode(
        self, features: Features, hints: HintBatch, *, global_hints: GlobalHints | None = None
    ) -> Prediction:
        """Colorize with hints given in pixels of the encoded L, and statistics of the whole picture."""
        told = features if global_hints is None else self.conditioning(features, global_hints)
        ab = self._tail(told, self.propagate(told, hints), hints) * AB_SCALE
        return Prediction(ab, lambda: self._distribution(told, hints))

    def forward(
        self, lightness: Tensor, hints: HintBatch, *, global_hints: GlobalHints | None = None
    ) -> Outputs:
        """Encode and decode, for training.

        The mixture has no parameters of its own, so the classification loss teaches the automatic
        distribution alone. The automatic colours are handed out by themselves: every picture can teach them,
        whatever hints it came with.
        """
        features = self.encode(lightness)
        told = features if global_hints is None else self.conditioning(features, global_hints)
        ab = self.decode(told, hints).ab
        return Outputs(ab, told.cropped(told.logits), told.auto * AB_SCALE)
