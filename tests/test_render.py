"""From a small ab to a picture of any size."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.color import lab2rgb, rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from ipycolorize import render as module
from ipycolorize.image import Frame, resize_lightness, sample_photo
from ipycolorize.render import Colors, render


def lab_of(rgb):
    """(3, H, W) float32."""
    return torch.from_numpy(rgb2lab(rgb).astype(np.float32)).permute(2, 0, 1)


def to_grid(photo, *, short_side):
    """L as the session gives it to a network, and the true ab averaged down: a perfect prediction."""
    grid = Frame.fit(photo.shape, short_side=short_side).grid
    lightness = torch.from_numpy(resize_lightness(photo.lightness, grid))[None, None]
    ab = F.interpolate(lab_of(photo.rgb)[None, 1:], size=grid, mode="bilinear", antialias=True)
    return lightness, ab


def wild(shape, *, seed=0, reach=100):
    """L and ab of a prediction, smooth, and in places stronger than sRGB can show."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 6, generator=draw)
    lab = F.interpolate(coarse, size=shape, mode="bicubic").clamp(0, 1)
    return lab[:, :1] * 100, (lab[:, 1:] - 0.5) * 2 * reach


def test_slope_and_offset_equal_loops():
    """Guided filter (He et al. 2013): cov / (var + 16) in 3 x 3 windows, then their mean."""
    lightness, ab = wild((7, 9))
    colors = Colors.of_prediction(lightness, ab)
    x, y = lightness[0, 0].double().numpy(), ab[0].double().numpy()

    def window(r, c):
        return slice(max(r - 1, 0), r + 2), slice(max(c - 1, 0), c + 2)

    slope = np.zeros((2, 7, 9))
    for channel in range(2):
        for r, c in np.ndindex(7, 9):
            seen, colour = x[window(r, c)], y[channel][window(r, c)]
            slope[channel, r, c] = ((seen - seen.mean()) * colour).mean() / (seen.var() + 16)
    mean = np.array([[[s[window(r, c)].mean() for c in range(9)] for r in range(7)] for s in slope])
    np.testing.assert_allclose(colors.slope, mean, atol=1e-4)
    np.testing.assert_allclose(colors.slope * lightness[0] + colors.offset, ab[0], atol=1e-4)


def test_on_the_grid_itself_nothing_changes(small):
    lab = lab_of(small)[None]
    out = render(lab[0, 0].numpy(), Colors.of_prediction(lab[:, :1], lab[:, 1:]))
    assert np.array_equal(out, small)


def test_on_the_grid_itself_a_single_hint_keeps_its_colour():
    lightness, ab = torch.full((1, 1, 20, 30), 60.0), torch.zeros(1, 2, 20, 30)
    lightness[..., 15:] = 40
    ab[0, :, 10, 14] = torch.tensor([30.0, -20.0])
    out = render(lightness[0, 0].numpy(), Colors.of_prediction(lightness, ab))
    expected = np.rint(lab2rgb(torch.cat([lightness, ab], 1)[0].permute(1, 2, 0).numpy()) * 255)
    assert np.abs(out - expected).max() <= 1
    assert np.ptp(out[10, 14].astype(int)) > 30


@pytest.mark.parametrize("strip", [1, 1000, 7777, 1 << 19])
def test_strips_do_not_show(china, monkeypatch, strip):
    lab = lab_of(china)
    colors = Colors.of_prediction(*wild((60, 90)))
    whole = render(lab[0].numpy(), colors)
    monkeypatch.setattr(module, "STRIP", strip)
    apart = render(lab[0].numpy(), colors)
    different = np.abs(whole.astype(int) - apart)
    assert different.max() <= 1  # the last bit of a float may round the other way
    assert (different > 0).mean() < 1e-4


@pytest.mark.parametrize("shape", [(300, 200), (61, 89), (20, 30)])
def test_maps_are_enlarged_as_torch_does(shape):
    """A prediction over constant L has no slope: the picture is its bilinear enlargement."""
    lightness, ab = torch.full((1, 1, 40, 50), 60.0), wild((40, 50), reach=15)[1]
    out = render(np.full(shape, 60, np.float32), Colors.of_prediction(lightness, ab))
    large = F.interpolate(ab, size=shape, mode="bilinear", align_corners=False)[0]
    lab = torch.cat([torch.full((1, *shape), 60.0), large]).permute(1, 2, 0).numpy()
    assert np.abs(out - np.rint(lab2rgb(lab) * 255)).max() <= 1


@pytest.mark.parametrize("reach", [40, 120, 300])
def test_lightness_is_kept_even_where_colours_cannot_be_shown(china, reach):
    lightness = lab_of(china)[0].numpy()
    out = render(lightness, Colors.of_prediction(*wild((60, 90), reach=reach)))
    assert np.abs(rgb2lab(out)[..., 0] - lightness).max() < 0.6  # of rounding to 8 bits
    clipped = np.clip(lab2rgb(np.dstack([np.full((9, 9), 50), np.full((9, 9), 120), np.zeros((9, 9))])), 0, 1)
    assert np.abs(rgb2lab(clipped)[..., 0] - 50).max() > 3  # what clipping in RGB would do


def test_colours_of_full_size_follow_the_photograph_better_than_bilinear():
    gain = []
    for name in ("china", "flower", "astronaut"):
        photo = sample_photo(name)
        lightness, ab = to_grid(photo, short_side=96)
        guided = render(photo.lightness, Colors.of_prediction(lightness, ab))
        plain = render(photo.lightness, Colors(torch.zeros_like(ab[0]), ab[0]))
        gain.append(peak_signal_noise_ratio(photo.rgb, guided) - peak_signal_noise_ratio(photo.rgb, plain))
    assert (
        np.mean(gain) > 0.3
    )  # china loses about 1 dB at this small grid (0.3 at 256 rows), the others gain 1 to 2


def test_preview_equals_export_reduced(china):
    photo = sample_photo("china")
    colors = Colors.of_prediction(*to_grid(photo, short_side=128))
    full = render(photo.lightness, colors)
    for shape in ((214, 320), (128, 192)):
        preview = render(resize_lightness(photo.lightness, shape), colors)
        reduced = F.interpolate(
            torch.from_numpy(full).permute(2, 0, 1)[None].float(), size=shape, mode="bilinear", antialias=True
        )[0].permute(1, 2, 0)
        chroma = rgb2lab(preview)[..., 1:] - rgb2lab(reduced.numpy() / 255)[..., 1:]
        assert np.abs(chroma).mean() < 1.5
        assert np.abs(preview - reduced.numpy()).mean() < 3
        assert abs((preview - reduced.numpy()).mean()) < 1.5


def test_colour_at_a_place_is_the_colour_painted_there(small):
    lightness, ab = wild((40, 60), reach=20)
    colors = Colors.of_prediction(lightness, ab)
    full = lab_of(small)[0].clamp(40, 70).numpy()
    painted = rgb2lab(render(full, colors))
    frame = Frame(photo=full.shape, grid=(40, 60))
    for row, col in ((0, 0), (106, 159), (50, 80), (13, 141), (99, 3)):
        found = colors.at(*frame.to_grid(row, col), float(full[row, col]))
        np.testing.assert_allclose(painted[row, col, 1:], found, atol=1.2)  # of rounding to 8 bits


@pytest.mark.parametrize("kind", ["read-only", "float64", "a view"])
def test_any_array_of_lightness_will_do(small, kind):
    lightness = lab_of(small)[0].numpy().copy()
    colors = Colors.of_prediction(*wild((30, 45)))
    expected = render(lightness, colors)
    if kind == "read-only":
        lightness.setflags(write=False)
    elif kind == "float64":
        lightness = lightness.astype(np.float64)
    else:
        lightness = lightness[::-1].copy()[::-1]
    assert np.array_equal(render(lightness, colors), expected)


def test_a_grid_of_one_pixel():
    colors = Colors.of_prediction(torch.full((1, 1, 1, 1), 50.0), torch.full((1, 2, 1, 1), 10.0))
    out = render(np.full((3, 5), 50, np.float32), colors)
    assert (out == out[0, 0]).all()
    np.testing.assert_allclose(rgb2lab(out)[0, 0], [50, 10, 10], atol=0.5)
