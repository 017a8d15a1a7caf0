"""The paper's test, on networks whose answers are known."""

import json
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from sklearn.datasets import load_sample_images
from torch import Tensor

from ipycolorize.analysis.sweep import Gray, evaluate
from ipycolorize.color import lab_to_rgb, rgb_to_lab, to_uint8
from ipycolorize.hints import HintBatch
from ipycolorize.models.base import Prediction
from ipycolorize.protocol import random_points, reveal_points, square

IMAGES = load_sample_images().images


class Copy(Gray):
    """Shows exactly what was revealed, and grey elsewhere."""

    name = "copy"

    def decode(self, features: Tensor, hints: HintBatch) -> Prediction:
        return Prediction(hints.raster, lambda: torch.zeros(len(features), 313, 1, 1))


def test_gray_is_the_lightness_alone() -> None:
    scores = evaluate({"gray": Gray()}, IMAGES, counts=(0, 5), size=64, progress=False)
    expected = []
    for image in IMAGES:
        truth = square(image, 64).permute(1, 2, 0).numpy()
        lab = rgb_to_lab(truth)
        lab[..., 1:] = 0
        expected.append(peak_signal_noise_ratio(truth, to_uint8(lab_to_rgb(lab)), data_range=255))
    for score in scores:
        assert score.psnr_mean == pytest.approx(np.mean(expected), abs=1e-3)
        assert score.psnr_se == pytest.approx(np.std(expected, ddof=1) / np.sqrt(2), abs=1e-3)
        assert score.images == 2
    assert [score.count for score in scores] == [0, 5]


def test_more_points_are_better_when_they_are_obeyed() -> None:
    scores = evaluate({"copy": Copy()}, IMAGES, counts=(0, 10, 100, 500), size=64, progress=False)
    values = [score.psnr_mean for score in scores]
    assert values == sorted(values)
    assert values[-1] > values[0] + 3


def test_everything_revealed_is_nearly_exact() -> None:
    (score,) = evaluate({"copy": Copy()}, IMAGES, counts=(), reveal="all", size=64, progress=False)
    assert score.count == -1
    assert score.psnr_mean > 50 or score.psnr_mean == float("inf")


def test_methods_get_the_same_points() -> None:
    scores = evaluate({"one": Copy(), "two": Copy()}, IMAGES, counts=(7,), size=48, progress=False)
    assert asdict(scores[0]) | {"method": "two"} == asdict(scores[1])
    json.dumps([asdict(score) for score in scores])


def test_seed_decides_the_points() -> None:
    def run(seed: int) -> float:
        return evaluate({"copy": Copy()}, IMAGES, counts=(7,), size=48, seed=seed, progress=False)[
            0
        ].psnr_mean

    assert run(1) == run(1) != run(2)


def test_fewer_points_are_the_first_of_more() -> None:
    row, col = random_points(1, 9, shape=(32, 32), generator=torch.Generator().manual_seed(3))
    ab = torch.rand(1, 2, 32, 32) * 40
    few, many = reveal_points(ab, row[:, :4], col[:, :4]), reveal_points(ab, row, col)
    assert torch.equal(few.ab, many.ab[:, :4])
    assert bool((many.mask >= few.mask).all())


def test_the_worst_places_are_asked_of_each_method() -> None:
    scores = evaluate(
        {"copy": Copy(), "gray": Gray()}, IMAGES, counts=(0, 20), reveal="max-error", size=64, progress=False
    )
    assert [(score.method, score.count, score.reveal) for score in scores] == [
        ("copy", 0, "max-error"), ("copy", 20, "max-error"),
        ("gray", 0, "max-error"), ("gray", 20, "max-error"),
    ]  # fmt: skip
    random = evaluate({"copy": Copy()}, IMAGES, counts=(20,), size=64, progress=False)[0]
    assert scores[1].psnr_mean > random.psnr_mean > scores[0].psnr_mean == scores[2].psnr_mean
    assert scores[2].psnr_mean == scores[3].psnr_mean


def test_too_many_of_the_worst_places_are_refused_before_an_image_is_read() -> None:
    def unread() -> Iterator[np.ndarray]:
        pytest.fail("read an image")
        yield IMAGES[0]

    with pytest.raises(ValueError, match="at most 84 points, got 85"):
        evaluate({"gray": Gray()}, unread(), counts=(1, 85), reveal="max-error", size=64, progress=False)


def test_unknown_reveal_and_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="one of random, max-error, all, got 'best'"):
        evaluate({"gray": Gray()}, IMAGES, counts=(1,), reveal="best", progress=False)
    with pytest.raises(ValueError, match="patch and size of at least 1 pixel, got 0 and 256"):
        evaluate({"gray": Gray()}, IMAGES, counts=(1,), patch=0, progress=False)
    with pytest.raises(ValueError, match="at least one image"):
        evaluate({"gray": Gray()}, [], counts=(1,), progress=False)
