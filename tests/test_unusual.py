"""Unusual colours: networks that fill all, only the thing, or nothing but the points."""

import math

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from sklearn.datasets import load_sample_images

from ipycolorize.analysis.reproduce import Request, maker
from ipycolorize.analysis.things import join, largest_thing, middle_square, spread
from ipycolorize.analysis.unusual import OTHERS, POINTS, answer, draw_case, reproduce
from ipycolorize.baselines.gray import Gray
from ipycolorize.hint_batch import HintBatch
from ipycolorize.models.base import Prediction

SIZE = 128


class Painted(Gray):
    """Each point's colour where `reach(points' lightness, lightness)` says so, later points on top."""

    def __init__(self, reach) -> None:
        super().__init__()
        self.reach = reach

    def decode(self, features, hints):
        ab = torch.zeros(1, 2, *features.shape[-2:])
        for number in range(hints.row.shape[1]):
            row, col = int(hints.row[0, number]), int(hints.col[0, number])
            where = self.reach(features[0, 0], features[0, 0, row, col])
            ab[0, :, where] = hints.ab[0, number, :, None]
        ab = torch.where(hints.mask > 0, hints.raster, ab)
        return Prediction(ab, lambda: torch.zeros(1, 313, 1, 1))


def picture():
    """A red square of rows and columns 30..89 on a lighter green ground, ``(128, 128, 3)`` uint8."""
    rgb = np.full((SIZE, SIZE, 3), (120, 170, 110), np.uint8)
    rgb[30:90, 30:90] = (150, 80, 70)
    return rgb


EVERYWHERE = Painted(lambda here, there: here > -1)
ALIKE = Painted(lambda here, there: (here - there).abs() < 5)
NOWHERE = Painted(lambda here, there: here < -1)


@pytest.fixture(scope="module")
def case():
    return draw_case("square", picture(), size=SIZE)


def test_points_lie_where_they_should(case):
    square = np.zeros((SIZE, SIZE), bool)
    square[30:90, 30:90] = True
    inside = case.segment.inside.numpy()
    thing = square if inside[60, 60] else ~square
    assert (inside == thing).mean() > 0.97
    for points, count, region in ((case.unusual, POINTS, thing), (case.others, OTHERS, ~thing)):
        rows, cols = points.row[0].long(), points.col[0].long()
        assert len(rows) == count
        assert region[rows, cols].all()
        assert len({*zip(rows.tolist(), cols.tolist(), strict=True)}) == count
    assert torch.equal(case.usual.row, case.unusual.row)


def test_usual_points_have_the_true_colour_and_unusual_ones_another_hue(case):
    lab = rgb2lab(picture())
    rows, cols = case.usual.row[0].long(), case.usual.col[0].long()
    assert case.usual.ab[0].numpy() == pytest.approx(lab[rows, cols, 1:], abs=0.1)
    unusual, own = case.unusual.ab[0], case.usual.ab[0]
    assert (unusual == unusual[0]).all()
    turn = math.degrees(math.atan2(*unusual[0].flip(0)) - math.atan2(*own[0].flip(0))) % 360
    assert 119 < turn < 241


def test_who_fills_and_who_leaks(case):
    (alone, among), *_ = answer(EVERYWHERE, case)
    assert (alone["points outside"], among["points outside"]) == (0, OTHERS)
    assert (alone["filled"], alone["leaked"], alone["ring"]) == (1, 1, 1)
    assert (among["filled"], among["leaked"]) == (0, 0), "the points outside have the last word"
    for row in answer(ALIKE, case)[0]:
        assert row["filled"] == pytest.approx(1, abs=0.02)
        assert row["leaked"] == 0
        assert row["missed"] == pytest.approx(0, abs=0.01)
    for row in answer(NOWHERE, case)[0]:
        assert (row["filled"], row["leaked"]) == (0, 0)
    assert answer(ALIKE, case)[0][0]["usual points add"] > 0.5
    missing = answer(Gray(), case)[0][0]["missed"]
    assert missing == pytest.approx(case.unusual.ab[0, 0].norm().item(), abs=0.02)


def test_places_are_deep_and_far_apart():
    inside = np.zeros((60, 100), bool)
    inside[10:50, 10:90] = True
    rows, cols = spread(inside, 3)
    assert inside[rows, cols].all()
    assert (rows >= 17).all() and (rows <= 42).all()
    distances = [math.dist((rows[i], cols[i]), (rows[k], cols[k])) for i in range(3) for k in range(i)]
    assert min(distances) > 15
    speck = np.zeros((9, 9), bool)
    speck[4, 4] = True
    assert [places.tolist() for places in spread(speck, 2)] == [[4, 4], [4, 4]]


def test_photographs_keep_their_shape_and_grey_has_no_things():
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 30:70] = 255
    assert (middle_square(wide, 20) == 255).all()
    assert largest_thing(torch.zeros(3, 64, 64), generator=torch.Generator().manual_seed(0)) is None
    assert draw_case("black", np.zeros((64, 64, 3), np.uint8), size=64) is None


def test_joined_points_are_those_of_both(case):
    both = join(case.unusual, case.others)
    assert both.row.shape == (1, POINTS + OTHERS)
    assert torch.equal(both.ab[:, :POINTS], case.unusual.ab)
    assert torch.equal(both.mask, torch.maximum(case.unusual.mask, case.others.mask))
    none = HintBatch.empty(shape=(SIZE, SIZE))
    assert torch.equal(join(case.usual, none).raster, case.usual.raster)


def test_figure_7_with_photographs(tmp_path):
    images = load_sample_images().images
    request = Request(
        ["china", "flower", "black"], [*images, np.zeros_like(images[0])],
        {"alike": ALIKE, "gray": Gray()}, tmp_path, progress=False, size=96,
    )  # fmt: skip
    report = reproduce(request)
    assert maker("figure7") is reproduce
    assert {row["photograph"] for row in report.rows} <= {"china", "flower"}
    assert len(report.rows) % 4 == 0 and report.rows
    assert len({tuple(row) for row in report.rows}) == 1, "all rows have the same columns"
    assert "of 3 photographs" in report.note
    titles = [axis.get_title() for axis in report.figure.axes[:5]]
    assert titles == ["points", "unusual, alike", "unusual, gray", "usual, alike", "usual, gray"]
    with pytest.raises(ValueError, match="expected a photograph with a thing"):
        reproduce(Request(["black"], [np.zeros_like(images[0])], {"gray": Gray()}, tmp_path, progress=False))
