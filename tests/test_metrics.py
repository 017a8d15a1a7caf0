"""PSNR against scikit-image."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from ipycolorize.metrics import psnr


def pair(count=3):
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 256, (count, 3, 20, 30), np.uint8)
    noise = draw.integers(-30, 30, truth.shape) * np.array([0.2, 1, 3])[:, None, None, None]
    return np.clip(truth + noise, 0, 255).astype(np.uint8), truth


def test_psnr_of_each_image_equals_scikit_image():
    result, truth = pair()
    found = psnr(torch.from_numpy(result), torch.from_numpy(truth), data_range=255)
    expected = [peak_signal_noise_ratio(t, r, data_range=255) for t, r in zip(truth, result, strict=True)]
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    assert np.ptp(expected) > 5  # the images are not averaged into one


def test_psnr_of_floats_uses_the_range():
    result, truth = (torch.from_numpy(image).double() / 255 for image in pair())
    expected = [
        peak_signal_noise_ratio(t.numpy(), r.numpy(), data_range=1)
        for t, r in zip(truth, result, strict=True)
    ]
    np.testing.assert_allclose(psnr(result, truth, data_range=1).numpy(), expected, rtol=1e-12)


def test_psnr_of_uint8_does_not_wrap_around():
    black, white = (
        torch.zeros(1, 3, 4, 4, dtype=torch.uint8),
        torch.full((1, 3, 4, 4), 255, dtype=torch.uint8),
    )
    assert psnr(black, white, data_range=255).tolist() == psnr(white, black, data_range=255).tolist() == [0.0]


def test_psnr_of_equal_images_is_infinite():
    result, _ = pair()
    assert torch.isinf(psnr(torch.from_numpy(result), torch.from_numpy(result), data_range=255)).all()


def test_psnr_of_different_shapes_is_refused():
    with pytest.raises(ValueError, match=r"one shape, got \(1, 3, 4, 4\) and \(1, 3, 4, 5\)"):
        psnr(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5), data_range=1)
