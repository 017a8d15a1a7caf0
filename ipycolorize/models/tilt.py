"""Tilting: the least change of a picture's colour distributions that gives it asked-for statistics.

A network says for each pixel x how likely each colour bin q is: p(x, q). Somebody says what the picture is
like as a whole: a histogram h(q), a mean saturation s, or both. Among all fields of distributions whose
average over the picture has these statistics, the one nearest to p (in Kullback-Leibler divergence, the
"I-projection" of Csiszár 1975) is p with one factor for each bin, and one slope for saturation:

    p'(x, q)  ~  p(x, q) r(q) exp(t c(x) S(x, q)),     sum_q p'(x, q) = 1

where S(x, q) is the saturation that colour q has at the lightness of x. r is found by iterative proportional
fitting (Deming and Stephan 1940, two matrix-vector products a round), t by Newton's method. So each pixel
keeps what the network knows about it, and gives way where it is undecided: the sky takes the blue. c is the
square root of L / 50, because S says little in the dark, where any trace of colour is saturated (with c = 1
it would be the projection exactly; measured, true saturations gain 0.1 dB more with this c).
The paper learns all this from examples (section 3.3); Larsson et al. 2016 find such factors by gradient
descent on an energy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ..color import lab_to_rgb, saturation
from ..gamut import AbBins
from ..global_hints import GlobalHints

ROUNDS = 8  # of a picture's own histogram 6 are enough; that of another may need more
LEARNED_ROUNDS = 2  # of fitting that gradients pass through: what they should not teach, r makes up for
STEP = 1e3  # the largest factor by which one round changes r
SLOPE = 20.0  # the largest |t|: with more, the most vivid bin would win everywhere
SLOPE_STEP = 4.0
SPARSE = 5  # most rounds look at every fifth pixel: five divides no number of pixels in a row of a usual grid
TINY = 1e-9
LEAST = 1e-30  # keeps 0 / 0 away


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # whoever asks first: training wants it too
def _saturation_table(device: torch.device) -> Tensor:
    """S of each bin at each whole L, clipped into sRGB: ``(101, 313)``."""
    lightness = torch.arange(101.0, device=device)
    centers = AbBins(device).centers
    lab = torch.stack([lightness[:, None].expand(-1, len(centers)), *centers.T[:, None].expand(-1, 101, -1)])
    return saturation(lab_to_rgb(lab).clamp(0, 1))


def saturations(lightness: Tensor) -> Tensor:
    """S(x, q) at L ``(N, P)`` in [0, 100]: ``(N, P, 313)``."""
    table = _saturation_table(lightness.device)
    return table[lightness.round().long().clamp(0, 100)]


@dataclass(frozen=True)
class _Goal:
    """What N pictures should come to."""

    histogram: Tensor  # (N, 313)
    saturation: Tensor  # (N,)
    fit_histogram: Tensor  # (N,) bool
    fit_saturation: Tensor  # (N,) bool


def tilt(
    probabilities: Tensor, lightness: Tensor, wanted: GlobalHints, *, sharpness: Tensor | None = None
) -> Tensor:
    """Give fields of distributions the wanted statistics.

    Args:
        probabilities: ``(N, P, 313)`` of P pixels, each summing to 1.
        lightness: ``(N, P)`` of the pixels.
        wanted: of N pictures. Where a statistic is given by half, half of the way is gone: the goal lies
            between what the pixels have of themselves and what is wanted.
        sharpness: ``(N,)`` exponent of the probabilities: above 1, pixels are more decided than they were.

    Returns:
        ``(N, P, 313)``; where nothing is given, the same as came.
    """
    told = ((wanted.histogram_given > 0) | (wanted.saturation_given > 0)).nonzero()[:, 0]
    if len(told) == 0:
        return probabilities
    if len(told) == len(probabilities):  # no copies
        return _tilt(probabilities, lightness, wanted, sharpness)
    part = GlobalHints(**{name: value[told] for name, value in vars(wanted).items()})
    sharp = None if sharpness is None else sharpness[told]
    return probabilities.index_copy(0, told, _tilt(probabilities[told], lightness[told], part, sharp))


def _tilt(before: Tensor, lightness: Tensor, wanted: GlobalHints, sharpness: Tensor | None) -> Tensor:
    kernel = before.clamp(min=TINY)  # a bin out of reach would let sums and gradients break down
    if sharpness is not None:  # in half the time of `pow`
        kernel = (kernel.log() * sharpness[:, None, None]).exp()
    level = saturations(lightness) if bool((wanted.saturation_given > 0).any()) else None
    clear = (lightness / 50).sqrt()  # c
    own = before.new_zeros(len(before)) if level is None else (before * level).sum(2).mean(1).detach()
    goal = _Goal(
        torch.lerp(before.mean(1), wanted.histogram, wanted.histogram_given[:, None]),
        torch.lerp(own, wanted.saturation, wanted.saturation_given),
        wanted.histogram_given > 0,
        wanted.saturation_given > 0,
    )
    with torch.no_grad():
        factor, slope = torch.ones_like(goal.histogram), torch.zeros_like(own)
        for every, rounds in ((SPARSE, ROUNDS), (1, 1)):  # most of the way on some of the pixels
            few = kernel[:, ::every].contiguous()
            some = None if level is None else level[:, ::every].contiguous()
            factor, slope = _solve(few, some, clear[:, ::every], goal, factor, slope, rounds=rounds)
    if level is not None:
        kernel = kernel * ((slope[:, None] * clear)[..., None] * level).exp_()
    if torch.is_grad_enabled():  # a pixel's scale does not matter, but gradients have squares of it
        kernel = kernel / (kernel @ factor[..., None]).detach().clamp(min=LEAST)
    for _ in range(LEARNED_ROUNDS if torch.is_grad_enabled() else 1):
        factor = _fit(kernel, factor, goal)
    tilted = kernel * factor[:, None]
    return tilted / tilted.sum(2, keepdim=True).clamp(min=LEAST)


def _solve(
    kernel: Tensor,
    level: Tensor | None,
    clear: Tensor,
    goal: _Goal,
    factor: Tensor,
    slope: Tensor,
    *,
    rounds: int,
) -> tuple[Tensor, Tensor]:
    """Bring r ``(N, 313)`` and t ``(N,)`` nearer to the goal."""
    for _ in range(rounds):
        if level is None:
            factor = _fit(kernel, factor, goal)
            continue
        bent = ((slope[:, None] * clear)[..., None] * level).exp_().mul_(kernel)
        factor = _fit(bent, factor, goal)
        bent.mul_(factor[:, None])
        each = 1 / bent.sum(2).clamp(min=LEAST)
        bent.mul_(level)
        mean = bent.sum(2) * each
        spread = bent.mul_(level).sum(2) * each - mean.square()
        step = (goal.saturation - mean.mean(1)) / (clear * spread).mean(1).clamp(min=1e-4)
        bounded = (slope + step.clamp(-SLOPE_STEP, SLOPE_STEP)).clamp(-SLOPE, SLOPE)
        slope = torch.where(goal.fit_saturation, bounded, slope)
    return factor, slope


def _fit(kernel: Tensor, factor: Tensor, goal: _Goal) -> Tensor:
    """One round of proportional fitting: r, so that the bins' shares come nearer to the goal."""
    each = 1 / (kernel @ factor[..., None]).clamp(min=LEAST)  # (N, P, 1): what makes a pixel's sum 1
    shares = (each.transpose(1, 2) @ kernel)[:, 0] * factor / kernel.shape[1]
    step = (goal.histogram / shares.clamp(min=TINY)).clamp(1 / STEP, STEP)
    return torch.where(goal.fit_histogram[:, None], factor * step, factor)
