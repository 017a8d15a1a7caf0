"""The network of the paper (Zhang et al. 2017, section 3.4 and figure 2), local and global variant.

    L, ab, mask ─ conv1 ──► conv2 ──► conv3 ──► conv4 ─ conv5 ─ conv6 ─ conv7      resolution 1, 1/2, 1/4, 1/8
                   │          │         │          ▲                      │
                   │          │         │     global hints                │
                   ▼          ▼         ▼                                 ▼
          ab ◄─ conv10 ◄─── conv9 ◄── conv8 ◄──────────────────────────── ┘        skips are summed
                                        └──► distribution over ab bins             no gradient goes back

At width 64 and with the ``linear529`` head this is the network whose PyTorch weights the authors published
(github.com/richzhang/colorization-pytorch and github.com/richzhang/colorization); `published.py` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..gamut import NUM_BINS
from ..global_hints import GlobalHints
from ..hint_batch import HintBatch
from .base import Network, Outputs, Prediction, pad_to_multiple
from .layers import block, he_normal, upsample

STRIDE = 8  # of the bottleneck: sides are padded to a multiple of it
GRID_BINS = 529  # the published head keeps the full 23 x 23 grid of ab, in and out of gamut; index = 23 a + b
GLOBAL_SIZE = NUM_BINS + 3  # histogram, is it given, saturation, is it given

VARIANTS = ("local", "global")
HEADS = ("hypercolumn", "linear529")


class Hypercolumn(nn.Module):
    """Two-layer classifier on the features of conv1-8 at quarter resolution (paper 3.4.2).

    A 1x1 convolution of concatenated maps is the sum of one 1x1 convolution per map, so each map is projected
    at its own resolution and only the narrow result is resampled. Features are detached: the side task must
    not shape the main branch.
    """

    def __init__(self, channels: list[int], hidden: int) -> None:
        super().__init__()
        self.taps = nn.ModuleList(nn.Conv2d(count, hidden, 1) for count in channels)
        self.bins = nn.Conv2d(hidden, NUM_BINS, 1)

    def forward(self, features: list[Tensor]) -> Tensor:
        """Feature maps of conv1-8 to ``(N, 313, H/4, W/4)`` logits."""
        quarter = features[-1].shape[-2:]
        hidden = features[-1].new_zeros(())
        for tap, feature in zip(self.taps, features, strict=True):
            step = max(feature.shape[-2] // quarter[0], 1)  # conv1 and conv2 are finer: subsampled
            projected = tap(feature.detach()[:, :, ::step, ::step])
            if projected.shape[-2:] != quarter:  # conv4-7 are coarser
                projected = F.interpolate(projected, size=quarter, mode="bilinear", align_corners=False)
            hidden = hidden + projected
        return self.bins(F.relu(hidden))


@dataclass(frozen=True)
class Prepared:
    """A photograph as this network wants it.

    Attributes:
        lightness: ``(N, 1, H', W')`` normalised, sides padded to a multiple of 8.
        shape: (H, W) before padding.
    """

    lightness: Tensor
    shape: tuple[int, int]


class SIGGRAPH17(Network):
    """Colours and their distribution from L and hints.

    Args:
        width: channels of conv1; 64 is the paper's.
        variant: "local" reads points; "global" reads a histogram and a saturation as well (paper 3.4.3).
        head: "hypercolumn" is the paper's, over 313 bins; "linear529" that of the published weights, one 1x1
            convolution of conv8 over the full grid of 529.
        mask_offset: subtracted from the hint mask: 0, or 0.5 for weights trained with a centred mask.
        ab_scale: Lab units of ab that the network sees as 1; also the bound of its output.
    """

    name = "siggraph17"

    def __init__(
        self,
        *,
        width: int = 64,
        variant: str = "local",
        head: str = "hypercolumn",
        mask_offset: float = 0.0,
        ab_scale: float = 110.0,
    ) -> None:
        super().__init__()
        for name, value, known in (("variant", variant, VARIANTS), ("head", head, HEADS)):
            if value not in known:
                raise ValueError(f"expected a {name} of {', '.join(known)}, got {value!r}")
        self.config = {
            "width": width,
            "variant": variant,
            "head": head,
            "mask_offset": mask_offset,
            "ab_scale": ab_scale,
        }
        self.variant, self.mask_offset, self.ab_scale = variant, mask_offset, ab_scale
        w1, w2, w4, w8 = width, 2 * width, 4 * width, 8 * width

        self.conv1 = block(4, w1, convs=2)
        self.conv2 = block(w1, w2, convs=2)
        self.conv3 = block(w2, w4, convs=3)
        self.conv4 = block(w4, w8, convs=3)
        self.conv5 = block(w8, w8, convs=3, dilation=2)
        self.conv6 = block(w8, w8, convs=3, dilation=2)
        self.conv7 = block(w8, w8, convs=3)

        self.up8, self.short8 = upsample(w8, w4), nn.Conv2d(w4, w4, 3, padding=1)
        self.conv8 = block(w4, w4, convs=2)
        self.up9, self.short9 = upsample(w4, w2), nn.Conv2d(w2, w2, 3, padding=1)
        self.conv9 = block(w2, w2, convs=1)
        self.up10, self.short10 = upsample(w2, w2), nn.Conv2d(w1, w2, 3, padding=1)
        self.conv10 = nn.Sequential(nn.Conv2d(w2, w2, 3, padding=1), nn.LeakyReLU(0.2))
        self.out = nn.Conv2d(w2, 2, 1)

        self.head: nn.Module
        if head == "hypercolumn":
            self.head = Hypercolumn([w1, w2, w4, w8, w8, w8, w8, w4], hidden=w4)
        else:
            self.head = nn.Conv2d(w4, GRID_BINS, 1)
            steps = torch.arange(-110.0, 120.0, 10.0)
            self.bin_centers = torch.cartesian_prod(steps, steps)
        self.reads_global_hints = variant == "global"
        if self.reads_global_hints:
            sizes = [GLOBAL_SIZE, w8, w8, w8, w8]
            pairs = ((nn.Conv2d(a, b, 1), nn.ReLU()) for a, b in pairwise(sizes))
            self.statistics = nn.Sequential(*chain.from_iterable(pairs))
        self._initialise()

    def _initialise(self) -> None:
        """He et al. 2015 before a ReLU; last layers start small, so that training begins at grey."""
        he_normal(self)
        with torch.no_grad():
            for half in (self.up8, self.short8, self.up9, self.short9, self.up10, self.short10):
                half.weight *= 0.5**0.5  # two branches are summed
        nn.init.normal_(self.out.weight, std=1e-3)
        last = self.head.bins if isinstance(self.head, Hypercolumn) else self.head
        assert isinstance(last, nn.Conv2d)
        nn.init.normal_(last.weight, std=1e-2)

    def encode(self, lightness: Tensor) -> Prepared:
        """Normalise and pad L ``(N, 1, H, W)`` in [0, 100]; nothing more can be kept.

        The hints enter at the first convolution, so every later feature depends on them: the paper's network
        has no part that could be computed once for a photograph, and `decode` does all the work.
        """
        height, width = lightness.shape[-2:]
        return Prepared(pad_to_multiple((lightness - 50) / 100, STRIDE), (height, width))

    def decode(
        self, features: Prepared, hints: HintBatch, *, global_hints: GlobalHints | None = None
    ) -> Prediction:
        """Colorize with these hints.

        Args:
            features: of `encode`; those of one photograph serve any number of sets of hints.
            hints: N sets of hints in the grid of L.
            global_hints: of N pictures, in the global variant only; None: nothing is given.

        Returns:
            ab ``(N, 2, H, W)`` within ±`ab_scale`; logits ``(N, 313 or 529, ⌈H/4⌉, ⌈W/4⌉)``.

        Raises:
            ValueError: hints in another grid than L, or global hints that do not fit.
        """
        height, width = features.shape
        count, _, *grid = hints.mask.shape
        if tuple(grid) != features.shape:
            raise ValueError(f"expected hints in a grid of {features.shape}, got {tuple(grid)}")
        user = torch.cat([hints.raster / self.ab_scale, hints.mask - self.mask_offset], dim=1)
        lightness = features.lightness.expand(count, -1, -1, -1)
        x = torch.cat([lightness, pad_to_multiple(user, STRIDE).to(lightness)], dim=1)  # (N, 4, H', W')

        c1 = self.conv1(x)
        c2 = self.conv2(c1[:, :, ::2, ::2])
        c3 = self.conv3(c2[:, :, ::2, ::2])
        c4 = self.conv4(c3[:, :, ::2, ::2]) + self._global_features(global_hints, x)
        c5 = self.conv5(c4)
        c6 = self.conv6(c5)
        c7 = self.conv7(c6)
        c8 = self.conv8(F.relu(self.up8(c7) + self.short8(c3)))
        c9 = self.conv9(F.relu(self.up9(c8) + self.short9(c2)))
        c10 = self.conv10(F.relu(self.up10(c9) + self.short10(c1)))
        ab = torch.tanh(self.out(c10)) * self.ab_scale

        def logits() -> Tensor:
            seen = [c1, c2, c3, c4, c5, c6, c7, c8] if isinstance(self.head, Hypercolumn) else c8.detach()
            return self.head(seen)[:, :, : -(-height // 4), : -(-width // 4)]

        return Prediction(ab[:, :, :height, :width], logits)

    def forward(
        self, lightness: Tensor, hints: HintBatch, *, global_hints: GlobalHints | None = None
    ) -> Outputs:
        """For training: ab and logits of `decode`, both computed."""
        prediction = self.decode(self.encode(lightness), hints, global_hints=global_hints)
        return Outputs(prediction.ab, prediction.logits)

    def _global_features(self, global_hints: GlobalHints | None, x: Tensor) -> Tensor:
        """``(N, 8 width, 1, 1)``, added to conv4 at every place; zero in the local variant."""
        if not self.reads_global_hints:
            self._refuse(global_hints)
            return x.new_zeros(())
        if global_hints is None:
            vector = x.new_zeros(len(x), GLOBAL_SIZE)
        else:
            global_hints.check_count(len(x))
            vector = global_hints.vector().to(x)
        return self.statistics(vector[:, :, None, None])
