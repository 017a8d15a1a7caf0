"""Damage that a network learns to look through, and is measured on."""

import numpy as np
import pytest
import torch
from skimage import data as samples

from ipycolorize import aging
from ipycolorize.aging import degrade
from ipycolorize.color import rgb_to_lab


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def lab_of(rgb):
    return rgb_to_lab(torch.tensor(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None])


@pytest.fixture(scope="module")
def lab(china):
    """``(4, 3, 64, 64)``: a pavilion before the sky, its roof, a face, coffee."""
    windows = (
        china[100:164, 200:264],
        china[200:264, 300:364],
        samples.astronaut()[60:124, 180:244],
        samples.coffee()[100:164, 200:264],
    )
    return torch.cat([lab_of(window) for window in windows])


@pytest.fixture(scope="module")
def lightness(lab):
    return lab[:, :1].contiguous()


def changed(after, before):
    """``(N,)`` whether a picture is not exactly the same."""
    return (after != before).flatten(1).any(1)


@pytest.mark.parametrize("share", [0.15, 0.6])
def test_only_the_share_is_aged(share):
    before = torch.rand(1500, 1, 9, 9, generator=seeded(1)) * 100
    kept = before.clone()
    after = degrade(before, share=share, generator=seeded())
    assert torch.equal(before, kept)
    assert changed(after, before).float().mean().item() == pytest.approx(share, abs=0.04)
    # of the aged, one in sixteen escapes all four damages
    visible = (after - before).abs().flatten(1).amax(1) > 0.01
    assert visible.float().mean().item() == pytest.approx(share * 15 / 16, abs=0.04)


def test_nothing_is_aged_without_a_share(lightness):
    assert degrade(lightness, share=0.0, generator=seeded()) is lightness


def test_the_same_seed_ages_alike(lightness):
    one, two, other = (degrade(lightness, share=1.0, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_type_are_kept(lightness, dtype):
    wide = lightness[:, :, :37].to(dtype)
    after = degrade(wide, share=1.0, generator=seeded())
    assert (after.shape, after.dtype, after.device) == (wide.shape, dtype, wide.device)
    assert degrade(wide[:0], share=1.0, generator=seeded()).shape == (0, 1, 37, 64)


def test_an_aged_photograph_can_still_be_read(lightness):
    before = lightness.repeat(60, 1, 1, 1)
    after = degrade(before, share=1.0, generator=seeded())
    assert after.min() >= 0
    assert after.max() <= 100
    distance = (after - before).abs().flatten(1).mean(1)
    assert 3 < distance.mean() < 9
    assert distance.max() < 26  # L units
    for one, other in zip(after.flatten(1), before.flatten(1), strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.6


def draws(damage, lightness, *, count=40):
    """A photograph in [0, 1], and what a damage makes of it, again and again."""
    generator = seeded()
    for number in range(count):
        x = lightness[number % len(lightness)] / 100
        yield x, damage(x, generator)


def test_a_faded_print_keeps_the_order_of_its_tones():
    generator, ramp = seeded(), torch.linspace(0, 1, 101).expand(1, 5, 101)
    tones = torch.stack([aging._fade(ramp, generator)[0, 0] for _ in range(200)])  # (200, 101)
    assert (tones.diff(dim=1) > 0).all()
    middle, slope = tones[:, 50], tones[:, -1] - tones[:, 0]
    # gamma 0.7..1.4, contrast 0.6..1.1, brightness -8..8 L
    assert (0.5**1.4 - 0.5) * 1.1 + 0.5 - 0.08 < middle.min() < 0.4
    assert 0.6 < middle.max() < (0.5**0.7 - 0.5) * 1.1 + 0.5 + 0.08
    assert 0.59 < slope.min() < 0.65
    assert 1.05 < slope.max() < 1.11


def test_a_soft_print_keeps_its_tones_and_loses_detail(lightness):
    shares = []
    for x, y in draws(aging._soften, lightness):
        assert float(y.mean()) == pytest.approx(float(x.mean()), abs=0.02)
        assert y.min() >= x.min() - 1e-6
        assert y.max() <= x.max() + 1e-6
        shares.append(float(y.diff(dim=-1).abs().mean() / x.diff(dim=-1).abs().mean()))
    assert max(shares) <= 1.001
    assert 0.15 < min(shares) < 0.7
    tiny = torch.rand(1, 8, 8, generator=seeded())
    assert aging._soften(tiny, seeded()).shape == tiny.shape


def test_grain_is_noise_around_the_photograph(lightness):
    levels = [float((y - x).std()) for x, y in draws(aging._grain, lightness)]
    assert max(levels) < 1.1 * aging.NOISE / 100
    assert np.mean(levels) == pytest.approx(aging.NOISE / 200, rel=0.25)
    x, y = next(draws(aging._grain, lightness))
    noise = (y - x)[0].numpy()
    assert abs(noise.mean()) < 0.01
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.06  # white


def test_jpeg_leaves_blocks_and_little_else(lightness):
    for x, y in draws(aging._compress, lightness, count=12):
        assert 0.001 < (y - x).abs().mean() < 0.07
        assert ((y * 255).round() - y * 255).abs().max() < 1e-4  # 8 bits
    smooth = torch.linspace(0.2, 0.8, 64).expand(1, 64, 64) + 0.02 * torch.randn(64, 64, generator=seeded())
    steps = aging._compress(smooth.contiguous(), seeded())[0].diff(dim=1).abs().mean(0)  # (63,)
    assert steps[7::8].mean() > 1.2 * steps[[k for k in range(63) if k % 8 != 7]].mean()


def test_stains_are_smooth_and_no_deeper_than_asked(lightness):
    stains = []
    for seed in range(20):
        x = lightness[seed % len(lightness)] / 100
        stains.append(aging.stained(x, depth=0.2, generator=seeded(seed)) - x)
    found = torch.stack(stains)
    assert 0.1 < found.abs().amax() < 0.26  # bicubic curves swing over a little
    assert found.std() > 0.04
    assert found.diff(dim=-1).abs().amax() < 0.04
    assert not torch.equal(found[0], found[4])
