"""Losses against their formulas."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ipycolorize.gamut import AbBins
from ipycolorize.hint_batch import HintBatch
from ipycolorize.models.base import Outputs
from ipycolorize.training.balance import balance_weights, estimate_weights, smoothed_distribution
from ipycolorize.training.data import Photographs
from ipycolorize.training.examples import Examples
from ipycolorize.training.losses import huber, objective, soft_cross_entropy


@pytest.mark.parametrize("delta", [1.0, 10.0, 110.0])
def test_huber_is_equation_four(delta):
    draw = np.random.default_rng(0)
    ab, truth = (draw.normal(0, 30, (2, 2, 5, 6)) for _ in range(2))
    total = 0.0
    for x, y in zip(ab.flat, truth.flat, strict=True):
        gap = abs(x - y)
        total += 0.5 * gap**2 if gap < delta else delta * (gap - 0.5 * delta)
    expected = total / ab.size / delta
    found = huber(torch.from_numpy(ab), torch.from_numpy(truth), delta=delta)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    assert huber(torch.from_numpy(ab), torch.from_numpy(ab), delta=delta) == 0


def test_huber_of_large_errors_is_their_size():
    far = torch.full((1, 2, 4, 4), 100.0)
    assert huber(far, torch.zeros_like(far), delta=1.0).item() == pytest.approx(99.5)


def test_huber_of_half_floats_is_exact_enough():
    ab = torch.full((1, 2, 4, 4), 3.0, dtype=torch.bfloat16)
    assert huber(ab, torch.zeros(1, 2, 4, 4), delta=1.0).item() == pytest.approx(2.5)


def colours(*shape):
    return F.interpolate(torch.randn(2, 2, 4, 4), size=shape, mode="bilinear") * 40


def test_cross_entropy_equals_the_dense_encoding():
    truth, logits, bins = colours(16, 24), torch.randn(2, 313, 4, 6) * 3, AbBins()
    small = truth.unflatten(3, (6, 4)).unflatten(2, (4, 4)).mean((3, 5))
    expected = -(bins.encode(small) * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(soft_cross_entropy(logits, truth, bins), expected)


def test_cross_entropy_is_least_at_the_encoding_itself():
    truth, bins = colours(8, 8), AbBins()
    target = bins.encode(truth)
    entropy = -torch.xlogy(target, target).sum(1).mean()
    perfect = soft_cross_entropy(target.clamp(min=1e-9).log(), truth, bins)
    assert perfect.item() == pytest.approx(entropy.item(), abs=1e-3)
    assert soft_cross_entropy(torch.zeros(2, 313, 8, 8), truth, bins).item() == pytest.approx(
        np.log(313), abs=1e-4
    )


def test_cross_entropy_sends_probability_to_the_truth():
    truth, bins = torch.tensor([60.0, -40.0]).view(1, 2, 1, 1).expand(1, 2, 4, 4), AbBins()
    logits = torch.zeros(1, 313, 1, 1, requires_grad=True)
    soft_cross_entropy(logits, truth, bins).backward()
    assert bins.centers[logits.grad.argmin()].tolist() == [60, -40]
    assert logits.grad.sum().item() == pytest.approx(0, abs=1e-6)


def test_cross_entropy_counts_pixels_by_their_nearest_bin():
    bins, logits = AbBins(), torch.randn(1, 313, 1, 2)
    truth = torch.tensor([[41.0, 12.0], [-2.0, 3.0]]).T.view(1, 2, 1, 2)  # nearest: (40, 10) and (0, 0)
    number = {tuple(center): index for index, center in enumerate(bins.centers.int().tolist())}
    balance = torch.rand(313)
    each = -(bins.encode(truth) * logits.log_softmax(1)).sum(1).flatten()
    expected = (balance[number[40, 10]] * each[0] + balance[number[0, 0]] * each[1]) / 2
    torch.testing.assert_close(soft_cross_entropy(logits, truth, bins, balance=balance), expected)


# --- rebalancing -------------------------------------------------------------------------------------------


def line_of_bins():
    """Four bins at a = 0, 10, 20, 50."""
    return AbBins(centers=torch.tensor([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0], [50.0, 0.0]]))


def test_the_distribution_is_smoothed_over_neighbours():
    ab = torch.tensor([[1.0, 2.0], [-3.0, 0.0], [12.0, 1.0], [48.0, 9.0]])
    near, far = math.exp(-100 / 50), math.exp(-400 / 50)  # sigma 5, bins 10 and 20 apart
    further, furthest = math.exp(-900 / 50), math.exp(-2500 / 50)
    first = np.array([1, near, far, furthest])
    second = np.array([near, 1, near, math.exp(-1600 / 50)])
    last = np.array([furthest, math.exp(-1600 / 50), further, 1])
    expected = first / first.sum() / 2 + second / second.sum() / 4 + last / last.sum() / 4
    found = smoothed_distribution(ab, line_of_bins())
    assert found.numpy() == pytest.approx(expected, abs=1e-6)
    assert found.sum().item() == pytest.approx(1)


def test_balance_weights_are_equation_four():
    p = [0.7, 0.2, 0.1, 0.0]
    raw = [1 / (0.5 * share + 0.5 / 4) for share in p]
    scale = sum(share * weight for share, weight in zip(p, raw, strict=True))
    found = balance_weights(torch.tensor(p), uniform=0.5)
    assert found.tolist() == pytest.approx([weight / scale for weight in raw])
    assert (torch.tensor(p) * found).sum().item() == pytest.approx(1)
    assert balance_weights(torch.tensor(p), uniform=1.0).tolist() == pytest.approx([1] * 4)
    flat = balance_weights(torch.full((4,), 0.25), uniform=0.5)
    assert flat.tolist() == pytest.approx([1] * 4)


def test_weights_of_photographs_favour_what_they_lack(china):
    bins = AbBins()
    photographs = Photographs((np.ascontiguousarray(china[::4, ::4]),), {})
    weights = estimate_weights(photographs, bins, uniform=0.5, seed=0)
    number = {tuple(center): index for index, center in enumerate(bins.centers.int().tolist())}
    assert weights[number[0, 0]] < 0.2 < 1 < weights[number[100, -90]]  # grey is everywhere, magenta nowhere


# --- the objective -----------------------------------------------------------------------------------------


def examples_of(natural, *, side=8):
    count = len(natural)
    hints = HintBatch.empty(shape=(side, side), count=count)
    truth = torch.randn(count, 2, side, side) * 20
    return Examples(torch.rand(count, 1, side, side) * 100, hints, truth, torch.tensor(natural))


def outputs_of(count, *, auto, side=8):
    def leaf(*shape):
        return torch.randn(*shape, requires_grad=True)

    small = side // 2
    return Outputs(
        leaf(count, 2, side, side),
        leaf(count, 313, small, small),
        leaf(count, 2, small, small) if auto else None,
    )


def test_the_objective_is_its_three_parts():
    examples, outputs, bins = examples_of([1.0, 1.0]), outputs_of(2, auto=True), AbBins()
    found = objective(outputs, examples, bins, delta=20.0)
    small = examples.truth.unflatten(3, (4, 2)).unflatten(2, (4, 2)).mean((3, 5))
    target = bins.encode(small[..., ::2, ::2])
    expected = [
        F.huber_loss(outputs.ab, examples.truth, delta=20.0) / 20,
        F.huber_loss(outputs.auto, small, delta=20.0) / 20,
        -(target * outputs.logits[..., ::2, ::2].log_softmax(1)).sum(1).mean(),
    ]
    torch.testing.assert_close(found, torch.stack(expected))


def test_a_network_without_automatic_colours_has_no_loss_for_them():
    found = objective(outputs_of(2, auto=False), examples_of([1.0, 1.0]), AbBins(), delta=20.0)
    assert found[1] == 0
    assert (found[[0, 2]] > 0).all()


def test_recoloured_pictures_teach_hints_only():
    outputs = outputs_of(3, auto=True)
    objective(outputs, examples_of([1.0, 0.0, 1.0]), AbBins(), delta=20.0).sum().backward()
    for value in (outputs.auto, outputs.logits):
        strength = value.grad.abs().amax(dim=(1, 2, 3))
        assert strength[1] == 0
        assert (strength[[0, 2]] > 0).all()
    assert (outputs.ab.grad.abs().amax(dim=(1, 2, 3)) > 0).all()
