"""Seams of networks whose answers are known, on the scene and in photographs."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image

from ipycolorize.analysis import seams
from ipycolorize.analysis.reproduce import Request, maker
from ipycolorize.analysis.scenes import place_in_thing
from ipycolorize.analysis.seams import draw_natural, draw_sweep, natural, reproduce, sweep
from ipycolorize.analysis.things import middle_square
from ipycolorize.baselines.gray import Gray
from ipycolorize.color import rgb_to_lab
from ipycolorize.models.base import Prediction

FLOWER = load_sample_image("flower.jpg")


class Between(Gray):
    """Two colours, mixed on the way from one point to the other: half each `late` pixels after its middle."""

    def __init__(self, *, sharp: float = 0.5, late: float = 0.0) -> None:
        super().__init__()
        self.sharp, self.late = sharp, late
        self.encoded = 0

    def encode(self, lightness):
        self.encoded += 1
        return lightness

    def decode(self, features, hints):
        ab = torch.zeros(1, 2, *features.shape[-2:])
        if hints.row.shape[1] == 1:
            ab = ab + hints.ab[0, 0][:, None, None]
        elif hints.row.shape[1]:
            row, col = torch.meshgrid(*map(torch.arange, features.shape[-2:]), indexing="ij")
            down, right = ((axis[0, 1] - axis[0, 0]).item() for axis in (hints.row, hints.col))
            along = (row - hints.row.mean()) * down + (col - hints.col.mean()) * right
            t = torch.sigmoid(self.sharp * (along / math.hypot(down, right) - self.late))
            ab = torch.lerp(hints.ab[0, 0][:, None, None], hints.ab[0, 1][:, None, None], t)[None]
        return Prediction(ab, lambda: torch.zeros(1, 313, 1, 1))


def test_a_sweep_asks_every_combination_and_encodes_once():
    networks = {"early": Between(late=-5), "late": Between(late=7)}
    rows = sweep(
        networks, pairs=("blue & red", "green & pink"), distances=(40, 60), sizes=(3, 7), progress=False
    )
    assert len(rows) == 2 * 2 * 2 * 2
    assert {(row["pair"], row["distance"], row["patch"]) for row in rows} == {
        (pair, distance, size)
        for pair in ("blue & red", "green & pink")
        for distance in (40.0, 60.0)
        for size in (3, 7)
    }
    for row in rows:
        assert row["position"] == pytest.approx({"early": -5, "late": 7}[row["method"]], abs=0.1)
        assert row["width"] == pytest.approx(2 * math.log(9) / 0.5, rel=0.03)  # of a logistic curve
        assert row["complete"] == 1
        assert row["why none"] == ""
    assert [network.encoded for network in networks.values()] == [1, 1]


def test_where_one_colour_wins_the_row_says_so():
    (row,) = sweep({"far": Between(late=500)}, pairs=("blue & red",), distances=(60,), progress=False)
    assert math.isnan(row["position"]) and math.isnan(row["width"])
    assert row["complete"] == 0
    assert row["why none"] == "the first colour goes on to the second point"
    assert (row["filled first"], row["filled second"]) == (1, 0)


def test_two_points_find_room_in_a_thing():
    lab = rgb_to_lab(middle_square(FLOWER, 128))
    inside, pairs = place_in_thing(lab, ("blue & red", "green & pink"))
    for first, second in pairs.values():
        rows, cols = (
            np.linspace(*ends, 50).round().astype(int)
            for ends in ((first.row, second.row), (first.col, second.col))
        )
        assert inside[rows, cols].all(), "and all the way between them"
        assert math.hypot(second.row - first.row, second.col - first.col) >= 13
        assert math.dist(first.ab, second.ab) >= 39
    dark = torch.zeros(3, 64, 64)
    assert place_in_thing(dark, ("blue & red",)) is None


def test_seams_in_photographs_are_measured_in_their_things():
    gray = np.zeros((90, 120, 3), np.uint8)
    rows = natural({"one": Between(late=2)}, ["flower", "black"], [FLOWER, gray], size=128)
    assert [(row["scene"], row["pair"]) for row in rows] == [
        ("flower", "blue & red"),
        ("flower", "green & pink"),
    ]
    for row in rows:
        assert row["position"] == pytest.approx(2, abs=0.2)
        assert row["roughness"] < 0.2


def test_figure_8_has_a_line_for_every_method(tmp_path, monkeypatch):
    monkeypatch.setattr(seams, "SIZES", (7,))
    monkeypatch.setattr(
        seams, "sweep", lambda methods, **_: sweep(methods, pairs=("blue & red",), progress=False)
    )
    methods = {"one": Between(), "two": Between(late=9)}
    report = reproduce(Request((), (), methods, tmp_path, progress=False))
    assert report.name == "figure8"
    assert {row["method"] for row in report.rows} == {"one", "two"}
    axes = report.figure.axes
    assert len(axes) == 12
    assert [axis.get_title() for axis in axes[:6]][-2:] == ["(e) blue & red", "(f) green & pink"]
    (line,) = axes[-1].get_lines()  # the measured seam
    assert np.mean(line.get_xdata()) == pytest.approx(128 + 9, abs=0.6)
    assert maker("figure8") is reproduce


def test_curves_leave_out_what_has_no_seam():
    rows = sweep({"one": Between(), "far": Between(late=500)}, pairs=("blue & red",), progress=False)
    figure = draw_sweep(rows)
    thick = [line for line in figure.axes[0].get_lines() if line.get_linewidth() > 1]
    assert [line.get_label() for line in thick] == ["one", "far"]
    assert np.isfinite(thick[0].get_ydata()).all()
    assert np.isnan(thick[1].get_ydata()).all()


def test_seams_are_drawn_into_photographs():
    methods = {"one": Between(late=2), "far": Between(late=500)}
    black = np.zeros((90, 120, 3), np.uint8)
    figure = draw_natural(methods, ["black", "flower"], [black, FLOWER], size=128)
    points, one, far = figure.axes
    assert points.get_ylabel() == "flower"
    assert len(points.patches) == 4, "two points with two outlines each"
    assert len(one.get_lines()[0].get_xdata()) > 5
    assert len(far.get_lines()[0].get_xdata()) == 0
    with pytest.raises(ValueError, match="room for two points"):
        draw_natural(methods, ["black"], [black], size=128)
