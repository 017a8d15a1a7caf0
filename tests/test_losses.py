"""Losses against their formulas."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ipycolorize.gamut import AbBins
from ipycolorize.training.losses import huber, soft_cross_entropy


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
