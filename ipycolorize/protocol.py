"""The paper's test: reveal points of a photograph whose colours are known, and measure (figure 6, table 1).

Protocol: RGB uint8 truth; each point reveals the mean ab of its patch (7 x 7); PSNR over all pixels and
channels of the uint8-rounded output, for each image by itself.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .color import lab_to_rgb, rgb_to_lab, to_uint8
from .hints import HintBatch
from .metrics import psnr
from .models.base import Network

PATCH = 7


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


@torch.inference_mode()
def psnr_by_count(
    network: Network,
    images: Tensor,
    *,
    counts: tuple[int, ...],
    generator: torch.Generator,
    patch: int = PATCH,
    everything: bool = False,
) -> dict[str, Tensor]:
    """PSNR of one batch of images with increasing numbers of random points; the photographs are encoded once.

    Args:
        network: in eval mode.
        images: ``(N, 3, H, W)`` uint8.
        counts: of points.
        generator: on the CPU, for their places.
        patch: revealed side in pixels.
        everything: also with every pixel revealed, as "all".

    Returns:
        ``(N,)`` float64 dB for each count, by its name.
    """
    lab = rgb_to_lab(images.to(network.bin_centers.device))
    lightness, ab = lab[:, :1].contiguous(), lab[:, 1:].contiguous()
    features = network.encode(lightness)
    shape = (images.shape[-2], images.shape[-1])
    row, col = random_points(len(images), max(counts, default=0), shape=shape, generator=generator)
    cases = {str(count): reveal_points(ab, row[:, :count], col[:, :count], patch=patch) for count in counts}
    if everything:
        cases["all"] = HintBatch.revealed(ab)
    return {
        name: psnr_of(lightness, network.decode(features, hints).ab, images) for name, hints in cases.items()
    }
