"""live: learned edit propagation. The photograph is encoded once; hints then flow along learned similarity.

The paper's network (siggraph17) must redo everything for each click, because hints enter its first
convolution. Here the two halves of the paper's title, edit propagation and learned priors, meet in one
formula:

    ab(x) = auto(x) + sum_h w(x, h) (c_h - auto(h))
    w = softmax over all (head k, hint h) and a null
    logit_k(x, h) = T_k (e_k(x).e_k(h) - 1) - g_k |x - h|² + b_k(x),   logit of the null = n(x)

`auto` is the automatic colorization, e_k unit embeddings, n and b read from the photograph alone (all cached
by `encode`, at half resolution); distances are in units of the side of a square as large as the picture.
Where the null wins, the automatic colour stays. A small tail at full resolution then sharpens colour borders
along the photograph's own edges and trusts revealed pixels:

    out(x) = ab(x) + m(x) t(x) (c(x) - ab(x)) + r(x)

with the paper's mask m and raster c of revealed pixels; t and r are computed by three convolutions. The
distribution for the palette follows the same weights, (1 - sum_h w) p_auto(x) + sum_h w(x, h) soft(c_h),
without gradient into the main branch (paper 3.4.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..gamut import NUM_BINS, AbBins
from ..hints import HintBatch
from .base import Network, Prediction, pad_to_multiple
from .encoder import STRIDE, Encoder, conv

AB_SCALE = 110.0  # inside the network, colours are ab / 110
SPEED = 10.0  # how much faster than other parameters the heads' sharpness and reach learn
TINY = 1e-30  # keeps 0 / 0 away where neither a hint nor the null says anything
NOTHING = 1e-30  # weight of padding: its logit is 69 below that of a full hint
CHUNK = 1 << 18  # weights w(x, h) held at a time when not training: 1 MiB, the reach of a core's cache


@dataclass(frozen=True)
class Features:
    """What one photograph's edits share; P = pixels at half resolution, rows first.

    Attributes:
        shape: ``(H, W)`` of L before padding.
        grid: ``(H', W')`` of the half resolution.
        embedding: ``(N, heads D, H', W')`` unit vectors e_k, to be read at the hints.
        queries: ``(N, heads, P, D + 5)``: what the logits take from x, less their largest possible value.
        null: ``(N, P)`` exp of n(x), less the same value.
        auto: ``(N, 2, H', W')`` automatic ab, normalised.
        logits: ``(N, 313, H'/2, W'/2)`` of the automatic distribution.
        edges: ``(N, C, H, W)`` of the tail's first convolution: what it sees of the photograph.
    """

    shape: tuple[int, int]
    grid: tuple[int, int]
    embedding: Tensor
    queries: Tensor
    null: Tensor
    auto: Tensor
    logits: Tensor
    edges: Tensor


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
    base_sharpness: Tensor
    base_reach: Tensor

    def __init__(
        self,
        *,
        widths: tuple[int, ...] = (32, 64, 128, 224, 256),
        depths: tuple[int, ...] = (1, 2, 2, 2, 2),
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
        self.to_logits = nn.Sequential(conv(out, 128, stride=2), nn.Conv2d(128, NUM_BINS, 1))
        # Sharpness and reach of the heads, in logarithms scaled so that they learn as fast as the rest
        # (`SPEED`).
        self.log_sharpness = nn.Parameter(torch.zeros(heads))
        self.log_reach = nn.Parameter(torch.zeros(heads))
        self.register_buffer("base_sharpness", torch.full((heads,), 16.0).log(), persistent=False)
        self.register_buffer(
            "base_reach", torch.tensor([7.0 * 5.5**k for k in range(heads)]).log(), persistent=False
        )
        self.edge = nn.Conv2d(1, tail, 5, padding=2)
        self.tail_in = nn.Conv2d(5, tail, 3, padding=1, bias=False)
        self.tail_mid = nn.Conv2d(tail, tail, 3, padding=1)
        self.tail_out = nn.Conv2d(tail, 3, 1)
        self._start()

    def _start(self) -> None:
        """Begin as plain edit propagation over grey: no automatic colour, no residual, trusted hints."""
        for layer in (self.to_auto, self.to_gates, self.tail_out):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)
        with torch.no_grad():
            cast(Tensor, self.to_gates.bias)[0] = -4.0
            cast(Tensor, self.tail_out.bias)[2] = 3.0

    def _reach(self) -> tuple[Tensor, Tensor]:
        sharpness = self.base_sharpness + SPEED * self.log_sharpness
        return sharpness.exp(), (self.base_reach + SPEED * self.log_reach).exp()

    def encode(self, lightness: Tensor) -> Features:
        """Look at photographs once: L ``(N, 1, H, W)`` in [0, 100]."""
        norm = (lightness - 50) / 50
        deep = self.encoder(pad_to_multiple(norm, STRIDE).contiguous(memory_format=torch.channels_last))
        grid = (deep.shape[-2], deep.shape[-1])
        vectors = self.to_embedding(deep).float().flatten(2).unflatten(1, (self.heads, self.dim))
        embedding = F.normalize(vectors, dim=2)  # (N, heads, D, P)
        gates = self.to_gates(deep).float().flatten(2)
        null, bias = gates[:, 0], gates[:, 1:]
        # No logit exceeds its bias, because the other terms are never positive. So the softmax can be shifted
        # by a value that the photograph alone decides, and an edit needs no search for the largest logit.
        peak = torch.maximum(null, bias.amax(dim=1)).detach()
        return Features(
            shape=(lightness.shape[-2], lightness.shape[-1]),
            grid=grid,
            embedding=embedding.flatten(1, 2).unflatten(2, grid),
            queries=self._queries(embedding, bias - peak[:, None], grid),
            null=(null - peak).exp(),
            auto=self.to_auto(deep).float(),
            logits=self.to_logits(deep.detach()).float(),
            edges=self.edge(norm),
        )

    def _queries(self, embedding: Tensor, bias: Tensor, grid: tuple[int, int]) -> Tensor:
        """``(N, heads, P, D + 5)``, so that one product with `_keys` gives every logit.

        T (e.e' - 1) - g |x - h|² + b + log weight
            = [T e, 2 g x, b - T - g |x|², -g, 1] . [e', h, 1, |h|², log weight]
        """
        sharpness, reach = (value.view(1, -1, 1, 1) for value in self._reach())
        side = math.sqrt(grid[0] * grid[1])
        y = (torch.arange(grid[0], device=bias.device) + 0.5) / side
        x = (torch.arange(grid[1], device=bias.device) + 0.5) / side
        place = torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1).view(1, 1, -1, 2)
        constant = bias[..., None] - sharpness - reach * place.square().sum(-1, keepdim=True)
        parts = [
            sharpness * embedding.transpose(2, 3),
            (2 * reach * place).expand(len(bias), -1, -1, -1),
            constant,
            -reach.expand_as(constant),
            torch.ones_like(constant),
        ]
        return torch.cat(parts, dim=-1)

    def _at(self, image: Tensor, features: Features, hints: HintBatch) -> Tensor:
        """Read maps ``(N, C, H', W')`` at the hints, bilinearly: ``(N, C, K)``."""
        rows, cols = features.grid
        # pixel r of full resolution lies at (r + .5) / 2 of half resolution; -1..1 spans the borders
        x = (hints.col + 0.5) / cols - 1
        y = (hints.row + 0.5) / rows - 1
        grid = torch.stack([x, y], dim=-1)[:, None]  # (N, 1, K, 2)
        return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)[
            :, :, 0
        ]

    def _keys(self, features: Features, hints: HintBatch) -> Tensor:
        """``(N, heads, D + 5, K)`` of the hints; see `_queries`."""
        embedding = self._at(features.embedding, features, hints).unflatten(1, (self.heads, self.dim))
        embedding = F.normalize(embedding, dim=2)
        side = 2 * math.sqrt(features.grid[0] * features.grid[1])
        place = torch.stack([(hints.row + 0.5) / side, (hints.col + 0.5) / side], dim=1)  # (N, 2, K)
        distance = place.square().sum(1, keepdim=True)
        weight = hints.weight.clamp(min=NOTHING).log()[:, None]
        rest = torch.cat([place, torch.ones_like(weight), distance, weight], dim=1)
        return torch.cat([embedding, rest[:, None].expand(-1, self.heads, -1, -1)], dim=2)

    def weights(self, features: Features, hints: HintBatch) -> Tensor:
        """w(x, h), which hint coloured what: ``(N, K, H', W')``; the rest to 1 is the null's."""
        count, points = hints.row.shape
        each = torch.eye(points, device=hints.row.device).expand(count, -1, -1)
        return self._spread(features, hints, each).transpose(1, 2).unflatten(2, features.grid)

    def propagate(self, features: Features, hints: HintBatch) -> Tensor:
        """The formula: ab ``(N, 2, H', W')``, normalised, at half resolution."""
        step = hints.ab / AB_SCALE - self._at(features.auto, features, hints).transpose(1, 2)  # c_h - auto(h)
        return features.auto + self._spread(features, hints, step).transpose(1, 2).unflatten(2, features.grid)

    def _spread(self, features: Features, hints: HintBatch, values: Tensor) -> Tensor:
        """sum_h w(x, h) of the hints' values ``(N, K, C)``: ``(N, P, C)``.

        In float32 whatever the caller's autocast says: |x - h|² is a small difference of large terms.
        """
        if hints.row.shape[1] == 0:
            return features.null.new_zeros(*features.null.shape, values.shape[2])
        with torch.autocast(features.null.device.type, enabled=False):
            keys = self._keys(features, hints)
            # a last column sums the shares: normalising after the product takes C divisions a pixel, not K;
            # padding gets zeros, not only a small weight
            valid = (hints.weight > 0).to(values.dtype)[..., None]
            values = torch.cat([values * valid, valid], dim=2)[:, None]  # (N, 1, K, C + 1)
            pixels = features.queries.shape[2]
            chunk = pixels if self.training else max(1, CHUNK // (self.heads * values.shape[2]))
            parts = [
                ((features.queries[:, :, i : i + chunk] @ keys).exp_() @ values).sum(1)
                for i in range(0, pixels, chunk)
            ]
            total = torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]
            return total[..., :-1] / (total[..., -1] + features.null + TINY)[..., None]

    def _tail(self, features: Features, coarse: Tensor, hints: HintBatch) -> Tensor:
        height, width = features.shape
        ab = F.interpolate(coarse, scale_factor=2, mode="bilinear")[..., :height, :width]
        gap = hints.mask * (hints.raster / AB_SCALE - ab)
        seen = self.tail_in(torch.cat([ab, gap, hints.mask], dim=1))
        out = self.tail_out(F.relu(self.tail_mid(F.relu(seen + features.edges)))).float()
        return ab + torch.sigmoid(out[:, 2:]) * gap + 0.1 * out[:, :2]

    def _distribution(self, features: Features, hints: HintBatch) -> Tensor:
        """Logits ``(N, 313, H'/2, W'/2)`` of the mixture."""
        if hints.row.shape[1] == 0:
            return features.logits
        share = F.avg_pool2d(self.weights(features, hints), 2)  # (N, K, h, w)
        count, points = hints.row.shape
        bins = AbBins(hints.ab.device)
        soft = bins.encode(hints.ab.reshape(-1, 2).T[None, :, :, None])[0, :, :, 0].T.view(
            count, points, NUM_BINS
        )
        given = torch.einsum("nkhw,nkq->nqhw", share, soft)
        free = (1 - share.sum(1, keepdim=True)).clamp(min=0)
        return (free * features.logits.softmax(1) + given).clamp(min=1e-8).log()

    def decode(self, features: Features, hints: HintBatch) -> Prediction:
        """Colorize with hints given in pixels of the encoded L."""
        ab = self._tail(features, self.propagate(features, hints), hints) * AB_SCALE
        return Prediction(ab, lambda: self._cropped(self._distribution(features, hints), features))

    @staticmethod
    def _cropped(logits: Tensor, features: Features) -> Tensor:
        """Logits of the picture alone, without those of its padding."""
        height, width = features.shape
        return logits[..., : -(-height // 4), : -(-width // 4)]

    def forward(self, lightness: Tensor, hints: HintBatch) -> tuple[Tensor, Tensor]:
        """Encode and decode, for training: ab ``(N, 2, H, W)`` and logits of the automatic distribution.

        The mixture has no parameters of its own, so the classification loss teaches the automatic
        distribution alone.
        """
        features = self.encode(lightness)
        return self.decode(features, hints).ab, self._cropped(features.logits, features)
