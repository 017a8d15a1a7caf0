"""The paper's test: reveal points of a photograph whose colours are known, and measure (figure 6, table 1).

Protocol: RGB uint8 truth; each point reveals the mean ab of its patch (7 x 7); PSNR over all pixels and
channels of the uint8-rounded output, for each image by itself. Points are uniform over the picture
("random"), or each goes where the present prediction is worst ("max-error", section 4.1). What the picture is
like as a whole can be told as well: its true histogram, saturation or both (section 4.4).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .color import lab_to_rgb, rgb_to_lab, to_uint8
from .global_hints import GlobalHints
from .hints import HintBatch
from .metrics import psnr
from .models.base import Network

PATCH = 7
WINDOW = 25  # side of the square over which max-error averages, in pixels


def square(rgb: np.ndarray, size: int) -> Tensor:
    """An image squashed to ``(3, size, size)`` uint8, as the paper's protocol has it."""
    image = torch.tensor(rgb).permute(2, 0, 1)[None].float()
    resized = F.interpolate(image, size=(size, size), mode="bilinear", antialias=True)
    return resized.round().clamp(0, 255).to(torch.uint8)[0]


def patch_means(ab: Tensor, row: Tensor, col: Tensor, size: Tensor) -> Tensor:
    """Mean colour of square patches, cut at the border of the picture.

    Args:
        ab: ``(N, 2, H, W)``.
        row, col, size: ``(N, K)`` integer centres and odd or even sides.

    Returns:
        ``(N, K, 2)``.
    """
    height, width = ab.shape[-2:]
    if ab.device.type == "mps":  # which has no float64
        return patch_means(ab.cpu(), row.cpu(), col.cpu(), size.cpu()).to(ab.device)
    total = F.pad(ab.double().cumsum(2).cumsum(3), (1, 0, 1, 0))  # integral image
    half = size // 2  # as `rasterize` draws them: an even patch reaches one pixel further up and left
    top, left = (row - half).clamp(min=0), (col - half).clamp(min=0)
    bottom, right = (row - half + size).clamp(max=height), (col - half + size).clamp(max=width)
    flat = total.flatten(2)  # (N, 2, (H + 1) (W + 1))

    def corner(r: Tensor, c: Tensor) -> Tensor:
        return flat.gather(2, (r * (width + 1) + c)[:, None].expand(-1, 2, -1))

    inside = corner(bottom, right) - corner(top, right) - corner(bottom, left) + corner(top, left)
    area = ((bottom - top) * (right - left))[:, None]
    return (inside / area).transpose(1, 2).to(ab.dtype)


def random_points(
    images: int, count: int, *, shape: tuple[int, int], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Rows and columns ``(images, count)`` of points that are uniform over a picture of `shape`.

    The first k of them serve as the test with k points, so that a curve adds points to those already there.
    """
    row = torch.randint(shape[0], (images, count), generator=generator)
    col = torch.randint(shape[1], (images, count), generator=generator)
    return row, col


def reveal_points(ab: Tensor, row: Tensor, col: Tensor, *, patch: int = PATCH) -> HintBatch:
    """Hints that reveal the mean colour of patches.

    Args:
        ab: the truth, ``(N, 2, H, W)`` in Lab units.
        row, col: ``(N, K)`` integer centres, on any device.
        patch: side of the patches in pixels.
    """
    row, col = row.to(ab.device), col.to(ab.device)
    size = torch.full_like(row, patch)
    colour = patch_means(ab, row, col, size)
    ones = torch.ones_like(row, dtype=ab.dtype)
    shape = (ab.shape[-2], ab.shape[-1])
    return HintBatch.of_points(
        row.to(ab.dtype), col.to(ab.dtype), size.to(ab.dtype), colour, ones, shape=shape
    )


def psnr_of(lightness: Tensor, ab: Tensor, truth: Tensor) -> Tensor:
    """PSNR ``(N,)`` in dB of predicted ab, clipped and rounded in RGB, for uint8 truth ``(N, 3, H, W)``."""
    rgb = to_uint8(lab_to_rgb(torch.cat([lightness, ab.to(lightness)], dim=1)))
    return psnr(rgb.cpu(), truth.cpu(), data_range=255)


def worst_points(shown: Tensor, truth: Tensor, revealed: Tensor) -> tuple[Tensor, Tensor]:
    """Where a prediction is worst: the centres that max-error reveals next.

    The l2 error in ab is averaged over 25 x 25 pixels, or what of them lies inside the picture. Pixels that
    are already revealed cannot be centres; a new patch may still overlap the rim of an older one.

    Args:
        shown: the prediction, ``(N, 2, H, W)`` in Lab units.
        truth: the same shape.
        revealed: ``(N, 1, H, W)`` 1 where patches lie; some pixel of every picture must be 0.

    Returns:
        Rows and columns, ``(N,)`` integers each; the first in reading order where several are equally bad.
    """
    error = (shown - truth).norm(dim=1, keepdim=True)
    for window in ((WINDOW, 1), (1, WINDOW)):  # one axis after the other: 50 additions a pixel, not 625
        half = (window[0] // 2, window[1] // 2)
        error = F.avg_pool2d(error, window, stride=1, padding=half, count_include_pad=False)
    worst = error.masked_fill(revealed > 0, -1).flatten(1).argmax(dim=1)
    width = truth.shape[-1]
    return worst // width, worst % width


def check_room(counts: tuple[int, ...], *, shape: tuple[int, int], patch: int) -> None:
    """Make sure that max-error finds a centre for every point, wherever the points fall.

    A patch takes patch² pixels at most, so ceil(H W / patch²) points always fit.

    Raises:
        ValueError: more points than that, naming how many fit.
    """
    most = -(-shape[0] * shape[1] // patch**2)
    if max(counts, default=0) > most:
        raise ValueError(
            f"expected at most {most} points, got {max(counts)}: no more patches of {patch} x {patch} pixels "
            f"surely fit into {shape[0]} x {shape[1]}; ask for fewer points or for smaller patches"
        )


def _asked(network: Network, images: Tensor) -> tuple[Tensor, Tensor, Any]:
    """L, the true ab and the encoded photographs, on the network's device."""
    lab = rgb_to_lab(images.to(network.bin_centers.device))
    lightness = lab[:, :1].contiguous()
    return lightness, lab[:, 1:].contiguous(), network.encode(lightness)


def true_statistics(lightness: Tensor, ab: Tensor, told: Collection[str]) -> GlobalHints:
    """What is told of pictures whose colours are known (paper 3.3).

    Args:
        lightness: ``(N, 1, H, W)`` in [0, 100].
        ab: ``(N, 2, H, W)`` in Lab units.
        told: "histogram", "saturation" or both; the other is withheld.
    """
    known = GlobalHints.of_pictures(torch.cat([lightness, ab], dim=1))
    return known.given(histogram="histogram" in told, saturation="saturation" in told)


@torch.inference_mode()
def psnr_by_count(
    network: Network,
    images: Tensor,
    *,
    counts: tuple[int, ...],
    generator: torch.Generator,
    patch: int = PATCH,
    everything: bool = False,
    told: Collection[str] = (),
) -> dict[str, Tensor]:
    """PSNR of one batch of images with increasing numbers of random points; the photographs are encoded once.

    Args:
        network: in eval mode.
        images: ``(N, 3, H, W)`` uint8.
        counts: of points.
        generator: on the CPU, for their places.
        patch: revealed side in pixels.
        everything: also with every pixel revealed, as "all".
        told: the images' true statistics that the network is told beside the points: "histogram",
            "saturation".

    Returns:
        ``(N,)`` float64 dB for each count, by its name.

    Raises:
        ValueError: statistics for a network that reads none.
    """
    lightness, ab, features = _asked(network, images)
    shape = (images.shape[-2], images.shape[-1])
    row, col = random_points(len(images), max(counts, default=0), shape=shape, generator=generator)
    cases = {str(count): reveal_points(ab, row[:, :count], col[:, :count], patch=patch) for count in counts}
    if everything:
        cases["all"] = HintBatch.revealed(ab)
    telling = {"global_hints": true_statistics(lightness, ab, told)} if told else {}
    return {
        name: psnr_of(lightness, network.decode(features, hints, **telling).ab, images)
        for name, hints in cases.items()
    }


@torch.inference_mode()
def psnr_by_worst(
    network: Network, images: Tensor, *, counts: tuple[int, ...], patch: int = PATCH
) -> dict[str, Tensor]:
    """PSNR of one batch of images when each point is revealed where the present prediction is worst.

    The photographs are encoded once; every point takes a prediction, so 500 points are 500 edits.

    Args:
        network: in eval mode.
        images: ``(N, 3, H, W)`` uint8.
        counts: of points at which to measure.
        patch: revealed side in pixels.

    Returns:
        ``(N,)`` float64 dB for each count, by its name.

    Raises:
        ValueError: more points than fit, see `check_room`.
    """
    check_room(counts, shape=(images.shape[-2], images.shape[-1]), patch=patch)
    lightness, ab, features = _asked(network, images)
    row = col = torch.zeros(len(images), 0, dtype=torch.long, device=ab.device)
    scores = {}
    for count in range(max(counts, default=-1) + 1):
        hints = reveal_points(ab, row, col, patch=patch)
        shown = network.decode(features, hints).ab
        if count in counts:
            scores[count] = psnr_of(lightness, shown, images)
        next_row, next_col = worst_points(shown.to(ab), ab, hints.mask)
        row, col = torch.cat([row, next_row[:, None]], 1), torch.cat([col, next_col[:, None]], 1)
    return {str(count): scores[count] for count in counts}
