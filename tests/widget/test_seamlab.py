"""The seam lab without a browser: what its controls do to the points, and what it says about the seam."""

import math
import re

import numpy as np
import pytest
from driving import do
from ipywidgets.widgets.widget import _instances

from ipycolorize import SeamLab
from ipycolorize.baselines.gray import Gray
from ipycolorize.models.base import Prediction
from ipycolorize.seam import PAIRS, measure_picture, square_scene
from ipycolorize.widget.gestures import Command, Pick, Pointer


class Nearest(Gray):
    """Each pixel has the colour of the nearer point; grey without points."""

    def decode(self, features, hints):
        ab = features.new_zeros(1, 2, *features.shape[-2:])
        if hints.row.shape[1]:
            row, col = (axis.flatten() for axis in np.indices(features.shape[-2:]))
            places = hints.row[0].tolist(), hints.col[0].tolist()
            away = [np.hypot(row - r, col - c) for r, c in zip(*places, strict=True)]
            ab = hints.ab[0, np.argmin(away, axis=0)].T.view_as(ab).clone()
        return Prediction(ab, lambda: features.new_zeros(1, 313, 4, 4))


@pytest.fixture
def lab():
    lab = SeamLab(Nearest(), device="cpu")
    assert lab._worker.wait(20, idle=1)
    yield lab
    lab.close()


def settled(lab):
    assert lab._worker.wait(20, idle=1)
    return [(hint.row, hint.col) for hint in lab.session.hints]


def drag(lab, place, to):
    do(lab, Pointer("down", *place, buttons=1), Pointer("move", *to, buttons=1), Pointer("up", *to))


def said(lab):
    return re.sub(r"<[^>]*>", " ", lab._measures.value)


def test_it_begins_with_two_points_and_their_seam(lab):
    first, second = lab.session.hints
    assert (first.ab, second.ab) == tuple(pytest.approx(ab) for ab in PAIRS["blue & red"])
    assert (first.row, second.row, second.col - first.col, first.size) == (128, 128, 64, 7)
    assert abs(lab.seam.position) < 1
    assert lab.seam.roughness < 0.1
    assert "px" in said(lab) and "100 %" in said(lab)
    assert "polyline" in lab._line.value
    points = re.search(r'points="([^"]+)"', lab._line.value)[1].split()
    line = np.array([point.split(",") for point in points], float)
    assert line[:, 0] == pytest.approx(128.5, abs=1.5)
    assert len(line) == 128


def test_the_readout_is_the_measure_of_the_picture(lab):
    rgb, inside = square_scene()
    expected = measure_picture(lab.rgb(), lab._automatic, tuple(lab.session.hints), inside=inside)
    assert lab.seam.position == expected.position
    assert f"{expected.width:.0f} px from 10 to 90 %" in said(lab)
    assert lab._automatic.shape == rgb.shape


def test_the_list_recolours_both_points_as_one_step(lab):
    lab._pair.value = "green & pink"
    settled(lab)
    assert [hint.ab for hint in lab.session.hints] == [pytest.approx(ab) for ab in PAIRS["green & pink"]]
    do(lab, Command("undo"))
    assert lab._pair.value == "blue & red", "the list follows the points"


def test_sliders_move_and_resize_both_points(lab):
    lab._distance.value = 90
    (row, left), (_, right) = settled(lab)
    assert (row, right - left) == (128, 90)
    assert lab._distance_text.value == "90 px"
    lab._size.value = 21
    settled(lab)
    assert [hint.size for hint in lab.session.hints] == [21, 21]
    do(lab, Command("undo"))
    assert [hint.size for hint in lab.session.hints] == [7, 7]
    assert lab._size.value == 7


def test_dragged_points_take_the_seam_with_them(lab):
    drag(lab, settled(lab)[0], (100, 110))
    (first, second) = lab.session.hints
    assert (first.row, first.col) == (100, 110)
    distance = math.hypot(second.row - first.row, second.col - first.col)
    assert lab._distance.value == pytest.approx(distance, abs=2)
    assert not lab.seam.reason
    assert abs(lab.seam.position) < 1, "half way, wherever they are"
    away = [np.hypot(*(lab.seam.locus - (hint.row, hint.col)).T) for hint in (first, second)]
    assert away[0] == pytest.approx(away[1], abs=1.5)


def test_without_a_seam_it_says_why(lab):
    drag(lab, settled(lab)[0], (20, 20))
    assert "leaves the thing" in said(lab)
    assert lab._line.value == ""
    do(lab, Command("delete"))
    assert lab.seam is None
    assert "Two points make a seam" in said(lab)
    lab._pair.value = "yellow & blue"
    assert len(settled(lab)) == 2
    assert not lab.seam.reason


def test_another_colour_is_measured_as_well(lab):
    (row, col), _ = settled(lab)
    do(lab, Pointer("down", row, col, buttons=1), Pointer("up", row, col), Pick((-10.0, 45.0)))
    assert lab._pair.value == "other colours"
    assert lab.seam.contrast == pytest.approx(1, abs=0.05)


def test_errors_show_and_the_lab_lives_on(lab, monkeypatch):
    def fail(*_):
        raise RuntimeError("<no memory>")

    with monkeypatch.context() as patch:
        patch.setattr(lab.session.network, "decode", fail)
        lab._pair.value = "grey & red"
        settled(lab)
        assert "RuntimeError: &lt;no memory&gt;" in lab._status.value
    lab._pair.value = "green & pink"
    settled(lab)
    assert "<b>" not in lab._status.value
    assert not lab.seam.reason


def test_a_closed_lab_leaves_nothing():
    before = set(_instances)
    SeamLab(Nearest(), device="cpu").close()
    assert set(_instances) == before
