"""Colour families against their definition, and histograms edited by hand."""

import math

import numpy as np
import pytest

from ipycolorize.families import HUES, families, shares_of, with_share
from ipycolorize.gamut import AbBins

CENTERS = AbBins().centers.numpy()


def test_every_bin_belongs_to_one_family():
    bins = [bin for family in families() for bin in family.bins]
    assert sorted(bins) == list(range(313))
    assert len(families()) == 1 + 2 * len(HUES)
    assert all(family.bins for family in families())


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_bins_lie_where_their_family_says(family):
    for a, b in CENTERS[list(family.bins)].tolist():
        chroma = math.hypot(a, b)
        if family.hue is None:
            assert chroma < 12
            continue
        assert (chroma >= 35) == family.vivid
        assert chroma >= 12
        off = (math.degrees(math.atan2(b, a)) - 30 * family.hue + 180) % 360 - 180
        assert abs(off) <= 15.001
        assert family.name == ("vivid " if family.vivid else "muted ") + HUES[family.hue]
    np.testing.assert_allclose(family.ab, CENTERS[list(family.bins)].mean(0), atol=1e-4)


def test_shares_sum_over_bins():
    histogram = np.random.default_rng(0).dirichlet(np.ones(313))
    shares = shares_of(histogram)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] == pytest.approx(sum(histogram[bin] for bin in families()[0].bins))


def test_another_share_keeps_all_other_proportions():
    histogram = np.random.default_rng(1).dirichlet(np.ones(313))
    changed = with_share(histogram, 4, 0.7)
    assert changed.sum() == pytest.approx(1)
    assert shares_of(changed)[4] == pytest.approx(0.7)
    inside = np.isin(np.arange(313), families()[4].bins)
    for part in (inside, ~inside):
        ratio = changed[part] / histogram[part]
        np.testing.assert_allclose(ratio, ratio[0])


def test_an_empty_family_begins_with_its_least_vivid_colours():
    family = families()[4]
    histogram = np.zeros(313)
    histogram[list(families()[0].bins)] = 0.2
    changed = with_share(histogram, 4, 0.5)
    assert shares_of(changed)[[0, 4]] == pytest.approx([0.5, 0.5])
    chroma = np.hypot(*CENTERS[list(family.bins)].T)
    order = np.argsort(chroma)
    assert (np.diff(changed[list(family.bins)][order]) <= 1e-12).all()


def test_a_family_that_was_alone_gives_to_grey_first():
    histogram = np.zeros(313)
    histogram[list(families()[4].bins)] = 1 / len(families()[4].bins)
    changed = with_share(histogram, 4, 0.25)
    assert shares_of(changed)[4] == pytest.approx(0.25)
    rest = np.delete(shares_of(changed), 4)
    assert rest.sum() == pytest.approx(0.75)
    assert np.delete(CENTERS, families()[4].bins, axis=0)[
        np.delete(changed, families()[4].bins).argmax()
    ].tolist() == [0, 0]


@pytest.mark.parametrize(("family", "share"), [(25, 0.1), (-1, 0.1), (0, 1.1), (0, -0.1), (0, math.nan)])
def test_shares_that_cannot_be_are_refused(family, share):
    with pytest.raises(ValueError, match=r"within 0\.\.1 of a family 0\.\.24"):
        with_share(np.full(313, 1 / 313), family, share)
