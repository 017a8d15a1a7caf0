"""How a network answers to hints: is it obeyed, does a true point ever harm, how far does a colour spread?

Three questions, asked of every network with the same photographs, places and colours:

- *Obeyed*: how far the result is from the hint's colour on the hint's own pixels, for true colours and for
  arbitrary ones that sRGB can show at that lightness.
- *One true point*: on how many photographs it makes the result worse than the automatic one (PSNR), and by
  how much. With the paper's network that happens on 25.4 % of them.
- *Unusual colours* (paper, section 4.3): a segment of the photograph is hinted in a colour that it does not
  have. What share of the segment follows, and what of the pixels outside, where the colour has leaked?
  A pixel follows when its distance to the hint's colour falls to less than half of the automatic result's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..errors import RequestError
from ..hint_batch import HintBatch
from ..models.base import Network
from ..protocol import psnr_of
from .sweep import squares
from .trial import Trial

WAY = 10.0  # ab units: a pixel that is nearer to the hint's colour from the start cannot be said to follow


@dataclass(frozen=True)
class Behaviour:
    """Answers of one network, means over photographs.

    Attributes:
        method: name of the network.
        images: photographs.
        true_1, true_10: l2 distance in ab units, on the hints' own pixels, from 1 or 10 true colours to the
            result.
        any_1, any_10: the same for arbitrary colours.
        change_db: what one true point adds to the automatic result's PSNR.
        harmed: share of the photographs on which it takes some away.
        harm_db: how much it takes there, as a positive number; nan where none is harmed.
        segments: photographs with a segment to recolour; the shares below are means over these.
        filled: share of the segment, without the hint's own pixels, that follows an unusual hint.
        leaked: share of what lies outside that follows as well.
        ring: the same within 10 pixels of the segment.
    """

    method: str
    images: int
    true_1: float
    true_10: float
    any_1: float
    any_10: float
    change_db: float
    harmed: float
    harm_db: float
    segments: int
    filled: float
    leaked: float
    ring: float


@torch.inference_mode()
def answer(network: Network, trial: Trial) -> dict[str, Tensor]:
    """What a network in eval mode does: ``(N,)`` values by the names of `Behaviour`'s attributes.

    "change_db" is each photograph's own; "filled", "leaked" and "ring" are nan where nothing can be said.
    """
    device = network.bin_centers.device
    features = network.encode(trial.lightness.to(device))

    def show(hints: HintBatch) -> Tensor:
        return network.decode(features, hints.to(device)).ab.cpu()

    shape = (trial.images.shape[-2], trial.images.shape[-1])
    auto = show(HintBatch.empty(shape=shape, count=len(trial.images)))
    shown = {question: show(hints) for question, hints in trial.hints.items()}
    found = {name: miss(shown[name], trial.hints[name]) for name in shown if name != "unusual"}
    before, after = (psnr_of(trial.lightness, ab, trial.images) for ab in (auto, shown["true_1"]))
    found["change_db"] = after - before
    follows, could = following(auto, shown["unusual"], trial.hints["unusual"])
    regions = {"filled": trial.inside, "leaked": trial.outside, "ring": trial.ring}
    for name, region in regions.items():
        judged = region & could
        found[name] = (follows & judged).sum((1, 2, 3)) / judged.sum((1, 2, 3))
    return found


def miss(shown: Tensor, hints: HintBatch) -> Tensor:
    """How far ``(N, 2, H, W)`` is from the hints on their own pixels: ``(N,)`` mean l2 distances in ab."""
    error = (shown - hints.raster).norm(dim=1, keepdim=True) * hints.mask
    return error.sum((1, 2, 3)) / hints.mask.sum((1, 2, 3))


def following(auto: Tensor, shown: Tensor, hints: HintBatch) -> tuple[Tensor, Tensor]:
    """Which pixels follow the only hint of each picture.

    Args:
        auto: ``(N, 2, H, W)``, without the hint.
        shown: with it.
        hints: ``(N, 1)`` points.

    Returns:
        Two ``(N, 1, H, W)`` bool: pixels more than half of whose distance to the hint's colour has gone; and
        those that can be judged: not the hint's own, and at least 10 ab units away at first.
    """
    target = hints.ab[:, 0, :, None, None]
    way, left = ((target - ab).norm(dim=1, keepdim=True) for ab in (auto, shown))
    return left < way / 2, (hints.mask == 0) & (way >= WAY)


def behave(
    methods: dict[str, Network],
    images: Iterable[np.ndarray],
    *,
    size: int = 256,
    seed: int = 0,
    progress: bool = True,
) -> list[Behaviour]:
    """Ask every network the same.

    Args:
        methods: networks in eval mode, by the name that the rows carry.
        images: ``(H, W, 3)`` uint8 each; photographs that the networks have not seen.
        size: side that images are resized to.
        seed: of places and colours.
        progress: show a bar.

    Raises:
        ValueError: no images.
    """
    generator = torch.Generator().manual_seed(seed)
    found: dict[str, list[dict[str, Tensor]]] = {name: [] for name in methods}
    for batch in squares(images, size=size, doing="asking", progress=progress):
        trial = Trial.draw(batch, generator=generator)
        for name, network in methods.items():
            found[name].append(answer(network, trial))
    if not any(found.values()):
        raise RequestError("expected at least one image and one network, got none")
    return [
        _summary(name, {key: torch.cat([part[key] for part in parts]) for key in parts[0]})
        for name, parts in found.items()
    ]


def _summary(method: str, values: dict[str, Tensor]) -> Behaviour:
    change = values.pop("change_db")
    harmed = change < 0
    means = {name: round(value.nanmean().item(), 4) for name, value in values.items()}
    return Behaviour(
        method=method,
        images=len(change),
        change_db=round(change.mean().item(), 4),
        harmed=round(harmed.double().mean().item(), 4),
        harm_db=round(-change[harmed].mean().item(), 4),
        segments=int((~values["filled"].isnan()).sum()),
        **means,
    )
