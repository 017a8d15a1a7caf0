"""Damage that a network learns to look through, and colours that nature did not choose."""

import numpy as np
import pytest
import torch
from skimage import data as samples

from ipycolorize.color import lab_to_rgb, rgb_to_lab
from ipycolorize.training import augment
from ipycolorize.training.augment import degrade, recolour


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


# --- age ---------------------------------------------------------------------------------------------------


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
    tones = torch.stack([augment._fade(ramp, generator)[0, 0] for _ in range(200)])  # (200, 101)
    assert (tones.diff(dim=1) > 0).all()
    middle, slope = tones[:, 50], tones[:, -1] - tones[:, 0]
    # gamma 0.7..1.4, contrast 0.6..1.1, brightness -8..8 L
    assert (0.5**1.4 - 0.5) * 1.1 + 0.5 - 0.08 < middle.min() < 0.4
    assert 0.6 < middle.max() < (0.5**0.7 - 0.5) * 1.1 + 0.5 + 0.08
    assert 0.59 < slope.min() < 0.65
    assert 1.05 < slope.max() < 1.11


def test_a_soft_print_keeps_its_tones_and_loses_detail(lightness):
    shares = []
    for x, y in draws(augment._soften, lightness):
        assert float(y.mean()) == pytest.approx(float(x.mean()), abs=0.02)
        assert y.min() >= x.min() - 1e-6
        assert y.max() <= x.max() + 1e-6
        shares.append(float(y.diff(dim=-1).abs().mean() / x.diff(dim=-1).abs().mean()))
    assert max(shares) <= 1.001
    assert 0.15 < min(shares) < 0.7
    tiny = torch.rand(1, 8, 8, generator=seeded())
    assert augment._soften(tiny, seeded()).shape == tiny.shape


def test_grain_is_noise_around_the_photograph(lightness):
    levels = [float((y - x).std()) for x, y in draws(augment._grain, lightness)]
    assert max(levels) < 1.1 * augment.NOISE / 100
    assert np.mean(levels) == pytest.approx(augment.NOISE / 200, rel=0.25)
    x, y = next(draws(augment._grain, lightness))
    noise = (y - x)[0].numpy()
    assert abs(noise.mean()) < 0.01
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.06  # white


def test_jpeg_leaves_blocks_and_little_else(lightness):
    for x, y in draws(augment._compress, lightness, count=12):
        assert 0.001 < (y - x).abs().mean() < 0.07
        assert ((y * 255).round() - y * 255).abs().max() < 1e-4  # 8 bits
    smooth = torch.linspace(0.2, 0.8, 64).expand(1, 64, 64) + 0.02 * torch.randn(64, 64, generator=seeded())
    steps = augment._compress(smooth.contiguous(), seeded())[0].diff(dim=1).abs().mean(0)  # (63,)
    assert steps[7::8].mean() > 1.2 * steps[[k for k in range(63) if k % 8 != 7]].mean()


# --- colours -----------------------------------------------------------------------------------------------


def test_only_the_share_is_recoloured(lab):
    many = lab[:, :, ::4, ::4].repeat(150, 1, 1, 1)
    kept = many.clone()
    after, place = recolour(many, share=0.3, generator=seeded())
    assert torch.equal(many, kept)
    chosen = place[:, 0] >= 0
    assert chosen.float().mean().item() == pytest.approx(0.3, abs=0.06)
    assert torch.equal(chosen, place[:, 1] >= 0)
    assert torch.equal(after[~chosen], many[~chosen])
    assert changed(after, many)[chosen].all()
    assert place.max() < 16
    assert len(place[chosen].unique()) == 16  # anywhere


def test_nothing_is_recoloured_without_a_share(lab):
    after, place = recolour(lab, share=0.0, generator=seeded())
    assert after is lab
    assert (place == -1).all()
    assert recolour(lab[:0], share=1.0, generator=seeded())[1].shape == (0, 2)


def test_the_same_seed_recolours_alike(lab):
    one, two, other = (recolour(lab, share=1.0, generator=seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(one[0], two[0])
    assert torch.equal(one[1], two[1])
    assert not torch.equal(one[0], other[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_lightness_stays_and_colours_can_be_shown(lab, dtype):
    many = lab.repeat(30, 1, 1, 1).to(dtype)
    after, _ = recolour(many, share=1.0, generator=seeded())
    assert after.dtype == dtype
    assert torch.equal(after[:, 0], many[:, 0])
    shown = rgb_to_lab(lab_to_rgb(after).clamp(0, 1))
    difference = (shown - after).abs()
    assert difference[:, 0].mean() < 0.3
    assert difference[:, 0].flatten()[::7].quantile(0.99) < 3
    assert difference[:, 1:].norm(dim=1).mean() < 1
    assert difference[:, 1:].norm(dim=1).flatten()[::7].quantile(0.99) < 8


@pytest.fixture(scope="module")
def halves():
    """Two hundred pictures of two weak colours, and what became of them; sRGB has both in every hue."""
    before = torch.full((200, 3, 12, 16), 60.0)
    before[:, 1, :, :8], before[:, 2, :, :8] = 15.0, 0.0
    before[:, 1, :, 8:], before[:, 2, :, 8:] = -18.0, 9.0
    return before, *recolour(before, share=1.0, generator=seeded())


def sides(ab, place):
    """Colours ``(N, 2)`` of the half that has the place, and of the other."""
    left, right = ab[:, 1:, 0, 0], ab[:, 1:, 0, -1]
    on_left = (place[:, 1] < 8)[:, None]
    return torch.where(on_left, left, right), torch.where(on_left, right, left)


def test_half_have_their_hues_turned_and_half_an_object_of_another_colour(halves):
    before, after, place = halves
    (_, other), (_, other_after) = sides(before, place), sides(after, place)
    turned = (other_after - other).norm(dim=1) > 4
    assert turned.float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert (other_after - other)[~turned].norm(dim=1).max() < 3  # an object alone


def test_turned_hues_turn_all_alike_and_far(halves):
    before, after, place = halves
    (one, other), (one_after, other_after) = sides(before, place), sides(after, place)
    turned = (other_after - other).norm(dim=1) > 4

    def hue(ab):
        return torch.atan2(ab[turned, 1], ab[turned, 0])

    angle = (hue(one_after) - hue(one)) % (2 * np.pi)
    again = (hue(other_after) - hue(other)) % (2 * np.pi)
    torch.testing.assert_close(angle, again, atol=0.02, rtol=0)
    torch.testing.assert_close(one_after[turned].norm(dim=1), one[turned].norm(dim=1), atol=0.2, rtol=0)
    assert np.pi / 3 - 0.02 < angle.min() < 1.4
    assert 5 * np.pi / 3 + 0.02 > angle.max() > 4.8


def test_an_object_takes_one_new_colour_and_its_place_lies_on_it(halves):
    before, after, place = halves
    (_, other), (one_after, other_after) = sides(before, place), sides(after, place)
    alone = (other_after - other).norm(dim=1) < 3
    moved = (after - before)[:, 1:].norm(dim=1)[alone]  # (M, H, W)
    here = moved[torch.arange(len(moved)), *place[alone].T]
    torch.testing.assert_close(here, moved.amax((1, 2)), atol=1e-3, rtol=0)
    assert here.mean() > 25
    assert (here > 5).float().mean() > 0.95
    chroma = one_after[alone].norm(dim=1)
    assert 14 < chroma.min() < 30
    assert 45 < chroma.max() < 90


def test_the_place_has_changed_in_photographs_too(lab):
    many = lab.repeat(40, 1, 1, 1)
    after, place = recolour(many, share=1.0, generator=seeded())
    moved = (after - many)[:, 1:].norm(dim=1)
    here = moved[torch.arange(len(moved)), *place.T]
    assert (here > 2).float().mean() > 0.9  # a turned grey stays grey
    assert here.mean() > 20
