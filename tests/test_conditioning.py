"""Global hints in the live network: what they change, and that nothing else does."""

import gc
import math
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scenes import asked, bilinear, flowed, only, photo, random_hints, ready
from skimage import data

from ipycolorize.color import lab_to_rgb, rgb_to_lab
from ipycolorize.gamut import AbBins
from ipycolorize.global_hints import GlobalHints
from ipycolorize.hint_batch import HintBatch
from ipycolorize.models.tilt import saturations, tilt
from ipycolorize.models.weights import load_model
from ipycolorize.protocol import square
from ipycolorize.training.losses import soft_cross_entropy

SIZES = [(64, 96), (100, 130), (33, 257), (8, 8)]


@torch.inference_mode()
def test_global_hints_that_give_nothing_change_nothing(tiny):
    features, hints = ready(tiny, 37, 51), random_hints(37, 51, points=4)
    plain = tiny.decode(features, hints)
    told = tiny.decode(features, hints, global_hints=asked(histogram=False, saturation=False))
    assert torch.equal(told.ab, plain.ab)
    torch.testing.assert_close(told.logits.softmax(1), plain.logits.softmax(1), atol=1e-6, rtol=0)


@torch.inference_mode()
def test_the_automatic_colours_move_by_what_tilting_moves_the_mean(tiny):
    """On 32 x 64: the distribution at 8 x 16, the colours at 16 x 32."""
    tiny.conditioning.decided.copy_(torch.tensor([0.02, -0.01]))
    tiny.conditioning.surer.copy_(torch.tensor([-0.03, 0.04]))
    lightness, strength = photo(32, 64, count=2), torch.tensor([1.0, 0.5])
    features = tiny.encode(lightness)
    wanted = asked(2, histogram=strength, saturation=torch.tensor([0.0, 0.3]))
    told = tiny.conditioning(features, wanted)
    sharpness = [1.5 * math.exp(0.2), 1.5**0.5 * math.exp(0.5 * 0.2 - 0.3 * 0.1)]
    before = features.logits.softmax(1).flatten(2).transpose(1, 2)  # (N, P, 313)
    light = lightness.unflatten(3, (16, 4)).unflatten(2, (8, 4)).mean((3, 5)).flatten(1)
    after = tilt(before, light, wanted, sharpness=torch.tensor(sharpness))
    move = (AbBins().mean((after - before).transpose(1, 2).unflatten(2, (8, 16))) / 110).double().numpy()
    expected = features.auto.double().numpy().copy()
    for i in range(16):
        for j in range(32):
            for n in range(2):
                expected[n, :, i, j] += bilinear(move[n], (i + 0.5) / 2 - 0.5, (j + 0.5) / 2 - 0.5)
    np.testing.assert_allclose(told.auto, expected, atol=1e-5)
    assert np.abs(move).max() > 0.05
    torch.testing.assert_close(told.logits.softmax(1).flatten(2).transpose(1, 2), after, atol=1e-5, rtol=1e-3)
    surer = torch.tensor([[1.5 * math.exp(-0.3)], [1.5**0.5 * math.exp(-0.15 + 0.3 * 0.4)]])
    torch.testing.assert_close(told.null, features.null * surer)


@torch.inference_mode()
def test_points_and_statistics_settle(tiny, first_round):
    """Where points have coloured a part, the rest makes up the statistics: computed at an eighth, 4 x 8."""
    lightness, hints, wanted = (
        photo(32, 64),
        random_hints(32, 64, points=5, weight=[1.0, 0.5, 0.0, 1.0, 0.1]),
        asked(),
    )
    features = tiny.encode(lightness)
    told = tiny.conditioning(features, wanted)

    def eighth(values):
        """(..., 16 * 32) at half resolution -> (..., 4 * 8)"""
        return values.unflatten(-1, (4, 4, 8, 4)).mean((-3, -1)).flatten(-2)

    logits = (features.queries @ tiny.flow.keys(told, hints)).transpose(2, 3)  # (1, heads, K, 512)
    ways = tiny.flow.way()[:, None, None] * eighth(tiny.flow.ways(features, hints))[:, None]
    exps = (eighth(logits) - ways).exp().sum(1)[0] * (hints.weight[0] > 0)[:, None]  # (K, 32)
    null = eighth(told.null.log()).exp()[0]
    soft = AbBins().encode(hints.ab[0].T[None, :, :, None])[0, :, :, 0]  # (313, K)
    tilted = told.logits.softmax(1)[0].unflatten(2, (8, 2)).unflatten(1, (4, 2)).mean((2, 4)).flatten(1)
    before = ((soft @ exps + tilted * null) / (exps.sum(0) + null)).T[None]  # (1, 32, 313)
    light = lightness.unflatten(3, (8, 8)).unflatten(2, (4, 8)).mean((3, 5)).flatten(1)
    after = tilt(before, light, wanted.given(histogram=True, saturation=False))
    move = (AbBins().mean((after - before).transpose(1, 2).unflatten(2, (4, 8))) / 110)[0].double().numpy()
    expected = flowed(tiny, told, hints)[0].double().numpy()
    for i in range(16):
        for j in range(32):
            expected[:, i, j] += bilinear(move, (i + 0.5) / 4 - 0.5, (j + 0.5) / 4 - 0.5)
    np.testing.assert_allclose(tiny.propagate(told, hints)[0], expected, atol=2e-4)
    assert np.abs(move).max() > 0.01


@pytest.mark.parametrize("points", [0, 5])
@pytest.mark.parametrize("shape", SIZES)
@torch.inference_mode()
def test_the_palette_meets_the_statistics_on_average(tiny, shape, points):
    lightness, wanted = photo(*shape), asked()
    features, hints = tiny.encode(lightness), random_hints(*shape, points=points)
    light = F.avg_pool2d(lightness, 4, ceil_mode=True).flatten(1)
    before, after = (
        tiny.decode(features, hints, global_hints=told).logits.softmax(1).flatten(2).transpose(1, 2)
        for told in (None, wanted)
    )
    off = [0.5 * (found.mean(1) - wanted.histogram).abs().sum() for found in (before, after)]
    assert off[0] > 0.5
    assert off[1] < 0.03
    vivid = [(found * saturations(light)).sum(2).mean() - wanted.saturation for found in (before, after)]
    assert vivid[1].abs() < 0.5 * vivid[0].abs()


@pytest.mark.parametrize("shape", [(37, 51), (33, 257)])
@torch.inference_mode()
def test_padding_is_not_counted(tiny, shape):
    """Whatever the network thinks of the pixels that only fill the grid, it must not show."""
    features, hints, wanted = ready(tiny, *shape), random_hints(*shape, points=4), asked()
    quarter, half = (tuple(-(-side // step) for side in shape) for step in (4, 2))
    inside = torch.zeros(features.grid, dtype=torch.bool)
    inside[: half[0], : half[1]] = True
    known = inside.flatten()[:, None]
    logits = torch.full_like(features.logits, 9.0)
    logits[:, 5] = 99.0
    logits[..., : quarter[0], : quarter[1]] = features.logits[..., : quarter[0], : quarter[1]]
    changed = replace(
        features,
        logits=logits,
        queries=torch.where(known, features.queries, 3.0),
        null=torch.where(known[:, 0], features.null, 1e9),
        tellings={},
    )
    assert not torch.equal(changed.logits, features.logits)
    told, other = tiny.conditioning(features, wanted), tiny.conditioning(changed, wanted)
    assert torch.equal(told.auto, other.auto)
    one, two = (tiny.propagate(each, hints)[..., : half[0], : half[1]] for each in (told, other))
    assert torch.equal(one, two)


@pytest.mark.parametrize("shape", [*SIZES, (1, 1), (2, 70)])
@torch.inference_mode()
def test_any_size_takes_global_hints(tiny, shape):
    features = ready(tiny, *shape)
    for points in (0, 2):
        hints = random_hints(*shape, points=points)
        prediction = tiny.decode(features, hints, global_hints=asked())
        assert prediction.ab.shape == (1, 2, *shape)
        assert prediction.logits.shape == (1, 313, math.ceil(shape[0] / 4), math.ceil(shape[1] / 4))
        assert torch.isfinite(prediction.ab).all()
        assert torch.isfinite(prediction.logits).all()
        plain = tiny.decode(features, hints)
        assert (prediction.ab - plain.ab).abs().max() > 0.1
        assert torch.equal(tiny(photo(*shape), hints, global_hints=asked()).ab, prediction.ab)


@torch.inference_mode()
def test_what_was_told_is_remembered_and_never_shows(tiny, monkeypatch):
    computed, real = [], tiny.conditioning._tell
    monkeypatch.setattr(tiny.conditioning, "_tell", lambda *given: computed.append(given) or real(*given))
    lightness, hints = photo(48, 64), random_hints(48, 64, points=3)
    features = tiny.encode(lightness)
    wishes = [asked(), asked(), asked(saturation=False), asked(seed=6), None, asked(seed=6), asked()]
    found, counts = [], []
    for wanted in wishes:
        found.append(tiny.decode(features, hints, global_hints=wanted).ab)
        counts.append(len(computed))
    assert counts == [1, 1, 2, 3, 3, 3, 4]
    for wanted, ab in zip(wishes, found, strict=True):
        assert torch.equal(ab, tiny.decode(tiny.encode(lightness), hints, global_hints=wanted).ab)
    assert len({tuple(ab.flatten().tolist()) for ab in found}) == 4


@pytest.mark.parametrize("change", ["row", "ab", "weight"])
@torch.inference_mode()
def test_remembered_sums_never_show_under_global_hints(tiny, monkeypatch, change):
    lightness, wanted = photo(48, 64), asked()
    features, hints = tiny.encode(lightness), random_hints(48, 64, points=40)
    tiny.decode(features, hints)
    before = tiny.decode(features, hints, global_hints=wanted).ab
    computed, real = [], tiny.flow.keys
    monkeypatch.setattr(
        tiny.flow, "keys", lambda f, block: computed.append(block.row.shape[1]) or real(f, block)
    )
    fields = {name: getattr(hints, name).clone() for name in ("row", "col", "size", "ab", "weight")}
    fields[change][:, 35] *= 0.5
    hints = HintBatch.of_points(*fields.values(), shape=(48, 64))
    found = tiny.decode(features, hints, global_hints=wanted).ab
    assert computed == [8]
    assert torch.equal(found, tiny.decode(tiny.encode(lightness), hints, global_hints=wanted).ab)
    assert not torch.equal(found, before)


@torch.inference_mode()
def test_pictures_of_a_batch_are_told_their_own(tiny):
    lightness, hints = photo(40, 64, count=4), random_hints(40, 64, points=4, count=4)
    wanted = asked(4, histogram=torch.tensor([1.0, 0, 0.5, 0]), saturation=torch.tensor([0.0, 1, 1, 0]))
    together = tiny.decode(tiny.encode(lightness), hints, global_hints=wanted)
    for n in range(4):
        alone = tiny.decode(tiny.encode(lightness[n : n + 1]), only(hints, n), global_hints=only(wanted, n))
        torch.testing.assert_close(together.ab[n], alone.ab[0], atol=5e-3, rtol=0)
        torch.testing.assert_close(
            together.logits[n].softmax(0), alone.logits[0].softmax(0), atol=1e-4, rtol=1e-3
        )
    untold = tiny.decode(tiny.encode(lightness), hints).ab
    torch.testing.assert_close(together.ab[3], untold[3], atol=1e-3, rtol=0)


@pytest.mark.parametrize("count", [1, 3])
def test_global_hints_of_another_number_of_pictures_are_refused(tiny, count):
    hints = HintBatch.empty(shape=(32, 64), count=2)
    with pytest.raises(ValueError, match=f"global hints of 2 pictures, got {count}"):
        tiny.decode(ready(tiny, 32, 64, count=2), hints, global_hints=asked(count))


def test_learning_under_global_hints_is_what_is_used_later(tiny, first_round, exact_ways):
    """All hints at once and in buckets, or block by block and remembered."""
    counts = torch.tensor([3, 0, 70])
    hints = random_hints(64, 64, points=70, count=3)
    weight = (torch.arange(70) < counts[:, None]).float()
    hints = HintBatch.of_points(hints.row, hints.col, hints.size, hints.ab, weight, shape=(64, 64))
    wanted = asked(3, histogram=torch.tensor([1, 1, 0]), saturation=torch.tensor([0, 1, 1]))
    with torch.inference_mode():
        features = tiny.encode(photo(64, 64, count=3))
        whole = tiny.propagate(tiny.conditioning(features, wanted), hints)
        tiny.flow.train()
        tiny.conditioning.train()
        features.tellings.clear()
        torch.testing.assert_close(
            tiny.propagate(tiny.conditioning(features, wanted), hints), whole, atol=2e-5, rtol=1e-4
        )
        assert not features.tellings  # what is learned from is new in every step


def test_gradients_under_global_hints_are_finite_for_every_mixture(tiny):
    tiny.train()
    hints = random_hints(64, 64, points=3, count=4)
    weight = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    hints = HintBatch.of_points(hints.row, hints.col, hints.size, hints.ab, weight, shape=(64, 64))
    wanted = asked(4, histogram=torch.tensor([1, 1, 0, 0]), saturation=torch.tensor([0, 1, 1, 0]))
    outputs = tiny(photo(64, 64, count=4), hints, global_hints=wanted)
    truth = torch.zeros(4, 2, 64, 64)
    (outputs.ab.square().mean() + soft_cross_entropy(outputs.logits, truth, AbBins())).backward()
    assert all(torch.isfinite(value.grad).all() for value in tiny.parameters())
    assert (tiny.conditioning.decided.grad != 0).all()
    assert (tiny.conditioning.surer.grad != 0).all()


@torch.inference_mode()
def test_a_photograph_that_is_forgotten_frees_its_memory_at_once(tiny):
    """Without waiting for the search for cycles: features are tens of megabytes."""
    gc.collect()
    gc.disable()
    try:
        features = ready(tiny, 32, 64)
        tiny.decode(features, random_hints(32, 64, points=2), global_hints=asked())
        kept = weakref.ref(features)
        told = weakref.ref(features.tellings["last"][1])
        del features
        assert kept() is None
        assert told() is None
    finally:
        gc.enable()


# --- the shipped network under global hints ----------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped():
    return load_model("live").eval()


def coloured(network, lab, told):
    """Lab of a photograph's grey version, colorized."""
    hints = HintBatch.empty(shape=lab.shape[-2:])
    with torch.inference_mode():
        ab = network.decode(network.encode(lab[:, :1]), hints, global_hints=told).ab
    return torch.cat([lab[:, :1], ab], 1)


@pytest.mark.parametrize("name", ["coffee", "rocket"])
def test_the_true_histogram_brings_the_true_colours_nearer(shipped, name):
    lab = rgb_to_lab(square(getattr(data, name)(), 128)[None])
    truth = GlobalHints.of_pictures(lab)
    error, distance = [], []
    for told in (None, truth.given(histogram=True, saturation=False)):
        found = coloured(shipped, lab, told)
        error.append((lab_to_rgb(found).clamp(0, 1) - lab_to_rgb(lab)).square().mean())
        distance.append((GlobalHints.of_pictures(found).histogram - truth.histogram).abs().sum())
    assert 10 * math.log10(error[0] / error[1]) > 3
    assert distance[1] < 0.6 * distance[0]


def test_more_saturation_is_more_saturated(shipped):
    lab = rgb_to_lab(square(data.coffee(), 128)[None])
    told = GlobalHints.of_pictures(lab).given(histogram=False, saturation=True)
    wanted = torch.tensor([0.05, 0.3, 0.6, 0.9])
    found = [
        GlobalHints.of_pictures(coloured(shipped, lab, replace(told, saturation=value[None]))).saturation
        for value in wanted
    ]
    assert found[0] < 0.1
    assert found[3] > 0.5
    assert found == sorted(found)
