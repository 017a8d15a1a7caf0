"""How far a colorization is from the truth, and how colourful it is.

PSNR alone likes grey: it is best for the mean of all possible colours. The others say what it does not.

| `METRICS` | a photograph's value |
|---|---|
| colourfulness | M of Hasler and Suesstrunk 2003, of the result and of the truth |
| ciede2000 | mean CIEDE2000 over all pixels |
| ciede2000-edges | the same over the strongest 10 % of the truth's L edges: colours that bleed show there |
| chroma | mean chroma that is missing (deficit) and that is too much (excess), in ab units |
"""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor

from .ciede2000 import ciede2000
from .color import rgb_to_lab
from .errors import RequestError

METRICS: dict[str, tuple[str, ...]] = {  # what can be asked for, and the values that it gives
    "colourfulness": ("colourfulness", "colourfulness_truth"),
    "ciede2000": ("ciede2000",),
    "ciede2000-edges": ("ciede2000_edges",),
    "chroma": ("chroma_deficit", "chroma_excess"),
}
EDGES = 0.1  # share of the pixels
FLAT = 1e-3  # of Sobel's gradient: rounding, no edge


def psnr(result: Tensor, truth: Tensor, *, data_range: float) -> Tensor:
    """Peak signal-to-noise ratio of each image in dB, as in the paper's table 1 and figure 6.

    Over all pixels and channels of an image.

    Args:
        result: ``(N, C, H, W)``; for the paper's protocol the uint8-rounded RGB output.
        truth: the same shape.
        data_range: the largest possible value: 255 for uint8, 1 for floats in [0, 1].

    Returns:
        ``(N,)`` float64; infinite where the two are equal. Average these, not the errors.

    Raises:
        ValueError: if the shapes differ.
    """
    if result.shape != truth.shape:
        raise ValueError(
            f"expected two images of one shape, got {tuple(result.shape)} and {tuple(truth.shape)}"
        )
    error = (result.to(torch.float64) - truth.to(torch.float64)).square().flatten(1).mean(dim=1)
    return 10 * torch.log10(data_range**2 / error)


def colourfulness(rgb: Tensor) -> Tensor:
    """M of Hasler and Suesstrunk 2003, "Measuring colourfulness in natural images", eq. 1 to 3 on sRGB.

    Args:
        rgb: ``(N, 3, H, W)`` in 0..255.

    Returns:
        ``(N,)`` float64: 0 for grey, 15 slightly, 33 moderately, 59 quite, 109 extremely colourful.
    """
    red, green, blue = rgb.to(torch.float64).flatten(2).unbind(1)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    spread = torch.hypot(*(axis.std(dim=1, correction=0) for axis in (red_green, yellow_blue)))
    return spread + 0.3 * torch.hypot(red_green.mean(dim=1), yellow_blue.mean(dim=1))


def edges(lightness: Tensor) -> Tensor:
    """The strongest 10 % of edges: ``(N, 1, H, W)`` L -> ``(N, H, W)`` bool.

    By the length of Sobel's gradient; pixels that are equal to the last of them count too. Where fewer pixels
    have any edge it is these; where none has, all.
    """
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).to(lightness)
    kernel = torch.stack([across, across.T])[:, None]
    slopes = F.conv2d(F.pad(lightness, (1, 1, 1, 1), mode="replicate"), kernel)
    strength = torch.hypot(slopes[:, 0], slopes[:, 1])
    flat = strength.flatten(1)
    least = flat.topk(max(1, round(EDGES * flat.shape[1])), dim=1).values[:, -1]
    there = (strength >= least[:, None, None]) & (strength > FLAT)
    return there | ~there.any(dim=2, keepdim=True).any(dim=1, keepdim=True)


def compare_pictures(result: Tensor, truth: Tensor, names: Collection[str]) -> dict[str, Tensor]:
    """Values of each picture.

    Args:
        result: ``(N, 3, H, W)`` uint8 sRGB.
        truth: the same shape.
        names: of `METRICS`.

    Returns:
        ``(N,)`` float64 by the names that `METRICS` gives.

    Raises:
        ValueError: other names or shapes.
    """
    check_metrics(names)
    if result.shape != truth.shape:
        raise ValueError(
            f"expected two images of one shape, got {tuple(result.shape)} and {tuple(truth.shape)}"
        )
    found: dict[str, Tensor] = {}
    if "colourfulness" in names:
        found["colourfulness"], found["colourfulness_truth"] = colourfulness(result), colourfulness(truth)
    if set(names) <= {"colourfulness"}:
        return found
    ours, true = (rgb_to_lab(picture) for picture in (result, truth))
    if not {"ciede2000", "ciede2000-edges"}.isdisjoint(names):
        apart = ciede2000(ours, true)
        if "ciede2000" in names:
            found["ciede2000"] = apart.mean(dim=(1, 2))
        if "ciede2000-edges" in names:
            there = edges(true[:, :1])
            found["ciede2000_edges"] = (apart * there).sum(dim=(1, 2)) / there.sum(dim=(1, 2))
    if "chroma" in names:
        lack = true[:, 1:].double().norm(dim=1) - ours[:, 1:].double().norm(dim=1)
        found["chroma_deficit"] = lack.clamp(min=0).mean(dim=(1, 2))
        found["chroma_excess"] = (-lack).clamp(min=0).mean(dim=(1, 2))
    return found


def check_metrics(names: Collection[str]) -> None:
    """Make sure that all these are `METRICS`.

    Raises:
        ValueError: naming the first that is none.
    """
    for name in names:
        if name not in METRICS:
            raise RequestError(f"expected metrics among {', '.join(METRICS)}, got {name!r}")
