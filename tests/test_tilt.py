"""Tilting: it meets the statistics, it is the nearest field that does, and it never breaks down."""

import numpy as np
import pytest
import torch
from matplotlib.colors import rgb_to_hsv
from scipy.optimize import minimize
from scipy.special import rel_entr
from skimage.color import lab2rgb

from ipycolorize.gamut import NUM_BINS, AbBins
from ipycolorize.global_hints import GlobalHints
from ipycolorize.models import tilt as module
from ipycolorize.models.tilt import saturations, tilt

BOTH = {"histogram": True, "saturation": True}
HISTOGRAM = {"histogram": True, "saturation": False}
SATURATION = {"histogram": False, "saturation": True}
GREY, BLUE, RED = 120, 150, 200  # bins of (0, 0), (20, -70) and (40, 40)


def field(pixels, *, count=1, spread=1.5, grey=0.0, seed=0):
    """Random distributions (N, P, 313) that reach every bin, or mostly those near grey."""
    draw = torch.Generator().manual_seed(seed)
    chroma = AbBins().centers.norm(dim=1)
    return (spread * torch.randn(count, pixels, NUM_BINS, generator=draw) - grey * chroma / 50).softmax(2)


def lightness(pixels, *, count=1):
    return torch.linspace(15, 90, pixels).expand(count, -1)


def statistics(probabilities, light):
    """Those that a field has, both given."""
    mean = (probabilities * saturations(light)).sum(2).mean(1)
    return GlobalHints(probabilities.mean(1), mean, torch.ones_like(mean), torch.ones_like(mean))


def asked_of(light):
    """Statistics of other, paler fields at the same lightness: so some field has both at once."""
    return statistics(field(light.shape[1], count=len(light), spread=1.0, grey=1.5, seed=9), light)


def distance(one, other):
    """Total variation of histograms (N, 313): what share of the picture has to change its colour."""
    return 0.5 * (one - other).abs().sum(1)


# --- the statistics ----------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*negative Z values")  # scikit-image, of bins that L cannot have
def test_saturations_are_those_of_the_bins_at_the_lightness():
    light = torch.tensor([[0.0, 20, 50.4, 75, 100], [49.6, 1, 30, 90, 99]])
    found = saturations(light)
    assert found.shape == (2, 5, NUM_BINS)
    for whole, mine in zip(light.flatten().round().tolist(), found.flatten(0, 1), strict=True):
        lab = np.insert(AbBins().centers.double().numpy(), 0, whole, axis=1)
        expected = rgb_to_hsv(lab2rgb(lab).clip(0, 1))[:, 1]
        np.testing.assert_allclose(mine, expected, atol=2e-3)


@pytest.mark.parametrize("given", [HISTOGRAM, SATURATION, BOTH])
def test_the_mean_meets_what_is_asked_for(given):
    light = lightness(320, count=2)
    before = field(320, count=2)
    wanted = asked_of(light)
    own = statistics(before, light)
    assert distance(own.histogram, wanted.histogram).min() > 0.3
    assert (own.saturation - wanted.saturation).min() > 0.1
    after = tilt(before, light, wanted.given(**given))
    assert after.shape == before.shape
    torch.testing.assert_close(after.sum(2), torch.ones(2, 320))
    found = statistics(after, light)
    if given["histogram"]:
        assert distance(found.histogram, wanted.histogram).max() < 0.005
    if given["saturation"]:
        torch.testing.assert_close(found.saturation, wanted.saturation, atol=0.003, rtol=0)


@pytest.mark.parametrize("given", [HISTOGRAM, SATURATION, BOTH])
@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_a_statistic_given_by_half_is_met_half_way(given, strength):
    light = lightness(320)
    before, wanted = field(320), asked_of(light)
    own = statistics(before, light)
    shares = {name: torch.tensor(strength * told) for name, told in given.items()}
    found = statistics(tilt(before, light, wanted.given(**shares)), light)
    if given["histogram"]:
        goal = torch.lerp(own.histogram, wanted.histogram, strength)
        assert distance(found.histogram, goal) < 0.005
    if given["saturation"]:
        goal = torch.lerp(own.saturation, wanted.saturation, strength)
        torch.testing.assert_close(found.saturation, goal, atol=0.005, rtol=0)


def test_where_nothing_is_given_nothing_changes():
    light = lightness(64, count=3)
    before, wanted = field(64, count=3), asked_of(light)
    sharp = torch.full((3,), 2.0)
    nothing = wanted.given(histogram=False, saturation=False)
    assert torch.equal(tilt(before, light, nothing, sharpness=sharp), before)
    first = torch.tensor([True, False, False])
    last = torch.tensor([False, False, True])
    after = tilt(before, light, wanted.given(histogram=first, saturation=last), sharpness=sharp)
    assert torch.equal(after[1], before[1])
    for n in (0, 2):
        assert (after[n] - before[n]).abs().max() > 1e-3


def test_pictures_do_not_influence_each_other():
    light = lightness(64, count=4)
    before, sharp = field(64, count=4), torch.tensor([1.0, 1.5, 2.0, 0.7])
    wanted = asked_of(light).given(
        histogram=torch.tensor([1.0, 0, 0.4, 0]), saturation=torch.tensor([0.0, 1, 0.8, 0])
    )
    together = tilt(before, light, wanted, sharpness=sharp)
    for n in range(4):
        alone = GlobalHints(**{name: value[n : n + 1] for name, value in vars(wanted).items()})
        mine = tilt(before[n : n + 1], light[n : n + 1], alone, sharpness=sharp[n : n + 1])
        torch.testing.assert_close(together[n], mine[0], atol=1e-6, rtol=1e-4)


# --- the nearest field -------------------------------------------------------------------------------------


def nearest_plainly(before, level, price, histogram, saturation):
    """(P, Q) that minimises the sum of price KL(p' || p) under the constraints: a general solver's answer."""
    pixels, bins = before.shape
    price = np.repeat(price, bins)

    def loss(flat):
        return price @ rel_entr(flat, before.ravel())

    def slope(flat):
        return price * (np.log(flat / before.ravel()) + 1)

    rows = [np.kron(row, np.ones(bins)) for row in np.eye(pixels)]  # each pixel's sum is 1
    goals = [1.0] * pixels
    if histogram is not None:  # the last bin's share follows from the others
        rows += [np.kron(np.ones(pixels), column) / pixels for column in np.eye(bins)[:-1]]
        goals += list(histogram[:-1])
    if saturation is not None:
        rows.append(level.ravel() / pixels)
        goals.append(saturation)
    matrix = np.array(rows)
    answer = minimize(
        loss,
        before.ravel(),
        jac=slope,
        method="SLSQP",
        bounds=[(1e-9, 1)] * before.size,
        constraints={"type": "eq", "fun": lambda flat: matrix @ flat - goals, "jac": lambda _: matrix},
        options={"ftol": 1e-13, "maxiter": 500},
    )
    assert answer.success, answer.message
    return answer.x.reshape(before.shape)


@pytest.mark.filterwarnings("ignore:Values in x were outside bounds:RuntimeWarning")  # scipy 1.15 says so
@pytest.mark.parametrize("given", [HISTOGRAM, SATURATION])
def test_it_is_the_nearest_field_that_has_the_statistics(given, monkeypatch):
    """The I-projection, on 8 pixels that may have 6 colours; found with rounds enough to converge.

    A saturation by itself moves the light more than the dark: there a nat costs less, by the root of L / 50.
    """
    monkeypatch.setattr(module, "SPARSE", 1)
    monkeypatch.setattr(module, "ROUNDS", 300)
    reached = torch.tensor([20, 90, GREY, BLUE, RED, 300])
    before, other = torch.zeros(2, 1, 8, NUM_BINS).double()
    before[..., reached] = torch.randn(1, 8, 6).double().softmax(2)
    other[..., reached] = (torch.randn(1, 8, 6) + 3 * torch.eye(6)[2]).double().softmax(2)
    light = lightness(8)
    goal = GlobalHints(**{name: value.double() for name, value in vars(statistics(other, light)).items()})
    found = tilt(before, light, goal.given(**given))[0].numpy()
    expected = nearest_plainly(
        before[0, :, reached].numpy(),
        saturations(light)[0, :, reached].double().numpy(),
        (light[0] / 50).double().pow(-0.5 * given["saturation"]).numpy(),
        goal.histogram[0, reached].numpy() if given["histogram"] else None,
        goal.saturation.item() if given["saturation"] else None,
    )
    np.testing.assert_allclose(found[:, reached], expected, atol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-9)
    assert np.abs(found - before[0].numpy()).max() > 0.1


def test_both_at_once_have_one_factor_a_bin_and_one_slope(monkeypatch):
    """log p'/p = u(q) + t c(x) S(x, q) + a constant of each pixel, in a field that has both statistics."""
    monkeypatch.setattr(module, "SPARSE", 1)
    monkeypatch.setattr(module, "ROUNDS", 300)
    before, other, light = field(40).double(), field(40, seed=5).double(), lightness(40)
    goal = GlobalHints(**{name: value.double() for name, value in vars(statistics(other, light)).items()})
    found = tilt(before, light, goal)
    slopes = (light / 50).sqrt()[..., None] * saturations(light)

    def inner(values):
        """What neither a term of the pixel nor one of the bin explains."""
        values = values[0].double()
        return values - values.mean(0) - values.mean(1, keepdim=True) + values.mean()

    change, line = inner((found / before).log()), inner(slopes)
    slope = (change * line).sum() / line.square().sum()
    torch.testing.assert_close(change, slope * line, atol=1e-5, rtol=0)
    assert abs(slope) > 0.1
    torch.testing.assert_close(found.mean(1), goal.histogram, atol=1e-6, rtol=0)


def test_who_is_undecided_gives_way():
    """Half of the pixels know that they are red, half have no idea; half of the picture shall be blue."""
    before = torch.full((1, 100, NUM_BINS), 1 / NUM_BINS)
    before[:, :50] = 0.01 / (NUM_BINS - 1)
    before[:, :50, RED] = 0.99
    histogram = torch.zeros(1, NUM_BINS)
    histogram[0, [RED, BLUE]] = 0.5
    ones = torch.ones(1)
    after = tilt(before, lightness(100), GlobalHints(histogram, ones, ones, 0 * ones))
    assert after[0, :50, RED].min() > 0.97
    assert after[0, 50:, BLUE].min() > 0.97


# --- sharpness ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [HISTOGRAM, SATURATION, BOTH])
def test_sharpness_is_an_exponent(given, monkeypatch):
    """Asked for what the sharpened field has already, nothing else is to be changed."""
    monkeypatch.setattr(module, "SPARSE", 1)  # a part of the pixels would ask for a little more
    light, sharp = lightness(60, count=2), torch.tensor([1.8, 0.6])
    before = field(60, count=2)
    power = before.double() ** sharp.double()[:, None, None]
    expected = (power / power.sum(2, keepdim=True)).float()
    wanted = statistics(expected, light).given(**given)
    torch.testing.assert_close(tilt(before, light, wanted, sharpness=sharp), expected, atol=1e-5, rtol=2e-3)
    entropy = torch.special.entr(expected).sum(2) - torch.special.entr(before).sum(2)
    assert entropy[0].max() < 0 < entropy[1].min()


# --- gradients ---------------------------------------------------------------------------------------------


def one_hot(pixels):
    """Pixels that know their colour for certain, one red, the next blue."""
    before = torch.zeros(1, pixels, NUM_BINS)
    before[:, ::2, RED] = before[:, 1::2, BLUE] = 1
    return before


def uniform(pixels):
    return torch.full((1, pixels, NUM_BINS), 1 / NUM_BINS)


def one_colour(bin):
    histogram = torch.zeros(1, NUM_BINS)
    histogram[0, bin] = 1
    return histogram


def grey():
    return AbBins().encode(torch.zeros(1, 2, 1, 1))[:, :, 0, 0]


@pytest.mark.parametrize("given", [HISTOGRAM, SATURATION, BOTH])
def test_gradients_reach_the_probabilities_and_the_sharpness(given):
    light, sharp = lightness(40), torch.tensor([1.5], requires_grad=True)
    logits = field(40).log().requires_grad_()
    after = tilt(logits.softmax(2), light, asked_of(light).given(**given), sharpness=sharp)
    after[0, 3, RED].log().backward()
    assert torch.isfinite(logits.grad).all()
    assert torch.isfinite(sharp.grad).all()
    assert sharp.grad.abs() > 1e-3
    assert logits.grad[0, 3, RED] > 0.1  # what was likelier there would be likelier still
    assert logits.grad[0, 3].sum().abs() < 1e-3  # all logits of a pixel together do not matter


def test_gradients_pass_unchanged_where_nothing_is_given():
    light, before = lightness(40, count=2), field(40, count=2).requires_grad_()
    sharp = torch.tensor([1.5, 1.5], requires_grad=True)
    first = torch.tensor([True, False])
    weight = torch.rand(2, 40, NUM_BINS)
    after = tilt(before, light, asked_of(light).given(histogram=first, saturation=first), sharpness=sharp)
    (after * weight).sum().backward()
    assert torch.equal(before.grad[1], weight[1])
    assert not torch.allclose(before.grad[0], weight[0])
    assert sharp.grad[0] != 0
    assert sharp.grad[1] == 0


def test_a_table_that_was_first_needed_without_gradients_serves_with_them_too():
    module._saturation_table.cache_clear()
    with torch.inference_mode():
        saturations(lightness(3))
    light, before = lightness(40), field(40).requires_grad_()
    tilt(before, light, asked_of(light)).square().sum().backward()
    assert before.grad.abs().max() > 0


# --- what nobody should ask for ----------------------------------------------------------------------------


@pytest.mark.parametrize("sharpness", [None, 1.5])
@pytest.mark.parametrize("given", [HISTOGRAM, SATURATION, BOTH])
@pytest.mark.parametrize("saturation", [0.0, 1.0])
@pytest.mark.parametrize("histogram", [one_colour(RED), one_colour(0), grey()], ids=["red", "rare", "grey"])
@pytest.mark.parametrize("before", [field(60), uniform(60), one_hot(60)], ids=["field", "uniform", "certain"])
def test_extremes_give_distributions_and_finite_gradients(before, histogram, saturation, given, sharpness):
    ones = torch.ones(1)
    wanted = GlobalHints(histogram, saturation * ones, ones, ones).given(**given)
    before, light = before.clone().requires_grad_(), lightness(60)
    sharp = None if sharpness is None else sharpness * ones
    after = tilt(before, light, wanted, sharpness=sharp)
    assert after.min() >= 0
    torch.testing.assert_close(after.sum(2), torch.ones(1, 60))
    (after * torch.randn(1, 60, NUM_BINS)).sum().backward()
    assert torch.isfinite(before.grad).all()
    own, found = statistics(before.detach(), light), statistics(after.detach(), light)
    if given["histogram"]:  # every colour can be reached, and wins over the saturation
        assert distance(found.histogram, histogram) < 0.05
    elif sharp is None:
        assert (found.saturation - saturation).abs() < (own.saturation - saturation).abs()


@pytest.mark.parametrize("pixels", [1, 2, 7])
def test_a_few_pixels_will_do(pixels):
    light = lightness(pixels)
    after = tilt(field(pixels), light, asked_of(light).given(**HISTOGRAM))
    assert after.shape == (1, pixels, NUM_BINS)
    assert distance(after.mean(1), asked_of(light).histogram) < 0.1
