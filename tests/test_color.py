"""sRGB and Lab against scikit-image, in both layouts."""

import numpy as np
import pytest
import torch
from matplotlib.colors import rgb_to_hsv
from skimage.color import lab2rgb, rgb2lab

from ipycolorize.color import (
    companded,
    lab_to_linear,
    lab_to_rgb,
    linearize,
    parse_hex,
    rgb_to_lab,
    saturation,
    to_hex,
    to_uint8,
)

CUBE = np.stack(np.meshgrid(*3 * [np.arange(0, 256, 5)], indexing="ij"), -1).reshape(-1, 3).astype(np.uint8)
CORNERS = np.array(np.meshgrid(*3 * [[0.0, 1.0]])).reshape(3, -1).T
DARK = np.linspace(0, 0.06, 300)[:, None] * np.array([1.0, 0.5, 0.9])  # both curves have their bend here


@pytest.mark.parametrize(
    "rgb", [np.random.default_rng(1).random((2000, 3)), CORNERS, DARK], ids=["random", "corners", "dark"]
)
def test_rgb_to_lab_equals_scikit_image(rgb):
    np.testing.assert_allclose(rgb_to_lab(rgb), rgb2lab(rgb), atol=2e-3)
    single = rgb_to_lab(rgb.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, rgb2lab(rgb), atol=5e-3)


def test_lab_to_rgb_equals_scikit_image():
    lab = rgb2lab(np.random.default_rng(2).random((2000, 3)))
    np.testing.assert_allclose(lab_to_rgb(lab), lab2rgb(lab), atol=1e-4)


def test_lab_anchors():
    lab = rgb_to_lab(np.array([[1.0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1]]))
    np.testing.assert_allclose(lab[:2], [[100, 0, 0], [0, 0, 0]], atol=0.02)
    np.testing.assert_allclose(lab[2:], [[53.24, 80.09, 67.20], [32.30, 79.19, -107.86]], atol=0.02)


def test_uint8_is_read_as_255ths():
    np.testing.assert_allclose(rgb_to_lab(CUBE), rgb2lab(CUBE), atol=5e-3)
    tensor = torch.from_numpy(CUBE.T.copy()).view(3, -1, 1)
    torch.testing.assert_close(rgb_to_lab(tensor), rgb_to_lab(tensor.float() / 255))


def test_round_trip_of_the_whole_cube_is_exact():
    assert np.array_equal(to_uint8(lab_to_rgb(rgb_to_lab(CUBE))), CUBE)


@pytest.mark.parametrize("shape", [(3, 4, 5), (2, 3, 4, 5), (2, 6, 3, 4, 5)])
def test_tensors_and_arrays_agree_for_any_leading_dimensions(shape):
    tensor = torch.rand(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    array = np.moveaxis(tensor.numpy(), -3, -1)
    lab = rgb_to_lab(tensor)
    assert lab.shape == shape
    np.testing.assert_allclose(np.moveaxis(lab.numpy(), -3, -1), rgb_to_lab(array), atol=1e-9)
    torch.testing.assert_close(lab_to_rgb(lab), tensor)


def test_one_colour_is_an_array_too():
    assert rgb_to_lab(np.array([255, 0, 0], np.uint8)).shape == (3,)


def test_strided_and_read_only_arrays(china):
    view = china[::-7, ::5]
    read_only = view.copy()
    read_only.setflags(write=False)  # as np.asarray gives it of a PIL image
    np.testing.assert_allclose(rgb_to_lab(view), rgb2lab(view), atol=5e-3)
    np.testing.assert_array_equal(rgb_to_lab(read_only), rgb_to_lab(view))


def test_integer_lab_is_a_colour_like_any_other():
    np.testing.assert_allclose(
        lab_to_rgb(np.array([50, 20, -20])), lab_to_rgb(np.array([50.0, 20, -20])), atol=1e-6
    )
    whole = torch.tensor([50, 20, -20]).view(3, 1, 1)
    torch.testing.assert_close(lab_to_rgb(whole), lab_to_rgb(whole.float()))


def test_out_of_gamut_colours_are_not_clipped_and_come_back():
    lab = np.array([[60.0, 120, 0], [40, -100, 60], [97, 0, -60]])
    rgb = lab_to_rgb(lab)
    assert rgb.min() < -0.1
    assert rgb.max() > 1.1
    np.testing.assert_allclose(rgb_to_lab(rgb), lab, atol=1e-3)


def test_linear_light_matches_the_transfer_curve():
    values = np.linspace(0, 1, 1001)
    expected = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    linear = linearize(torch.from_numpy(values))
    np.testing.assert_allclose(linear.numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(companded(linear).numpy(), values, atol=1e-6)
    lab = torch.from_numpy(rgb2lab(values[:, None, None] * np.ones(3))).permute(2, 0, 1)
    np.testing.assert_allclose(lab_to_linear(lab)[1, :, 0].numpy(), expected, atol=1e-4)


def test_gradients_are_finite_at_black():
    rgb = torch.zeros(1, 3, 2, 2, requires_grad=True)
    rgb_to_lab(rgb).sum().backward()
    assert torch.isfinite(rgb.grad).all()


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 17, 9), (2, 5, 3, 4, 6)])
def test_saturation_is_that_of_hsv(shape):
    rgb = torch.rand(shape, generator=torch.Generator().manual_seed(4))
    found = saturation(rgb)
    assert found.shape == (*shape[:-3], *shape[-2:])
    np.testing.assert_allclose(found, rgb_to_hsv(rgb.movedim(-3, -1))[..., 1], atol=1e-6)


def test_saturation_of_the_whole_cube():
    rgb = torch.from_numpy(CUBE.T.copy()).view(3, -1, 1).float() / 255
    expected = rgb_to_hsv(CUBE / 255)[:, 1]
    np.testing.assert_allclose(saturation(rgb)[:, 0], expected, atol=1e-6)
    there_and_back = saturation(lab_to_rgb(rgb_to_lab(rgb)).clamp(0, 1))
    np.testing.assert_allclose(there_and_back[:, 0], expected, atol=1e-4)  # black too


@pytest.mark.parametrize("function", [rgb_to_lab, lab_to_rgb])
@pytest.mark.parametrize(
    "image", [torch.zeros(4, 5), torch.zeros(2, 4, 5), torch.zeros(4, 5, 3), np.zeros((3, 4)), np.zeros(())]
)
def test_another_layout_is_refused(function, image):
    with pytest.raises(ValueError, match=r"expected .*3"):
        function(image)


@pytest.mark.parametrize(
    "image", [np.zeros((2, 3), np.uint16), np.full((2, 3), 200), torch.full((3, 2, 2), 200)]
)
def test_other_integers_than_uint8_are_refused(image):
    with pytest.raises(ValueError, match=r"uint8 or as floats in \[0, 1\]"):
        rgb_to_lab(image)


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_to_uint8_rounds_and_clips(kind):
    values = kind([-0.2, 0.0, 0.49 / 255, 0.51 / 255, 127.4 / 255, 127.6 / 255, 1.0, 1.7])
    out = to_uint8(values)
    assert str(out.dtype).endswith("uint8")
    assert out.tolist() == [0, 0, 0, 1, 127, 128, 255, 255]


@pytest.mark.parametrize(
    ("text", "rgb"),
    [
        ("#d04020", (208, 64, 32)),
        ("D04020", (208, 64, 32)),
        ("#d42", (221, 68, 34)),
        (" #FFF ", (255, 255, 255)),
    ],
)
def test_hex_is_read(text, rgb):
    assert parse_hex(text) == rgb


@pytest.mark.parametrize(
    "text", ["", "#", "#12", "#1234", "#12345", "#1234567", "red", "#ggg", "##123", "0x123456"]
)
def test_other_text_is_no_colour(text):
    with pytest.raises(ValueError, match="expected a colour such as"):
        parse_hex(text)


def test_hex_round_trip():
    for rgb in ((0, 0, 0), (1, 2, 3), (255, 128, 9)):
        assert parse_hex(to_hex(rgb)) == rgb
