"""How networks answer to hints: networks whose answers are known, and photographs beside scikit-image."""

import json
import math
import warnings
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.color import lab2rgb, rgb2lab
from skimage.metrics import peak_signal_noise_ratio
from sklearn.datasets import load_sample_images
from torch import Tensor

from ipycolorize.analysis.behaviour import answer, behave, following
from ipycolorize.analysis.segments import find_segment
from ipycolorize.analysis.trial import Trial, arbitrary_colours, unusual_colours
from ipycolorize.baselines.gray import Gray
from ipycolorize.color import lab_to_rgb, to_uint8
from ipycolorize.hint_batch import HintBatch
from ipycolorize.models.base import Prediction
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.protocol import square

IMAGES = load_sample_images().images


class Copy(Gray):
    """Shows exactly what was revealed, moved by `offset`, and grey elsewhere."""

    def __init__(self, offset: tuple[float, float] = (0, 0)) -> None:
        super().__init__()
        self.offset = torch.tensor(offset)[:, None, None]

    def decode(self, features: Tensor, hints: HintBatch) -> Prediction:
        ab = hints.raster + hints.mask * self.offset
        return Prediction(ab, lambda: torch.zeros(len(features), 313, 1, 1))


class Flood(Gray):
    """The first hint's colour where `reached(L, L at the hint)`; grey without hints."""

    def __init__(self, reached=lambda here, there: here > -1) -> None:
        super().__init__()
        self.reached = reached

    def decode(self, features: Tensor, hints: HintBatch) -> Prediction:
        ab = torch.zeros(len(features), 2, *features.shape[-2:])
        for index in range(len(features)):
            if hints.row.shape[1] and hints.weight[index, 0]:
                there = features[index, 0, int(hints.row[index, 0]), int(hints.col[index, 0])]
                reached = self.reached(features[index, 0], there)
                ab[index, :, reached] = hints.ab[index, 0, :, None]
        return Prediction(ab, lambda: torch.zeros(len(features), 313, 1, 1))


def two_things(size: int = 96) -> np.ndarray:
    """A light red square of rows and columns 20..59 on a dark green ground, ``(size, size, 3)`` uint8."""
    lab = np.zeros((size, size, 3), np.float32)
    lab[:] = (35, -25, 20)
    lab[20:60, 20:60] = (65, 40, 25)
    return to_uint8(lab_to_rgb(lab))


def trial_of(images, *, size: int = 96, seed: int = 0) -> Trial:
    batch = torch.stack([square(image, size) for image in images])
    return Trial.draw(batch, generator=torch.Generator().manual_seed(seed))


def ask(network: Gray, images, *, size: int = 96):
    (row,) = behave({"one": network}, images, size=size, progress=False)
    return row


def test_a_copy_obeys_and_spreads_nothing() -> None:
    row = ask(Copy(), IMAGES)
    assert (row.true_1, row.true_10, row.any_1, row.any_10) == (0, 0, 0, 0)
    assert (row.filled, row.leaked, row.ring) == (0, 0, 0)  # the hint's own pixels do not count
    assert row.images == row.segments == 2
    assert row.change_db > 0


def test_disobedience_is_measured_in_ab_units() -> None:
    row = ask(Copy((3, -4)), IMAGES)
    assert (row.true_1, row.true_10, row.any_1, row.any_10) == pytest.approx((5, 5, 5, 5), abs=1e-4)


def test_gray_ignores_every_hint() -> None:
    row, trial = ask(Gray(), IMAGES), trial_of(IMAGES)
    assert row.change_db == row.harmed == row.filled == row.leaked == row.ring == 0
    assert math.isnan(row.harm_db)
    # one colour a patch: the distance from grey is its chroma
    assert row.true_1 == pytest.approx(trial.hints["true_1"].ab.norm(dim=-1).mean().item(), abs=1e-4)
    assert row.any_1 == pytest.approx(trial.hints["any_1"].ab.norm(dim=-1).mean().item(), abs=1e-4)


def test_a_flood_fills_and_leaks_everywhere() -> None:
    row = ask(Flood(), [two_things()])
    assert (row.filled, row.leaked, row.ring) == (1, 1, 1)
    assert row.true_1 == row.any_1 == 0
    assert row.any_10 > 10  # nine of ten hints are ignored


def test_a_network_that_knows_the_thing_fills_it_and_leaks_nothing() -> None:
    row = ask(Flood(lambda here, there: (here - there).abs() < 5), [two_things()])
    assert (row.segments, row.filled, row.leaked, row.ring) == (1, 1, 0, 0)


def test_the_reverse_leaks_everything_and_fills_nothing() -> None:
    row = ask(Flood(lambda here, there: (here - there).abs() > 5), [two_things()])
    assert (row.filled, row.leaked, row.ring) == (0, 1, 1)


def test_one_true_point_is_measured_as_scikit_image_does() -> None:
    plain = to_uint8(
        lab_to_rgb(np.dstack([np.tile(np.linspace(30, 70, 96), (96, 1)), *np.full((2, 96, 96), 20.0)]))
    )
    images = [*IMAGES, plain]
    row, trial = ask(Flood(), images), trial_of(images)
    changes = []
    for image, colour in zip(trial.images, trial.hints["true_1"].ab[:, 0], strict=True):
        truth = image.permute(1, 2, 0).numpy()

        def score(ab, truth=truth):
            lab = np.dstack([rgb2lab(truth)[..., 0], np.broadcast_to(ab, (96, 96, 2))])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # scikit-image tells of colours out of gamut
                shown = np.rint(lab2rgb(lab) * 255).astype(np.uint8)
            return peak_signal_noise_ratio(truth, shown, data_range=255)

        changes.append(score(colour.numpy()) - score((0, 0)))
    fallen = [-change for change in changes if change < 0]
    assert 0 < len(fallen) < 3
    assert row.change_db == pytest.approx(np.mean(changes), abs=0.02)
    assert row.harmed == pytest.approx(len(fallen) / 3, abs=1e-4)
    assert row.harm_db == pytest.approx(np.mean(fallen), abs=0.02)


def test_half_of_the_way_is_where_following_begins() -> None:
    point = torch.zeros(1, 1)
    target = torch.tensor([[[20.0, 0.0]]])
    hints = HintBatch.of_points(point, point, point + 1, target, point + 1, shape=(1, 6))
    #                      the hint's own, too near, not enough, enough, past it, past it too far
    auto = torch.tensor([0.0, 11, 0, 0, 0, 0])
    shown = torch.tensor([20.0, 20, 9, 11, 29, 31])
    follows, judged = following(*(torch.stack([a, 0 * a])[None, :, None] for a in (auto, shown)), hints)
    assert judged[0, 0, 0].tolist() == [False, False, True, True, True, True]
    assert follows[0, 0, 0].tolist() == [True, True, False, True, True, False]


def test_all_networks_are_asked_the_same() -> None:
    one, two = behave({"one": Copy((1, 1)), "two": Copy((1, 1))}, IMAGES, size=64, progress=False)
    assert repr(replace(one, method="two")) == repr(two)  # nan is not equal to itself
    json.dumps(asdict(one))


def test_seed_decides_the_questions() -> None:
    first, again, other = (
        behave({"gray": Gray()}, IMAGES, size=64, seed=seed, progress=False)[0].true_10 for seed in (1, 1, 2)
    )
    assert first == again != other


def test_batches_make_no_difference_to_the_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipycolorize.analysis.sweep.BATCH", 1)
    (row,) = behave({"copy": Copy((0, 2))}, IMAGES, size=64, progress=False)
    assert row.images == 2
    assert row.true_10 == pytest.approx(2, abs=1e-4)


def test_photographs_without_a_segment_count_for_the_rest_only() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    row = ask(Flood(), [noise, two_things()])
    assert (row.images, row.segments, row.filled) == (2, 1, 1)
    nothing = ask(Flood(), [noise])
    assert nothing.segments == 0
    assert math.isnan(nothing.filled)
    with pytest.raises(ValueError, match="at least one image"):
        behave({"gray": Gray()}, [], progress=False)


def test_real_networks_can_be_asked(tiny) -> None:
    trial = trial_of([*IMAGES, two_things()], size=64)
    for network in (tiny, SIGGRAPH17(width=4).eval()):
        values = answer(network, trial)
        assert all(value.shape == (3,) for value in values.values())
        assert all(torch.isfinite(values[name]).all() for name in ("true_1", "any_10", "change_db"))
        shown = network.decode(network.encode(trial.lightness), trial.hints["true_1"]).ab.detach()
        hint = trial.hints["true_1"]
        for index in range(3):  # by pixels of the mask, one after the other
            pixels = hint.mask[index, 0].nonzero().tolist()
            errors = [(shown[index, :, r, c] - hint.ab[index, 0]).norm().item() for r, c in pixels]
            assert values["true_1"][index].item() == pytest.approx(np.mean(errors), rel=1e-4)


def test_true_colours_are_the_means_of_patches() -> None:
    trial = trial_of(IMAGES)
    hint, many = trial.hints["true_1"], trial.hints["true_10"]
    for index, image in enumerate(trial.images):
        row, col = int(hint.row[index, 0]), int(hint.col[index, 0])
        lab = rgb2lab(image.permute(1, 2, 0).numpy())
        patch = lab[max(0, row - 3) : row + 4, max(0, col - 3) : col + 4, 1:]
        assert hint.ab[index, 0].numpy() == pytest.approx(patch.mean((0, 1)), abs=0.02)
    assert torch.equal(many.ab[:, :1], hint.ab)
    assert many.row.shape == (2, 10)
    assert torch.equal(trial.hints["any_10"].row, many.row)


def shown_by_srgb(lightness: Tensor, ab: Tensor) -> np.ndarray:
    """Whether a colour survives scikit-image's way to sRGB and back."""
    lab = torch.cat([lightness[..., None], ab], dim=-1).double().numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.abs(rgb2lab(lab2rgb(lab)) - lab).max(axis=-1) < 0.5


def test_arbitrary_colours_are_displayable_and_of_all_kinds() -> None:
    lightness = torch.linspace(5, 95, 2000)[None].repeat(2, 1)
    ab = arbitrary_colours(lightness, generator=torch.Generator().manual_seed(0))
    assert shown_by_srgb(lightness, ab).all()
    hue = torch.atan2(ab[..., 1], ab[..., 0])
    assert torch.histc(hue, 12, -math.pi, math.pi).min() > 4000 / 12 * 0.8
    assert ab.norm(dim=-1).max() > 100
    assert ab.norm(dim=-1)[:, 900:1100].mean() > 30


def test_unusual_colours_have_another_hue_and_are_vivid() -> None:
    lightness = torch.full((1, 3000), 60.0)
    truth = 60 * torch.rand(1, 3000, 2) - 30
    ab = unusual_colours(lightness, truth, generator=torch.Generator().manual_seed(0))
    assert shown_by_srgb(lightness, ab).all()
    turned = torch.atan2(ab[..., 1], ab[..., 0]) - torch.atan2(truth[..., 1], truth[..., 0])
    turned = torch.rad2deg(turned).remainder(360)
    assert 119.9 < turned.min() < 121
    assert 239 < turned.max() < 240.1
    assert (ab.norm(dim=-1) < 50.1).all()  # truths of at most 42 get 50, or what sRGB has
    assert ab.norm(dim=-1).median() > 45


def test_a_segment_is_the_thing_around_the_seed() -> None:
    lab = torch.from_numpy(rgb2lab(two_things()).astype(np.float32)).permute(2, 0, 1)
    segment = find_segment(lab, generator=torch.Generator().manual_seed(0))
    assert segment is not None
    square_of = np.zeros((96, 96), bool)
    square_of[20:60, 20:60] = True
    inside = segment.inside.numpy()
    assert not (inside & ~square_of).any()
    assert inside.sum() >= 36 * 36  # up to two pixels of the rim are blurred
    assert not (segment.outside.numpy() & square_of).any()
    assert segment.outside.sum() > 0.95 * (~square_of).sum()
    distance = ndimage.distance_transform_edt(~inside)
    assert np.array_equal(segment.ring.numpy(), segment.outside.numpy() & (distance <= 10))
    assert 35 <= segment.row <= 44
    assert 35 <= segment.col <= 44


@pytest.mark.parametrize(
    "colour", [(35, -25, 20), (10, 5, 5), (97, 0, 0)], ids=["no bounds", "too dark", "too light"]
)
def test_no_segment_where_none_can_be_tested(colour: tuple[int, int, int]) -> None:
    lab = torch.tensor(colour, dtype=torch.float32)[:, None, None].repeat(1, 96, 96)
    lab[:, :20, :40] = torch.tensor([3.0, 0, 0])[:, None, None]  # of the right size, but black
    assert find_segment(lab, generator=torch.Generator().manual_seed(0)) is None


def test_a_thing_too_narrow_for_a_patch_is_none() -> None:
    lab = torch.zeros(3, 96, 96)
    lab[0] = 10
    lab[:, 40:49] = torch.tensor([60.0, 30, 30])[:, None, None]  # a stripe of nine rows
    assert find_segment(lab, generator=torch.Generator().manual_seed(0)) is None
    lab[:, 40:56] = torch.tensor([60.0, 30, 30])[:, None, None]
    segment = find_segment(lab, generator=torch.Generator().manual_seed(0))
    assert segment is not None
    assert 47 <= segment.row <= 48
