"""DeepProp on pictures whose answer is known."""

import pytest
import torch
from scenes import only, photo, random_hints

from ipycolorize.baselines.deepprop import DeepProp, Strokes
from ipycolorize.hint_batch import HintBatch

SHAPE = (24, 30)


def solved(lightness, hints, *, steps=4, seed=0):
    """A few steps of training are enough where nothing need be learned."""
    network = DeepProp(steps=steps, seed=seed)
    return network.decode(network.encode(lightness), hints).ab


def two_points(*, row, col):
    ab = torch.tensor([[[40.0, -10.0], [-30.0, 50.0]]])
    places = (torch.tensor([row]).float(), torch.tensor([col]).float(), torch.full((1, 2), 5.0))
    return HintBatch.of_points(*places, ab, torch.ones(1, 2), shape=SHAPE)


def test_splits_two_regions_by_their_lightness_wherever_the_points_are():
    lightness = torch.full((1, 1, *SHAPE), 20.0)
    lightness[..., 15:] = 80.0
    hints = two_points(row=[12, 12], col=[8, 21])
    shown = solved(lightness, hints, steps=60)[0]
    for colour, side in zip(hints.ab[0], (shown[:, :, :11], shown[:, :, 19:]), strict=True):
        assert (side - colour[:, None, None]).abs().mean() < 4  # of some 90 between the two


def test_splits_an_even_picture_by_place():
    hints = two_points(row=[4, 19], col=[15, 15])
    shown = solved(torch.full((1, 1, *SHAPE), 50.0), hints, steps=60)[0]
    for colour, part in zip(hints.ab[0], (shown[:, :6], shown[:, 18:]), strict=True):
        assert (part - colour[:, None, None]).abs().mean() < 6


def test_the_same_seed_gives_the_same_and_another_something_else():
    lightness, hints = photo(*SHAPE), random_hints(*SHAPE, points=3)
    before = torch.random.get_rng_state()
    first = solved(lightness, hints)
    assert torch.equal(torch.random.get_rng_state(), before)  # the program's own randomness goes on as it was
    assert torch.equal(solved(lightness, hints), first)
    assert not torch.equal(solved(lightness, hints, seed=1), first)


def test_colours_are_blends_of_those_revealed():
    hints = random_hints(*SHAPE, points=3)
    shown = solved(photo(*SHAPE), hints)
    lowest, highest = hints.ab.amin(1)[..., None, None], hints.ab.amax(1)[..., None, None]
    assert ((shown >= lowest - 1e-3) & (shown <= highest + 1e-3)).all()


def test_one_point_colours_all():
    hints = random_hints(*SHAPE, points=1)
    assert (solved(photo(*SHAPE), hints) - hints.ab[0, 0][:, None, None]).abs().max() < 1e-3


def test_revealed_pixels_are_exact_and_without_hints_all_is_grey():
    lightness, hints = photo(*SHAPE), random_hints(*SHAPE, points=4)
    assert torch.equal(solved(lightness, hints) * hints.mask, hints.raster)
    assert not solved(lightness, HintBatch.empty(shape=SHAPE)).any()
    assert not solved(lightness, random_hints(*SHAPE, points=2, weight=[0.0, 0.0])).any()
    everything = HintBatch.revealed(torch.randn(1, 2, *SHAPE) * 30)
    assert torch.equal(solved(lightness, everything), everything.raster)


def test_a_batch_equals_one_by_one_and_inference_mode_changes_nothing():
    photographs, hints = photo(*SHAPE, count=2), random_hints(*SHAPE, points=2, count=2)
    with torch.inference_mode():
        together = solved(photographs, hints)
    for n in range(2):
        assert torch.equal(together[n : n + 1], solved(photographs[n : n + 1], only(hints, n)))


@pytest.mark.parametrize("part", ["visual", "spatial", "combine", "by_sight", "by_place"])
def test_every_part_learns(part):
    network = Strokes(3, generator=torch.Generator().manual_seed(0))
    network.loss(torch.rand(8, 1, 9, 9), torch.rand(8, 2, 1, 1), torch.arange(8) % 3).backward()
    assert all(weight.grad.abs().max() > 0 for weight in getattr(network, part).parameters())
