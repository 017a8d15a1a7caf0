"""The sRGB gamut in Lab, and the 313 ab bins of Zhang et al. 2016.

A colour picked by a person or predicted by a network is an (a, b) pair; whether a screen can show it depends
on L. Two ways lead back into the gamut: `fit_chroma` keeps L and hue and gives up chroma (used for pictures:
lightness is the photograph's own and must not change), `snap` is the original interface's (used for swatches:
keeps the look of a bright colour a little better).
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from .color import lab_to_linear, lab_to_rgb, rgb_to_lab, to_uint8

# Grid of 10; for each a, b runs over every ten from..to (Zhang et al. 2016, section 2: the bins that sRGB
# reaches).
_BIN_ROWS = (
    (-90, 50, 90), (-80, 20, 90), (-70, 0, 90), (-60, -20, 90), (-50, -30, 100),
    (-40, -40, 100), (-30, -50, 100), (-20, -50, 100), (-10, -60, 100), (0, -70, 100),
    (10, -80, 90), (20, -80, 90), (30, -90, 90), (40, -100, 90), (50, -100, 80),
    (60, -110, 80), (70, -110, 80), (80, -110, 70), (90, -110, 70), (100, -90, 0),
)  # fmt: skip
NUM_BINS = 313
_TOLERANCE = 1e-4  # of linear light: a rounding error is not out of gamut


@lru_cache(maxsize=1)
@torch.inference_mode(False)  # whoever asks first: training wants it too
def _bin_centers() -> Tensor:
    pairs = [(a, b) for a, first, last in _BIN_ROWS for b in range(first, last + 10, 10)]
    return torch.tensor(pairs, dtype=torch.float32)


def is_displayable(linear: Tensor) -> Tensor:
    """Whether linear-light RGB lies in [0, 1]: ``(..., 3, H, W)`` -> ``(..., H, W)`` bool."""
    return (linear - 0.5).abs().amax(dim=-3) <= 0.5 + _TOLERANCE  # six times faster than two comparisons


def in_gamut(lab: Tensor) -> Tensor:
    """Whether sRGB can show each colour: ``(..., 3, H, W)`` Lab -> ``(..., H, W)`` bool."""
    return is_displayable(lab_to_linear(lab))


def fit_chroma(colors: Tensor, *, steps: int = 8) -> Tensor:
    """Cut the chroma of colours at the border of sRGB, keeping L and hue.

    A bisection finds the largest share of the chroma that fits; the grey axis is always inside.

    Args:
        colors: ``(3, M)`` Lab, L in [0, 100]; those inside already come out with at most 1/2**steps less
            chroma.
        steps: halvings; 8 leaves an error below 0.5 ab.
    """
    lightness, ab = colors[:1], colors[1:]
    share = torch.zeros_like(lightness)
    for step in range(1, steps + 1):
        trial = share + 0.5**step
        inside = in_gamut(torch.cat([lightness, trial * ab])[..., None])[:, 0]  # (M,)
        share = torch.where(inside, trial, share)
    return torch.cat([lightness, share * ab])


def compress(lab: Tensor) -> Tensor:
    """Bring ``(3, H, W)`` Lab into sRGB, keeping L and hue; colours inside stay untouched."""
    outside = ~in_gamut(lab)
    if not bool(outside.any()):
        return lab
    lab = lab.clone()
    lab[:, outside] = fit_chroma(lab[:, outside])
    return lab


def snap(lab: Tensor, *, steps: int = 20) -> Tensor:
    """Move colours into sRGB as the original interface does.

    That is: clip in RGB, restore L, and repeat until Lab moves by less than 1.

    Args:
        lab: ``(..., 3, H, W)``.
        steps: repetitions at most.

    Returns:
        Lab of the clipped colour: it is inside, and its L is within about 1 of the one asked for, where that
            is possible at all.
    """
    lightness = lab[..., :1, :, :]
    current = lab
    for _ in range(steps):
        clipped = rgb_to_lab(lab_to_rgb(current).clamp(0, 1))
        moving = (clipped - current).abs().sum(dim=-3, keepdim=True) >= 1  # each colour on its own
        if not bool(moving.any()):
            break
        restored = torch.cat([lightness, clipped[..., 1:, :, :]], dim=-3)
        current = torch.where(moving, restored, current)
    return rgb_to_lab(lab_to_rgb(current).clamp(0, 1))


def displayed(lightness: float, ab: tuple[float, float]) -> tuple[tuple[int, int, int], tuple[float, float]]:
    """How a screen shows (a, b) at this L: sRGB 0..255, and the (a, b) that it is then, snapped into sRGB."""
    inside = snap(torch.tensor([lightness, *ab]).view(3, 1, 1))
    red, green, blue = to_uint8(lab_to_rgb(inside)).flatten().tolist()
    _, a, b = inside.flatten().tolist()
    return (red, green, blue), (a, b)


class AbBins:
    """The 313 bins: one owner of bin order, soft encoding and decoding.

    Attributes:
        centers: ``(313, 2)`` float32, ab in Lab units, ordered by a, then b; or ``(Q, 2)`` given ones, such
            as the full grid of 529 that published weights speak of.
    """

    def __init__(self, device: torch.device | str = "cpu", *, centers: Tensor | None = None) -> None:
        self.centers = (_bin_centers() if centers is None else centers).to(device)

    def nearest(self, ab: Tensor, *, count: int) -> tuple[Tensor, Tensor]:
        """Squared distances and indices of the `count` nearest bins: ``(M, 2)`` -> two ``(M, count)``."""
        distance = torch.cdist(ab, self.centers)  # (M, 313)
        near = distance.topk(count, dim=1, largest=False)
        return near.values.square(), near.indices

    def encode_sparse(self, ab: Tensor, *, neighbours: int = 10, sigma: float = 5.0) -> tuple[Tensor, Tensor]:
        """Soft encoding (paper 3.2, after Zhang et al. 2016) as weights and indices of the nearest bins.

        Args:
            ab: ``(M, 2)`` in Lab units.
            neighbours: bins that share a colour.
            sigma: of the Gaussian, in Lab units.

        Returns:
            Weights ``(M, neighbours)`` that sum to 1, and bin indices of the same shape.
        """
        squared, index = self.nearest(ab, count=neighbours)
        return torch.softmax(-squared / (2 * sigma**2), dim=1), index

    def encode(self, ab: Tensor, *, neighbours: int = 10, sigma: float = 5.0) -> Tensor:
        """Soft encoding of an image: ``(N, 2, H, W)`` -> distributions ``(N, 313, H, W)``."""
        count, _, height, width = ab.shape
        weights, index = self.encode_sparse(
            ab.permute(0, 2, 3, 1).reshape(-1, 2), neighbours=neighbours, sigma=sigma
        )
        dense = torch.zeros(len(weights), NUM_BINS, dtype=weights.dtype, device=ab.device)
        dense.scatter_(1, index, weights)
        return dense.view(count, height, width, NUM_BINS).permute(0, 3, 1, 2)

    def mean(self, probabilities: Tensor) -> Tensor:
        """Expected colour of distributions ``(N, 313, H, W)`` -> ``(N, 2, H, W)``."""
        return torch.einsum("nqhw,qc->nchw", probabilities, self.centers.to(probabilities.dtype))

    def annealed_mean(self, probabilities: Tensor, *, temperature: float = 0.38) -> Tensor:
        """Mean after sharpening (Zhang et al. 2016, eq. 5): temperature 1 is the mean, towards 0 the mode."""
        return self.mean(torch.softmax(probabilities.clamp(min=1e-12).log() / temperature, dim=1))

    def mode(self, probabilities: Tensor) -> Tensor:
        """Colour of the most likely bin: ``(N, 313, H, W)`` -> ``(N, 2, H, W)``."""
        return self.centers[probabilities.argmax(dim=1)].permute(0, 3, 1, 2)
