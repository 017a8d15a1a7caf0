"""Simulated users follow the paper's laws."""

import math

import numpy as np
import pytest
import torch

from ipycolorize.hints import rasterize
from ipycolorize.protocol import patch_means
from ipycolorize.training.simulate import many_counts, paper_counts, simulate_batch, simulate_hints


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


def test_an_infinite_spread_is_uniform():
    hints = simulate_hints(truth(50, (80, 120)), torch.full((50,), 200), generator=seeded(), spread=math.inf)
    for place, side in ((hints.row, 80), (hints.col, 120)):
        shares = np.bincount(place.flatten().long().numpy() * 8 // side, minlength=8) / place.numel()
        np.testing.assert_allclose(shares, 1 / 8, atol=0.012)


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
    assert all(torch.equal(a, b) for a, b in zip(vars(one).values(), vars(two).values(), strict=True))
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


def batches(**options):
    """Many batches: those that reveal everything, and the others."""
    generator, ab = seeded(), truth(2, (8, 8))
    made = [simulate_batch(ab, generator=generator, **options) for _ in range(1200)]
    everything = [batch for batch in made if batch.mask.all() and batch.row.shape[1] == 256]
    return everything, [batch for batch in made if not any(batch is other for other in everything)]


def counts_of(made):
    return torch.cat([batch.weight.sum(1) for batch in made])


def test_one_batch_in_a_hundred_reveals_everything():
    everything, _ = batches(blank=0.2, many=0.4)
    assert 3 <= len(everything) <= 25  # 12 are expected
    assert torch.equal(everything[0].raster, truth(2, (8, 8)))


def test_batches_without_hints_have_their_share():
    _, others = batches(blank=0.3, many=0.3)
    blank = [batch for batch in others if batch.row.shape[1] == 0]
    assert len(blank) / 1200 == pytest.approx(0.3, abs=0.05)
    assert not any(batch.mask.any() for batch in blank)


def test_without_blank_and_many_the_law_is_the_papers():
    counts = counts_of(batches(blank=0.0, many=0.0)[1])
    assert counts.mean().item() == pytest.approx(7, abs=0.5)
    assert (counts == 0).float().mean().item() == pytest.approx(1 / 8, abs=0.02)


def test_with_many_there_are_hundreds_but_never_more_than_most():
    counts = counts_of(batches(blank=0.0, many=1.0, most=300)[1])
    assert counts.max() <= 300
    assert (counts > 100).float().mean() > 0.02
    assert (counts == 0).sum() == 0
