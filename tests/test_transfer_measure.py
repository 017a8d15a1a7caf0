"""The earth mover's distance beside known answers, and who gets whose histogram."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from scipy.stats import wasserstein_distance
from sklearn.datasets import load_sample_images
from torch import Tensor

from ipycolorize.analysis.transfer import distances_to, earth_movers_distance, transfer
from ipycolorize.baselines.gray import Gray
from ipycolorize.color import lab_to_rgb, rgb_to_lab, to_uint8
from ipycolorize.gamut import AbBins
from ipycolorize.global_hints import GlobalHints, ab_histogram
from ipycolorize.hint_batch import HintBatch
from ipycolorize.models.base import Prediction
from ipycolorize.models.live import Live
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.mood import picture_histogram
from ipycolorize.protocol import square

CENTERS = AbBins().centers.double().numpy()
COLOURS = [(30, 40), (-35, 30), (20, -50), (45, -20), (-20, -10)]  # shown by sRGB at L = 60


class Mean(Gray):
    """Shows the mean colour of the histogram that it is told, everywhere; grey without one."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Tensor] = []

    def decode(
        self, features: Tensor, hints: HintBatch, *, global_hints: GlobalHints | None = None
    ) -> Prediction:
        prediction = super().decode(features, hints)
        if global_hints is not None:
            assert global_hints.histogram_given.eq(1).all()
            assert global_hints.saturation_given.eq(0).all()
            self.told += global_hints.histogram
            prediction.ab = prediction.ab + (global_hints.histogram @ self.bin_centers)[:, :, None, None]
        return prediction


def single(a: float, b: float) -> np.ndarray:
    return ((a, b) == CENTERS).all(axis=1).astype(float)


def painted(ab: tuple[float, float]) -> np.ndarray:
    """A picture of one colour."""
    lab = torch.tensor([60.0, *ab])[:, None, None].expand(3, 16, 16)
    return to_uint8(lab_to_rgb(lab)).permute(1, 2, 0).numpy()


def some(count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    shares = np.zeros(len(CENTERS))
    shares[random.choice(len(CENTERS), count, replace=False)] = random.random(count)
    return shares / shares.sum()


def test_one_bin_to_another_is_their_distance() -> None:
    assert earth_movers_distance(single(0, 0), single(30, -40)) == pytest.approx(50)
    assert earth_movers_distance(single(10, 20), single(10, 20)) == 0


def test_moving_all_by_a_step_costs_the_step() -> None:
    inner = [(a, b) for a in range(-30, 30, 10) for b in range(-30, 30, 10)]
    shares = np.random.default_rng(1).dirichlet(np.ones(len(inner)))
    here = sum(share * single(*ab) for share, ab in zip(shares, inner, strict=True))
    there = sum(share * single(a + 10, b) for share, (a, b) in zip(shares, inner, strict=True))
    assert earth_movers_distance(here, there) == pytest.approx(10)


def test_on_a_line_it_is_the_distance_in_one_dimension() -> None:
    line = np.flatnonzero(CENTERS[:, 1] == 0)
    one, other = np.zeros((2, len(CENTERS)))
    one[line], other[line] = np.random.default_rng(2).dirichlet(np.ones(len(line)), size=2)
    place = CENTERS[line, 0]
    expected = wasserstein_distance(place, place, one[line], other[line])
    assert earth_movers_distance(one, other) == pytest.approx(expected)


def test_it_equals_the_linear_programme_that_defines_it() -> None:
    one, other = some(12, 3), some(9, 4)
    one[other > 0] += 0.05  # some bins in common
    one /= one.sum()
    i, j = np.flatnonzero(one), np.flatnonzero(other)
    cost = np.linalg.norm(CENTERS[i, None] - CENTERS[None, j], axis=2)
    flows = np.arange(cost.size).reshape(cost.shape)
    constraints = np.zeros((len(i) + len(j), cost.size))
    for number, row in enumerate([*flows, *flows.T]):
        constraints[number, row] = 1
    found = linprog(cost.ravel(), A_eq=constraints, b_eq=np.r_[one[i], other[j]], method="highs")
    assert earth_movers_distance(one, other) == pytest.approx(found.fun)
    assert earth_movers_distance(other, one) == pytest.approx(found.fun)


def test_each_photograph_gets_the_histogram_half_a_round_further() -> None:
    network, images = Mean(), [painted(ab) for ab in COLOURS]
    (row,) = transfer({"mean": network}, images, size=16, progress=False)
    means = (torch.stack(network.told) @ network.bin_centers).numpy()
    np.testing.assert_allclose(means, [*COLOURS[2:], *COLOURS[:2]], atol=1.5)
    assert row.images == 5
    # one colour is encoded softly: the distances are nearly those of the colours, from grey and from itself
    assert row.before == pytest.approx(np.linalg.norm(COLOURS, axis=1).mean(), abs=1.5)
    assert row.after < 2
    assert row.ratio == pytest.approx(row.after / row.before, abs=1e-3)
    assert row.nearer == 1


def test_who_takes_no_notice_stays_where_it_is() -> None:
    images = [painted(ab) for ab in COLOURS[:2]]
    (row,) = transfer({"gray": Gray()}, images, size=16, progress=False)
    grey, first, second = (
        ab_histogram(rgb_to_lab(square(image, 16)[None])[:, 1:], AbBins())[0].numpy()
        for image in (painted((0, 0)), *images)
    )
    each = [earth_movers_distance(grey, reference) for reference in (second, first)]
    assert (row.ratio, row.nearer, row.after) == (1, 0, row.before)
    assert row.before == pytest.approx(np.mean(each), abs=0.2)
    assert row.before_se == pytest.approx(np.std(each, ddof=1) / math.sqrt(2), abs=0.2)


def test_the_picture_that_is_shown_is_measured(tiny: Live) -> None:
    images = torch.stack([square(image, 64) for image in load_sample_images().images])
    lab = rgb_to_lab(images)
    known = GlobalHints.of_pictures(lab)
    wanted = known.histogram.flip(0)
    with torch.inference_mode():
        distances = distances_to(tiny, images, wanted)
        features, none = tiny.encode(lab[:, :1]), HintBatch.empty(shape=(64, 64), count=2)
        asked = replace(known, histogram=wanted).given(histogram=True, saturation=False)
        shown = [tiny.decode(features, none).ab, tiny.decode(features, none, global_hints=asked).ab]
    for column, ab in enumerate(shown):
        for row, picture in enumerate(to_uint8(lab_to_rgb(torch.cat([lab[:, :1], ab], dim=1)))):
            found = picture_histogram(picture.permute(1, 2, 0).numpy())
            expected = earth_movers_distance(found, wanted[row].numpy())
            assert distances[row, column].item() == pytest.approx(expected, abs=1e-3)
    (row,) = transfer({"tiny": tiny}, load_sample_images().images, size=64, progress=False)
    assert (row.before, row.after) == pytest.approx(tuple(distances.mean(0).tolist()), abs=1e-3)


def test_points_only_and_too_few_photographs_are_refused() -> None:
    local = SIGGRAPH17(width=1).eval()
    with pytest.raises(ValueError, match="got local, which reads points only; leave it out"):
        transfer({"gray": Gray(), "local": local}, [], size=16, progress=False)
    with pytest.raises(ValueError, match="at least two photographs to exchange colours, got 1"):
        transfer({"gray": Gray()}, [painted((0, 0))], size=16, progress=False)
    with pytest.raises(ValueError, match="at least two photographs to exchange colours, got 0"):
        transfer({"gray": Gray()}, [], size=16, progress=False)
