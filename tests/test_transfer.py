"""Peers that bring the colours of a histogram or a reference into a picture, against plain computations."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from skimage.color import lab2rgb, rgb2hsv

from ipycolorize.baselines import HistogramMatching, Reinhard, welsh
from ipycolorize.baselines.matching import energy, match
from ipycolorize.baselines.reinhard import histogram_moments, reinhard, saturated
from ipycolorize.gamut import NUM_BINS, AbBins
from ipycolorize.global_hints import GlobalHints, ab_histogram
from ipycolorize.hint_batch import HintBatch
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.models.tilt import tilt

SHAPE = (32, 40)
WRAPPERS = [Reinhard, HistogramMatching]


@pytest.fixture
def bins():
    return AbBins()


def photo(count=2, seed=1):
    draw = torch.Generator().manual_seed(seed)
    return F.interpolate(torch.rand(count, 1, 5, 6, generator=draw), size=SHAPE, mode="bilinear") * 90 + 5


def colours(count=2, seed=3, scale=30.0, centre=(0.0, 0.0)):
    draw = torch.Generator().manual_seed(seed)
    ab = torch.randn(count, 2, *SHAPE, generator=draw) * scale * torch.tensor([1, 0.6]).view(1, 2, 1, 1)
    return ab + torch.tensor(centre).view(1, 2, 1, 1)


def statistics(count=2, **told):
    """A warm picture's histogram and a saturation of 0.4, given as `told` says."""
    histogram = ab_histogram(colours(count, seed=7, scale=12.0, centre=(15.0, 25.0)), AbBins())
    one = torch.ones(count)
    wanted = GlobalHints(histogram, 0.4 * one, one, one)
    return wanted.given(**({"histogram": True, "saturation": False} | told))


def a_point(count=2):
    row, col, size = (torch.full((count, 1), value) for value in (10.0, 12.0, 5.0))
    ab = torch.tensor([[[40.0, -30.0]]]).expand(count, -1, -1)
    return HintBatch.of_points(row, col, size, ab, torch.ones(count, 1), shape=SHAPE)


def field(bins, *, pixels=48, seed=5):
    """Distributions of pixels that hesitate between a few colours and could be anything."""
    draw = torch.Generator().manual_seed(seed)
    some = torch.rand(3, pixels, 2, generator=draw) * 80 - 40
    soft = torch.stack([bins.encode(ab.T[None, :, :, None])[0, :, :, 0].T for ab in some])
    shares = torch.rand(3, pixels, 1, generator=draw)
    return 0.8 * (soft * shares).sum(0) / shares.sum(0) + 0.2 / NUM_BINS


def goal_histogram(bins):
    ab = torch.tensor([[30.0, 20.0], [-15.0, 25.0], [0.0, -20.0]]).T[None, :, :, None]
    return 0.9 * bins.encode(ab)[0, :, :, 0].mean(1) + 0.1 / NUM_BINS


def mean_and_std(ab):
    pixels = ab.double().numpy().reshape(*ab.shape[:2], -1)
    return pixels.mean(2), pixels.std(2)


def mean_s(lightness, ab):
    """Mean S of HSV by scikit-image, which clips into sRGB."""
    lab = torch.cat([lightness, ab], 1).permute(0, 2, 3, 1).double().numpy()
    return rgb2hsv(lab2rgb(lab))[..., 1].mean((1, 2))


# Reinhard


def test_reinhard_gives_each_channel_the_mean_and_deviation_that_are_wanted():
    ab = colours(centre=(10.0, -5.0))
    mean, std = torch.tensor([[3.0, 20.0], [-8.0, 0.5]]), torch.tensor([[12.0, 4.0], [1.5, 30.0]])
    moved = reinhard(ab, mean, std)
    for found, goal in zip(mean_and_std(moved), (mean, std), strict=True):
        np.testing.assert_allclose(found, goal.numpy(), atol=1e-3)
    # an affine map of each channel: what lay between two colours still does
    straight = np.corrcoef(ab[0, 1].flatten(), moved[0, 1].flatten())[0, 1]
    assert straight == pytest.approx(1, abs=1e-5)


def test_one_colour_all_over_becomes_the_mean():
    flat = torch.full((1, 2, *SHAPE), 7.3)
    moved = reinhard(flat, torch.tensor([[20.0, -30.0]]), torch.tensor([[9.0, 9.0]]))
    np.testing.assert_allclose(moved[0, :, 3, 4], [20, -30], atol=0.1)
    assert mean_and_std(moved)[1].max() < 0.1


def test_a_histogram_knows_mean_and_deviation_of_its_picture(bins):
    blurred = F.avg_pool2d(colours(1, scale=60.0, centre=(12.0, 20.0)), 4).repeat_interleave(4, 2)
    ab = blurred.repeat_interleave(4, 3)  # a quarter of the resolution loses nothing of it
    found = histogram_moments(ab_histogram(ab, bins))
    for value, truth in zip(found, mean_and_std(ab), strict=True):
        np.testing.assert_allclose(value.numpy(), truth, atol=0.3)


def test_a_histogram_of_one_colour_has_no_deviation(bins):
    one = torch.full((1, 2, *SHAPE), 20.0)
    assert histogram_moments(ab_histogram(one, bins))[1].max() < 1
    sharp = torch.zeros(1, NUM_BINS)
    sharp[0, 100] = 1
    mean, std = histogram_moments(sharp)
    assert torch.equal(mean, bins.centers[100:101]) and not std.any()


@pytest.mark.filterwarnings("ignore:.*negative Z values")
def test_one_gain_of_chroma_meets_a_saturation():
    lightness, ab = photo(), colours(scale=10.0, centre=(5.0, 8.0))
    goal = torch.tensor([0.5, 0.1])
    out = saturated(lightness, ab, goal)
    np.testing.assert_allclose(mean_s(lightness, out), goal.numpy(), atol=2e-3)
    ratio = out / ab
    assert torch.allclose(ratio, ratio[:, :1, :1, :1].expand_as(ratio), rtol=1e-4)


def test_a_saturation_out_of_reach():
    lightness, ab = photo(1), colours(1, scale=0.1)
    nearest = saturated(lightness, ab, torch.ones(1))
    np.testing.assert_allclose(nearest / ab, 8, rtol=1e-3)
    assert not saturated(lightness, 0 * ab, torch.ones(1)).any()
    np.testing.assert_allclose(saturated(lightness, ab, torch.zeros(1)), 0, atol=1e-3)


def test_reinhard_moves_what_the_network_coloured_onto_the_histogram(tiny):
    network, lightness, wanted = Reinhard(tiny), photo(), statistics()
    with torch.inference_mode():
        own = tiny.decode(tiny.encode(lightness), a_point()).ab
        seen = network.encode(lightness)
        whole = network.decode(seen, a_point(), global_hints=wanted).ab
        half = network.decode(seen, a_point(), global_hints=wanted.given(
            histogram=torch.tensor([0.5, 0.0]), saturation=False)).ab  # fmt: skip
    goal = wanted.histogram.double().numpy() @ AbBins().centers.double().numpy()
    np.testing.assert_allclose(mean_and_std(whole)[0], goal, atol=1e-2)
    np.testing.assert_allclose(mean_and_std(whole)[1], histogram_moments(wanted.histogram)[1], atol=1e-2)
    np.testing.assert_allclose(half[0], (own + whole)[0] / 2, atol=1e-3)
    assert torch.equal(half[1], own[1])


@pytest.mark.filterwarnings("ignore:.*negative Z values")
def test_reinhard_meets_a_saturation_alone_and_after_a_histogram(tiny):
    network, lightness = Reinhard(tiny), photo()
    seen, none = network.encode(lightness), HintBatch.empty(shape=SHAPE, count=2)
    for histogram in (False, True):
        wanted = statistics(histogram=histogram, saturation=torch.tensor([1.0, 0.5]))
        alone = wanted.given(histogram=histogram, saturation=False)
        before = network.decode(seen, none, global_hints=alone).ab
        found = mean_s(lightness, network.decode(seen, none, global_hints=wanted).ab.detach())
        own = mean_s(lightness, before.detach())
        np.testing.assert_allclose(found, [0.4, (own[1] + 0.4) / 2], atol=3e-3)


# what all that stand around a network have in common


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_nothing_given_changes_nothing(tiny, wrapper):
    network, lightness = wrapper(tiny), photo()
    own = tiny.decode(tiny.encode(lightness), a_point())
    seen = network.encode(lightness)
    for wanted in (None, statistics(histogram=False)):
        answer = network.decode(seen, a_point(), global_hints=wanted)
        assert torch.equal(answer.ab, own.ab) and torch.equal(answer.logits, own.logits)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_each_picture_has_its_own_statistics(tiny, wrapper):
    """A picture comes out the same with others beside it, whatever those are told."""
    network, lightness = wrapper(tiny), photo()
    wanted = statistics(histogram=torch.tensor([1.0, 0.0]))
    both = network.decode(network.encode(lightness), a_point(), global_hints=wanted)
    own = tiny.decode(tiny.encode(lightness), a_point())
    assert torch.equal(both.ab[1], own.ab[1]) and torch.equal(both.logits[1], own.logits[1])
    assert not torch.allclose(both.ab[0], own.ab[0], atol=1)
    alone = network.decode(network.encode(lightness[:1]), a_point(1), global_hints=statistics(1))
    assert torch.allclose(alone.ab[0], both.ab[0], atol=0.05)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_photograph_is_encoded_once_and_serves_any_number_of_edits(tiny, wrapper, monkeypatch):
    network = wrapper(tiny)
    seen = network.encode(photo(1))
    monkeypatch.setattr(tiny, "encode", None)
    first = network.decode(seen, a_point(1), global_hints=statistics(1)).ab
    other = network.decode(seen, HintBatch.empty(shape=SHAPE), global_hints=statistics(1, saturation=True)).ab
    again = network.decode(seen, a_point(1), global_hints=statistics(1)).ab
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_the_network_inside_keeps_its_mode_and_moves_along(make_live, wrapper):
    tiny = make_live()
    network = wrapper(tiny)
    assert not network.training and not any(module.training for module in tiny.modules())
    assert network.train() is network and tiny.training
    assert wrapper(tiny).training
    network.to("meta")
    assert network.bin_centers.device.type == next(tiny.parameters()).device.type == "meta"


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_its_config_rebuilds_it(tiny, wrapper):
    network = wrapper(tiny)
    again = type(network)(**network.config)
    assert again.automatic is tiny and vars(again).keys() == vars(network).keys()


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_statistics_of_another_number_of_pictures_are_refused(tiny, wrapper):
    network = wrapper(tiny)
    with pytest.raises(ValueError, match="expected global hints of 2 pictures, got 3"):
        network.decode(network.encode(photo()), a_point(), global_hints=statistics(3))


# matching by energy


def plain_energy(bias, logarithms, goal, weight):
    """E and its gradient in float64: dE/db = mean_x p' (v - p'.v) with v = b + weight dchi²/dm."""
    scores = logarithms + bias
    after = np.exp(scores - scores.max(1, keepdims=True))
    after /= after.sum(1, keepdims=True)
    mean = after.mean(0)
    value = (after * np.log(after / np.exp(logarithms))).sum(1).mean()
    value += weight * 0.5 * ((mean - goal) ** 2 / (mean + goal)).sum()
    slope = 0.5 * (mean - goal) * (mean + 3 * goal) / (mean + goal) ** 2
    v = bias + weight * slope
    return value, (after * (v - (after @ v)[:, None])).mean(0)


@pytest.mark.parametrize("weight", [0.0, 3.0, 100.0])
def test_the_energy_is_the_one_written_down(bins, weight):
    before, goal = field(bins), goal_histogram(bins)
    bias = torch.randn(NUM_BINS, generator=torch.Generator().manual_seed(1)).requires_grad_()
    found = energy(bias, before.log(), goal, weight=weight)
    found.backward()
    logarithms = before.double().log().numpy()
    value, gradient = plain_energy(bias.detach().double().numpy(), logarithms, goal.double().numpy(), weight)
    assert found.item() == pytest.approx(value, rel=1e-4)
    np.testing.assert_allclose(bias.grad, gradient, atol=1e-5 * max(1, weight))


@pytest.mark.parametrize("weight", [2.0, 100.0])
def test_matching_finds_the_minimum_that_another_solver_finds(bins, weight):
    before, goal = field(bins), goal_histogram(bins)
    logarithms = before.double().log().numpy()
    arguments = (logarithms, goal.double().numpy(), weight)
    best = minimize(plain_energy, np.zeros(NUM_BINS), arguments, method="L-BFGS-B", jac=True, tol=1e-8)
    after = match(before, goal, weight=weight)
    expected = torch.softmax(torch.tensor(logarithms + best.x), 1).float()
    assert (after @ bins.centers - expected @ bins.centers).abs().max() < 0.1
    # one bias for each bin, the same at every pixel
    bias = (after / before).log()
    bias = bias - bias[:, :1]
    assert (bias - bias[0]).abs().max() < 1e-3


def fitted_plainly(before, goal, *, rounds=100):
    """Iterative proportional fitting in float64: the field nearest to `before` whose average is the goal."""
    kernel, goal = before.double().numpy(), goal.double().numpy()
    factor = np.ones(NUM_BINS)
    for _ in range(rounds):
        shares = (kernel * factor / (kernel @ factor)[:, None]).mean(0)
        factor *= goal / shares
    return torch.tensor(kernel * factor / (kernel @ factor)[:, None]).float()


def test_with_a_large_weight_matching_and_tilting_nearly_agree(bins):
    """Gradient descent on the energy against proportional fitting on the hard constraint."""
    before, goal = field(bins, pixels=800), goal_histogram(bins)
    one = torch.ones(1)
    wanted = GlobalHints(goal[None], one, one, 0 * one)
    tilted = tilt(before[None], torch.full((1, len(before)), 50.0), wanted)[0]
    matched = match(before, goal, weight=1e4)
    exact = fitted_plainly(before, goal)
    assert ((exact - before) @ bins.centers).norm(dim=1).mean() > 10
    assert ((matched - exact) @ bins.centers).norm(dim=1).max() < 0.1
    assert ((matched - tilted) @ bins.centers).norm(dim=1).mean() < 0.5


def test_weight_decides_between_the_pixels_and_the_histogram(bins):
    before, goal = field(bins), goal_histogram(bins)
    assert torch.allclose(match(before, goal, weight=0.0), before, atol=1e-6)
    stray = [
        0.5 * (match(before, goal, weight=weight).mean(0) - goal).abs().sum().item()
        for weight in (0.0, 1.0, 10.0, 100.0)
    ]
    assert stray == sorted(stray, reverse=True) and stray[-1] < 0.2 * stray[0]


def test_matching_moves_the_networks_colours_by_what_the_distribution_moves(tiny):
    network, lightness, wanted = HistogramMatching(tiny, weight=5.0), photo(1), statistics(1)
    with torch.inference_mode():
        own = tiny.decode(tiny.encode(lightness), a_point(1))
        found = network.decode(network.encode(lightness), a_point(1), global_hints=wanted)
        before, after = own.logits[0].softmax(0), found.logits[0].softmax(0)  # (313, 8, 10)
    plain = match(before.flatten(1).T, wanted.histogram[0], weight=5.0)
    assert torch.allclose(after.flatten(1).T, plain, atol=1e-5)
    moved = torch.einsum("qhw,qc->chw", after - before, AbBins().centers)[None]
    large = F.interpolate(moved, scale_factor=4, mode="bilinear")
    np.testing.assert_allclose(found.ab, own.ab + large, atol=1e-3)


def test_half_a_histogram_is_half_of_the_way_for_the_average(tiny):
    network, lightness, wanted = HistogramMatching(tiny, weight=1e4), photo(1), statistics(1)
    seen, none = network.encode(lightness), HintBatch.empty(shape=SHAPE)
    halved = wanted.given(histogram=torch.tensor([0.5]), saturation=True)  # saturation changes nothing
    own, half = (
        network.decode(seen, none, global_hints=hints).logits.softmax(1).mean((2, 3)).detach()
        for hints in (None, halved)
    )
    np.testing.assert_allclose(half, (own + wanted.histogram) / 2, atol=3e-3)


def test_a_network_with_other_bins_cannot_be_matched():
    with pytest.raises(ValueError, match="expected a network over 313 ab bins, got 529"):
        HistogramMatching(SIGGRAPH17(width=4, head="linear529"))


def test_the_papers_network_can_be_guided_too():
    torch.manual_seed(0)
    inner = SIGGRAPH17(width=4).eval()
    for wrapper in WRAPPERS:
        network = wrapper(inner)
        with torch.inference_mode():
            answer = network.decode(network.encode(photo()), a_point(), global_hints=statistics())
        assert answer.ab.mean((2, 3))[:, 1].min() > 10  # warm, where the network alone says grey


# Welsh


def deviation_around(lightness):
    """Standard deviation in 5 x 5 of (H, W), the border's values going on outside."""
    padded = np.pad(lightness, 2, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (5, 5)).std((2, 3))


def test_every_pixel_takes_the_colour_of_the_sample_most_like_it():
    """With as many cells as the reference has pixels, each is a sample and chance has no part."""
    draw = torch.Generator().manual_seed(4)
    target = torch.rand(1, 9, 11, generator=draw) * 60 + 20
    reference = torch.rand(3, 6, 8, generator=draw) * torch.tensor([30.0, 80.0, 80.0]).view(3, 1, 1)
    found = welsh(target, reference, generator=draw, samples=48)

    light, known = target[0].double().numpy(), reference[0].double().numpy()
    known = (known - known.mean()) / known.std() * light.std() + light.mean()
    near = (light[..., None] - known.ravel()) ** 2
    near += (deviation_around(light)[..., None] - deviation_around(known).ravel()) ** 2
    expected = reference[1:].flatten(1)[:, near.argmin(-1)]
    assert torch.equal(found, expected)


def test_areas_of_their_own_lightness_get_their_colours_back():
    """A reference of four plain areas; its grey version darker and flatter, as of another camera."""
    areas = torch.tensor([[20.0, 50, -10], [40, -30, 30], [60, 5, 60], [85, -5, -40]])
    reference = areas.view(2, 2, 3).repeat_interleave(20, 0).repeat_interleave(20, 1).permute(2, 0, 1)
    found = welsh(0.5 * reference[:1] + 3, reference, generator=torch.Generator().manual_seed(0))
    inside = torch.ones(40, 40, dtype=torch.bool)
    inside[17:23] = inside[:, 17:23] = False  # where areas meet, 5 x 5 holds two of them
    assert torch.equal(found[:, inside], reference[1:, inside])


def test_texture_tells_things_of_one_lightness_apart():
    light = torch.full((1, 30, 60), 50.0)
    light[0, ::2, 30:] += 10
    light[0, 1::2, 30:] -= 10
    reference = torch.cat([light, torch.zeros(2, 30, 60)])
    reference[1, :, :30], reference[1, :, 30:] = 40, -40
    found = welsh(light, reference, generator=torch.Generator().manual_seed(0))
    assert (found[0, :, :26] == 40).all() and (found[0, :, 34:] == -40).all()


def test_welsh_repeats_itself_with_the_same_seed_and_reads_few_samples():
    draw = torch.Generator().manual_seed(4)
    reference = torch.rand(3, 50, 70, generator=draw) * 60
    first, again, other = (
        welsh(reference[:1], reference, generator=torch.Generator().manual_seed(seed), samples=30)
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert len(first.flatten(1).unique(dim=1).T) <= 30


def test_a_grey_reference_gives_grey():
    reference = torch.cat([photo(1)[0], torch.zeros(2, *SHAPE)])
    assert not welsh(photo(1, seed=8)[0], reference, generator=torch.Generator()).any()


@pytest.mark.parametrize(
    ("light", "reference", "samples", "message"),
    [
        ((4, 4), (3, 4, 4), 9, r"expected L as \(1, H, W\), got shape \(4, 4\)"),
        ((1, 4, 4), (2, 4, 4), 9, r"expected the reference as Lab \(3, h, w\), got shape \(2, 4, 4\)"),
        ((1, 4, 4), (3, 4, 4), 0, "expected at least 1 sample, got 0"),
    ],
)
def test_welsh_says_what_it_expects(light, reference, samples, message):
    with pytest.raises(ValueError, match=message):
        welsh(torch.zeros(light), torch.zeros(reference), generator=torch.Generator(), samples=samples)
