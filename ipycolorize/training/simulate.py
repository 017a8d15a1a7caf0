"""Simulated users: which colours a network gets to see while it learns (paper, section 3.2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..global_hints import GlobalHints
from ..hint_batch import HintBatch
from ..hints import STROKE_WEIGHT
from ..protocol import patch_means

STOP = 1 / 8  # p of the geometric distribution of the number of points
MAX_PATCH = 9  # patches are 1 x 1 .. 9 x 9
REVEAL_ALL = 0.01  # share of the examples that show everything
SPREAD = 0.25  # sigma of the points' places, in units of the side
STROKE_POINTS = 12  # of one stroke
STROKE_TOLERANCE = 12.0  # ab units: where the colour differs more, the stroke has left its object
MAX_STROKES = 4


def paper_counts(examples: int, *, generator: torch.Generator) -> Tensor:
    """Number of points of each example: geometric with p = 1/8, counting from 0 (mean 7)."""
    uniform = torch.rand(examples, generator=generator).clamp(min=1e-12)
    return (uniform.log() / math.log(1 - STOP)).floor().long()


def many_counts(examples: int, *, most: int | Tensor, generator: torch.Generator) -> Tensor:
    """Number of points of each example, log-uniform in 1..most: the paper's law hardly shows hundreds."""
    ceiling = torch.as_tensor(most)
    counts = torch.exp(torch.rand(examples, generator=generator) * ceiling.float().log1p()).floor().long()
    return counts.minimum(ceiling)  # rounding may reach most + 1


def simulate_hints(
    ab: Tensor,
    counts: Tensor,
    *,
    generator: torch.Generator,
    uniform: Tensor | None = None,
    anchor: Tensor | None = None,
) -> HintBatch:
    """Reveal `counts` points of each picture: the paper's P_l.

    Positions are Gaussian around the centre with sigma a quarter of each side, clipped into the picture;
    patch sizes uniform in 1..9; the colour is the patch's mean.

    Args:
        ab: the truth, ``(N, 2, H, W)`` in Lab units.
        counts: ``(N,)`` points of each picture.
        generator: on the CPU: the same seed gives the same hints on every device.
        uniform: ``(N,)`` bool, pictures whose points are uniform over the picture instead.
        anchor: ``(N, 2)`` row and column of each picture's first point; -1: drawn like the others.
    """
    examples, _, height, width = ab.shape
    most = int(counts.max()) if examples else 0
    place = 0.5 + SPREAD * torch.randn(2, examples, most, generator=generator)
    if uniform is not None:
        place = torch.where(uniform[:, None], torch.rand(2, examples, most, generator=generator), place)
    row = (place[0] * height).floor().clamp(0, height - 1).long()
    col = (place[1] * width).floor().clamp(0, width - 1).long()
    if anchor is not None and most:
        row[:, 0] = torch.where(anchor[:, 0] >= 0, anchor[:, 0], row[:, 0])
        col[:, 0] = torch.where(anchor[:, 1] >= 0, anchor[:, 1], col[:, 0])
    size = torch.randint(1, MAX_PATCH + 1, (examples, most), generator=generator)
    weight = (torch.arange(most) < counts[:, None]).to(ab.dtype)
    row, col, size, weight = (value.to(ab.device) for value in (row, col, size, weight))
    colour = patch_means(ab, row, col, size)
    return HintBatch.of_points(
        row.to(ab.dtype), col.to(ab.dtype), size.to(ab.dtype), colour, weight, shape=(height, width)
    )


def simulate_strokes(ab: Tensor, counts: Tensor, *, generator: torch.Generator) -> HintBatch:
    """Brush strokes: rows of weak points on a curve that ends where the colour changes, as a person's would.

    Args:
        ab: the truth, ``(N, 2, H, W)`` in Lab units.
        counts: ``(N,)`` strokes of each picture.
        generator: on the CPU.

    Returns:
        Hints of weight `STROKE_WEIGHT`, up to `STROKE_POINTS` a stroke; all of one stroke have its mean
        colour. The few strokes that begin outside the picture have none.
    """
    examples, _, height, width = ab.shape
    shape = (examples, int(counts.max()) if examples else 0, STROKE_POINTS)

    def draw(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(shape[:2], generator=generator)[..., None]

    step = torch.arange(STROKE_POINTS)
    direction = draw(0, 2 * math.pi) + step * draw(-0.2, 0.2)  # a gentle curve
    length = draw(2, 6)
    path = [
        (draw(0, side) + (length * way).cumsum(2)).round()
        for side, way in ((height, direction.sin()), (width, direction.cos()))
    ]
    row, col = (line.clamp(0, side - 1).long() for line, side in zip(path, (height, width), strict=True))
    inside = (row == path[0]) & (col == path[1]) & (torch.arange(shape[1])[:, None] < counts[:, None, None])
    size = torch.randint(1, 6, (*shape[:2], 1), generator=generator).expand(shape)
    row, col, size, inside = (value.to(ab.device).flatten(1) for value in (row, col, size, inside))
    colour = patch_means(ab, row, col, size).unflatten(1, shape[1:])  # (N, S, points, 2)
    alike = (colour - colour[:, :, :1]).norm(dim=-1) < STROKE_TOLERANCE
    on = (alike & inside.unflatten(1, shape[1:])).cumprod(dim=2).to(ab.dtype)
    mean = (colour * on[..., None]).sum(2, keepdim=True) / on.sum(2, keepdim=True).clamp(min=1)[..., None]
    colour = mean.expand_as(colour).flatten(1, 2)
    return HintBatch.of_points(
        row.to(ab.dtype), col.to(ab.dtype), size.to(ab.dtype), colour, STROKE_WEIGHT * on.flatten(1),
        shape=(height, width),
    )  # fmt: skip


def simulate_global_hints(lab: Tensor, *, share: float, generator: torch.Generator) -> GlobalHints:
    """Tell some pictures' true histogram, saturation, or both, equally often (paper 3.3: the P_g).

    Args:
        lab: the truth, ``(N, 3, H, W)``.
        share: of the pictures that anything is told about.
        generator: on the CPU.
    """
    kind = (3 * torch.rand(len(lab), generator=generator) / max(share, 1e-9)).floor()
    return GlobalHints.of_pictures(lab).given(
        histogram=(kind == 0) | (kind == 2), saturation=(kind == 1) | (kind == 2)
    )


def simulate_batch(
    ab: Tensor,
    *,
    generator: torch.Generator,
    blank: float = 0.15,
    many: float = 0.4,
    strokes: float = 0.1,
    most: int = 512,
    anchor: Tensor | None = None,
) -> HintBatch:
    """Hints for one training batch: the paper's law, mixed with none at all, larger counts and strokes.

    Every picture draws its own law; 1 % of them reveal everything.

    Args:
        ab: the truth, ``(N, 2, H, W)`` in Lab units.
        generator: a CPU generator.
        blank: share of the pictures without hints.
        many: share with log-uniform counts, at uniform positions half of the time.
        strokes: share with one to four brush strokes; all three shares of 0 are the paper.
        most: largest count of points outside strokes.
        anchor: ``(N, 2)`` places that must be hinted (a recoloured object, say): such a picture gets a
            log-uniform number of points, the first of them there; -1: any law.
    """
    count = len(ab)
    kind = torch.rand(count, generator=generator)
    wanted = anchor[:, 0] >= 0 if anchor is not None else torch.zeros(count, dtype=torch.bool)
    is_blank = (kind < blank) & ~wanted
    is_stroke = (kind >= blank) & (kind < blank + strokes) & ~wanted
    is_many = (kind >= 1 - many) & (kind >= blank + strokes) | wanted
    # most of the larger counts stay below 32: hundreds of points teach less and cost more
    ceiling = torch.where(torch.rand(count, generator=generator) < 0.15, most, min(most, 32))
    larger = many_counts(count, most=ceiling, generator=generator)
    points = torch.where(is_many, larger, paper_counts(count, generator=generator).clamp(max=most))
    points = torch.where(is_blank | is_stroke, 0, points)
    uniform = is_many & (torch.rand(count, generator=generator) < 0.5)
    hints = simulate_hints(ab, points, generator=generator, uniform=uniform, anchor=anchor)
    if is_stroke.any():
        number = torch.randint(1, MAX_STROKES + 1, (count,), generator=generator)
        drawn = simulate_strokes(ab, torch.where(is_stroke, number, 0), generator=generator)
        hints = HintBatch.where(is_stroke, drawn, hints)
    everything = (torch.rand(count, generator=generator) < REVEAL_ALL) & ~wanted
    if everything.any():
        hints = HintBatch.where(everything, HintBatch.revealed(ab), hints)
    return hints
