"""live: learned edit propagation. The photograph is encoded once; hints then flow along learned similarity.

The paper's network (siggraph17) must redo everything for each click, because hints enter its first
convolution. Here the two halves of the paper's title, edit propagation and learned priors, meet in one
formula:

    ab(x) = auto(x) + sum_h w(x, h) [ z (c_h - auto(x)) + (1 - z) g(x) (c_h - auto(h)) / g(h) ]
    w = softmax over all (head k, hint h) and a null
    logit_k(x, h) = T_k (e_k(x).e_k(h) - 1) - r_k |x - h|² - q_k D(x, h) + b_k(x) + s_k(c_h, auto(h)),
    the null's: n(x)

`auto` is the automatic colorization, e_k unit embeddings, n, b and g read from the photograph alone (all
cached by `encode`, at half resolution); distances are in units of the side of a square as large as the
picture. D is the way from h to x: how much lightness changes on the path where it changes least, each cell's
cost learned too (`geodesic`); so a closed line holds a colour in.
A hint brings its colour (what belongs to it gets c_h) and, by a share 1 - z, the change that it made
at its own place (what belongs to it turns as it did). g is how much colour a place shows: less in the shade,
so that a hint in the light does not paint it flat. s_k weighs a hint by what it says: one that contradicts
the automatic colour means an unusual thing and should fill it (paper, section 4.3), one that agrees leaves
the rest to `auto`.
Where the null wins, the automatic colour stays. What the hints' own places still lack after that flows along
the same weights; see `propagation`. A small tail at full resolution then sharpens colour borders along
the photograph's own edges and trusts revealed pixels; see `tail`.
The distribution for the palette follows the same weights,
(1 - sum_h w) p_auto(x) + sum_h w(x, h) soft(c_h). Unlike the paper's (3.4.2), p_auto may shape the encoder:
what colours a thing can have is worth knowing for `auto` and for the null as well.
A histogram or a saturation of the whole picture changes p_auto, `auto` and n first; see `conditioning`. So
does a wish for livelier colours; see `vividness`.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..gamut import NUM_BINS
from ..global_hints import GlobalHints
from ..hint_batch import HintBatch
from .backbone import load_published
from .base import Network, Outputs, Prediction, pad_to_multiple
from .conditioning import Conditioning
from .encoder import STRIDE, Encoder
from .features import Features
from .geodesic import border_cost
from .layers import conv
from .propagation import AB_SCALE, Propagation, encoded
from .residual_encoder import ResidualEncoder
from .tail import FullTail, Tail
from .tilt import tilt
from .vividness import Vividness

EARLIER = {"edge": "see", "tail_in": "read", "tail_mid": "mid", "tail_out": "out"}
ROOM = 8 / AB_SCALE  # that a colour may lie beyond the automatic one and all hints' colours
FAINT = -20.0  # least logit of the null: where no hint comes near, somebody must say something
GAIN = 2.0  # the largest |log g|
CLOSED = 2.0  # the largest |log| of the factor by which a cell's cost is learned
HIDDEN = -5.0  # where the learned cost of borders that L does not show begins, before softplus
SLOW = 0.25  # how much slower than the rest the backbone learns: what it knows is to be kept


class Live(Network):
    """Learned edit propagation.

    Args:
        backbone: "lite0", "lite1", "lite2", or "tiny", which has no published weights.
        widths: channels of the way up, at 1/4, 1/8, 1/16 and 1/32.
        depths: residual blocks at five scales of an encoder without a backbone, whose channels `widths` are
            then, 1/2 to 1/32; such a network has the dearer tail as well.
        heads: of different reach.
        dim: of an embedding.
        out: channels at half resolution.
        tail: channels of the last step.
    """

    name = "live"
    later = frozenset({"to_cost.weight", "to_cost.bias", "flow.log_way", "vividness.prior"})
    reads_global_hints = True
    reads_vividness = True

    def __init__(
        self,
        *,
        backbone: str = "lite0",
        widths: tuple[int, ...] = (64, 96, 128, 192),
        heads: int = 4,
        dim: int = 16,
        out: int = 48,
        tail: int = 24,
        depths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.config = {
            "backbone": backbone,
            "widths": tuple(widths),
            "heads": heads,
            "dim": dim,
            "out": out,
            "tail": tail,
        }
        if depths is not None:
            del self.config["backbone"]
            self.config["depths"] = tuple(depths)
        self.heads, self.dim = heads, dim
        self.encoder: Encoder | ResidualEncoder
        if depths is None:
            self.encoder = Encoder(backbone=backbone, widths=tuple(widths), out=out)
        else:
            self.encoder = ResidualEncoder(tuple(widths), tuple(depths), out)
        self.to_embedding = nn.Conv2d(out, heads * dim, 1)
        self.to_auto = nn.Conv2d(out, 2, 1)
        self.to_gates = nn.Conv2d(out, 1 + heads, 1)  # null, then the heads' biases
        self.to_gain = nn.Conv2d(out, 1, 1)
        quarter = widths[0] if depths is None else out  # channels at a quarter of the resolution
        self.to_cost = nn.Conv2d(quarter, 2, 1)  # of a way through a cell: a factor, and what L hides
        into = conv(quarter, 128) if depths is None else conv(out, 128, stride=2)
        self.to_logits = nn.Sequential(into, nn.Conv2d(128, NUM_BINS, 1))
        self.flow = Propagation(heads=heads, dim=dim)
        self.conditioning = Conditioning()
        self.vividness = Vividness()
        self.tail = Tail(tail) if depths is None else FullTail(tail)
        self._start()

    def _start(self) -> None:
        """Begin as plain edit propagation over grey: no automatic colour, ways as L says."""
        for layer in (self.to_auto, self.to_gates, self.to_gain, self.to_cost):
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)
        with torch.no_grad():
            cast(Tensor, self.to_gates.bias)[0] = -4.0
            cast(Tensor, self.to_cost.bias)[1] = HIDDEN

    @property
    def prior(self) -> Tensor:
        """How often the bins occur in what it learns from: `vividness` takes it back."""
        return self.vividness.prior

    @classmethod
    def renamed(cls, name: str) -> str:
        """The tail's layers had names of their own."""
        module, _, rest = name.partition(".")
        return f"tail.{EARLIER[module]}.{rest}" if module in EARLIER else name

    def start_new(self) -> None:
        """Give the backbone the weights that know ImageNet.

        Raises:
            BackboneError: their package is not installed.
        """
        if isinstance(self.encoder, Encoder):
            load_published(self.encoder.backbone, self.config["backbone"])

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The backbone learns slower than the rest."""
        if isinstance(self.encoder, ResidualEncoder):
            return super().parameter_groups()
        known = list(self.encoder.backbone.parameters())
        ids = {id(parameter) for parameter in known}
        rest = [parameter for parameter in self.parameters() if id(parameter) not in ids]
        return [{"params": rest, "scale": 1.0}, {"params": known, "scale": SLOW}]

    def encode(self, lightness: Tensor) -> Features:
        """Look at photographs once: L ``(N, 1, H, W)`` in [0, 100]."""
        padded = pad_to_multiple(lightness, STRIDE)
        deep, quarter = self.encoder(padded)
        grid = (deep.shape[-2], deep.shape[-1])
        vectors = self.to_embedding(deep).float().flatten(2).unflatten(1, (self.heads, self.dim))
        embedding = F.normalize(vectors, dim=2)  # (N, heads, D, P)
        gates = self.to_gates(deep).float().flatten(2)
        null, bias = gates[:, 0], gates[:, 1:]
        # No logit exceeds its bias by more than SAY, because the other terms are never positive. So the
        # softmax can be shifted by a value that the photograph alone decides, and an edit needs no search for
        # the largest logit.
        peak = torch.maximum(null, bias.amax(dim=1)).detach()
        factor, hidden = self.to_cost(quarter).float().unbind(1)
        closed = (CLOSED * torch.tanh(factor)).exp()
        edges, detail = self.tail.look((padded - 50) / 50)
        return Features(
            shape=(lightness.shape[-2], lightness.shape[-1]),
            grid=grid,
            embedding=embedding.flatten(1, 2).unflatten(2, grid),
            queries=self.flow.queries(embedding, bias - peak[:, None], grid),
            null=(null - peak).clamp(min=FAINT).exp(),
            auto=self.to_auto(deep).float(),
            logits=self._logits(deep, quarter),
            gain=(GAIN * torch.tanh(self.to_gain(deep).float())).exp(),
            cost=closed * border_cost(padded)[:, 0] + F.softplus(hidden),
            edges=edges,
            detail=detail,
            lightness=F.avg_pool2d(lightness, 4, ceil_mode=True),
        )

    def _logits(self, deep: Tensor, quarter: Tensor) -> Tensor:
        """Of the automatic distribution: ``(N, 313, H'/2, W'/2)``."""
        logits: Tensor = self.to_logits(quarter if isinstance(self.encoder, Encoder) else deep)
        return logits.float()

    def _wished(self, features: Features, global_hints: GlobalHints | None, vividness: float) -> Features:
        """The same photographs under the statistics and the vividness that are asked for."""
        told = features if global_hints is None else self.conditioning(features, global_hints)
        return self.vividness(told, vividness) if vividness else told

    def weights(
        self,
        features: Features,
        hints: HintBatch,
        *,
        global_hints: GlobalHints | None = None,
        vividness: float = 0.0,
    ) -> Tensor:
        """w(x, h), which hint coloured what: ``(N, K, H', W')``; the rest to 1 is the null's."""
        told = self._wished(features, global_hints, vividness)
        return self.flow.weights(told, hints)

    def propagate(self, features: Features, hints: HintBatch) -> Tensor:
        """ab ``(N, 2, H', W')``, normalised, at half resolution."""
        ab, given = self.flow(features, hints)
        return ab if given is None else ab + self.conditioning.settle(features, given)

    def _tail(self, features: Features, coarse: Tensor, hints: HintBatch) -> Tensor:
        height, width = features.shape
        down, right = (2 * side - inside for side, inside in zip(features.grid, features.shape, strict=True))
        mask, raster = (F.pad(image, (0, right, 0, down)) for image in (hints.mask, hints.raster / AB_SCALE))
        full = self.tail(coarse, features.edges, features.detail, mask, raster)
        return full[..., :height, :width]

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
        self,
        features: Features,
        hints: HintBatch,
        *,
        global_hints: GlobalHints | None = None,
        vividness: float = 0.0,
    ) -> Prediction:
        """Colorize with hints given in pixels of the encoded L, and statistics of the whole picture."""
        told = self._wished(features, global_hints, vividness)
        ab = self._tail(told, self.propagate(told, hints), hints)
        if hints.row.shape[1] and not self.training:
            ab = self._bounded(told, ab, hints)
        return Prediction(ab * AB_SCALE, lambda: self._distribution(told, hints))

    def _bounded(self, features: Features, ab: Tensor, hints: HintBatch) -> Tensor:
        """Between the automatic colour and those of the hints, and `ROOM` beyond: none that nobody asked for.

        However hints contradict each other. A histogram asks for more colours than these; then it has its
        way.
        """
        if "automatic" not in features.full:
            none = HintBatch.empty(shape=features.shape, count=len(ab), device=ab.device)
            features.full["automatic"] = self._tail(features, features.auto, none)
        automatic = features.full["automatic"]
        counted = (hints.weight > 0)[..., None]
        far = torch.full_like(hints.ab, 1e3)
        given = (torch.where(counted, hints.ab, far), torch.where(counted, hints.ab, -far))
        shown = (hints.mask == 0) * 1e3
        least = torch.minimum(given[0].amin(1), (hints.raster + shown).amin((2, 3))) / AB_SCALE - ROOM
        most = torch.maximum(given[1].amax(1), (hints.raster - shown).amax((2, 3))) / AB_SCALE + ROOM
        low = torch.minimum(automatic - ROOM, least[..., None, None])
        inside = ab.maximum(low).minimum(torch.maximum(automatic + ROOM, most[..., None, None]))
        if features.told is None:
            return inside
        asks = features.told.histogram.histogram_given.to(ab)[:, None, None, None] > 0
        return torch.where(asks, ab, inside)

    def freeze(self, blocks: int) -> None:
        """Let the backbone's first blocks stay as they are."""
        if isinstance(self.encoder, Encoder):
            self.encoder.backbone.freeze(blocks)

    def learn_automatic(self, lightness: Tensor) -> Outputs:
        """Colours and their distribution without hints, for the first stretch of training."""
        deep, quarter = self.encoder(pad_to_multiple(lightness, STRIDE))
        height, width = (-(-side // 4) for side in lightness.shape[-2:])
        logits = self._logits(deep, quarter)[..., :height, :width]
        return Outputs(None, logits, self.to_auto(deep).float()[..., : 2 * height, : 2 * width] * AB_SCALE)

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
