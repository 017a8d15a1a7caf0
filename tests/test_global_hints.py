"""The statistics of a picture against their definition (paper 3.3), written out in float64."""

import numpy as np
import pytest
import torch
from matplotlib.colors import rgb_to_hsv
from skimage import data
from skimage.color import lab2rgb

from ipycolorize.color import rgb_to_lab
from ipycolorize.gamut import NUM_BINS, AbBins
from ipycolorize.global_hints import GlobalHints, ab_histogram


def quartered(image):
    """(H, W, C) at a quarter of its sides, rounded up: bilinear between pixel centres, no blur before."""
    for axis in (0, 1):
        side = image.shape[axis]
        count = max(1, -(-side // 4))
        place = np.clip((np.arange(count) + 0.5) * side / count - 0.5, 0, side - 1)
        low = np.floor(place).astype(int)
        high, share = np.minimum(low + 1, side - 1), place - low
        share = share.reshape(-1, *[1] * (image.ndim - axis - 1))
        image = (1 - share) * image.take(low, axis) + share * image.take(high, axis)
    return image


def histogram_plainly(ab):
    """(H, W, 2) -> (313,): each pixel spreads over its 10 nearest bins by a Gaussian of sigma 5."""
    centers = AbBins().centers.double().numpy()
    total = np.zeros(NUM_BINS)
    for colour in quartered(ab).reshape(-1, 2):
        squared = ((centers - colour) ** 2).sum(1)
        near = np.argsort(squared)[:10]
        weights = np.exp(-squared[near] / (2 * 5.0**2))
        total[near] += weights / weights.sum()
    return total / total.sum()


def statistics(count=1, *, bin=7, saturation=0.5):
    """Both given, of pictures of one colour."""
    histogram = torch.zeros(count, NUM_BINS)
    histogram[:, bin] = 1
    return GlobalHints(histogram, torch.full((count,), saturation), torch.ones(count), torch.ones(count))


def as_batch(lab):
    return torch.from_numpy(lab).permute(2, 0, 1)[None]


# --- histogram and saturation ------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(40, 64), (37, 51), (6, 9), (3, 2), (1, 1), (1, 30)])
def test_the_histogram_is_that_of_the_definition(shape):
    draw = np.random.default_rng(5)
    ab = draw.normal(0, 40, (3, *shape, 2)).clip(-105, 105)
    found = ab_histogram(torch.from_numpy(ab).permute(0, 3, 1, 2).float(), AbBins())
    assert found.shape == (3, NUM_BINS)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    for mine, picture in zip(found.numpy(), ab, strict=True):
        np.testing.assert_allclose(mine, histogram_plainly(picture), atol=2e-5)


def test_the_quarter_looks_at_the_middle_of_every_four_pixels():
    """Two blocks of 4 x 4, grey and red but for their borders: no border is seen."""
    ab = torch.full((1, 2, 4, 8), -50.0)
    ab[:, :, 1:3, 1:3], ab[:, :, 1:3, 5:7] = 0.0, torch.tensor([60.0, 40.0]).view(2, 1, 1)
    expected = AbBins().encode(torch.tensor([[0.0, 60.0], [0.0, 40.0]])[None, :, None])  # (1, 313, 1, 2)
    torch.testing.assert_close(ab_histogram(ab, AbBins())[0], expected.mean((0, 2, 3)))


@pytest.mark.parametrize("name", ["coffee", "astronaut"])
def test_a_photographs_statistics_are_those_of_the_definition(name):
    rgb = getattr(data, name)()[::9, ::7]
    rgb = np.concatenate([rgb, np.zeros_like(rgb[:4])])  # black has no saturation
    lab = rgb_to_lab(rgb.astype(np.float64) / 255)
    told = GlobalHints.of_pictures(as_batch(lab).float())
    np.testing.assert_allclose(told.histogram[0], histogram_plainly(lab[..., 1:]), atol=2e-5)
    expected = rgb_to_hsv(rgb / 255)[..., 1].mean()
    assert 0.2 < expected < 0.8
    assert told.saturation.item() == pytest.approx(expected, abs=1e-5)
    assert told.histogram_given.tolist() == told.saturation_given.tolist() == [1]


@pytest.mark.filterwarnings("ignore:.*negative Z values")  # scikit-image says so of colours that do not exist
def test_colours_that_srgb_lacks_are_as_saturated_as_their_clipped_ones():
    lab = np.array([[[50.0, 100, -100], [80, -90, 90], [20, 0, -90], [95, 60, 60]]])
    expected = rgb_to_hsv(lab2rgb(lab).clip(0, 1))[..., 1].mean()
    assert GlobalHints.of_pictures(as_batch(lab).float()).saturation.item() == pytest.approx(
        expected, abs=1e-4
    )


def test_a_grey_picture_has_a_grey_histogram_and_no_saturation():
    lab = torch.zeros(2, 3, 9, 9)
    lab[:, 0] = torch.rand(2, 9, 9) * 100
    told = GlobalHints.of_pictures(lab)
    grey = AbBins().encode(torch.zeros(1, 2, 1, 1))[0, :, 0, 0]
    torch.testing.assert_close(told.histogram, grey.expand(2, -1))
    assert told.saturation.abs().max() < 1e-4


def test_pictures_of_a_batch_do_not_mix():
    lab = torch.stack(
        [as_batch(rgb_to_lab(rgb[:80:2, :80:2]))[0] for rgb in (data.coffee(), data.astronaut())]
    )
    both = GlobalHints.of_pictures(lab)
    for n in range(2):
        alone = GlobalHints.of_pictures(lab[n : n + 1])
        torch.testing.assert_close(both.histogram[n : n + 1], alone.histogram)
        torch.testing.assert_close(both.saturation[n : n + 1], alone.saturation)


# --- the value ---------------------------------------------------------------------------------------------


def test_the_vector_is_the_papers_and_hides_what_is_not_given():
    told = statistics()
    full = told.vector()
    assert full.shape == (1, 316)
    assert full[0].nonzero().flatten().tolist() == [7, 313, 314, 315]
    assert full[0, 314] == 0.5
    assert told.given(histogram=False, saturation=False).vector().eq(0).all()
    only = told.given(histogram=False, saturation=True).vector()
    assert only[0].nonzero().flatten().tolist() == [314, 315]
    half = told.given(histogram=torch.tensor(0.5), saturation=False).vector()
    assert half[0, [7, 313, 314, 315]].tolist() == [0.5, 0.5, 0, 0]


def test_each_picture_is_given_its_own():
    told = statistics(3).given(
        histogram=torch.tensor([True, False, True]), saturation=torch.tensor([0.0, 0.25, 1.0])
    )
    assert told.histogram_given.tolist() == [1, 0, 1]
    assert told.saturation_given.tolist() == [0, 0.25, 1]
    assert told.histogram_given.dtype == told.saturation.dtype
    assert torch.equal(told.histogram, statistics(3).histogram)
    assert len(told) == 3


def test_equal_is_who_asks_for_the_same():
    told = statistics()
    assert told.equals(statistics())
    for other in (
        statistics(bin=8),
        statistics(saturation=0.6),
        told.given(histogram=True, saturation=False),
        told.given(histogram=torch.tensor(0.9), saturation=True),
        statistics(2),
    ):
        assert not told.equals(other)


def test_another_device_takes_everything_along():
    there = statistics().to("meta")
    assert {value.device.type for value in vars(there).values()} == {"meta"}
    assert statistics().to("cpu").equals(statistics())


@pytest.mark.parametrize(
    ("name", "shape"),
    [("histogram", (2, 312)), ("histogram", (2, 313, 1)), ("saturation", (1,)), ("saturation", (2, 1)),
     ("histogram_given", ()), ("saturation_given", (3,))],
)  # fmt: skip
def test_other_shapes_are_refused(name, shape):
    fields = {**vars(statistics(2)), name: torch.zeros(shape)}
    with pytest.raises(ValueError, match=r"expected global hints of shapes \[\(2, 313\), \(2,\), .*got"):
        GlobalHints(**fields)
