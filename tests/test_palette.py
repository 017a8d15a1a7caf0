"""Modes of a distribution over the bins, with known answers."""

import numpy as np
import pytest

from ipycolorize.gamut import AbBins
from ipycolorize.palette import COLORS, FLOOR, SOFTEN, modes

CENTERS = AbBins().centers.numpy()


def bin_of(a, b):
    return int(np.flatnonzero(((a, b) == CENTERS).all(1))[0])


def distribution(shares):
    """Shares of bins by their (a, b), as (313,) float32."""
    out = np.zeros(313, np.float32)
    for place, share in shares.items():
        out[bin_of(*place)] = share
    return out


def smooth(seed=0):
    """Some three hills over the bins."""
    draw = np.random.default_rng(seed)
    hills = CENTERS[draw.integers(0, 313, 3)]
    density = sum(
        np.exp(-((CENTERS - hill) ** 2).sum(1) / 2 / 15**2) * draw.uniform(0.2, 1) for hill in hills
    )
    return (density / density.sum()).astype(np.float32)


def test_certainty_gives_one_colour():
    assert modes(distribution({(30, -40): 1.0}), CENTERS) == [(30.0, -40.0, 1.0)]


def test_two_clusters_are_found_where_they_are():
    shares = {(-50, 50): 0.3, (-50, 60): 0.1, (60, 40): 0.4, (70, 40): 0.2}
    (first, second) = modes(distribution(shares), CENTERS, count=2)

    def softened_mean(places):
        weights = np.array([shares[place] for place in places]) ** (1 / SOFTEN)
        return weights @ np.array(places, float) / weights.sum()

    assert first[2] == pytest.approx(0.6)
    assert second[2] == pytest.approx(0.4)
    np.testing.assert_allclose(first[:2], softened_mean([(60, 40), (70, 40)]), rtol=1e-6)
    np.testing.assert_allclose(second[:2], softened_mean([(-50, 50), (-50, 60)]), rtol=1e-6)


def test_fewer_bins_than_colours_gives_each_bin():
    shares = {(0, 0): 0.5, (50, 50): 0.3, (-40, 20): 0.2}
    np.testing.assert_allclose(
        modes(distribution(shares), CENTERS), [(0, 0, 0.5), (50, 50, 0.3), (-40, 20, 0.2)], atol=1e-6
    )


@pytest.mark.parametrize("seed", range(6))
def test_at_most_nine_sorted_and_no_more_than_everything(seed):
    found = modes(smooth(seed), CENTERS)
    shares = [share for _, _, share in found]
    assert 1 < len(found) <= COLORS == 9
    assert shares == sorted(shares, reverse=True)
    assert 0.9 < sum(shares) <= 1 + 1e-6
    assert len({(a, b) for a, b, _ in found}) == len(found)


def test_a_uniform_distribution_spreads_over_the_gamut():
    found = modes(np.full(313, 1 / 313, np.float32), CENTERS)
    assert len(found) == 9
    assert sum(share for _, _, share in found) == pytest.approx(1, abs=1e-5)
    places = np.array([place[:2] for place in found])
    distance = np.linalg.norm(places[:, None] - places[None], axis=-1) + 1e3 * np.eye(9)
    assert distance.min() > 30


def test_the_same_distribution_gives_the_same_palette():
    assert modes(smooth(), CENTERS) == modes(smooth().copy(), CENTERS)


def test_hardly_possible_colours_are_no_suggestion():
    noise = FLOOR * 0.5 / 313
    probabilities = np.full(313, noise, np.float32)
    probabilities[bin_of(0, 0)] = 0.6
    probabilities[bin_of(50, 50)] = 0.4
    np.testing.assert_allclose(modes(probabilities, CENTERS), [(0, 0, 0.6), (50, 50, 0.4)], atol=1e-6)


def test_every_colour_is_the_weighted_middle_of_its_own_bins():
    """The fixed point of k-means: each bin belongs to its nearest colour, each colour is their middle."""
    probabilities = smooth(3)
    found = modes(probabilities, CENTERS)
    places, shares = np.array([f[:2] for f in found]), np.array([f[2] for f in found])
    kept = probabilities >= FLOOR * probabilities.max()
    owner = np.linalg.norm(CENTERS[kept][:, None] - places[None], axis=-1).argmin(1)
    weights = probabilities[kept] ** (1 / SOFTEN)
    for k in range(len(found)):
        mine = owner == k
        np.testing.assert_allclose(
            weights[mine] @ CENTERS[kept][mine] / weights[mine].sum(), places[k], atol=1e-2
        )
        assert probabilities[kept][mine].sum() == pytest.approx(shares[k], abs=1e-5)
