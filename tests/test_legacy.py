"""Aged photographs: what each damage does, and what of it a measurement sees."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

from ipycolorize.analysis.legacy import DAMAGES, POINTS, age, colorize, draw, measure, reproduce
from ipycolorize.analysis.reproduce import Request
from ipycolorize.baselines.gray import Gray
from ipycolorize.color import lab_to_rgb, rgb_to_lab, to_uint8
from ipycolorize.hint_batch import HintBatch
from ipycolorize.metrics import psnr
from ipycolorize.models.base import Prediction
from ipycolorize.protocol import square

IMAGES = load_sample_images().images
SIZE = 64


class ByLightness(Gray):
    """As yellow as a pixel is light, whatever the points say."""

    def decode(self, features, hints):
        ab = torch.cat([0 * features, features / 2], dim=1)
        return Prediction(ab, lambda: torch.zeros(1, 313, 1, 1))


@pytest.fixture
def lightness():
    return rgb_to_lab(square(IMAGES[0], SIZE)[None])[:, :1]


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_leaves_a_photograph(lightness, damage):
    aged = age(lightness, damage, seed=3)
    assert aged.shape == lightness.shape
    assert aged.min() >= 0 and aged.max() <= 100
    assert torch.equal(aged, age(lightness, damage, seed=3))
    change = (aged - lightness).abs().mean()
    assert change < 1e-4 if damage == "none" else 0.5 < change < 25
    assert np.corrcoef(aged.flatten(), lightness.flatten())[0, 1] > 0.6


def test_an_unknown_damage_is_refused_with_those_there_are(lightness):
    with pytest.raises(ValueError, match=r"among none, fading, .*got 'rain'"):
        age(lightness, "rain")


def test_colours_are_judged_on_the_clean_lightness():
    methods = {"gray": Gray(), "light": ByLightness()}
    rows = measure(methods, IMAGES, damages=("none", "darkening"), size=SIZE, progress=False)
    found = {(row["method"], row["damage"]): row for row in rows}
    assert found["gray", "none"]["PSNR automatic"] == found["gray", "darkening"]["PSNR automatic"]
    assert found["light", "none"]["PSNR automatic"] != found["light", "darkening"]["PSNR automatic"]
    expected = []
    for image in IMAGES:
        side = min(image.shape[:2])
        left = (image.shape[1] - side) // 2
        truth = square(np.ascontiguousarray(image[:side, left : left + side]), SIZE)[None]
        lab = rgb_to_lab(truth)
        aged = age(lab[:, :1], "darkening")  # without grain: the same for every seed
        shown = to_uint8(lab_to_rgb(torch.cat([lab[:, :1], 0 * aged, aged / 2], 1)))
        expected.append(psnr(shown, truth, data_range=255).item())
    assert found["light", "darkening"]["PSNR automatic"] == pytest.approx(np.mean(expected), abs=0.006)
    assert all(row["photographs"] == 2 for row in rows)
    assert found["gray", "none"]["missed"] > 5


def test_nothing_to_measure_is_refused():
    with pytest.raises(ValueError, match="at least one photograph"):
        measure({"gray": Gray()}, [], progress=False)


def test_report_and_figure(tmp_path):
    methods = {"gray": Gray(), "light": ByLightness()}
    report = reproduce(Request(["a", "b"], IMAGES, methods, tmp_path, progress=False, size=SIZE))
    assert len(report.rows) == 2 * len(DAMAGES)
    assert f"PSNR {POINTS} points" in report.rows[0]
    axes = report.figure.axes
    assert len(axes) == 3 * len(DAMAGES)
    assert [axis.get_title() for axis in axes[: len(DAMAGES)]] == list(DAMAGES)
    assert len(axes[0].patches) == 2 * POINTS
    alone = draw({"gray": Gray()}, IMAGES[0], points=0, damages=("none",), size=SIZE)
    assert len(alone.axes[0].patches) == 0


def test_a_grey_photograph_can_be_coloured(lightness):
    assert np.ptp(colorize(Gray(), lightness).astype(int), axis=2).max() <= 1
    one = torch.tensor([[20.0]])
    point = HintBatch.of_points(one, one, one, torch.tensor([[[0.0, 60.0]]]), one, shape=(SIZE, SIZE))
    assert np.ptp(colorize(ByLightness(), lightness, point).astype(int), axis=2).max() > 40
