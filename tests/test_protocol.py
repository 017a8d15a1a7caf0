"""Points that go where the prediction is worst, beside plain loops."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor

from ipycolorize.baselines.gray import Gray
from ipycolorize.color import lab_to_rgb, rgb_to_lab, to_uint8
from ipycolorize.hints import HintBatch
from ipycolorize.metrics import psnr
from ipycolorize.models.base import Prediction
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.protocol import psnr_by_count, psnr_by_worst, square, worst_points


class Copy(Gray):
    """Shows exactly what was revealed, and grey elsewhere; remembers what it was asked."""

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
    scores = psnr_by_worst(network, images, counts=(0, 3), patch=5)
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
    by_count = psnr_by_count(Copy(), images, counts=(0,), generator=torch.Generator())
    assert torch.equal(psnr_by_worst(Copy(), images, counts=(0,))["0"], by_count["0"])
    assert psnr_by_worst(Copy(), images, counts=()) == {}


def test_scores_come_in_the_order_asked() -> None:
    assert list(psnr_by_worst(Copy(), photographs(32), counts=(4, 0, 2))) == ["4", "0", "2"]


def test_worst_places_teach_more_than_random_ones() -> None:
    images = photographs(96)
    generator = torch.Generator().manual_seed(0)
    random = psnr_by_count(Copy(), images, counts=(60,), generator=generator)["60"]
    assert (psnr_by_worst(Copy(), images, counts=(60,))["60"] > random).all()


def test_as_many_points_as_surely_fit_and_no_more() -> None:
    network, images = Copy(), photographs(14)
    psnr_by_worst(network, images, counts=(4,), patch=7)
    last = network.asked[-1]
    for row, col in zip(last.row, last.col, strict=True):  # no centre lies in an older patch
        for later in range(1, 4):
            gap = torch.stack([row[:later] - row[later], col[:later] - col[later]]).abs()
            assert (gap.amax(0) > 3).all()
    with pytest.raises(ValueError, match=r"at most 4 points, got 5: .* 7 x 7 .* 14 x 14"):
        psnr_by_worst(network, images, counts=(5,), patch=7)


def test_statistics_reach_the_network_with_every_number_of_points() -> None:
    torch.manual_seed(1)
    network, images = SIGGRAPH17(width=2, variant="global").eval(), photographs(32)
    torch.nn.init.normal_(network.out.weight, std=0.3)  # a new one answers next to nothing

    def run(told: tuple[str, ...]) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(0)
        return psnr_by_count(network, images, counts=(0, 3), generator=generator, everything=True, told=told)

    nothing, histogram, saturation = run(()), run(("histogram",)), run(("saturation",))
    assert list(nothing) == list(histogram) == ["0", "3", "all"]
    for name in nothing:
        different = {values[name][0].item() for values in (nothing, histogram, saturation)}
        assert len(different) == 3


def test_statistics_are_refused_by_a_network_of_points() -> None:
    network = SIGGRAPH17(width=1).eval()
    with pytest.raises(ValueError, match="reads points only"):
        psnr_by_count(
            network, photographs(16), counts=(0,), generator=torch.Generator(), told=("saturation",)
        )
