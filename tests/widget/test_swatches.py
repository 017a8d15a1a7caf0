import io

import numpy as np
import pytest
from PIL import Image

from ipycolorize.widget.swatches import EXTENT, Gamut, gamut_png, nearest_ab, parse_color


def plane(lightness):
    with Image.open(io.BytesIO(gamut_png(lightness))) as image:
        return np.asarray(image).astype(int)


def pixel(picture, a, b):
    last = len(picture) - 1
    return picture[round((1 - b / EXTENT) / 2 * last), round((a / EXTENT + 1) / 2 * last)]


def test_gamut_shows_red_to_the_right_and_yellow_up_in_true_colours():
    picture = plane(60)
    assert pixel(picture, 0, 0)[:3] == pytest.approx([145, 145, 145], abs=1)
    red, green, yellow, blue = (pixel(picture, a, b) for a, b in [(50, 0), (-30, 0), (0, 50), (0, -50)])
    assert red[0] > red[1] and green[1] > green[0] and yellow[0] > yellow[2] and blue[2] > blue[0]
    assert [int(colour[3]) for colour in (red, green, yellow, blue)] == [255] * 4
    assert pixel(picture, -100, -100)[3] == 0, "outside of sRGB is transparent"


@pytest.mark.parametrize("lightness", [0, 3, 50, 97, 100])
def test_gamut_of_every_lightness_has_a_sharp_border(lightness):
    alpha = plane(lightness)[..., 3]
    assert ((alpha > 0) & (alpha < 255)).mean() < 0.01


def test_nearest_ab_keeps_inside_colours_and_moves_outside_ones_to_the_border():
    assert nearest_ab(60, (10.3, 20.7)) == (10.3, 20.7)
    a, b = nearest_ab(60, (-110, -110))
    assert pixel(plane(60), a, b)[3] > 0
    assert nearest_ab(100, (50, 50)) == pytest.approx((0, 0), abs=1)


@pytest.mark.parametrize(
    ("text", "rgb"),
    [
        ("#d04020", (208, 64, 32)),
        ("d42", (221, 68, 34)),
        (" 208, 64, 32 ", (208, 64, 32)),
        ("rgb(208 64 32)", (208, 64, 32)),
        ("Crimson", (220, 20, 60)),
    ],
)
def test_parse_color_reads_what_people_write(text, rgb):
    assert parse_color(text) == rgb


@pytest.mark.parametrize("text", ["", "#12x", "256, 0, 0", "1, 2", "reddish", "#12345"])
def test_parse_color_refuses_the_rest_and_says_what_it_expects(text):
    with pytest.raises(ValueError, match="expected a colour such as"):
        parse_color(text)


def mouse(kind, x, y, held):
    rectangle = {
        "boundingRectLeft": 0,
        "boundingRectTop": 0,
        "boundingRectWidth": 220,
        "boundingRectHeight": 220,
    }
    return {"event": kind, "x": x, "y": y, "button": 0, "buttons": int(held), **rectangle}


def test_gamut_drag_picks_live_and_ends_with_a_final_pick():
    picks = []
    gamut = Gamut(lambda ab, done: picks.append((ab, done)), post=picks.append)
    gamut.show(60, (0, 0))
    gamut._pointer(mouse("mousemove", 110, 110, False))
    assert picks == [], "hovering picks nothing"
    for kind, x, held in (("mousedown", 110, True), ("mousemove", 130, True), ("mouseup", 130, False)):
        gamut._pointer(mouse(kind, x, 110, held))
    assert picks == [((0, 0), False), ((20, 0), False), ((20, 0), True)]
    gamut._pointer(mouse("mousemove", 150, 110, False))
    assert len(picks) == 3
