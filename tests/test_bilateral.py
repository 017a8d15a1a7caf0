"""The fast bilateral solver against an independent dense solution and cases whose answer is known."""

import numpy as np
import torch
from scenes import only, photo, random_hints

from ipycolorize.baselines.bilateral import Bilateral, bilateral_grid, bistochastic
from ipycolorize.hint_batch import HintBatch

SHAPE = (13, 17)
SIGMAS = {"sigma_xy": 4.0, "sigma_l": 32.0}


def solved(lightness, hints, network=None):
    network = network or Bilateral(**SIGMAS)
    return network.decode(network.encode(lightness), hints).ab


def cells_by_hand(lightness, *, sigma_xy, sigma_l):
    """Each pixel's cell as a triple of integers."""
    height, width = lightness.shape
    return [
        (int(r // sigma_xy), int(c // sigma_xy), int(lightness[r, c] * 2.55 // sigma_l))
        for r in range(height)
        for c in range(width)
    ]


def dense(lightness, known, raster, smoothness):
    """The normal equations written out for all pixels and cells, solved by numpy."""
    of_pixel = cells_by_hand(lightness, **SIGMAS)
    cells = sorted(set(of_pixel))
    splat = np.array([[cell == own for own in of_pixel] for cell in cells], dtype=float)  # (V, H W)
    apart = np.abs(np.array(cells)[:, None] - np.array(cells)[None]).sum(-1)
    blur = np.where(apart == 1, 1.0, 0.0) + 6 * np.eye(len(cells))
    mass, scale = splat.sum(1), np.ones(len(cells))
    for _ in range(10):
        scale = np.sqrt(scale * mass / (blur @ scale))
    affinity = scale[:, None] * blur * scale
    smooth = np.diag(affinity.sum(1)) - affinity
    trust = splat @ known.ravel()
    told = splat @ (raster * known).reshape(2, -1).T
    return (splat.T @ np.linalg.solve(smoothness * smooth + np.diag(trust), told)).T.reshape(raster.shape)


def test_equals_a_dense_solution_of_the_normal_equations():
    lightness, hints = photo(*SHAPE), random_hints(*SHAPE, points=4)
    known, raster = hints.mask[0, 0].double().numpy(), hints.raster[0].double().numpy()
    for smoothness in (1.0, 30.0):
        wanted = dense(lightness[0, 0].double().numpy(), known, raster, smoothness)
        network = Bilateral(**SIGMAS, smoothness=smoothness)
        found = network._spread(network.encode(lightness).each[0], known > 0, raster)
        assert np.abs(wanted).max() > 10
        np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_pixels_share_a_cell_where_place_and_lightness_agree():
    lightness = photo(*SHAPE)[0, 0].double().numpy()
    ours = bilateral_grid(lightness, **SIGMAS).of_pixel
    theirs = cells_by_hand(lightness, **SIGMAS)
    assert len(set(ours)) == len(set(theirs)) == len(set(zip(ours, theirs, strict=True)))


def test_the_blur_becomes_bistochastic():
    lightness = photo(60, 60)[0, 0].double().numpy()
    grid = bilateral_grid(lightness, sigma_xy=4, sigma_l=16)
    size = np.bincount(grid.of_pixel).astype(float)
    np.testing.assert_allclose(grid.smooth.sum(axis=1), 0, atol=1e-9)  # what a cell gives it gets back
    assert abs(grid.smooth - grid.smooth.T).max() < 1e-12
    blur = (grid.smooth != 0).astype(float).tolil()
    blur.setdiag(6)
    scale, mass = bistochastic(blur.tocsr(), size)
    np.testing.assert_allclose(scale * (blur @ scale), mass)
    np.testing.assert_allclose(mass, size, rtol=0.05)


def test_one_hint_colours_an_even_picture():
    hints = random_hints(40, 50, points=1)
    shown = solved(torch.full((1, 1, 40, 50), 40.0), hints, Bilateral())
    assert (shown - hints.ab[0, 0][:, None, None]).abs().max() < 1e-3


def test_each_side_of_a_step_takes_its_own_hint_and_what_nothing_reaches_stays_grey():
    lightness = torch.full((1, 1, 24, 30), 20.0)
    lightness[..., 10:20], lightness[..., 20:] = 80.0, 50.0
    ab = torch.tensor([[[40.0, -10.0], [-30.0, 50.0]]])
    row, col, size = torch.tensor([[5.0, 18.0]]), torch.tensor([[4.0, 15.0]]), torch.full((1, 2), 3.0)
    hints = HintBatch.of_points(row, col, size, ab, torch.ones(1, 2), shape=(24, 30))
    shown = solved(lightness, hints, Bilateral())[0]
    wanted = (ab[0, 0], ab[0, 1], torch.zeros(2))
    for colour, part in zip(wanted, shown.split(10, dim=2), strict=True):
        assert (part - colour[:, None, None]).abs().max() < 1e-3


def test_more_smoothness_gives_in_to_the_neighbours():
    lightness, hints = photo(*SHAPE), random_hints(*SHAPE, points=6)
    known, raster = hints.mask[0, 0].numpy() > 0, hints.raster[0].double().numpy()

    def apart(smoothness):
        network = Bilateral(**SIGMAS, smoothness=smoothness)
        found = network._spread(network.encode(lightness).each[0], known, raster)
        return np.abs(found - raster)[:, known].mean()

    assert apart(0.01) < apart(1) < apart(100)


def test_revealed_pixels_are_exact_and_without_hints_all_is_grey():
    lightness, hints = photo(*SHAPE), random_hints(*SHAPE, points=6)
    assert torch.equal(solved(lightness, hints) * hints.mask, hints.raster)
    assert not solved(lightness, HintBatch.empty(shape=SHAPE)).any()
    everything = HintBatch.revealed(torch.randn(1, 2, *SHAPE) * 30)
    assert torch.equal(solved(lightness, everything), everything.raster)


def test_hints_of_weight_0_count_as_none():
    hints = random_hints(*SHAPE, points=2, weight=[0.0, 0.0])
    assert not solved(photo(*SHAPE), hints).any()


def test_a_batch_equals_one_by_one_and_one_photograph_serves_many_hints():
    photographs, hints = photo(*SHAPE, count=2), random_hints(*SHAPE, points=3, count=2)
    together = solved(photographs, hints)
    for n in range(2):
        assert torch.equal(together[n : n + 1], solved(photographs[n : n + 1], only(hints, n)))
    assert torch.equal(solved(photographs[:1], hints)[1:], solved(photographs[:1], only(hints, 1)))


def test_remembers_its_settings():
    network = Bilateral(sigma_xy=6.0, smoothness=4.0)
    assert Bilateral(**network.config).config == {"sigma_xy": 6.0, "sigma_l": 4.0, "smoothness": 4.0}
