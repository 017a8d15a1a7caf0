"""The gamut of sRGB, checked by brute force with scikit-image, and the 313 bins, against plain numpy."""

import warnings

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab

from ipycolorize import gamut, gamut_mapping
from ipycolorize.color import lab_to_rgb
from ipycolorize.gamut import NUM_BINS, AbBins, in_gamut, screen_rgb, to_gamut

# Zhang et al. 2016: for a = -90, -80 .. 100 the number of bins and the first b.
COUNTS = (5, 8, 10, 12, 14, 15, 16, 16, 17, 18, 18, 18, 19, 20, 19, 20, 20, 19, 19, 10)
FIRST_B = (
    50,
    20,
    0,
    -20,
    -30,
    -40,
    -50,
    -50,
    -60,
    -70,
    -80,
    -80,
    -90,
    -100,
    -100,
    -110,
    -110,
    -110,
    -110,
    -90,
)
CENTERS = np.array(
    [
        (-90 + 10 * i, b + 10 * j)
        for i, (n, b) in enumerate(zip(COUNTS, FIRST_B, strict=True))
        for j in range(n)
    ],
    float,
)


def random_lab(count, *, seed=0, reach=110):
    """(count, 3) float64: about a quarter of them can be shown."""
    draw = np.random.default_rng(seed).uniform(-1, 1, (count, 3))
    return draw * [50, reach, reach] + [50, 0, 0]


def plane(lab):
    """(M, 3) array to (3, M, 1) float32 tensor."""
    return torch.from_numpy(lab.T[..., None].astype(np.float32))


def shift_by_clipping(lab):
    """How far scikit-image's clipping in RGB moves each colour: 0 inside the gamut."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says so when it clips Z
        return np.abs(rgb2lab(lab2rgb(lab)) - lab).max(-1)


def hue_and_chroma(lab):
    return torch.atan2(lab[2], lab[1]), torch.hypot(lab[1], lab[2])


# --- the gamut ---------------------------------------------------------------------------------------------


def test_in_gamut_equals_what_clipping_leaves_alone():
    lab = random_lab(20_000)
    moved = shift_by_clipping(lab)
    sure = (moved < 0.01) | (moved > 1)  # between them lies the border itself
    inside = in_gamut(plane(lab))[:, 0].numpy()
    assert 0.1 < inside.mean() < 0.9
    assert np.array_equal(inside[sure], (moved < 0.01)[sure])
    assert sure.mean() > 0.95


def test_every_colour_of_srgb_is_in_gamut():
    cube = np.stack(np.meshgrid(*3 * [np.linspace(0, 1, 18)], indexing="ij"), -1).reshape(-1, 3)
    assert in_gamut(plane(rgb2lab(cube))).all()


def test_what_srgb_lacks_ends_inside_and_at_the_border():
    lab = plane(random_lab(5000, seed=1))
    shown = to_gamut(lab)
    assert in_gamut(shown).all()
    outside = ~in_gamut(lab)[:, 0]
    assert outside.sum() > 2500
    chroma, wanted = (hue_and_chroma(colours[:, outside])[1] for colours in (shown, lab))
    assert (chroma <= wanted + 1e-3).all()
    # a little more chroma would be outside, or more than was asked for: nothing is given up without need
    more = shown[:, outside].clone()
    more[1:] *= 1 + 0.3 / chroma.clamp(min=0.3)
    at_border, as_asked = ~in_gamut(more), chroma > wanted - 0.1
    assert (at_border | as_asked).double().mean() > 0.995


def test_only_what_cannot_be_shown_changes_and_lightness_never():
    lab = plane(random_lab(4000, seed=2)).view(3, 80, 50)
    before = lab.clone()
    inside = in_gamut(lab)
    out = to_gamut(lab)
    assert torch.equal(lab, before)  # its argument stays
    assert torch.equal(out[:, inside], lab[:, inside])
    assert torch.equal(out[0], lab[0])
    assert (out[1:, ~inside] != lab[1:, ~inside]).any(0).all()
    torch.testing.assert_close(screen_rgb(lab), lab_to_rgb(out), atol=1e-5, rtol=0)


def test_greys_and_every_colour_of_a_photograph_stay(china):
    grey = torch.stack([torch.linspace(0, 100, 101), torch.zeros(101), torch.zeros(101)])[..., None]
    photo = torch.from_numpy(rgb2lab(china[::8, ::8]).astype(np.float32)).permute(2, 0, 1)
    for lab in (grey, photo):
        assert in_gamut(lab).all()
        assert torch.equal(to_gamut(lab), lab)


def test_a_colour_does_not_depend_on_those_beside_it_nor_on_their_layout():
    lab = plane(random_lab(60, seed=4))
    together = to_gamut(lab)
    alone = torch.cat([to_gamut(lab[:, i : i + 1]) for i in range(60)], dim=1)
    torch.testing.assert_close(together, alone, atol=1e-3, rtol=0)
    batch = torch.stack([lab, lab.flip(1)]).view(2, 3, 6, 10)
    torch.testing.assert_close(to_gamut(batch)[0].flatten(1), together[..., 0], atol=1e-3, rtol=0)
    torch.testing.assert_close(to_gamut(batch)[1].flatten(1).flip(1), together[..., 0], atol=1e-3, rtol=0)
    torch.testing.assert_close(to_gamut(lab.double()).float(), together, atol=0.05, rtol=0)


def test_more_colours_than_are_mapped_at_a_time(monkeypatch):
    lab = plane(random_lab(300, seed=5))
    whole = to_gamut(lab)
    monkeypatch.setattr(gamut_mapping, "CHUNK", 7)
    torch.testing.assert_close(to_gamut(lab), whole, atol=1e-3, rtol=0)


@pytest.mark.parametrize("lightness", [0.0, 0.01, 50.0, 99.99, 100.0])
def test_colours_that_no_screen_and_no_eye_knows(lightness):
    far = torch.tensor([[lightness] * 5, [1e4, -1e4, 1e30, 0.0, -300.0], [1e4, 0.0, -1e30, 1e6, -300.0]])
    shown = to_gamut(far[..., None])
    assert torch.isfinite(shown).all()
    assert in_gamut(shown).all()
    assert torch.equal(shown[0, :, 0], far[0])


def test_a_colour_that_is_no_number_disturbs_no_other():
    lab = plane(random_lab(50, seed=6))
    broken = torch.cat([lab, torch.tensor([50.0, torch.nan, 20.0]).view(3, 1, 1)], dim=1)
    torch.testing.assert_close(to_gamut(broken)[:, :-1], to_gamut(lab), atol=1e-3, rtol=0)


# --- the bins ----------------------------------------------------------------------------------------------


def test_bins_are_the_published_313_in_order():
    assert NUM_BINS == len(CENTERS) == 313
    assert np.array_equal(AbBins().centers.numpy(), CENTERS)
    assert CENTERS[0].tolist() == [-90, 50]
    assert CENTERS[-1].tolist() == [100, 0]
    assert len(np.unique(CENTERS, axis=0)) == 313


def encode_plainly(ab, *, neighbours=10, sigma=5.0):
    """(M, 2) -> (M, 313), in float64, one colour at a time."""
    out = np.zeros((len(ab), 313))
    for row, colour in zip(out, ab.astype(np.float64), strict=True):
        squared = ((CENTERS - colour) ** 2).sum(1)
        near = np.argsort(squared)[:neighbours]
        share = np.exp(-squared[near] / (2 * sigma**2))
        row[near] = share / share.sum()
    return out


def colours(count, seed=0):
    """ab of real colours, no two bins at the same distance."""
    rgb = np.random.default_rng(seed).random((count, 3))
    return rgb2lab(rgb)[:, 1:].astype(np.float32)


def test_soft_encoding_equals_numpy():
    ab = colours(500)
    weights, index = AbBins().encode_sparse(torch.from_numpy(ab))
    assert weights.shape == index.shape == (500, 10)
    dense = np.zeros((500, 313))
    np.put_along_axis(dense, index.numpy(), weights.numpy(), 1)
    np.testing.assert_allclose(dense, encode_plainly(ab), atol=2e-4)


@pytest.mark.parametrize(("neighbours", "sigma"), [(5, 5.0), (10, 2.0)])
def test_soft_encoding_follows_its_arguments(neighbours, sigma):
    ab = colours(50, seed=1)
    image = torch.from_numpy(ab.T.reshape(1, 2, 5, 10).copy())
    dense = AbBins().encode(image, neighbours=neighbours, sigma=sigma)
    assert dense.shape == (1, 313, 5, 10)
    expected = encode_plainly(ab, neighbours=neighbours, sigma=sigma)
    np.testing.assert_allclose(dense[0].flatten(1).T.numpy(), expected, atol=5e-4)
    torch.testing.assert_close(dense.sum(1), torch.ones(1, 5, 10))


def test_encoding_keeps_pictures_and_places_apart():
    ab = torch.from_numpy(colours(24, seed=2)).view(2, 3, 4, 2).permute(0, 3, 1, 2)
    bins = AbBins()
    whole = bins.encode(ab)
    torch.testing.assert_close(whole[1, :, 2, 3], bins.encode(ab[1:, :, 2:, 3:])[0, :, 0, 0])


def test_mean_of_the_encoding_is_the_colour():
    ab = torch.from_numpy(colours(400, seed=3).T.reshape(1, 2, 20, 20).copy())
    bins = AbBins()
    error = (bins.mean(bins.encode(ab)) - ab).norm(dim=1)
    assert error.mean() < 0.6  # a Gaussian of 5 over a grid of 10; at the border of the bins it is cut
    assert error.max() < 8


def two_bins(*, first, second, share):
    """(1, 313, 1, 1) with `share` on one bin and the rest on the other."""
    probabilities = torch.zeros(1, 313, 1, 1)
    probabilities[0, int(np.flatnonzero((first == CENTERS).all(1))[0])] = share
    probabilities[0, int(np.flatnonzero((second == CENTERS).all(1))[0])] = 1 - share
    return probabilities


@pytest.mark.parametrize("temperature", [1.0, 0.38, 0.1])
def test_annealed_mean_sharpens_between_mean_and_mode(temperature):
    probabilities = two_bins(first=(0, 0), second=(60, 40), share=0.4)
    sharp = 0.6 ** (1 / temperature) / (0.6 ** (1 / temperature) + 0.4 ** (1 / temperature))
    found = AbBins().annealed_mean(probabilities, temperature=temperature).flatten()
    torch.testing.assert_close(found, sharp * torch.tensor([60.0, 40.0]), atol=0.01, rtol=0)


def test_mean_annealed_mean_and_mode_of_one_distribution():
    bins = AbBins()
    probabilities = two_bins(first=(0, 0), second=(60, 40), share=0.4)
    mean, annealed, mode = (
        decode(probabilities).flatten() for decode in (bins.mean, bins.annealed_mean, bins.mode)
    )
    assert mean.tolist() == pytest.approx([36, 24])
    assert mode.tolist() == [60, 40]
    assert mean[0] < annealed[0] < mode[0]
    certain = two_bins(first=(10, -80), second=(0, 0), share=1.0)
    for decode in (bins.mean, bins.annealed_mean, bins.mode):
        assert decode(certain).flatten().tolist() == pytest.approx([10, -80], abs=1e-3)


def test_modes_keep_their_place_in_the_picture():
    probabilities = torch.zeros(2, 313, 2, 3)
    probabilities[:, 0] = 0.1
    probabilities[1, 312, 0, 2] = 0.9
    found = AbBins().mode(probabilities)
    assert found.shape == (2, 2, 2, 3)
    assert found[1, :, 0, 2].tolist() == [100, 0]
    assert (found == torch.tensor([100.0, 0.0]).view(1, 2, 1, 1)).all(1).sum() == 1


def test_bins_first_seen_without_gradients_serve_training():
    gamut._bin_centers.cache_clear()
    with torch.inference_mode():
        AbBins()
    probabilities = torch.full((1, 313, 1, 1), 1 / 313, requires_grad=True)
    AbBins().mean(probabilities).sum().backward()
    assert probabilities.grad is not None
