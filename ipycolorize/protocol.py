"""The paper's test: reveal points of a photograph whose colours are known, and measure (figure 6, table 1).

Protocol: RGB uint8 truth; each point reveals the mean ab of its patch (7 x 7); PSNR over all pixels and
channels of the uint8-rounded output, for each image by itself. Points are uniform over the picture
("random"), or each goes where the present prediction is worst ("max-error", section 4.1), or where the
network itself is least certain ("entropy", which needs no oracle). What the picture is like as a whole can be
told as well: its true histogram, saturation or both (section 4.4).

The points of a photograph depend on a seed and its name alone: not on the photographs beside it, on their
order or on how the work is shared out, nor on how many more points will follow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .color import lab_to_rgb, rgb_to_lab, to_uint8
from .errors import RequestError
from .global_hints import GlobalHints
from .hint_batch import HintBatch
from .metrics import compare_pictures, psnr
from .models.base import Network

PATCH = 7
WINDOW = 25  # side of the square over which max-error and entropy average, in pixels
SOUGHT = ("max-error", "entropy")  # reveals whose next point depends on the answer to those before
REVEALS = ("random", *SOUGHT)


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
    """Rows and columns ``(images, count)`` of points that are uniform over pictures of `shape`."""
    row = torch.randint(shape[0], (images, count), generator=generator)
    col = torch.randint(shape[1], (images, count), generator=generator)
    return row, col


def named_points(
    names: Sequence[str], count: int, *, shape: tuple[int, int], seed: int
) -> tuple[Tensor, Tensor]:
    """The random points of photographs: uniform, and decided by the seed and each photograph's name.

    The first k of them are those of the test with k points, so that a curve adds points to those already
    there; and they lie at the same places, relative to the sides, whatever the size.

    Args:
        names: of the photographs.
        count: of points.
        shape: ``(H, W)`` in pixels.
        seed: any integer.

    Returns:
        Rows and columns, ``(len(names), count)`` integers each.
    """
    places = np.empty((len(names), count, 2))
    for place, name in zip(places, names, strict=True):
        digest = hashlib.sha256(f"{seed}:{name}".encode(errors="surrogateescape")).digest()
        place[:] = np.random.default_rng(int.from_bytes(digest)).random((count, 2))
    row, col = torch.from_numpy((places * shape).astype(np.int64)).unbind(-1)
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
    return psnr(_rounded(lightness, ab), truth.cpu(), data_range=255)


def _rounded(lightness: Tensor, ab: Tensor) -> Tensor:
    """The picture that is measured: ``(N, 3, H, W)`` uint8, clipped in RGB as for all published figures."""
    return to_uint8(lab_to_rgb(torch.cat([lightness, ab.to(lightness)], dim=1))).cpu()


def worst_points(shown: Tensor, truth: Tensor, revealed: Tensor) -> tuple[Tensor, Tensor]:
    """Where a prediction is worst, by its l2 error in ab: the centres that max-error reveals next.

    Args:
        shown: the prediction, ``(N, 2, H, W)`` in Lab units.
        truth: the same shape.
        revealed: as `peaks` takes it.

    Returns:
        Rows and columns, ``(N,)`` integers each.
    """
    return peaks((shown - truth).norm(dim=1, keepdim=True), revealed)


def uncertain_points(logits: Tensor, revealed: Tensor) -> tuple[Tensor, Tensor]:
    """Where a distribution is broadest, by its entropy: the centres that "entropy" reveals next.

    Args:
        logits: ``(N, Q, h, w)`` over the ab bins, at any resolution: their entropy is enlarged bilinearly.
        revealed: as `peaks` takes it.

    Returns:
        Rows and columns, ``(N,)`` integers each.
    """
    log_share = logits.float().log_softmax(dim=1)
    entropy = -(log_share.exp() * log_share).sum(dim=1, keepdim=True)
    shape = (revealed.shape[-2], revealed.shape[-1])
    return peaks(F.interpolate(entropy, size=shape, mode="bilinear"), revealed)


def peaks(field: Tensor, revealed: Tensor) -> tuple[Tensor, Tensor]:
    """Where fields are largest on average over 25 x 25 pixels, or what of them lies inside the picture.

    Pixels that are already revealed cannot be centres; a new patch may still overlap the rim of an older one.

    Args:
        field: ``(N, 1, H, W)``.
        revealed: ``(N, 1, H, W)`` 1 where patches lie; some pixel of every picture must be 0.

    Returns:
        Rows and columns, ``(N,)`` integers each; the first in reading order where several are equal.
    """
    for window in ((WINDOW, 1), (1, WINDOW)):  # one axis after the other: 50 additions a pixel, not 625
        half = (window[0] // 2, window[1] // 2)
        field = F.avg_pool2d(field, window, stride=1, padding=half, count_include_pad=False)
    highest = field.masked_fill(revealed > 0, -torch.inf).flatten(1).argmax(dim=1)
    width = revealed.shape[-1]
    return highest // width, highest % width


def check_room(counts: Sequence[int], *, shape: tuple[int, int], patch: int) -> None:
    """Make sure that a point that is sought finds a centre, wherever those before it fell.

    A patch takes patch² pixels at most, so ceil(H W / patch²) points always fit.

    Raises:
        ValueError: more points than that, naming how many fit.
    """
    most = -(-shape[0] * shape[1] // patch**2)
    if max(counts, default=0) > most:
        raise RequestError(
            f"expected at most {most} points, got {max(counts)}: no more patches of {patch} x {patch} pixels "
            f"surely fit into {shape[0]} x {shape[1]}; ask for fewer points or for smaller patches"
        )


def check_pixels(counts: Sequence[int], *, shape: tuple[int, int]) -> None:
    """Make sure that a picture has a pixel for every random point.

    Raises:
        ValueError: more points than pixels.
    """
    most = shape[0] * shape[1]
    if max(counts, default=0) > most:
        raise RequestError(
            f"expected at most {most} points, got {max(counts)}: {shape[0]} x {shape[1]} has no more pixels; "
            'ask for fewer points, or reveal "all"'
        )


def true_statistics(lightness: Tensor, ab: Tensor, told: Collection[str]) -> GlobalHints:
    """What is told of pictures whose colours are known (paper 3.3).

    Args:
        lightness: ``(N, 1, H, W)`` in [0, 100].
        ab: ``(N, 2, H, W)`` in Lab units.
        told: "histogram", "saturation" or both; the other is withheld.
    """
    known = GlobalHints.of_pictures(torch.cat([lightness, ab], dim=1))
    return known.given(histogram="histogram" in told, saturation="saturation" in told)


@dataclass(frozen=True)
class Answer:
    """What a network makes of N photographs with so many points.

    Attributes:
        count: of points; -1: every pixel.
        hints: the points.
        lightness: ``(N, 1, H, W)``.
        ab: ``(N, 2, H, W)`` in Lab units.
    """

    count: int
    hints: HintBatch
    lightness: Tensor
    ab: Tensor


@torch.inference_mode()
def answers(
    network: Network,
    images: Tensor,
    *,
    counts: Sequence[int],
    reveal: str = "random",
    names: Sequence[str] | None = None,
    seed: int = 0,
    patch: int = PATCH,
    everything: bool = False,
    told: Collection[str] = (),
) -> Iterator[Answer]:
    """Reveal more and more of photographs to a network; they are encoded once.

    Args:
        network: in eval mode.
        images: ``(N, 3, H, W)`` uint8.
        counts: of points at which to hand out an answer.
        reveal: "random"; or one of `SOUGHT`, where every point takes a prediction, so that 500 points are 500
            edits.
        names: of the images, which decide their random points; by default their numbers.
        seed: decides them too.
        patch: revealed side in pixels.
        everything: also with every pixel revealed, at the end.
        told: the images' true statistics that the network is told beside the points: "histogram",
            "saturation".

    Yields:
        Answers, from the fewest points to the most.

    Raises:
        ValueError: more points than fit, see `check_room` and `check_pixels`; or statistics for a network
            that reads none.
    """
    shape = (images.shape[-2], images.shape[-1])
    lab = rgb_to_lab(images.to(network.bin_centers.device))
    lightness, ab = lab[:, :1].contiguous(), lab[:, 1:].contiguous()
    telling: dict[str, Any] = {"global_hints": true_statistics(lightness, ab, told)} if told else {}
    features = network.encode(lightness)
    if reveal in SOUGHT:
        check_room(counts, shape=shape, patch=patch)
        row = col = torch.zeros(len(images), 0, dtype=torch.long, device=ab.device)
        for count in range(max(counts, default=-1) + 1):
            hints = reveal_points(ab, row, col, patch=patch)
            prediction = network.decode(features, hints, **telling)
            if count in counts:
                yield Answer(count, hints, lightness, prediction.ab)
            if reveal == "max-error":
                place = worst_points(prediction.ab.to(ab), ab, hints.mask)
            else:
                place = uncertain_points(prediction.logits, hints.mask)
            row, col = torch.cat([row, place[0][:, None]], 1), torch.cat([col, place[1][:, None]], 1)
    else:
        check_pixels(counts, shape=shape)
        names = [str(number) for number in range(len(images))] if names is None else names
        row, col = named_points(names, max(counts, default=0), shape=shape, seed=seed)
        for count in sorted(counts):
            hints = reveal_points(ab, row[:, :count], col[:, :count], patch=patch)
            yield Answer(count, hints, lightness, network.decode(features, hints, **telling).ab)
    if everything:
        hints = HintBatch.revealed(ab)
        yield Answer(-1, hints, lightness, network.decode(features, hints, **telling).ab)


def psnr_by_count(
    network: Network,
    images: Tensor,
    *,
    counts: Sequence[int],
    reveal: str = "random",
    names: Sequence[str] | None = None,
    seed: int = 0,
    patch: int = PATCH,
    everything: bool = False,
    told: Collection[str] = (),
) -> dict[str, Tensor]:
    """PSNR of one batch of images with increasing numbers of points; arguments as `answers` takes them.

    Returns:
        ``(N,)`` float64 dB for each count, by its name, in the order asked; with everything revealed: "all".

    Raises:
        ValueError: as `answers` does.
    """
    found = values_by_count(
        network, images, counts=counts, reveal=reveal, names=names, seed=seed, patch=patch,
        everything=everything, told=told,
    )  # fmt: skip
    return {count: values["psnr"] for count, values in found.items()}


def values_by_count(
    network: Network,
    images: Tensor,
    *,
    counts: Sequence[int],
    metrics: Collection[str] = (),
    reveal: str = "random",
    names: Sequence[str] | None = None,
    seed: int = 0,
    patch: int = PATCH,
    everything: bool = False,
    told: Collection[str] = (),
) -> dict[str, dict[str, Tensor]]:
    """PSNR and other metrics of one batch of images with increasing numbers of points.

    A network that reads no points is asked once.

    Args:
        metrics: of `metrics.METRICS`, beside PSNR.

    The other arguments are those of `answers`.

    Returns:
        For each count, by its name, in the order asked: ``(N,)`` float64 by "psnr" and the names of
        `metrics.METRICS`' values; with everything revealed: "all".

    Raises:
        ValueError: as `answers` does, or another metric.
    """
    asked = [*dict.fromkeys(counts), *([-1] if everything else [])]
    automatic = not network.reads_points
    found = {}
    for answer in answers(
        network, images, counts=(0,) if automatic else counts, reveal="random" if automatic else reveal,
        names=names, seed=seed, patch=patch, everything=everything and not automatic, told=told,
    ):  # fmt: skip
        picture, truth = _rounded(answer.lightness, answer.ab), images.cpu()
        decibel = {"psnr": psnr(picture, truth, data_range=255)}
        found[answer.count] = decibel | compare_pictures(picture, truth, metrics)
    return {"all" if count < 0 else str(count): found[0 if automatic else count] for count in asked}
