"""Simulated users follow the paper's laws."""

import math

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ipycolorize.global_hints import GlobalHints
from ipycolorize.hints import STROKE_WEIGHT
from ipycolorize.protocol import patch_means
from ipycolorize.raster import rasterize
from ipycolorize.training.simulate import (
    STROKE_POINTS,
    STROKE_TOLERANCE,
    many_counts,
    paper_counts,
    simulate_batch,
    simulate_global_hints,
    simulate_hints,
    simulate_strokes,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def truth(count=2, shape=(40, 60)):
    return torch.randn(count, 2, *shape, generator=seeded(7)) * 30


def test_counts_are_geometric_and_include_none():
    counts = paper_counts(100_000, generator=seeded())
    assert counts.float().mean().item() == pytest.approx(7, abs=0.1)
    for k in (0, 1, 5, 20):
        expected = (1 / 8) * (7 / 8) ** k
        assert (counts == k).float().mean().item() == pytest.approx(expected, abs=0.004)
    assert counts.min() == 0


def test_many_counts_are_log_uniform():
    counts = many_counts(100_000, most=512, generator=seeded())
    assert (counts.min(), counts.max()) == (1, 512)
    for low, high in ((1, 8), (8, 64), (64, 513)):
        expected = math.log(high / low) / math.log(513)
        assert ((counts >= low) & (counts < high)).float().mean().item() == pytest.approx(expected, abs=0.01)


def test_positions_are_gaussian_around_the_centre():
    shape = (80, 120)
    hints = simulate_hints(truth(50, shape), torch.full((50,), 200), generator=seeded())
    draw = np.random.default_rng(0)
    for place, side in ((hints.row, 80), (hints.col, 120)):
        expected = np.clip(np.floor(draw.normal(side / 2, side / 4, 200_000)), 0, side - 1)
        found = place.flatten().numpy()
        assert found.mean() == pytest.approx(expected.mean(), abs=side * 0.01)
        assert found.std() == pytest.approx(expected.std(), rel=0.03)
        deciles = np.arange(0.1, 1, 0.1)
        np.testing.assert_allclose(
            np.quantile(found, deciles), np.quantile(expected, deciles), atol=side * 0.02
        )
        assert (found == 0).mean() == pytest.approx((expected == 0).mean(), abs=0.01)  # clipped, not wrapped
    assert abs(np.corrcoef(hints.row.flatten(), hints.col.flatten())[0, 1]) < 0.03


def test_many_counts_reach_each_pictures_own_most():
    most = torch.tensor([1, 5, 32, 0]).repeat(20_000)
    counts = many_counts(80_000, most=most, generator=seeded())
    for k, ceiling in enumerate((1, 5, 32, 0)):
        assert (counts[k::4].min(), counts[k::4].max()) == (min(1, ceiling), ceiling)
    for k in (1, 3, 5):
        expected = math.log((k + 1) / k) / math.log(6)
        assert (counts[1::4] == k).float().mean().item() == pytest.approx(expected, abs=0.015)


def test_some_pictures_have_their_points_everywhere():
    uniform = torch.arange(100) % 2 == 0
    hints = simulate_hints(
        truth(100, (80, 120)), torch.full((100,), 200), generator=seeded(), uniform=uniform
    )
    for place, side in ((hints.row, 80), (hints.col, 120)):
        shares = np.bincount(place[uniform].flatten().long().numpy() * 8 // side, minlength=8) / 10_000
        np.testing.assert_allclose(shares, 1 / 8, atol=0.012)
        assert place[~uniform].std() == pytest.approx(side * 0.23, rel=0.06)  # a quarter, and clipped


def test_an_anchor_is_the_first_point():
    anchor = torch.tensor([[3, 50], [-1, -1], [39, 0], [0, 0]])
    ab = truth(4)
    hints = simulate_hints(ab, torch.tensor([1, 9, 5, 0]), generator=seeded(), anchor=anchor)
    free = simulate_hints(ab, torch.tensor([1, 9, 5, 0]), generator=seeded())
    assert [(hints.row[n, 0], hints.col[n, 0]) for n in (0, 2)] == [(3, 50), (39, 0)]
    assert torch.equal(hints.row[1], free.row[1])
    assert torch.equal(hints.row[:, 1:], free.row[:, 1:])
    shown = patch_means(ab, hints.row.long(), hints.col.long(), hints.size.long())
    torch.testing.assert_close(hints.ab, shown)
    assert not hints.mask[3].any()
    none = simulate_hints(ab, torch.zeros(4, dtype=torch.long), generator=seeded(), anchor=anchor)
    assert none.row.shape == (4, 0)


def test_patches_are_one_to_nine_alike():
    hints = simulate_hints(truth(50), torch.full((50,), 200), generator=seeded())
    shares = np.bincount(hints.size.flatten().long().numpy(), minlength=10) / 10_000
    assert shares[0] == 0
    np.testing.assert_allclose(shares[1:], 1 / 9, atol=0.012)


def test_counts_are_kept_by_weights():
    counts = torch.tensor([0, 3, 7, 1])
    hints = simulate_hints(truth(4), counts, generator=seeded())
    assert hints.row.shape == (4, 7)
    assert torch.equal(hints.weight.sum(1).long(), counts)
    assert set(hints.weight.unique().tolist()) == {0.0, 1.0}
    assert not hints.mask[0].any()
    assert hints.mask[2].any()


def test_no_points_at_all():
    hints = simulate_hints(truth(2), torch.zeros(2, dtype=torch.long), generator=seeded())
    assert hints.row.shape == (2, 0)
    assert not hints.mask.any()


def test_hints_lie_inside_and_show_the_truth():
    ab = truth(3)
    hints = simulate_hints(ab, torch.tensor([4, 9, 2]), generator=seeded())
    for n in range(3):
        for k in range(int(hints.weight[n].sum())):
            row, col = int(hints.row[n, k]), int(hints.col[n, k])
            assert 0 <= row < 40
            assert 0 <= col < 60
            if hints.size[n, k] == 1:
                torch.testing.assert_close(hints.ab[n, k], ab[n, :, row, col])


def test_the_same_seed_gives_the_same_hints():
    one, two, other = (
        simulate_hints(truth(), torch.tensor([5, 6]), generator=seeded(seed)) for seed in (1, 1, 2)
    )
    assert all(
        a is b or torch.equal(a, b) for a, b in zip(vars(one).values(), vars(two).values(), strict=True)
    )
    assert not torch.equal(one.row, other.row)


@pytest.mark.parametrize("size", [1, 3, 5, 7, 9])
def test_patch_means_equal_loops(size):
    ab = truth(2, (12, 17))
    row = torch.tensor([[0, 11, 5, 0, 6], [3, 1, 11, 10, 0]])
    col = torch.tensor([[0, 16, 8, 16, 2], [1, 15, 0, 16, 9]])
    found = patch_means(ab, row, col, torch.full_like(row, size))
    for n in range(2):
        for k in range(5):
            pixels = [
                ab[n, :, r, c]
                for r in range(12)
                for c in range(17)
                if max(abs(r - row[n, k]), abs(c - col[n, k])) <= size // 2
            ]
            torch.testing.assert_close(found[n, k], torch.stack(pixels).mean(0), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("size", range(1, 10))
def test_a_patch_shows_the_mean_of_the_pixels_that_it_covers(size):
    ab = truth(1, (30, 30))
    one = torch.ones(1, 1)
    for row, col in ((13, 14), (0, 3), (29, 29)):
        mask, _ = rasterize(row * one, col * one, size * one, torch.zeros(1, 1, 2), one, shape=(30, 30))
        covered = (ab * mask).sum((2, 3)) / mask.sum()
        found = patch_means(ab, torch.tensor([[row]]), torch.tensor([[col]]), torch.tensor([[size]]))
        torch.testing.assert_close(found[:, 0], covered, atol=1e-4, rtol=1e-4)


def operations(simulate, examples):
    """How many tensor operations it takes."""

    class Count(TorchDispatchMode):
        number = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.number += 1
            return func(*args, **(kwargs or {}))

    ab, counts = truth(examples, (12, 12)), torch.full((examples,), 3)
    with Count() as count:
        simulate(ab, counts, generator=seeded())
    return count.number


@pytest.mark.parametrize("simulate", [simulate_hints, simulate_strokes])
def test_all_pictures_are_simulated_at_once(simulate):
    assert operations(simulate, 2) == operations(simulate, 100)


# --- strokes -----------------------------------------------------------------------------------------------

LEFT, RIGHT = torch.tensor([55.0, 10.0]), torch.tensor([-30.0, 20.0])
EDGE, SHAPE = 30, (40, 60)


@pytest.fixture(scope="module")
def strokes():
    """Up to four strokes on each of 250 pictures that are red on the left and green on the right.

    As ``(N, strokes, points)``: row, col, size, weight; and the hints.
    """
    ab = torch.empty(250, 2, *SHAPE)
    ab[..., :EDGE], ab[..., EDGE:] = LEFT[:, None, None], RIGHT[:, None, None]
    hints = simulate_strokes(ab, torch.arange(250) % 5, generator=seeded())
    parts = (
        value.unflatten(1, (4, STROKE_POINTS)) for value in (hints.row, hints.col, hints.size, hints.weight)
    )
    return *parts, hints


def test_strokes_are_as_many_as_wanted_and_weak(strokes):
    *_, weight, hints = strokes
    assert set(hints.weight.unique().tolist()) == {0.0, STROKE_WEIGHT}
    drawn = (weight > 0).any(2)  # (N, 4)
    wanted = torch.arange(4) < (torch.arange(250) % 5)[:, None]
    assert not (drawn & ~wanted).any()
    assert drawn[wanted].float().mean() > 0.9  # some begin outside
    assert (weight.diff(dim=2) <= 0).all()  # from the start to an end, without gaps
    assert (weight > 0).sum(2).max() == STROKE_POINTS


def test_a_stroke_is_a_gentle_curve_of_one_brush_inside_the_picture(strokes):
    row, col, size, weight, _ = strokes
    on = weight > 0
    assert (size == size[:, :, :1]).all()
    assert set(size[on].tolist()) == {1, 2, 3, 4, 5}
    assert 0 <= row[on].min() <= row[on].max() < SHAPE[0]
    assert 0 <= col[on].min() <= col[on].max() < SHAPE[1]
    down, right = row.diff(dim=2), col.diff(dim=2)
    gap = (down**2 + right**2).sqrt()[on[:, :, 1:]]
    assert gap.min() >= 1
    assert gap.max() <= 6 + 2**0.5  # rounding moves both ends
    assert 3.5 < gap.mean() < 4.5
    turn = (torch.atan2(down, right).diff(dim=2) + math.pi) % (2 * math.pi) - math.pi
    assert turn[on[:, :, 2:]].abs().mean() < 0.5


def test_a_stroke_stays_on_its_colour_and_ends_at_the_edge(strokes):
    row, col, size, weight, hints = strokes
    on, colour = weight > 0, hints.ab.unflatten(1, (4, STROKE_POINTS))
    first = col[:, :, :1]
    clear = on & ((first + 0.5 - EDGE).abs() >= 3)  # begun where the brush does not touch the edge
    left = first.expand_as(col) < EDGE
    assert ((col < EDGE) == left)[clear].all()
    for side, expected in ((left, LEFT), (~left, RIGHT)):
        assert (colour[clear & side] - expected).norm(dim=-1).max() < STROKE_TOLERANCE
    # what ended before its time stood at the edge or at the picture's border
    length = on.sum(2)
    ended = clear[:, :, 0] & (length < STROKE_POINTS)
    after = length.clamp(max=STROKE_POINTS - 1)[..., None]
    next_row, next_col = row.gather(2, after)[..., 0], col.gather(2, after)[..., 0]
    edge = (next_col - EDGE).abs() <= 2 + size[..., 0] / 2
    edge |= (next_col < EDGE) != left[:, :, 0]
    border = (next_row % (SHAPE[0] - 1) == 0) | (next_col % (SHAPE[1] - 1) == 0)
    assert (edge | border)[ended].all()
    assert (edge & ~border)[ended].float().mean() > 0.1


def test_all_points_of_a_stroke_have_its_mean_colour():
    ab = truth(30) / 8  # nowhere an edge
    counts = torch.full((30,), 2)
    hints = simulate_strokes(ab, counts, generator=seeded())
    row, col, size, weight = (
        value.unflatten(1, (2, STROKE_POINTS)) for value in (hints.row, hints.col, hints.size, hints.weight)
    )
    colour = hints.ab.unflatten(1, (2, STROKE_POINTS))
    assert (colour == colour[:, :, :1]).all()
    for n in range(30):
        for k in range(2):
            on = weight[n, k] > 0
            if not on.any():
                continue
            seen = []
            for r, c, s in zip(row[n, k][on], col[n, k][on], size[n, k][on], strict=True):
                patch = (value.view(1, 1) for value in (r, c, s))
                mask, _ = rasterize(*patch, torch.zeros(1, 1, 2), torch.ones(1, 1), shape=(40, 60))
                seen.append((ab[n : n + 1] * mask).sum((0, 2, 3)) / mask.sum())
            torch.testing.assert_close(colour[n, k, 0], torch.stack(seen).mean(0), atol=1e-4, rtol=1e-4)


def test_no_strokes_at_all():
    hints = simulate_strokes(truth(2), torch.zeros(2, dtype=torch.long), generator=seeded())
    assert hints.row.shape == (2, 0)
    assert not hints.mask.any()


# --- the mixture -------------------------------------------------------------------------------------------


def laws(hints):
    """``(N,)`` each: the number of full points, whether there are strokes, whether everything is revealed."""
    everything = (hints.weight.sum(1) == 256) & hints.mask.all(-1).all(-1).all(-1)
    return hints.weight.sum(1).long(), (hints.weight == STROKE_WEIGHT).any(1), everything


def mixture(count=1000, *, seed=0, **options):
    """Laws of pictures of 8 x 8 pixels."""
    return laws(simulate_batch(truth(count, (8, 8)), generator=seeded(seed), **options))


def test_one_picture_in_a_hundred_reveals_everything():
    ab = truth(8000, (8, 8))
    hints = simulate_batch(ab, generator=seeded(), blank=1.0, many=0.0, strokes=0.0)
    counts, _, everything = laws(hints)
    assert everything.float().mean().item() == pytest.approx(0.01, abs=0.004)
    assert torch.equal(hints.raster[everything], ab[everything])
    assert not hints.raster[~everything].any()
    assert not hints.mask[~everything].any()
    assert not counts[~everything].any()


def test_every_law_has_its_share():
    ab = truth(1500, (32, 32))
    hints = simulate_batch(ab, generator=seeded(), blank=0.3, many=0.25, strokes=0.2, most=32)
    counts, strokes, everything = laws(hints)
    assert strokes.float().mean().item() == pytest.approx(0.19, abs=0.03)  # a few begin outside
    # no points: the blank ones, and an eighth of those that follow the paper
    without = ~strokes & ~everything & (counts == 0)
    assert without.float().mean().item() == pytest.approx(0.3 + 0.25 / 8 + 0.01, abs=0.035)


def test_without_shares_the_law_is_the_papers():
    counts, strokes, everything = mixture(blank=0.0, many=0.0, strokes=0.0)
    assert not strokes.any()
    counts = counts[~everything]
    assert counts.float().mean().item() == pytest.approx(7, abs=0.8)
    for k in (0, 2, 7):
        assert (counts == k).float().mean().item() == pytest.approx((7 / 8) ** k / 8, abs=0.025)


def test_with_many_there_are_hundreds_but_never_more_than_most():
    counts, _, everything = mixture(400, blank=0.0, many=1.0, strokes=0.0, most=300)
    counts = counts[~everything]
    assert counts.max() <= 300
    assert counts.min() >= 1
    expected = 0.15 * math.log(301 / 33) / math.log(301)
    assert (counts > 32).float().mean().item() == pytest.approx(expected, abs=0.035)


@pytest.mark.parametrize("many", [0.0, 0.5, 1.0])
def test_a_small_most_is_obeyed_by_every_law(many):
    counts, _, everything = mixture(1500, blank=0.0, many=many, strokes=0.0, most=5)
    assert counts[~everything].max() == 5


@pytest.mark.parametrize("options", [{"blank": 1.0}, {"blank": 0.0, "strokes": 1.0}, {"many": 0.0}])
def test_an_anchored_picture_always_has_its_point(options):
    ab = truth(600, (8, 8))
    anchor = torch.stack([torch.arange(600) % 8, torch.arange(600) // 8 % 8], dim=1)
    anchor[::2] = -1
    hints = simulate_batch(ab, generator=seeded(), anchor=anchor, most=20, **options)
    counts, strokes, everything = laws(hints)
    wanted = anchor[:, 0] >= 0
    assert not (strokes | everything)[wanted].any()
    assert (hints.weight[wanted, 0] == 1).all()
    assert torch.equal(hints.row[wanted, 0], anchor[wanted, 0].float())
    assert torch.equal(hints.col[wanted, 0], anchor[wanted, 1].float())
    assert 1 <= counts[wanted].min() <= counts[wanted].max() <= 20
    assert (counts[wanted] > 1).float().mean() > 0.5
    if options.get("blank") == 1:
        assert not counts[~wanted & ~everything].any()  # the others as ever


def test_the_same_seed_gives_the_same_mixture():
    ab = truth(50, (8, 8))
    one, two, other = (simulate_batch(ab, generator=seeded(seed), most=32) for seed in (1, 1, 2))
    assert all(
        a is b or torch.equal(a, b) for a, b in zip(vars(one).values(), vars(two).values(), strict=True)
    )
    assert not torch.equal(one.mask, other.mask)


def test_the_mixtures_raster_is_that_of_its_points():
    ab = truth(60, (16, 16))
    hints = simulate_batch(ab, generator=seeded(), strokes=0.4, most=32)
    *_, everything = laws(hints)
    points = (value[~everything] for value in (hints.row, hints.col, hints.size, hints.ab, hints.weight))
    mask, raster = rasterize(*points, shape=(16, 16))
    assert torch.equal(mask, hints.mask[~everything])
    assert torch.equal(raster, hints.raster[~everything])


# --- global hints ------------------------------------------------------------------------------------------


def pictures(count):
    """(N, 3, 4, 4) in Lab, each of another colour."""
    lab = torch.full((count, 3, 4, 4), 50.0)
    lab[:, 1:] = torch.rand(count, 2, 1, 1, generator=seeded(3)) * 80 - 40
    return lab


@pytest.mark.parametrize("share", [0.0, 0.5, 0.75, 1.0])
def test_histogram_saturation_and_both_are_given_equally_often(share):
    """At 3/4, nothing is as likely as each of them: the paper's law."""
    told = simulate_global_hints(pictures(20_000), share=share, generator=seeded())
    histogram, saturation = told.histogram_given, told.saturation_given
    assert set(histogram.tolist()) | set(saturation.tolist()) <= {0, 1}
    for found, expected in (
        ((1 - histogram) * (1 - saturation), 1 - share),
        (histogram * (1 - saturation), share / 3),
        ((1 - histogram) * saturation, share / 3),
        (histogram * saturation, share / 3),
    ):
        assert found.mean().item() == pytest.approx(expected, abs=0.012)


def test_what_is_given_is_the_truth():
    lab = pictures(40)
    told = simulate_global_hints(lab, share=0.75, generator=seeded())
    truth = GlobalHints.of_pictures(lab)
    assert truth.given(histogram=told.histogram_given, saturation=told.saturation_given).equals(told)
    assert truth.saturation.std() > 0.05


def test_the_same_seed_gives_the_same_global_hints():
    lab = pictures(64)
    one, two, other = (simulate_global_hints(lab, share=0.75, generator=seeded(seed)) for seed in (1, 1, 2))
    assert one.equals(two)
    assert not one.equals(other)
