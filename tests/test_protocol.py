"""Points and where they go, beside plain loops."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor

from ipycolorize.baselines.gray import Gray
from ipycolorize.color import lab_to_rgb, rgb_to_lab, to_uint8
from ipycolorize.hint_batch import HintBatch
from ipycolorize.metrics import psnr
from ipycolorize.models.base import Prediction
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.protocol import (
    answers,
    named_points,
    psnr_by_count,
    square,
    uncertain_points,
    worst_points,
)


class Copy(Gray):
    """Shows exactly what was revealed, and grey elsewhere; remembers what it was asked."""

    reads_points = True

    def __init__(self) -> None:
        super().__init__()
        self.encoded, self.asked = 0, []

    def encode(self, lightness: Tensor) -> Tensor:
        self.encoded += 1
        return lightness

    def decode(self, features: Tensor, hints: HintBatch) -> Prediction:
        self.asked.append(hints)
        return Prediction(hints.raster, lambda: torch.zeros(len(features), 313, 1, 1))


def photographs(size: int) -> Tensor:
    return torch.stack([square(image, size) for image in load_sample_images().images])


def worst_by_loops(shown: np.ndarray, truth: np.ndarray, free: np.ndarray) -> tuple[int, int]:
    """The centre with the largest mean error over 25 x 25; everything ``(H, W)`` or ``(2, H, W)``."""
    error = np.sqrt(((shown - truth) ** 2).sum(0))
    height, width = error.shape
    best, place = -1.0, (-1, -1)
    for row in range(height):
        for col in range(width):
            window = error[max(0, row - 12) : row + 13, max(0, col - 12) : col + 13]
            if free[row, col] and window.mean() > best:
                best, place = window.mean(), (row, col)
    return place


@pytest.mark.parametrize("shape", [(40, 52), (9, 30)])
def test_worst_points_equal_loops(shape: tuple[int, int]) -> None:
    shown, truth = torch.randn(2, 3, 2, *shape, dtype=torch.float64) * 20
    revealed = (torch.rand(3, 1, *shape) < 0.3).double()
    row, col = worst_points(shown, truth, revealed)
    for index in range(3):
        free = revealed[index, 0].numpy() == 0
        expected = worst_by_loops(shown[index].numpy(), truth[index].numpy(), free)
        assert (int(row[index]), int(col[index])) == expected


def test_worst_point_is_in_the_coloured_corner() -> None:
    truth = torch.zeros(1, 2, 60, 60)
    truth[..., 40:, :15] = 30
    row, col = worst_points(torch.zeros_like(truth), truth, torch.zeros(1, 1, 60, 60))
    assert row >= 45
    assert col <= 8  # windows at the border average what lies inside the picture: the corner loses nothing


def test_each_point_is_where_the_prediction_before_it_was_worst() -> None:
    images, network = photographs(40), Copy()
    scores = psnr_by_count(network, images, counts=(0, 3), reveal="max-error", patch=5)
    lab = rgb_to_lab(images).double()
    assert network.encoded == 1
    assert [hints.row.shape[1] for hints in network.asked] == [0, 1, 2, 3]
    last = network.asked[-1]
    for index in range(2):
        shown, free = np.zeros((2, 40, 40)), np.ones((40, 40), bool)
        truth = lab[index, 1:].numpy()
        for number in range(3):
            row, col = worst_by_loops(shown, truth, free)
            assert (row, col) == (int(last.row[index, number]), int(last.col[index, number]))
            patch = np.s_[max(0, row - 2) : row + 3, max(0, col - 2) : col + 3]
            shown[:, *patch] = truth[:, *patch].mean((1, 2), keepdims=True)
            free[patch] = False
        picture = torch.cat([lab[index, :1], torch.from_numpy(shown)])[None]
        expected = psnr(to_uint8(lab_to_rgb(picture)), images[index : index + 1], data_range=255)
        assert scores["3"][index].item() == pytest.approx(expected.item(), abs=1e-3)


def test_without_points_every_protocol_is_the_automatic_result() -> None:
    images = photographs(32)
    for reveal in ("max-error", "entropy"):
        found = psnr_by_count(Copy(), images, counts=(0,), reveal=reveal)
        assert torch.equal(found["0"], psnr_by_count(Copy(), images, counts=(0,))["0"])
        assert psnr_by_count(Copy(), images, counts=(), reveal=reveal) == {}


@pytest.mark.parametrize("reveal", ["random", "max-error", "entropy"])
def test_scores_come_in_the_order_asked(reveal: str) -> None:
    images = photographs(32)
    scores = psnr_by_count(Copy(), images, counts=(4, 0, 2), reveal=reveal, everything=True)
    assert list(scores) == ["4", "0", "2", "all"]
    for name, count in (("4", 4), ("2", 2)):
        (alone,) = answers(Copy(), images, counts=(count,), reveal=reveal)
        expected = psnr(
            to_uint8(lab_to_rgb(torch.cat([alone.lightness, alone.ab], 1))), images, data_range=255
        )
        torch.testing.assert_close(scores[name], expected)


def test_worst_places_teach_more_than_random_ones() -> None:
    images = photographs(96)
    random = psnr_by_count(Copy(), images, counts=(60,))["60"]
    assert (psnr_by_count(Copy(), images, counts=(60,), reveal="max-error")["60"] > random).all()


def test_points_are_decided_by_seed_and_name_alone() -> None:
    names = ["a/1.jpg", "a/2.jpg", "b/1.jpg"]
    row, col = named_points(names, 9, shape=(40, 60), seed=3)
    assert row.shape == col.shape == (3, 9)
    for index, name in enumerate(names):  # whoever is beside it, however many points follow
        fewer = named_points([name, "else"], 4, shape=(40, 60), seed=3)
        assert torch.equal(fewer[0][0], row[index, :4])
        assert torch.equal(fewer[1][0], col[index, :4])
    for other in (
        named_points(names, 9, shape=(40, 60), seed=4),
        named_points(["x", "y", "z"], 9, shape=(40, 60), seed=3),
    ):
        assert not (other[0] == row).all(dim=1).any()
    twice = named_points(names, 9, shape=(80, 120), seed=3)
    assert torch.equal(twice[0] // 2, row)
    assert torch.equal(twice[1] // 2, col)


def test_named_points_are_uniform() -> None:
    row, col = named_points([str(number) for number in range(40)], 500, shape=(4, 5), seed=0)
    shares = torch.bincount((row * 5 + col).flatten(), minlength=20) / row.numel()
    torch.testing.assert_close(shares, torch.full((20,), 0.05), atol=0.006, rtol=0)  # 4 standard deviations


def test_fewer_random_points_are_the_first_of_more() -> None:
    few, many = answers(Copy(), photographs(32), counts=(9, 4), names=["one", "two"], seed=5)
    assert (few.count, many.count) == (4, 9)
    assert torch.equal(few.hints.row, many.hints.row[:, :4])
    assert torch.equal(few.hints.ab, many.hints.ab[:, :4])
    assert bool((many.hints.mask >= few.hints.mask).all())


def test_entropy_prefers_the_broadest_distribution_that_is_free() -> None:
    logits = torch.zeros(1, 313, 15, 15)  # a grid of 4 x 4 pixels
    logits[:, 7] = 30.0  # certain everywhere
    logits[:, 7, 10:, :5] = 0.0  # but for a corner
    revealed = torch.zeros(1, 1, 60, 60)
    row, col = uncertain_points(logits, revealed)
    assert row >= 47
    assert col <= 12
    revealed[..., 30:, :30] = 1
    row, col = uncertain_points(logits, revealed)
    assert revealed[0, 0, row, col] == 0
    assert min(abs(row - 29), abs(col - 30)) == 0  # as near to the corner as it may


class Sure(Copy):
    """Is certain of one bin where something is revealed, and half certain elsewhere."""

    def decode(self, features: Tensor, hints: HintBatch) -> Prediction:
        self.asked.append(hints)

        def logits() -> Tensor:
            return torch.cat([3 + 30 * hints.mask, torch.zeros(len(features), 312, *hints.mask.shape[2:])], 1)

        return Prediction(hints.raster, logits)


def test_points_of_greatest_entropy_keep_away_from_each_other() -> None:
    network = Sure()
    psnr_by_count(network, photographs(80), counts=(4,), reveal="entropy", patch=7)
    assert [hints.row.shape[1] for hints in network.asked] == [0, 1, 2, 3, 4]
    last = network.asked[-1]
    assert torch.equal(last.row[0], last.row[1])  # whatever the true colours are: there is no oracle
    places = torch.stack([last.row[0], last.col[0]], dim=1)
    assert torch.pdist(places).min() > 12
    for before, after in pairwise(network.asked):
        assert torch.equal(before.row, after.row[:, :-1])


def test_a_network_that_reads_no_points_is_asked_once() -> None:
    network, images = Copy(), photographs(32)
    network.reads_points = False
    for reveal in ("random", "max-error", "entropy"):
        network.asked.clear()
        scores = psnr_by_count(network, images, counts=(0, 50, 3), reveal=reveal, patch=4, everything=True)
        assert len(network.asked) == 1
        assert list(scores) == ["0", "50", "3", "all"]
        assert all(torch.equal(values, scores["0"]) for values in scores.values())


def test_more_random_points_than_pixels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at most 64 points, got 65: 8 x 8 has no more pixels"):
        psnr_by_count(Copy(), photographs(8), counts=(65,))


def test_as_many_points_as_surely_fit_and_no_more() -> None:
    network, images = Copy(), photographs(14)
    psnr_by_count(network, images, counts=(4,), reveal="max-error", patch=7)
    last = network.asked[-1]
    for row, col in zip(last.row, last.col, strict=True):  # no centre lies in an older patch
        for later in range(1, 4):
            gap = torch.stack([row[:later] - row[later], col[:later] - col[later]]).abs()
            assert (gap.amax(0) > 3).all()
    with pytest.raises(ValueError, match=r"at most 4 points, got 5: .* 7 x 7 .* 14 x 14"):
        psnr_by_count(network, images, counts=(5,), reveal="max-error", patch=7)


def test_statistics_reach_the_network_with_every_number_of_points() -> None:
    torch.manual_seed(1)
    network, images = SIGGRAPH17(width=2, variant="global").eval(), photographs(32)
    torch.nn.init.normal_(network.out.weight, std=0.3)  # a new one answers next to nothing

    def run(told: tuple[str, ...]) -> dict[str, Tensor]:
        return psnr_by_count(network, images, counts=(0, 3), everything=True, told=told)

    nothing, histogram, saturation = run(()), run(("histogram",)), run(("saturation",))
    assert list(nothing) == list(histogram) == ["0", "3", "all"]
    for name in nothing:
        different = {values[name][0].item() for values in (nothing, histogram, saturation)}
        assert len(different) == 3


def test_statistics_are_refused_by_a_network_of_points() -> None:
    network = SIGGRAPH17(width=1).eval()
    with pytest.raises(ValueError, match="reads points only"):
        psnr_by_count(network, photographs(16), counts=(0,), told=("saturation",))
