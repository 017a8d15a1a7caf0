"""One seam, measured: made-up results whose seam is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import erf

from ipycolorize.color import lab_to_rgb, to_uint8
from ipycolorize.gamut import in_gamut
from ipycolorize.hints import Hint
from ipycolorize.seam import PAIRS, fit_pair, measure_picture, measure_seam, place_pair, square_scene

COLOURS = ((20.0, -60.0), (60.0, 40.0))
ROW, COL = np.indices((128, 128)).astype(float)
INSIDE = (abs(ROW - 63.5) < 32) & (abs(COL - 63.5) < 32)
NOTHING = np.zeros((2, 128, 128))
PAIR = (Hint(1, 64, 44, *COLOURS[0], 5), Hint(2, 64, 84, *COLOURS[1], 5))


def mixed(t):
    """``(2, H, W)`` colours on the way from the first (0) to the second (1)."""
    first, second = np.array(COLOURS)[:, :, None, None]
    return first + t * (second - first)


def smooth(distance, sigma):
    """A step that is blurred: 0 far on the negative side, 1 far on the positive one."""
    return (1 + erf(distance / (sigma * math.sqrt(2)))) / 2


def measured(t, pair=PAIR, inside=INSIDE, automatic=NOTHING):
    return measure_seam(mixed(t), automatic, pair, inside=inside)


@pytest.mark.parametrize("place", [58.0, 63.3, 70.75])
def test_a_straight_seam_is_found_to_a_fraction_of_a_pixel(place):
    seam = measured(smooth(COL - place, 2.0))
    assert not seam.reason
    assert seam.position == pytest.approx(place - 64, abs=0.02)
    assert seam.roughness < 0.01
    assert seam.tilt == pytest.approx(0, abs=0.05)
    assert seam.width == pytest.approx(2 * 1.2816 * 2.0, rel=0.03)  # of a Gaussian blur with sigma 2
    assert seam.contrast == pytest.approx(1, abs=0.01)
    assert seam.complete == 1
    assert seam.locus[:, 0] == pytest.approx(np.arange(32, 96))
    assert seam.locus[:, 1] == pytest.approx(place, abs=0.02)


def test_width_is_that_of_the_change_that_is_there():
    faint = measured(0.3 + 0.4 * smooth(COL - 64, 3.0))
    assert faint.contrast == pytest.approx(0.4, abs=0.01)
    assert faint.width == pytest.approx(2 * 1.2816 * 3.0, rel=0.03)
    ramp = measured(((COL - 44) / 40).clip(0, 1))
    assert ramp.width == pytest.approx(0.8 * ramp.contrast * 40, rel=0.02)


def test_a_wavy_seam_is_as_rough_as_its_wave():
    seam = measured(smooth(COL - 64 - 3 * np.sin(2 * np.pi * (ROW - 32) / 16), 1.0))  # four waves
    assert seam.roughness == pytest.approx(3 / math.sqrt(2), rel=0.05)
    assert seam.position == pytest.approx(0, abs=0.1)
    assert abs(seam.tilt) < 4


def test_a_tilted_seam_is_straight():
    seam = measured(smooth(COL - 66 - 0.2 * (ROW - 63.5), 1.5))
    assert seam.tilt == pytest.approx(math.degrees(math.atan(0.2)), abs=0.1)
    assert seam.roughness < 0.02
    assert seam.position == pytest.approx(2, abs=0.03)


@pytest.mark.parametrize("angle", [0, 37, 90, 143, 180, 270])
def test_points_may_lie_in_any_direction(angle):
    inside = np.hypot(ROW - 64, COL - 64) < 40
    pair = place_pair(COLOURS, middle=(64, 64), distance=41, angle=angle)
    (first, second), radians = pair, math.radians(angle)
    assert math.hypot(second.row - first.row, second.col - first.col) == pytest.approx(41, abs=1)
    towards = (ROW - 64) * math.sin(radians) + (COL - 64) * math.cos(radians)
    seam = measured(smooth(towards - 4, 2.0), pair, inside)
    assert seam.position == pytest.approx(4, abs=0.5)  # points lie on whole pixels
    assert seam.roughness < 0.1
    assert seam.width == pytest.approx(2 * 1.2816 * 2.0, rel=0.05)
    on_it = (seam.locus[:, 0] - 64) * math.sin(radians) + (seam.locus[:, 1] - 64) * math.cos(radians)
    assert on_it == pytest.approx(4, abs=0.1)
    assert inside[tuple(seam.locus.round().astype(int).T)].all()


def test_exchanging_the_points_turns_the_seam_around():
    t = smooth(COL - 67 - 2 * np.sin(ROW / 5), 2.0) + 0.05 * np.sin(COL)
    one = measured(t)
    swapped = (replace(PAIR[1], id=1), replace(PAIR[0], id=2))
    other = measured(t, swapped)
    assert other.position == pytest.approx(-one.position, abs=0.05)
    assert other.roughness == pytest.approx(one.roughness, abs=0.05)
    assert other.width == pytest.approx(one.width, abs=0.2)
    assert other.filled == one.filled[::-1]


def test_only_rows_that_have_it_make_a_seam():
    seam = measured(np.where(ROW < 48, smooth(COL - 60, 1.0), 0.0))
    assert seam.complete == pytest.approx(16 / 64)
    assert seam.position == pytest.approx(-4, abs=0.02)
    assert seam.locus[:, 0].max() == 47


def test_without_a_seam_the_reason_is_told():
    def reason(t, pair=PAIR, inside=INSIDE):
        seam = measured(t, pair, inside)
        assert all(math.isnan(value) for value in (seam.position, seam.roughness, seam.width, seam.contrast))
        assert seam.complete == 0
        assert len(seam.locus) == 0
        return seam.reason

    step = smooth(COL - 64, 2.0)
    assert reason(0 * COL) == "the first colour goes on to the second point"
    assert reason(0 * COL + 1) == "the second colour goes on to the first point"
    same = (PAIR[0], replace(PAIR[1], a=21.0, b=-60.5))
    assert "same colour" in reason(step, same)
    assert "on each other" in reason(step, (PAIR[0], replace(PAIR[1], row=64, col=45)))
    assert "leaves the thing" in reason(step, (PAIR[0], replace(PAIR[1], col=110)))
    assert "leaves the thing" in reason(step, inside=INSIDE & (COL != 60))
    assert "too narrow" in reason(step, inside=INSIDE & (abs(ROW - 64) <= 1))


def test_a_side_is_filled_where_it_went_more_than_half_the_way():
    # the left side keeps the automatic colour in its upper half, the right one is filled but for its patch
    t = np.where((COL < 64) & (ROW < 64), np.nan, (COL >= 64) * 1.0)
    ab = np.where(np.isnan(t), 0.0, mixed(np.nan_to_num(t)))
    seam = measure_seam(ab, NOTHING, PAIR, inside=INSIDE)
    assert seam.filled[0] == pytest.approx(0.5, abs=0.02)
    assert seam.filled[1] == 1
    already = np.array(COLOURS[1])[:, None, None] + NOTHING
    assert math.isnan(measure_seam(ab, already, PAIR, inside=INSIDE).filled[1]), "it had that colour before"


def test_as_on_a_screen():
    rgb, inside = square_scene(128)
    assert (rgb[inside] == 128).all() and (rgb[~inside] == 0).all()
    assert inside.sum() == 64 * 64 and inside[32:96, 32:96].all()
    lightness = np.where(inside, 53.6, 0.0)[None]
    pictures = []
    for ab in (mixed(smooth(COL - 66, 2.0)), NOTHING):
        lab = torch.from_numpy(np.concatenate([lightness, np.where(inside, ab, 0)]))
        pictures.append(to_uint8(lab_to_rgb(lab)).permute(1, 2, 0).numpy())
    shown = measure_picture(*pictures, PAIR, inside=inside)
    exact = measured(smooth(COL - 66, 2.0))
    assert shown.position == pytest.approx(exact.position, abs=0.1)
    assert shown.width == pytest.approx(exact.width, abs=0.2)
    assert shown.filled == pytest.approx(exact.filled, abs=0.01)


def test_srgb_has_the_pairs():
    for colours in PAIRS.values():
        for ab in colours:
            assert in_gamut(torch.tensor([53.6, *ab]).view(3, 1, 1))
        assert math.dist(*colours) > 25


def test_a_pair_at_another_lightness_keeps_its_hues():
    for lightness in (15.0, 85.0):
        for before, after in zip(COLOURS, fit_pair(COLOURS, lightness), strict=True):
            assert in_gamut(torch.tensor([lightness, *after]).view(3, 1, 1))
            assert math.atan2(*after) == pytest.approx(math.atan2(*before), abs=0.3)  # OkLab's is kept
            assert math.hypot(*after) < math.hypot(*before)
