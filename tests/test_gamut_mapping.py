"""The way back into sRGB: its hues against an OkLab of the test's own, its continuity, and who goes it."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab, rgb2xyz

from ipycolorize.color import lab_to_linear, linear_to_oklab, rgb_to_lab
from ipycolorize.gamut import displayed, in_gamut, screen_rgb, to_gamut
from ipycolorize.gamut_border import reach
from ipycolorize.render import Colors, render
from ipycolorize.session import Session

# Ottosson 2020: from XYZ (the package goes from linear sRGB)
CONES = np.array(
    [
        [0.8189330101, 0.3618667424, -0.1288597137],
        [0.0329845436, 0.9293118715, 0.0361456387],
        [0.0482003018, 0.2643662691, 0.6338517070],
    ]
)
OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
LIGHTNESSES = range(20, 96, 5)


def oklab(xyz):
    return np.cbrt(xyz @ CONES.T) @ OKLAB.T


def hue(ok):
    return np.degrees(np.arctan2(ok[..., 2], ok[..., 1]))


def apart(one, other):
    """Degrees between hues."""
    return np.abs((one - other + 180) % 360 - 180)


def shown_hue(lab):
    """OkLab's hue of (M, 3) Lab."""
    fy = (lab[:, 0] + 16) / 116
    f = np.column_stack([fy + lab[:, 1] / 500, fy, fy - lab[:, 2] / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * (0.95047, 1, 1.08883)
    return hue(oklab(xyz))


def at(lightness, ab, dtype=torch.float32):
    """(3, M, 1) Lab of colours (M, 2) at one L."""
    return torch.tensor(np.column_stack([np.full(len(ab), float(lightness)), ab]).T[..., None], dtype=dtype)


def to_rows(lab):
    return lab[..., 0].T.double().numpy()


def straight(lab):
    """What there was before: chroma cut along Lab's hue."""
    lightness, a, b = lab[..., 0]
    chroma = torch.hypot(a, b)
    share = (reach(lightness, a / chroma, b / chroma) / chroma).clamp(max=1)
    return torch.stack([lightness, share * a, share * b])[..., None]


def cube(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 3)).astype(np.uint8)


def edges(steps=48):
    """The most saturated colours of each hue: red, yellow, green, cyan, blue, magenta and all between."""
    up = np.arange(steps) / steps
    one, none, down = np.ones(steps), np.zeros(steps), 1 - up
    sides = ((one, up, none), (down, one, none), (none, one, up), (none, down, one), (up, none, one))
    return np.concatenate([np.stack(side, axis=1) for side in (*sides, (one, none, down))])


def test_oklab_equals_the_published_way_from_xyz():
    rgb = cube(500) / 255
    lab = torch.from_numpy(rgb2lab(rgb).T[..., None])
    ours = linear_to_oklab(lab_to_linear(lab))[..., 0].T.numpy()
    np.testing.assert_allclose(ours, oklab(rgb2xyz(rgb)), atol=1e-3)
    white = linear_to_oklab(torch.ones(3, 1, 1)).flatten()
    torch.testing.assert_close(white, torch.tensor([1.0, 0.0, 0.0]), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("picked", "grey", "wanted"), [((0, 0, 255), 198, (171, 199, 254)), ((255, 0, 0), 231, (254, 225, 219))]
)
def test_a_light_blue_is_not_lilac_and_a_light_red_is_no_orange(picked, grey, wanted):
    lightness = float(rgb_to_lab(np.full(3, grey, np.uint8))[0])
    rgb, _ = displayed(lightness, tuple(rgb_to_lab(np.array(picked, np.uint8))[1:].tolist()))
    assert np.abs(np.subtract(rgb, wanted)).max() <= 4


@pytest.mark.parametrize("lightness", LIGHTNESSES)
def test_the_most_saturated_colours_keep_the_hue_that_an_eye_sees(lightness):
    rgb = edges()
    lab = at(lightness, rgb2lab(rgb)[:, 1:])
    off = apart(shown_hue(to_rows(to_gamut(lab))), hue(oklab(rgb2xyz(rgb))))
    assert off.max() < 9
    if lightness in (60, 80):  # what this is for
        assert apart(shown_hue(to_rows(straight(lab))), hue(oklab(rgb2xyz(rgb)))).max() > 28


@pytest.mark.parametrize("lightness", LIGHTNESSES[::3])
def test_the_hue_shown_is_one_that_the_colour_has_at_some_lightness(lightness):
    """(a, b) has other hues at other L: what is shown is one of those that sRGB has, or 12 degrees beside."""
    own = rgb2lab(cube(800, seed=lightness) / 255)
    own = own[np.hypot(*own[:, 1:].T) > 8]
    ab = own[:, 1:]
    lab = at(lightness, ab)
    outside = ~in_gamut(lab)[:, 0].numpy()
    shown = shown_hue(to_rows(to_gamut(lab)))
    nearest = apart(shown, shown_hue(own))
    for other in range(1, 100):
        there = at(other, ab, torch.float64)
        possible = in_gamut(there)[:, 0].numpy()
        nearest = np.where(possible, np.minimum(nearest, apart(shown, shown_hue(to_rows(there)))), nearest)
    assert outside.sum() > 100
    assert nearest[outside].max() < 12


@pytest.mark.parametrize("lightness", LIGHTNESSES)
def test_nearly_every_colour_keeps_its_own_hue(lightness):
    rgb = cube(4000, seed=lightness) / 255
    true = oklab(rgb2xyz(rgb))
    lab = at(lightness, rgb2lab(rgb)[:, 1:])
    counts = ~in_gamut(lab)[:, 0].numpy() & (np.hypot(*true[:, 1:].T) > 0.02)
    new, old = (apart(shown_hue(to_rows(way(lab))), hue(true))[counts] for way in (to_gamut, straight))
    # the rest are colours just outside: those just inside stay what they are, at any L
    assert (new < 12).mean() > 0.955
    assert new.mean() <= old.mean() + 0.1


GROUPS = {  # Lab hues in degrees, chroma
    "reds": ((15, 50), (40, 110)),
    "skins": ((30, 75), (8, 40)),
    "greens": ((110, 160), (20, 120)),
}


@pytest.mark.parametrize("group", GROUPS)
def test_reds_skins_and_greens_are_as_good_as_before(group):
    (low, high), (least, most) = GROUPS[group]
    lab = rgb2lab(cube(20_000) / 255)
    angle, chroma = np.degrees(np.arctan2(lab[:, 2], lab[:, 1])), np.hypot(*lab[:, 1:].T)
    lab = lab[(angle > low) & (angle < high) & (chroma > least) & (chroma < most)]
    true = shown_hue(lab)
    new, old = [], []
    for lightness in LIGHTNESSES:
        here = at(lightness, lab[:, 1:])
        outside = ~in_gamut(here)[:, 0].numpy()
        for kept, way in ((new, to_gamut), (old, straight)):
            kept.append(apart(shown_hue(to_rows(way(here))), true)[outside])
    new, old = np.concatenate(new), np.concatenate(old)
    assert len(new) > 200
    # degrees; before, oranges kept Lab's hue, and skins lie beside them
    assert new.mean() <= old.mean() + 0.3
    assert np.quantile(new, 0.99) <= np.quantile(old, 0.99) + 0.5


def lines(count, *, seed):
    """Places every 0.05 ab along lines of the ab plane that cross the border, at many L."""
    draw = np.random.default_rng(seed)
    along = np.arange(-2000, 2000) * 0.05
    for _ in range(count):
        lightness, angle = draw.uniform(3, 95), draw.uniform(0, 2 * np.pi)
        middle = draw.uniform(-80, 80, 2)
        ab = middle + along[:, None] * [np.cos(angle), np.sin(angle)]
        yield at(lightness, ab)


def test_nothing_jumps_along_lines_through_the_border():
    crossings, steps, ways = [], [], []
    for lab in lines(100, seed=3):
        inside, shown = in_gamut(lab)[:, 0], screen_rgb(lab)[..., 0]
        step = 255 * (shown[:, 1:] - shown[:, :-1]).abs().amax(dim=0)
        crossings += step[inside[1:] != inside[:-1]].tolist()
        steps.append(step.max().item())
        ways.append((to_gamut(lab)[1:, 1:] - to_gamut(lab)[1:, :-1]).norm(dim=0).max().item())
    assert len(crossings) > 100
    assert np.quantile(crossings, 0.9) < 1
    # sRGB's own curve is steep near black: up to 2.2 levels in 0.05 ab where nothing is out of gamut
    assert max(crossings) < 2.5
    assert np.quantile(steps, 0.95) < 2.2
    assert max(ways) < 0.05 * 20  # along a cliff of light yellow; else 0.05 * 3
    assert np.quantile(ways, 0.9) < 0.05 * 3


def test_a_small_step_in_lightness_is_a_small_step_on_the_screen():
    draw = torch.Generator().manual_seed(0)
    lab = torch.rand(3, 20_000, 1, generator=draw) * torch.tensor([90.0, 200, 200]).view(3, 1, 1)
    lab -= torch.tensor([-5.0, 100, 100]).view(3, 1, 1)
    more = lab.clone()
    more[0] += 0.02
    assert (to_gamut(more) - to_gamut(lab))[1:].norm(dim=0).max() < 0.7  # yellows end at the top: 32 ab per L
    step = 255 * (screen_rgb(more) - screen_rgb(lab)).abs().amax(dim=0)
    assert step.quantile(0.99) < 1


def test_swatch_words_eyedropper_and_picture_agree():
    """1,000 colours x lightnesses, most of them out of gamut; each pixel of the picture is one of them."""
    draw = np.random.default_rng(1)
    lightness = draw.uniform(2, 98, 1000).astype(np.float32)
    ab = draw.uniform(-110, 110, (1000, 2)).astype(np.float32)
    offset = torch.from_numpy(ab.T.copy())[:, None]  # (2, 1, 1000)
    painted = render(lightness[None], Colors(torch.zeros_like(offset), offset))[0].astype(int)
    lab = torch.from_numpy(np.column_stack([lightness, ab]).T[..., None].copy())
    assert (~in_gamut(lab)).double().mean() > 0.6
    for level, colour, pixel in zip(lightness.tolist(), ab.tolist(), painted, strict=True):
        rgb, there = displayed(level, tuple(colour))
        assert np.abs(pixel - rgb).max() <= 2
        assert np.abs(np.subtract(displayed(level, there)[0], rgb)).max() <= 2  # a swatch that is picked


@pytest.mark.parametrize("grey", [60, 198, 231])
@pytest.mark.parametrize("picked", [(255, 0, 0), (0, 0, 255), (255, 255, 0), (20, 200, 60)])
def test_what_a_session_says_of_a_point_is_what_its_picture_has(grey, picked):
    session = Session(np.full((48, 64, 3), grey, np.uint8), "live", device="cpu", short_side=48)
    hint = session.add(24, 32, ab=session.ab_of(picked))
    pixel = session.rgb()[24, 32].astype(int)
    eyedropper = displayed(session.lightness_at(24, 32), session.ab_at(24, 32))[0]
    assert np.abs(pixel - eyedropper).max() <= 2
    # the network may miss what it is told by a little: in this map a little stays a little
    assert np.abs(pixel - session.color_of(hint)).max() <= 8


SATURATED = (
    (255, 0, 0),
    (0, 0, 255),
    (0, 255, 0),
    (255, 0, 255),
    (255, 255, 0),
    (7, 7, 112),
    (124, 107, 250),
)


def test_saved_hints_give_the_same_picture_back_to_the_byte(small, tmp_path):
    first = Session(small, "live", device="cpu", short_side=64)
    draw = np.random.default_rng(2)
    for rgb in SATURATED:
        a, b = first.ab_of(rgb)
        row, col = (int(draw.integers(0, side)) for side in first.photo.shape)
        first.add(row, col, ab=(a + draw.normal(0, 1e-3), b), size=int(draw.integers(1, 20)))
    first.save(tmp_path / "hints.json")
    second = Session(small, "live", device="cpu", short_side=64)
    second.load(tmp_path / "hints.json")
    assert [hint.ab for hint in second.hints] == [hint.ab for hint in first.hints]
    assert np.array_equal(second.rgb(), first.rgb())
    second.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "hints.json").read_bytes()


def test_hints_of_before_which_were_rounded_still_load(small):
    session = Session(small, "live", device="cpu", short_side=64)
    points = [{"row": 20, "col": 30, "ab": [79.186, -107.857], "size": 7}]
    shape = list(session.photo.shape)
    data = {"format": "ipycolorize-hints", "version": 1, "shape": shape, "hints": points}
    session.load(json.dumps(data).encode())
    assert session.hints.items[0].ab == (79.186, -107.857)


SCRIPT = """
import sys
import numpy as np, torch
torch.set_num_threads(int(sys.argv[1]))
from ipycolorize.image import sample_photo
from ipycolorize.session import Session
session = Session(sample_photo("astronaut"), "live", device="cpu", short_side=128)
for place, rgb in (((60, 100), (255, 0, 0)), ((200, 300), (0, 0, 255)), ((400, 50), (0, 255, 0)),
                   ((300, 450), (255, 0, 255)), ((20, 480), (255, 255, 0))):
    session.add(*place, ab=session.ab_of(rgb), size=30)
np.save(sys.argv[2], session.rgb())
"""


def test_a_picture_is_the_same_whatever_the_number_of_threads(tmp_path):
    pictures = []
    for threads in ("1", "2"):
        file = tmp_path / f"{threads}.npy"
        subprocess.run([sys.executable, "-c", SCRIPT, threads, str(file)], check=True, timeout=300)
        pictures.append(np.load(file).astype(int))
    gap = np.abs(pictures[0] - pictures[1])
    assert gap.max() <= 1
    assert np.ptp(pictures[0]) > 200
