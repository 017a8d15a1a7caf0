"""PSNR against scikit-image, and the metrics beside it against plain numpy."""

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.filters import sobel_h, sobel_v
from skimage.metrics import peak_signal_noise_ratio

from ipycolorize import arguments
from ipycolorize.metrics import METRICS, colourfulness, compare_pictures, edges, psnr


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


def photographs():
    """Two photographs and what somebody might make of them: (2, 3, 64, 64) uint8 each."""
    from skimage import data
    from skimage.transform import resize

    true = [resize(picture, (64, 64), anti_aliasing=True) for picture in (data.coffee(), data.astronaut())]
    truth = (np.stack(true) * 255).round().astype(np.uint8)
    grey = truth.mean(axis=-1, keepdims=True)
    result = np.clip(grey + np.array([0.4, 1.3])[:, None, None, None] * (truth - grey), 0, 255)
    return result.round().astype(np.uint8), truth


def planes(pictures):
    return torch.from_numpy(pictures).permute(0, 3, 1, 2)


def values(*names):
    result, truth = photographs()
    return compare_pictures(planes(result), planes(truth), names)


def test_colourfulness_equals_the_paper_s_formula():
    _, truth = photographs()
    for picture, found in zip(truth, colourfulness(planes(truth)), strict=True):
        red, green, blue = picture.reshape(-1, 3).T.astype(float)
        rg, yb = red - green, 0.5 * (red + green) - blue
        expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
        assert found.item() == pytest.approx(expected)
    grey = torch.full((1, 3, 5, 5), 90, dtype=torch.uint8)
    red = torch.zeros(1, 3, 5, 5, dtype=torch.uint8)
    red[:, 0] = 255
    assert colourfulness(grey).item() == 0
    assert colourfulness(red).item() == pytest.approx(0.3 * np.hypot(255, 127.5))
    found = values("colourfulness")
    assert found["colourfulness"][0] < found["colourfulness_truth"][0] < found["colourfulness_truth"][0] + 1
    assert found["colourfulness"][1] > found["colourfulness_truth"][1]


def test_ciede2000_of_photographs_equals_scikit_image_but_for_opposed_hues():
    result, truth = photographs()
    found = values("ciede2000")["ciede2000"]
    for ours, one, other in zip(found, result, truth, strict=True):
        assert ours.item() == pytest.approx(deltaE_ciede2000(rgb2lab(one), rgb2lab(other)).mean(), abs=2e-3)


def test_ciede2000_on_edges_is_that_of_the_strongest_tenth():
    result, truth = photographs()
    found = values("ciede2000-edges")["ciede2000_edges"]
    for ours, one, other in zip(found, result, truth, strict=True):
        lightness = np.pad(rgb2lab(other)[..., 0], 1, mode="edge")
        strength = np.hypot(sobel_h(lightness), sobel_v(lightness))[1:-1, 1:-1]
        there = strength >= np.sort(strength.ravel())[-round(0.1 * strength.size)]
        apart = deltaE_ciede2000(rgb2lab(one), rgb2lab(other))
        assert ours.item() == pytest.approx(apart[there].mean(), rel=0.01)


def test_colours_that_bleed_cost_at_edges_alone():
    """Grey left, red right, the border two pixels off: little on average, much at the edge."""
    truth = np.full((1, 40, 40, 3), 90, np.uint8)
    truth[:, :, 20:] = (200, 40, 40)
    bleeding = truth.copy()
    bleeding[:, :, 18:20] = (170, 60, 60)
    found = compare_pictures(planes(bleeding), planes(truth), ["ciede2000", "ciede2000-edges"])
    assert found["ciede2000_edges"].item() > 5 * found["ciede2000"].item() > 0


def test_edges_of_a_flat_picture_are_all_of_it_and_of_a_step_its_sides():
    flat = torch.full((1, 1, 10, 10), 50.0)
    step = flat.clone()
    step[..., 5:] = 80
    assert edges(flat).all()
    assert edges(step)[0].nonzero()[:, 1].unique().tolist() == [4, 5]
    assert edges(torch.cat([flat, step])).sum(dim=(1, 2)).tolist() == [100, 20]


def test_chroma_that_lacks_and_that_is_too_much():
    result, truth = photographs()
    found = values("chroma")
    chroma = [np.hypot(*np.moveaxis(rgb2lab(picture)[..., 1:], -1, 0)) for picture in (truth, result)]
    lack = chroma[0] - chroma[1]
    for index in range(2):
        assert found["chroma_deficit"][index].item() == pytest.approx(lack[index].clip(0).mean(), abs=5e-3)
        assert found["chroma_excess"][index].item() == pytest.approx((-lack[index]).clip(0).mean(), abs=5e-3)
    assert found["chroma_deficit"][0] > 10 * found["chroma_excess"][0]
    assert found["chroma_excess"][1] > 10 * found["chroma_deficit"][1]


def test_only_what_is_asked_for_is_measured_and_equal_pictures_differ_in_nothing():
    for name, wanted in METRICS.items():
        assert tuple(values(name)) == wanted
    _, truth = photographs()
    found = compare_pictures(planes(truth), planes(truth), METRICS)
    assert tuple(found) == tuple(value for wanted in METRICS.values() for value in wanted)
    for name, value in found.items():
        assert value.shape == (2,)
        assert value.dtype == torch.float64
        if not name.startswith("colourfulness"):
            assert value.max() == 0, name
    assert compare_pictures(planes(truth), planes(truth), []) == {}


def test_other_metrics_are_refused():
    _, truth = photographs()
    with pytest.raises(ValueError, match=r"expected metrics among colourfulness, ciede2000, .* got 'ssim'"):
        compare_pictures(planes(truth), planes(truth), ["ssim"])
    with pytest.raises(ValueError, match="one shape"):
        compare_pictures(planes(truth), planes(truth)[..., 1:], ["chroma"])


def test_the_command_line_knows_all_metrics():
    assert tuple(METRICS) == arguments.METRICS
    assert arguments.metrics("all") == arguments.METRICS
    assert arguments.metrics("ciede2000,psnr,chroma,chroma") == ("ciede2000", "chroma")
