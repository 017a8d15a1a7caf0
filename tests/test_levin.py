"""Levin's colorization against an independent dense solution and cases whose answer is known."""

import numpy as np
import pytest
import torch
from scenes import only, photo, random_hints

from ipycolorize.baselines.levin import Levin, affinities, nested_dissection
from ipycolorize.hint_batch import HintBatch
from ipycolorize.protocol import psnr_of

SHAPE = (13, 17)


def solved(lightness, hints, network=None):
    network = network or Levin()
    return network.decode(network.encode(lightness), hints).ab


def weights_by_hand(lightness, row, col):
    """The authors' own loop: neighbours of one pixel and their weights."""
    plane = lightness / 100
    height, width = plane.shape
    near = [
        (r, c)
        for r in range(max(row - 1, 0), min(row + 2, height))
        for c in range(max(col - 1, 0), min(col + 2, width))
        if (r, c) != (row, col)
    ]
    values = np.array([plane[place] for place in near])
    spread = 0.6 * np.var([*values, plane[row, col]])
    apart = (values - plane[row, col]) ** 2
    spread = max(spread, apart.min() / -np.log(0.01), 2e-6)
    weights = np.exp(-apart / spread)
    return near, weights / weights.sum()


def dense(lightness, known, raster):
    """Every pixel by its own equation, solved by numpy."""
    height, width = lightness.shape
    matrix, right = np.eye(height * width), np.zeros((height * width, 2))
    for row in range(height):
        for col in range(width):
            if known[row, col]:
                right[row * width + col] = raster[:, row, col]
                continue
            for (r, c), weight in zip(*weights_by_hand(lightness, row, col), strict=True):
                matrix[row * width + col, r * width + c] = -weight
    return np.linalg.solve(matrix, right).T.reshape(2, height, width)


def test_equals_a_dense_solution_of_the_published_equations():
    lightness, hints = photo(*SHAPE), random_hints(*SHAPE, points=4)
    wanted = dense(lightness[0, 0].double().numpy(), hints.mask[0, 0].numpy() > 0, hints.raster[0].numpy())
    assert np.abs(wanted).max() > 20
    np.testing.assert_allclose(solved(lightness, hints)[0].numpy(), wanted, atol=1e-3)


def test_on_even_lightness_colours_are_the_mean_of_their_eight_neighbours():
    hints = random_hints(*SHAPE, points=3)
    ab = solved(torch.full((1, 1, *SHAPE), 40.0), hints)[0].double().numpy()
    unknown = (hints.mask[0, 0].numpy() == 0)[1:-1, 1:-1]
    around = sum(np.roll(ab, (r, c), (1, 2)) for r in (-1, 0, 1) for c in (-1, 0, 1)) - ab
    np.testing.assert_allclose(
        (around / 8)[:, 1:-1, 1:-1][:, unknown], ab[:, 1:-1, 1:-1][:, unknown], atol=1e-4
    )


def test_each_side_of_a_step_takes_its_own_hint():
    lightness = torch.full((1, 1, 24, 30), 20.0)
    lightness[..., 15:] = 80.0
    ab = torch.tensor([[[40.0, -10.0], [-30.0, 50.0]]])
    row, col, size = torch.tensor([[5.0, 18.0]]), torch.tensor([[4.0, 25.0]]), torch.full((1, 2), 3.0)
    hints = HintBatch.of_points(row, col, size, ab, torch.ones(1, 2), shape=(24, 30))
    found = solved(lightness, hints)[0]
    for colour, side in zip(ab[0], (found[:, :, :15], found[:, :, 15:]), strict=True):
        assert (side - colour[:, None, None]).abs().max() < 1  # of some 90 between the two


def test_rows_of_the_affinities_sum_to_one_and_are_as_published():
    lightness = photo(9, 11)[0, 0].double().numpy()
    weights = affinities(lightness)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    for row, col in ((0, 0), (4, 10), (5, 5)):
        near, wanted = weights_by_hand(lightness, row, col)
        got = [weights[row * 11 + col, r * 11 + c] for r, c in near]
        np.testing.assert_allclose(got, wanted, rtol=1e-9)
        assert weights[row * 11 + col].nnz == len(near)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (16, 16), (13, 30)])
def test_the_order_of_elimination_has_every_pixel_once(shape):
    assert sorted(nested_dissection(*shape)) == list(range(shape[0] * shape[1]))


def test_extreme_contrast_keeps_colours_between_those_of_the_hints():
    noise = (torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(3)) > 0.5).float() * 100
    hints = random_hints(40, 40, points=5)
    ab = solved(noise, hints)
    lowest, highest = hints.ab.amin(1)[..., None, None], hints.ab.amax(1)[..., None, None]
    assert ((ab >= lowest - 1e-3) & (ab <= highest + 1e-3)).all()


def test_everything_revealed_is_exact(small):
    from ipycolorize.color import rgb_to_lab

    image = torch.from_numpy(small).permute(2, 0, 1)[None]
    lab = rgb_to_lab(image)
    hints = HintBatch.revealed(lab[:, 1:])
    shown = solved(lab[:, :1], hints)
    assert torch.equal(shown, lab[:, 1:])
    assert psnr_of(lab[:, :1], shown, image) > 60


def test_revealed_pixels_are_exact_and_without_hints_all_is_grey():
    hints = random_hints(*SHAPE, points=6)
    shown = solved(photo(*SHAPE), hints)
    assert torch.equal(shown * hints.mask, hints.raster)
    assert not solved(photo(*SHAPE, count=2), HintBatch.empty(shape=SHAPE, count=2)).any()


def test_hints_of_weight_0_count_as_none():
    lightness = photo(*SHAPE)
    two = random_hints(*SHAPE, points=2, weight=[1.0, 0.0])
    assert torch.equal(solved(lightness, two), solved(lightness, two.of_points(
        *(value[:, :1] for value in (two.row, two.col, two.size, two.ab, two.weight)), shape=SHAPE
    )))  # fmt: skip
    assert not solved(lightness, random_hints(*SHAPE, points=2, weight=[0.0, 0.0])).any()


def test_a_batch_equals_one_by_one_and_one_photograph_serves_many_hints():
    network = Levin()
    photographs, hints = photo(*SHAPE, count=3), random_hints(*SHAPE, points=3, count=3)
    together = solved(photographs, hints, network)
    for n in range(3):
        assert torch.equal(together[n : n + 1], solved(photographs[n : n + 1], only(hints, n), network))
    first = network.decode(network.encode(photographs[:1]), hints).ab
    assert torch.equal(first[2:], solved(photographs[:1], only(hints, 2), network))


def test_knows_no_distribution():
    network = Levin()
    prediction = network.decode(network.encode(photo(*SHAPE)), random_hints(*SHAPE, points=1, count=2))
    assert prediction.logits.shape == (2, 313, 1, 1)
    assert not prediction.logits.any()


def test_refuses_other_grids_numbers_and_statistics():
    network = Levin()
    features = network.encode(photo(*SHAPE, count=2))
    with pytest.raises(ValueError, match=r"a grid of \(13, 17\), got \(5, 5\)"):
        network.decode(features, HintBatch.empty(shape=(5, 5), count=2))
    with pytest.raises(ValueError, match="hints of 2 photographs, got 3"):
        network.decode(features, HintBatch.empty(shape=SHAPE, count=3))
    with pytest.raises(ValueError, match="levin reads points only"):
        network.decode(features, HintBatch.empty(shape=SHAPE, count=2), global_hints=object())


def test_works_in_inference_mode_and_in_single_precision():
    with torch.inference_mode():
        shown = solved(photo(*SHAPE), random_hints(*SHAPE, points=2))
    assert shown.dtype == torch.float32
    assert torch.equal(shown, solved(photo(*SHAPE), random_hints(*SHAPE, points=2)))
