"""live: learned edit propagation. The photograph is encoded once; hints then flow along learned similarity.

The paper's network (siggraph17) must redo everything for each click, because hints enter its first
convolution. Here the two halves of the paper's title, edit propagation and learned priors, meet in one
formula:

    ab(x) = auto(x) + g(x) sum_h w(x, h) (c_h - auto(h)) / g(h)
    w = softmax over all (head k, hint h) and a null
    logit_k(x, h) = T_k (e_k(x).e_k(h) - 1) - r_k |x - h|² + b_k(x) + s_k(c_h, auto(h)),   the null's: n(x)

`auto` is the automatic colorization, e_k unit embeddings, n, b and g read from the photograph alone (all
cached by `encode`, at half resolution); distances are in units of the side of a square as large as the
picture. g is how much colour a place shows: less in the shade, so that a hint in the light does not paint it
flat. s_k weighs a hint by what it says: one that contradicts the automatic colour means an unusual thing and
should fill it (paper, section 4.3), one that agrees leaves the rest to `auto`.
Where the null wins, the automatic colour stays. A small tail at full resolution then sharpens colour borders
along the photograph's own edges and trusts revealed pixels:

    out(x) = ab(x) + m(x) t(x) (c(x) - ab(x)) + (1 - m(x) t(x)) r(x)

with the paper's mask m and raster c of revealed pixels; t and r are computed by three convolutions, and what
is trusted needs no residual. The distribution for the palette follows the same weights,
(1 - sum_h w) p_auto(x) + sum_h w(x, h) soft(c_h). Unlike the paper's (3.4.2), p_auto may shape the encoder:
what colours a thing can have is worth knowing for `auto` and for the null as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..gamut import NUM_BINS, AbBins
from ..hints import HintBatch
from .base import Network, Outputs, Prediction, pad_to_multiple
from .encoder import STRIDE, Encoder, conv

AB_SCALE = 110.0  # inside the network, colours are ab / 110
SPEED = 10.0  # how much faster than other parameters the heads' sharpness and reach learn
GAIN = 2.0  # the largest |log g|
SAY = 5.0  # the largest |s_k|: a factor of 150 more or less than another hint
TINY = 1e-30  # keeps 0 / 0 away where neither a hint nor the null says anything
FAR = -60.0  # least logit: e^-60 is nothing, and much less would be denormal numbers, which are slow
NOTHING = 1e-30  # weight of padding: its logit is 69 below that of a full hint
BUCKETS = (8, 32, 128)  # numbers of hints that share a product while training; see `_learn_to_sum`
BLOCK = 32  # hints whose sums are remembered together
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
        gain: ``(N, 1, H', W')`` g(x), positive.
        edges: ``(N, C, H, W)`` of the tail's first convolution: what it sees of the photograph.
        sums: what was computed for the last hints, by number of the block; see `Live.propagate`.
    """

    shape: tuple[int, int]
    grid: tuple[int, int]
    embedding: Tensor
    queries: Tensor
    null: Tensor
    auto: Tensor
    logits: Tensor
    gain: Tensor
    edges: Tensor
    sums: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)


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
        # Sharpness and reach of the heads, in logarithms scaled so that they learn as fast as the rest
        # (`SPEED`).
        self.log_sharpness = nn.Parameter(torch.zeros(heads))
        self.log_reach = nn.Parameter(torch.zeros(heads))
        self.register_buffer("base_sharpness", torch.full((heads,), 16.0).log(), persistent=False)
        self.register_buffer(
            "base_reach", torch.tensor([7.0 * 5.5**k for k in range(heads)]).log(), persistent=False
        )
        self.to_say = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, heads))  # s_k
        self.edge = nn.Conv2d(1, tail, 5, padding=2)
        self.tail_in = nn.Conv2d(5, tail, 3, padding=1, bias=False)
        self.tail_mid = nn.Conv2d(tail, tail, 3, padding=1)
        self.tail_out = nn.Conv2d(tail, 3, 1)
        self._start()

    def _start(self) -> None:
        """Begin as plain edit propagation over grey: no automatic colour, no residual, trusted hints."""
        for layer in (self.to_auto, self.to_gates, self.to_gain, self.to_say[2], self.tail_out):
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
        # No logit exceeds its bias by more than SAY, because the other terms are never positive. So the
        # softmax can be shifted by a value that the photograph alone decides, and an edit needs no search for
        # the largest logit.
        peak = torch.maximum(null, bias.amax(dim=1)).detach()
        return Features(
            shape=(lightness.shape[-2], lightness.shape[-1]),
            grid=grid,
            embedding=embedding.flatten(1, 2).unflatten(2, grid),
            queries=self._queries(embedding, bias - peak[:, None], grid),
            null=(null - peak).exp(),
            auto=self.to_auto(deep).float(),
            logits=self.to_logits(deep).float(),
            gain=(GAIN * torch.tanh(self.to_gain(deep).float())).exp(),
            edges=self.edge(norm),
        )

    def _queries(self, embedding: Tensor, bias: Tensor, grid: tuple[int, int]) -> Tensor:
        """``(N, heads, P, D + 5)``, so that one product with `_keys` gives every logit.

        T (e.e' - 1) - r |x - h|² + b + s + log weight
            = [T e, 2 r x, b - T - r |x|², -r, 1] . [e', h, 1, |h|², s + log weight]
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
        rest = torch.cat([place, torch.ones_like(distance), distance], dim=1)  # (N, 4, K)
        auto = self._at(features.auto, features, hints).transpose(1, 2)
        colour = hints.ab / AB_SCALE
        say = SAY * torch.tanh(self.to_say(torch.cat([colour - auto, colour], dim=2))).transpose(1, 2)
        weight = hints.weight.clamp(min=NOTHING).log()[:, None] + say  # (N, heads, K)
        rest = rest[:, None].expand(-1, self.heads, -1, -1)
        return torch.cat([embedding, rest, weight[:, :, None]], dim=2)

    def weights(self, features: Features, hints: HintBatch) -> Tensor:
        """w(x, h), which hint coloured what: ``(N, K, H', W')``; the rest to 1 is the null's."""
        with torch.autocast(features.null.device.type, enabled=False):
            each = self._by_chunks(features, hints, lambda exps: exps.sum(1)) * (hints.weight > 0)[:, None]
            shares = each / (each.sum(2) + features.null + TINY)[..., None]
        return shares.transpose(1, 2).unflatten(2, features.grid)

    def propagate(self, features: Features, hints: HintBatch) -> Tensor:
        """The formula: ab ``(N, 2, H', W')``, normalised, at half resolution."""
        points = hints.row.shape[1]
        if points == 0:
            return features.auto
        if self.training:
            total = self._sums(features, hints, self._steps(features, hints))
        else:
            blocks = (hints.columns(start, start + BLOCK) for start in range(0, points, BLOCK))
            total = torch.stack([self._known_sums(features, *block) for block in enumerate(blocks)]).sum(0)
        moved = self._shares(features, total).transpose(1, 2).unflatten(2, features.grid)
        return features.auto + features.gain * moved

    def _steps(self, features: Features, hints: HintBatch) -> Tensor:
        """(c_h - auto(h)) / g(h), ``(N, K, 2)``, normalised."""
        auto, gain = (
            self._at(image, features, hints).transpose(1, 2) for image in (features.auto, features.gain)
        )
        return (hints.ab / AB_SCALE - auto) / gain

    def _known_sums(self, features: Features, number: int, block: HintBatch) -> Tensor:
        """`_sums` of one block of hints, computed only where a hint of it differs from the last time.

        Sums over hints add up, so an edit among 500 costs no more than one among `BLOCK`.
        """
        facts = torch.stack([block.row, block.col, block.weight, *block.ab.unbind(-1)])
        known = features.sums.get(number)
        if known is None or not torch.equal(known[0], facts):
            known = (facts, self._sums(features, block, self._steps(features, block)))
            features.sums[number] = known
        return known[1]

    @staticmethod
    def _shares(features: Features, total: Tensor) -> Tensor:
        """`_sums` divided by the sum of all weights, the null's among them: ``(N, P, C)``."""
        return total[..., :-1] / (total[..., -1] + features.null + TINY)[..., None]

    def _sums(self, features: Features, hints: HintBatch, values: Tensor) -> Tensor:
        """Sums over heads and hints of exp(logit) times the values, and of exp(logit): ``(N, P, C + 1)``.

        Normalising after the product takes C divisions a pixel, not K. In float32 whatever the caller's
        autocast says: |x - h|² is a small difference of large terms.
        """
        with torch.autocast(features.null.device.type, enabled=False):
            valid = (hints.weight > 0).to(values.dtype)[..., None]  # padding gets zeros, not a small weight
            values = torch.cat([values * valid, valid], dim=2)[:, None]  # (N, 1, K, C + 1)
            if self.training:
                return self._learn_to_sum(features.queries, self._keys(features, hints), values, hints.weight)
            return self._by_chunks(features, hints, lambda exps: (exps @ values).sum(1))

    def _by_chunks(self, features: Features, hints: HintBatch, reduce: Callable[[Tensor], Tensor]) -> Tensor:
        """exp(logit) ``(N, heads, pixels, K)``, reduced to ``(N, pixels, C)`` piece by piece."""
        keys = self._keys(features, hints)
        chunk = max(1, CHUNK // (self.heads * max(1, keys.shape[-1])))
        parts = [
            reduce((queries @ keys).clamp_(min=FAR).exp_())
            for queries in features.queries.split(chunk, dim=2)
        ]
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]

    @staticmethod
    def _learn_to_sum(queries: Tensor, keys: Tensor, values: Tensor, weight: Tensor) -> Tensor:
        """`_sums` of a batch whose pictures have different numbers of hints: ``(N, P, C + 1)``.

        Pictures with about as many hints go together, so that 15 of them do not pay for the 512 hints of the
        sixteenth.
        """
        numbers = torch.arange(1, weight.shape[1] + 1, device=weight.device)
        needed = (numbers * (weight > 0)).amax(dim=1)  # hints of each picture, without padding
        order = needed.argsort()
        sizes = torch.bincount(torch.bucketize(needed, needed.new_tensor([0, *BUCKETS]))).tolist()
        ordered = (value[order].split(sizes) for value in (queries, keys, values, needed))
        parts = []
        for query, key, value, number in zip(*ordered, strict=True):
            most = int(number.max()) if len(number) else 0
            parts.append(((query @ key[..., :most]).clamp(min=FAR).exp() @ value[:, :, :most]).sum(1))
        return torch.cat(parts)[order.argsort()]

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

    def forward(self, lightness: Tensor, hints: HintBatch) -> Outputs:
        """Encode and decode, for training.

        The mixture has no parameters of its own, so the classification loss teaches the automatic
        distribution alone. The automatic colours are handed out by themselves: every picture can teach them,
        whatever hints it came with.
        """
        features = self.encode(lightness)
        ab = self.decode(features, hints).ab
        return Outputs(ab, self._cropped(features.logits, features), features.auto * AB_SCALE)
