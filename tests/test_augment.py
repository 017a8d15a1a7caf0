"""Colours that nature did not choose."""

import numpy as np
import pytest
import torch
from skimage import data as samples

from ipycolorize.color import lab_to_rgb, rgb_to_lab
from ipycolorize.training.augment import recolour


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


def changed(after, before):
    """``(N,)`` whether a picture is not exactly the same."""
    return (after != before).flatten(1).any(1)


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
