"""Influence over many photographs: do weights foretell leave-one-out, and how far do hints reach?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib import colormaps
from PIL import Image
from scipy.stats import spearmanr
from tqdm.auto import tqdm

from ..color import rgb_to_lab
from ..influence import Influence, influence, owner_map, reach, tint, trust
from ..models.base import Network
from ..protocol import PATCH, random_points, reveal_points
from ..session import SHORT_SIDE, Session
from .panels import Panel
from .report import Row
from .segments import segment_at
from .things import marks
from .trial import arbitrary_colours


@dataclass(frozen=True)
class Agreement:
    """How well weights foretell leave-one-out in one picture.

    Attributes:
        owner: share of the pixels to which both give the same owner, a hint or the photograph itself.
        hint: the same among the pixels that leave-one-out gives to a hint.
        rank: Spearman's correlation over the pixels, mean over the hints.
        rank_among: Spearman's correlation over the hints, mean over the pixels that leave-one-out gives to a
            hint; nan with a single hint.
    """

    owner: float
    hint: float
    rank: float
    rank_among: float


def agree(weights: Influence, changes: Influence) -> Agreement:
    """Compare the two kinds of influence.

    Args:
        weights: of a session.
        changes: of the same, by leave-one-out.

    Raises:
        ValueError: they belong to different hints, or to none.
    """
    if weights.hints != changes.hints or not weights.hints:
        raise ValueError("expected two kinds of influence of the same hints, at least one")
    same, owned = weights.owner == changes.owner, changes.owner >= 0
    ranks = [
        spearmanr(one.ravel(), other.ravel()).statistic
        for one, other in zip(weights.maps, changes.maps, strict=True)
    ]
    among = np.nan
    if len(weights.hints) > 1 and owned.any():
        one, other = (found.maps[:, owned].argsort(0).argsort(0) for found in (weights, changes))
        middle = (len(one) - 1) / 2
        spread = ((np.arange(len(one)) - middle) ** 2).sum()
        among = float((((one - middle) * (other - middle)).sum(0) / spread).mean())
    return Agreement(
        owner=float(same.mean()),
        hint=float(same[owned].mean()) if owned.any() else float("nan"),
        rank=float(np.nanmean(ranks)),
        rank_among=among,
    )


def hinted(
    photograph: np.ndarray,
    network: Network,
    count: int,
    *,
    true: bool,
    generator: torch.Generator,
    short_side: int = SHORT_SIDE,
) -> Session:
    """A session with random points: in the photograph's own colours, or in any that sRGB can show there.

    Args:
        photograph: ``(H, W, 3)`` uint8.
        network: in eval mode.
        count: of the points.
        true: reveal the photograph's colours, as the paper's test does.
        generator: on the CPU.
        short_side: of the network's grid.
    """
    device = network.bin_centers.device.type
    session = Session(photograph, network, device=device, short_side=short_side)
    lab = rgb_to_lab(torch.from_numpy(photograph).permute(2, 0, 1)[None].contiguous())
    shape = session.photo.shape
    row, col = random_points(1, count, shape=shape, generator=generator)
    size = round(PATCH / session.frame.scale)
    if true:
        ab = reveal_points(lab[:, 1:].contiguous(), row, col, patch=size).ab
    else:
        ab = arbitrary_colours(lab[:, 0].flatten(1).gather(1, row * shape[1] + col), generator=generator)
    for r, c, colour in zip(row[0].tolist(), col[0].tolist(), ab[0].tolist(), strict=True):
        session.add(r, c, ab=(colour[0], colour[1]), size=size)
    return session


def survey(
    methods: Mapping[str, Network],
    photographs: Sequence[np.ndarray],
    *,
    count: int = 10,
    true: bool = True,
    seed: int = 0,
    short_side: int = SHORT_SIDE,
    progress: bool = True,
) -> list[Row]:
    """Reach and trust of random points, a row for each: the same points for every network.

    Args:
        methods: networks in eval mode by name.
        photographs: ``(H, W, 3)`` uint8 each.
        count: points on each photograph.
        true: in its colours, or in arbitrary ones.
        seed: of places and colours.
        short_side: of the networks' grid.
        progress: show a bar.
    """
    rows: list[Row] = []
    for number, photograph in enumerate(tqdm(photographs, disable=not progress, desc="reaching")):
        for name, network in methods.items():
            generator = torch.Generator().manual_seed(seed + number)
            session = hinted(
                photograph, network, count, true=true, generator=generator, short_side=short_side
            )
            found = reach(influence(session, "leave-one-out"))
            for one, other in zip(found, trust(session), strict=True):
                rows.append(
                    {
                        "photograph": number,
                        "network": name,
                        "row": one.hint.row,
                        "col": one.hint.col,
                        "reach": one.diagonal,
                        "share": one.share,
                        "trust": other.distance,
                    }
                )
    return rows


# -- pictures ------------------------------------------------------------------------------------------------

BRIGHT = 30.0  # ab units: so much change is as bright as it gets


def colour_panel(session: Session, title: str = "") -> Panel:
    """The colorized photograph and its points."""
    rgb = session.rgb()
    return Panel(rgb, title, marks(session.hints, rgb))


def owner_panel(session: Session, found: Influence, title: str = "") -> Panel:
    """Whose colour each pixel has: see `owner_map`; the points are in their tints."""
    rgb = owner_map(session, found)
    tints = (tint(number) for number in range(len(found.hints)))
    points = [replace(hint, a=a, b=b) for hint, (a, b) in zip(found.hints, tints, strict=True)]
    return Panel(rgb, title, marks(points, rgb))


def change_panel(session: Session, found: Influence, number: int, title: str = "") -> Panel:
    """The influence of one hint: from black to bright, at 30 ab units or a share of 1."""
    strength = found.maps[number] / (BRIGHT if found.kind == "leave-one-out" else 1.0)
    rgb = (255 * colormaps["inferno"](strength.clip(0, 1))[..., :3]).round().astype(np.uint8)
    height, width = session.photo.shape
    rgb = np.asarray(Image.fromarray(rgb).resize((width, height)))
    return Panel(rgb, title, marks(found.hints[number : number + 1], session.photo.rgb))


def thing_at(session: Session, row: int, col: int) -> dict[str, np.ndarray]:
    """The thing at a pixel of the photograph as its true colours show it, and what is clearly none of it.

    Returns:
        "the thing" and "elsewhere", ``(h, w)`` bool on the network's grid.

    Raises:
        ValueError: the pixel lies in no evenly coloured thing of a fair size.
    """
    height, width = session.frame.grid
    rgb = np.array(Image.fromarray(session.photo.rgb).resize((width, height), Image.Resampling.BOX))
    lab = rgb_to_lab(torch.from_numpy(rgb).permute(2, 0, 1))
    here = session.frame.to_grid(row, col)
    found = segment_at(lab, min(max(round(here[0]), 0), height - 1), min(max(round(here[1]), 0), width - 1))
    if found is None:
        raise ValueError(
            f"expected a pixel inside an evenly coloured thing, got row {row}, col {col}: try another"
        )
    return {"the thing": found.inside.numpy(), "elsewhere": found.outside.numpy()}
