"""Limits, of networks that reach exactly as far as they are told."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_images

from ipycolorize.analysis import limits
from ipycolorize.analysis.limits import (
    COUNTS,
    FAR,
    GOOD,
    RINGS,
    SHORT,
    SLOW,
    SPREADING,
    far,
    many,
    reproduce,
    short,
)
from ipycolorize.analysis.reproduce import Request
from ipycolorize.analysis.unusual import draw_case
from ipycolorize.baselines.gray import Gray
from ipycolorize.models.base import Prediction

SIZE = 128
IMAGES = load_sample_images().images


class Discs(Gray):
    """Each point colours a disc around it."""

    def __init__(self, radius: float) -> None:
        super().__init__()
        self.radius = radius

    def decode(self, features, hints):
        row, col = torch.meshgrid(*map(torch.arange, features.shape[-2:]), indexing="ij")
        ab = torch.zeros(1, 2, *features.shape[-2:])
        for number in range(hints.row.shape[1]):
            near = torch.hypot(row - hints.row[0, number], col - hints.col[0, number]) <= self.radius
            ab[0, :, near] = hints.ab[0, number, :, None]
        return Prediction(ab, lambda: torch.zeros(1, 313, 1, 1))


def picture():
    """A red square of rows and columns 34..93 on a lighter green ground, ``(128, 128, 3)`` uint8."""
    rgb = np.full((SIZE, SIZE, 3), (120, 170, 110), np.uint8)
    rgb[34:94, 34:94] = (150, 80, 70)
    return rgb


@pytest.fixture
def _the_square(monkeypatch):
    """The thing is the square, not the ground."""
    from ipycolorize.analysis import segments

    monkeypatch.setattr(segments, "AREA", (0.01, 0.25))


@pytest.mark.usefixtures("_the_square")
def test_how_far_a_point_reaches():
    values = {row["at"]: row["value"] for row in far(Discs(1000), [picture()], size=SIZE)}
    assert values == dict.fromkeys((0, 8, 16, 32), 1.0), "no pixel is 64 pixels away"
    values = {row["at"]: row["value"] for row in far(Discs(40), [picture()], size=SIZE)}
    row, col = np.indices((SIZE, SIZE))
    away = np.hypot((abs(row - 63.5) - 29.5).clip(0), (abs(col - 63.5) - 29.5).clip(0))  # from the square
    reached = np.hypot(row - 63.5, col - 63.5) <= 40
    for start, end in ((0, 8), (8, 16), (16, 32), (32, 64)):
        ring = (away > start) & (away <= end)
        assert values[start] == pytest.approx(reached[ring].mean(), abs=0.12)
    assert values[0] > 0.5 and values[16] == 0
    assert not any(row["value"] for row in far(Discs(20), [picture()], size=SIZE))


@pytest.mark.usefixtures("_the_square")
def test_what_share_of_a_thing_a_point_leaves():
    values = {row["at"]: row["value"] for row in short(Discs(12), [picture()], size=SIZE)}
    assert list(values) == list(SPREADING)
    area, patch = int(draw_case("", picture(), size=SIZE).segment.inside.sum()), 49
    assert values[1] == pytest.approx(1 - (np.pi * 12**2 - patch) / (area - patch), abs=0.01)
    assert all(np.diff(list(values.values())) < 0), "each point more fills more"
    assert {row["value"] for row in short(Discs(100), [picture()], size=SIZE)} == {0.0}


def test_more_points_are_better_and_only_edits_are_timed():
    rows = many(Discs(9), IMAGES, counts=(0, 1, 100), size=SIZE)
    good = {row["at"]: row["value"] for row in rows if row["measure"] == GOOD}
    slow = {row["at"]: row["value"] for row in rows if row["measure"] == SLOW}
    assert good[100] > good[0] + 1
    assert list(slow) == [1, 100]
    assert min(slow.values()) > 0
    assert {row["photographs"] for row in rows} == {2}


def test_an_edit_changes_one_point(monkeypatch):
    asked = []

    class Watched(Gray):
        def decode(self, features, hints):
            asked.append(hints)
            return super().decode(features, hints)

    many(Watched(), IMAGES[:1], counts=(5,), size=64)
    first, *edits = asked
    assert len(edits) == limits.REPEATS
    for edit in edits:
        assert torch.equal(edit.ab[:, :4], first.ab[:, :4])
        assert not torch.equal(edit.ab[:, 4], first.ab[:, 4])
    assert len({edit.ab[0, 4, 0].item() for edit in edits}) == limits.REPEATS


def test_photographs_without_things_have_no_curves_of_them():
    flat = Request(["flat"], [np.full((SIZE, SIZE, 3), (120, 170, 110), np.uint8)], {"gray": Gray()}, None)
    report = reproduce(replace(flat, size=SIZE, counts=(0, 1), progress=False))
    assert {row["measure"] for row in report.rows} == {GOOD, SLOW}
    (legend,) = [axes.get_legend() for axes in report.figure.axes if axes.get_legend()]
    assert [text.get_text() for text in legend.get_texts()] == ["gray"]


def test_report_has_all_three(tmp_path):
    request = Request(
        ["china", "flower"], IMAGES, {"discs": Discs(20), "gray": Gray()}, tmp_path, progress=False, size=96,
        counts=(0, 3),
    )  # fmt: skip
    report = reproduce(request)
    assert {row["measure"] for row in report.rows} >= {GOOD, SLOW}
    assert {row["measure"] for row in report.rows} <= {FAR, SHORT, GOOD, SLOW}
    assert {row["at"] for row in report.rows if row["measure"] == GOOD} == {0, 3}
    assert {row["method"] for row in report.rows} == {"discs", "gray"}
    assert len(report.figure.axes) == 4
    assert max(COUNTS) >= 500 and RINGS[0] == 0
    with pytest.raises(ValueError, match="at least one photograph"):
        reproduce(Request((), (), {"gray": Gray()}, tmp_path, progress=False))
