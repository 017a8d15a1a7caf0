"""Global hints: what a picture's colours are like as a whole, the paper's U_g (section 3.3).

Two statistics: the histogram over the 313 ab bins, and the mean saturation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from .color import lab_to_rgb, saturation
from .gamut import NUM_BINS, AbBins

STRIDE = 4  # the histogram is that of the picture at a quarter of its resolution


def ab_histogram(ab: Tensor, bins: AbBins) -> Tensor:
    """How much of a picture each bin colours (paper 3.3): bilinear to a quarter, soft encoding, mean.

    Args:
        ab: ``(N, 2, H, W)`` in Lab units.
        bins: on the same device.

    Returns:
        ``(N, 313)``, each row summing to 1.
    """
    quarter = tuple(max(1, -(-side // STRIDE)) for side in ab.shape[-2:])
    small = F.interpolate(ab, size=quarter, mode="bilinear", align_corners=False)
    weights, index = bins.encode_sparse(small.permute(0, 2, 3, 1).reshape(-1, 2))  # (N pixels, 10)
    shares = torch.zeros(len(ab), NUM_BINS, dtype=weights.dtype, device=ab.device)
    shares.scatter_add_(1, index.view(len(ab), -1), weights.view(len(ab), -1))
    return shares / shares.sum(1, keepdim=True)


@dataclass(frozen=True)
class GlobalHints:
    """Statistics of N pictures as networks take them, and how far each is given.

    Attributes:
        histogram: ``(N, 313)`` shares of the ab bins, each row summing to 1.
        saturation: ``(N,)`` mean S of HSV, in [0, 1].
        histogram_given: ``(N,)`` how strongly the histogram is asked for: 1 as it is, 0 not at all.
        saturation_given: ``(N,)`` likewise.
    """

    histogram: Tensor
    saturation: Tensor
    histogram_given: Tensor
    saturation_given: Tensor

    def __post_init__(self) -> None:
        count = len(self.histogram)
        shapes = [tuple(value.shape) for value in vars(self).values()]
        expected = [(count, NUM_BINS), (count,), (count,), (count,)]
        if shapes != expected:
            raise ValueError(f"expected global hints of shapes {expected}, got {shapes}")

    def __len__(self) -> int:
        return len(self.histogram)

    def check_count(self, pictures: int) -> None:
        """Make sure that these are the statistics of so many pictures.

        Raises:
            ValueError: of another number.
        """
        if len(self) != pictures:
            raise ValueError(f"expected global hints of {pictures} pictures, got {len(self)}")

    def to(self, device: torch.device | str) -> GlobalHints:
        """The same on another device."""
        return GlobalHints(**{name: value.to(device) for name, value in vars(self).items()})

    def equals(self, other: GlobalHints) -> bool:
        """Whether both ask for the same."""
        return all(torch.equal(value, getattr(other, name)) for name, value in vars(self).items())

    def given(self, *, histogram: Tensor | bool, saturation: Tensor | bool) -> GlobalHints:
        """The same statistics, given (True or 1) or withheld (False or 0), picture by picture or all."""
        like = self.saturation
        known = (torch.as_tensor(value).to(like).expand_as(like) for value in (histogram, saturation))
        return replace(self, **dict(zip(("histogram_given", "saturation_given"), known, strict=True)))

    @classmethod
    def of_pictures(cls, lab: Tensor) -> GlobalHints:
        """The true statistics of pictures ``(N, 3, H, W)`` in Lab, all given."""
        shares = ab_histogram(lab[:, 1:], AbBins(lab.device))
        mean = saturation(lab_to_rgb(lab).clamp(0, 1)).mean(dim=(1, 2))
        return cls(shares, mean, torch.ones_like(mean), torch.ones_like(mean))

    def vector(self) -> Tensor:
        """U_g itself, ``(N, 316)``: histogram, indicator, saturation, indicator; what is withheld is zero."""
        know_histogram, know_saturation = self.histogram_given[:, None], self.saturation_given[:, None]
        return torch.cat(
            [self.histogram * know_histogram, know_histogram,
             self.saturation[:, None] * know_saturation, know_saturation],
            dim=1,
        )  # fmt: skip
