"""How much of a reference's colours arrives: the earth mover's distance between histograms (figure 9).

Every photograph is asked for the histogram of another one, without points, and the distance from its result's
histogram to the asked-for one is compared with that of the automatic result. Among the photographs used,
number i gets the histogram of number i + n/2, from the beginning again past the end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import wasserstein_distance_nd
from torch import Tensor
from tqdm import tqdm

from ..color import lab_to_rgb, rgb_to_lab, to_uint8
from ..errors import RequestError
from ..gamut import AbBins
from ..global_hints import GlobalHints, ab_histogram
from ..hint_batch import HintBatch
from ..models.base import Network
from .sweep import BATCH, check_readers, squares


@dataclass(frozen=True)
class Transfer:
    """How near one method comes to the references; distances in ab units.

    Attributes:
        method: name of the network.
        images: photographs.
        before: mean earth mover's distance from the automatic result to the reference.
        before_se: its standard error.
        after: mean distance with the reference's histogram given.
        after_se: its standard error.
        ratio: after / before; nan where the automatic results have the references' histograms already.
        nearer: share of the photographs whose distance becomes smaller.
    """

    method: str
    images: int
    before: float
    before_se: float
    after: float
    after_se: float
    ratio: float
    nearer: float


def earth_movers_distance(one: np.ndarray, other: np.ndarray) -> float:
    """The least work that makes one histogram of the other: share moved times l2 distance in ab, exactly.

    Args:
        one, other: ``(313,)`` shares of the ab bins, each summing to 1.

    Returns:
        ab units; 0 for equal histograms, and for two single bins the distance of their centres.
    """
    gap = np.asarray(one, dtype=np.float64) - other
    surplus, lack = gap.clip(min=0), (-gap).clip(min=0)  # with a metric, what both have need not move
    if surplus.sum() == 0 or lack.sum() == 0:
        return 0.0
    centers = AbBins().centers.double().numpy()
    here, there = surplus > 0, lack > 0
    way = wasserstein_distance_nd(centers[here], centers[there], surplus[here], lack[there])
    return float(surplus.sum() * way)


@torch.inference_mode()
def transfer(
    methods: dict[str, Network], images: Iterable[np.ndarray], *, size: int = 256, progress: bool = True
) -> list[Transfer]:
    """Give every photograph the histogram of another one and measure how near each method comes.

    Args:
        methods: networks in eval mode that read global hints, by the name that the rows carry.
        images: ``(H, W, 3)`` uint8 each, at least two.
        size: side that images are resized to.
        progress: show a bar.

    Raises:
        ValueError: a method that reads points only, or fewer than two images.
    """
    check_readers(methods)
    pictures = [*squares(images, size=size, doing="looking at references", progress=progress)]
    count = sum(map(len, pictures))
    if count < 2:
        raise RequestError(f"expected at least two photographs to exchange colours, got {count}")
    known = torch.cat([GlobalHints.of_pictures(rgb_to_lab(batch)).histogram for batch in pictures])
    wanted = known.roll(-(count // 2), dims=0)
    distances: dict[str, list[Tensor]] = {name: [] for name in methods}
    goals = wanted.split(BATCH)
    for batch, goal in tqdm([*zip(pictures, goals, strict=True)], desc="transferring", disable=not progress):
        for name, network in methods.items():
            distances[name].append(distances_to(network, batch, goal))
    return [_summary(name, torch.cat(parts)) for name, parts in distances.items()]


def distances_to(network: Network, images: Tensor, wanted: Tensor) -> Tensor:
    """How far results are from histograms, in ab units.

    Args:
        network: in eval mode.
        images: ``(N, 3, H, W)`` uint8, of which the lightness alone is used.
        wanted: ``(N, 313)`` histograms.

    Returns:
        ``(N, 2)`` float64: automatic result, and with the histogram given; both rounded to uint8 sRGB first.
    """
    device = network.bin_centers.device
    lightness = rgb_to_lab(images.to(device))[:, :1].contiguous()
    features = network.encode(lightness)
    none = HintBatch.empty(shape=(images.shape[-2], images.shape[-1]), count=len(images)).to(device)
    given = torch.ones(len(images), device=device)
    hints = GlobalHints(wanted.to(device), torch.zeros_like(given), given, torch.zeros_like(given))
    shown = (network.decode(features, none).ab, network.decode(features, none, global_hints=hints).ab)
    columns = []
    for ab in shown:
        seen = rgb_to_lab(to_uint8(lab_to_rgb(torch.cat([lightness, ab.to(lightness)], dim=1))))
        found = ab_histogram(seen[:, 1:], AbBins(device)).cpu().numpy()
        columns.append([earth_movers_distance(*pair) for pair in zip(found, wanted.numpy(), strict=True)])
    return torch.tensor(columns, dtype=torch.float64).T


def _summary(method: str, distances: Tensor) -> Transfer:
    mean, spread = distances.mean(dim=0), distances.std(dim=0) / math.sqrt(len(distances))
    before, after = mean.tolist()
    return Transfer(
        method=method,
        images=len(distances),
        before=round(before, 4),
        before_se=round(spread[0].item(), 4),
        after=round(after, 4),
        after_se=round(spread[1].item(), 4),
        ratio=round(after / before, 4) if before > 0 else math.nan,
        nearer=round((distances[:, 1] < distances[:, 0]).double().mean().item(), 4),
    )
