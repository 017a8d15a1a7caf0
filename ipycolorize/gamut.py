"""The sRGB gamut in Lab, and the 313 ab bins of Zhang et al. 2016.

A colour picked by a person or predicted by a network is an (a, b) pair; whether a screen can show it depends
on L. One way leads back into the gamut, for everything that is shown, written or named (`to_gamut`, and
`screen_rgb` and `displayed`, which rest on it), so that a swatch, a point and the picture agree. It keeps L,
which is the photograph's own, and the hue that an eye sees, and gives up chroma.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from .color import companded, lab_to_linear, lab_to_rgb, to_uint8
from .gamut_border import is_displayable
from .gamut_mapping import cut

# Grid of 10; for each a, b runs over every ten from..to (Zhang et al. 2016, section 2: the bins that sRGB
# reaches).
_BIN_ROWS = (
    (-90, 50, 90), (-80, 20, 90), (-70, 0, 90), (-60, -20, 90), (-50, -30, 100),
    (-40, -40, 100), (-30, -50, 100), (-20, -50, 100), (-10, -60, 100), (0, -70, 100),
    (10, -80, 90), (20, -80, 90), (30, -90, 90), (40, -100, 90), (50, -100, 80),
    (60, -110, 80), (70, -110, 80), (80, -110, 70), (90, -110, 70), (100, -90, 0),
)  # fmt: skip
NUM_BINS = 313


@lru_cache(maxsize=1)
@torch.inference_mode(False)  # whoever asks first: training wants it too
def _bin_centers() -> Tensor:
    pairs = [(a, b) for a, first, last in _BIN_ROWS for b in range(first, last + 10, 10)]
    return torch.tensor(pairs, dtype=torch.float32, device="cpu")  # whatever device is the default then


def in_gamut(lab: Tensor) -> Tensor:
    """Whether sRGB can show each colour: ``(..., 3, H, W)`` Lab -> ``(..., H, W)`` bool."""
    return is_displayable(lab_to_linear(lab))


def to_gamut(lab: Tensor) -> Tensor:
    """The colours that a screen shows for ``(..., 3, H, W)`` Lab.

    L stays, to the bit; colours that sRGB has stay as they are; for the others `gamut_mapping.cut` finds the
    one at the border that has the same hue to an eye. Continuous: a small step in Lab is a small step on the
    screen, across the border too.
    """
    outside = ~in_gamut(lab)
    if not bool(outside.any()):
        return lab
    lab = lab.clone()
    planes = lab.movedim(-3, 0)  # a view
    planes[:, outside] = cut(planes[:, outside])
    return lab


def screen_rgb(lab: Tensor) -> Tensor:
    """sRGB in [0, 1] (but for rounding errors) of what `to_gamut` gives for ``(..., 3, H, W)`` Lab."""
    linear = lab_to_linear(lab)
    outside = ~is_displayable(linear)
    if bool(outside.any()):
        cuts = cut(lab.movedim(-3, 0)[:, outside])
        linear.movedim(-3, 0)[:, outside] = lab_to_linear(cuts[..., None])[..., 0]
    return companded(linear)


def displayed(lightness: float, ab: tuple[float, float]) -> tuple[tuple[int, int, int], tuple[float, float]]:
    """How a screen shows (a, b) at this L: sRGB 0..255, and the (a, b) that it is then, before rounding."""
    inside = to_gamut(torch.tensor([lightness, *ab]).view(3, 1, 1))
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
