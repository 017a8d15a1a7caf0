"""Unusual colours: does a network follow a person where nature would disagree (paper, section 4.3, figure 7)?

In one thing of each photograph lie a few points: once in a colour that it does not have, once in its own. The
paper shows one such photograph. Here it is also measured how far the unusual colour fills the thing, and how
much of what lies outside takes it too, with the measures of `behaviour`: when those points are the only ones,
and when others hold the rest of the photograph in its own colours, as a person's would.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from tqdm import tqdm

from ..color import rgb_to_lab
from ..errors import RequestError
from ..hint_batch import HintBatch
from ..models.base import Network
from ..protocol import PATCH, psnr_of, reveal_points
from .behaviour import following, miss
from .panels import Panel, draw_panels
from .report import Report, Row
from .reproduce import Request
from .segments import Segment
from .things import hints_of, join, largest_thing, marks, middle_square, screen, spread
from .trial import unusual_colours

POINTS = 3  # in a thing, as on the face in the paper's figure
OTHERS = 7  # outside, in the photograph's own colours


@dataclass(frozen=True)
class Case:
    """One thing of one photograph, and points in it and around it.

    Attributes:
        name: of the photograph.
        image: ``(1, 3, H, W)`` uint8.
        lightness: ``(1, 1, H, W)``.
        segment: the thing.
        unusual: points in one colour that the thing does not have.
        usual: points at the same places in the photograph's own colours.
        others: points outside, in the photograph's own colours.
    """

    name: str
    image: Tensor
    lightness: Tensor
    segment: Segment
    unusual: HintBatch
    usual: HintBatch
    others: HintBatch


def draw_case(
    name: str, photograph: np.ndarray, *, points: int = POINTS, size: int = 256, seed: int = 0
) -> Case | None:
    """Choose a thing, places and an unusual colour; None where the photograph has no thing that will do.

    Args:
        name: of the photograph.
        photograph: ``(H, W, 3)`` uint8, of which the middle square is taken.
        points: in the thing.
        size: side that the square is resized to.
        seed: of the thing and its colour.
    """
    generator = torch.Generator().manual_seed(seed)
    image = middle_square(photograph, size)[None]
    lab = rgb_to_lab(image)
    ab = lab[:, 1:].contiguous()
    segment = largest_thing(lab[0], generator=generator)
    if segment is None or not segment.outside.any():
        return None
    row, col = spread(segment.inside.numpy(), points)
    usual = reveal_points(ab, row[None], col[None])
    others = reveal_points(ab, *(places[None] for places in spread(segment.outside.numpy(), OTHERS)))
    own = lab[:, :, segment.inside].mean(dim=2)  # (1, 3)
    colour = unusual_colours(own[:, :1], own[:, None, 1:], generator=generator)  # (1, 1, 2)
    unusual = HintBatch.of_points(
        usual.row, usual.col, usual.size, colour.expand(-1, points, -1), usual.weight, shape=(size, size)
    )
    return Case(name, image, lab[:, :1].contiguous(), segment, unusual, usual, others)


@torch.inference_mode()
def answer(network: Network, case: Case) -> tuple[list[Row], Tensor, Tensor]:
    """What a network in eval mode does with a case.

    Returns:
        Two rows, without points outside and with them: the shares "filled", "leaked" and "ring" of
        `behaviour.Behaviour`, for pixels that follow the unusual colour when its points are added; "missed",
        how far the result is from it on their own pixels (ab units); and the dB of PSNR that the usual points
        add. Then, with points outside, ab ``(1, 2, H, W)`` of the unusual and of the usual result.
    """
    device = network.bin_centers.device
    features = network.encode(case.lightness.to(device))

    def show(hints: HintBatch) -> Tensor:
        return network.decode(features, hints.to(device)).ab.float().cpu()

    rows: list[Row] = []
    shape = (case.image.shape[-2], case.image.shape[-1])
    for others in (HintBatch.empty(shape=shape), case.others):
        both = join(case.unusual, others)
        before, unusual, usual = show(others), show(both), show(join(case.usual, others))
        follows, could = following(before, unusual, both)
        row: Row = {"points outside": others.row.shape[1]}
        for name, region in (
            ("filled", case.segment.inside),
            ("leaked", case.segment.outside),
            ("ring", case.segment.ring),
        ):
            judged = region & could[0, 0]
            share = follows[0, 0][judged].double().mean().item() if judged.any() else math.nan
            row[name] = round(share, 3)
        row["missed"] = round(miss(unusual, case.unusual).item(), 2)
        without, with_usual = (psnr_of(case.lightness, ab, case.image).item() for ab in (before, usual))
        row["usual points add"] = round(with_usual - without, 2)
        rows.append(row)
    return rows, unusual, usual


def reproduce(request: Request) -> Report:
    """Figure 7: every method with unusual and with usual points in one thing, and points outside.

    Raises:
        ValueError: no photograph has a thing to put points into.
    """
    size = request.size
    photographs = zip(request.names, request.photographs, strict=True)
    drawn = [draw_case(name, photograph, size=size, seed=request.seed) for name, photograph in photographs]
    cases = [case for case in drawn if case is not None]
    if not cases:
        raise RequestError(
            f"expected a photograph with a thing of one colour that {POINTS} points fit into, got "
            f"{len(drawn)} without; give other photographs"
        )
    rows: list[Row] = []
    pictures = []
    for case in tqdm(cases, desc="unusual colours", unit=" photographs", disable=not request.progress):
        answers = {name: answer(network, case) for name, network in request.methods.items()}
        for name, (found, _, _) in answers.items():
            rows += [{"photograph": case.name, "method": name, **row} for row in found]
        pictures.append([[screen(case.lightness, ab) for ab in two] for _, *two in answers.values()])
    note = (
        f"{len(cases)} of {len(drawn)} photographs have a thing of one colour that points fit into. {POINTS} "
        f"points in it, of {PATCH} x {PATCH} pixels; the photographs' middle squares, {size} x {size}. "
        "filled, leaked, ring: shares of the thing, of what surely lies outside, and within 10 pixels of it, "
        "which go more than half of the way to the unusual colour. missed: distance in ab on the "
        "points' own pixels. usual points add: dB of PSNR, with the photograph's own colours at the same "
        "places."
    )
    return Report("figure7", rows, draw(cases, pictures, tuple(request.methods)), note)


def draw(
    cases: Sequence[Case],
    pictures: Sequence[Sequence[Sequence[np.ndarray]]],
    methods: Sequence[str],
) -> Figure:
    """The photographs in grey with the unusual points and those outside, then every method's results.

    Args:
        cases: a row each.
        pictures: for each case and method the unusual and the usual result, ``(H, W, 3)`` uint8.
        methods: their names.
    """
    rows: list[list[Panel]] = []
    for case, shown in zip(cases, pictures, strict=True):
        gray = screen(case.lightness)
        points = marks(hints_of(join(case.others, case.unusual)), gray)
        titles = ["points", *(f"{kind}, {name}" for kind in ("unusual", "usual") for name in methods)]
        results = [results[kind] for kind in (0, 1) for results in shown]
        panels = [Panel(gray, marks=points), *(Panel(result) for result in results)]
        if not rows:
            panels = [
                Panel(panel.image, title, panel.marks) for panel, title in zip(panels, titles, strict=True)
            ]
        rows.append(panels)
    return draw_panels(rows, names=[case.name for case in cases])
