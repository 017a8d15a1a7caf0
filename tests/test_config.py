"""The configuration of a training: what it refuses, and what follows from the share of the budget."""

import json
import math
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest

from ipycolorize.training.checkpoint import plain
from ipycolorize.training.config import PHASES, Phase, TrainConfig, learning_rate


def test_the_rate_warms_up_and_falls():
    config = TrainConfig(steps=100, warmup=10, rate=2e-3)
    rates = [learning_rate(step, step / 100, config) for step in range(101)]
    assert rates[0] == pytest.approx(2e-4)
    assert np.argmax(rates) == 9
    assert rates[9] == pytest.approx(2e-3 * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * 0.09))))
    assert rates[100] == pytest.approx(2e-5)
    assert all(a > b for a, b in pairwise(rates[9:]))
    assert learning_rate(500, 1.7, config) == pytest.approx(2e-5)  # a step may end after the budget
    assert learning_rate(0, 0.0, TrainConfig(steps=1, warmup=0)) == pytest.approx(1e-3)


@pytest.mark.parametrize("budget", [{}, {"minutes": 1.0, "steps": 5}])
def test_the_budget_is_minutes_or_steps(budget):
    with pytest.raises(ValueError, match="either minutes or steps, got"):
        TrainConfig(**budget)


def test_shares_of_both_budgets():
    assert TrainConfig(steps=8).share(step=2, seconds=1e9) == 0.25
    assert TrainConfig(minutes=2).share(step=10**9, seconds=30) == 0.25
    assert TrainConfig(steps=0).share(step=0, seconds=0) == 1
    assert TrainConfig(minutes=0).share(step=0, seconds=0) == 1


def test_phases_follow_the_share():
    config = TrainConfig(steps=1)
    crops = [config.phase(share).crop for share in (0, 0.39, 0.4, 0.79, 0.8, 1, 1.5)]
    assert crops == [96, 96, 128, 128, 192, 192, 192]
    pixels = [phase.batch * phase.crop**2 for phase in PHASES]
    assert max(pixels) < 1.2 * min(pixels)  # every step costs about the same


@pytest.mark.parametrize(("batch", "shards", "sizes"), [(16, 1, [16]), (8, 2, [4, 4]), (28, 3, [10, 9, 9])])
def test_shards_are_as_even_as_can_be(batch, shards, sizes):
    assert TrainConfig(steps=1, shards=shards).split(batch) == sizes


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": -1}, "positive budget, got -1"),
        ({"phases": ()}, "phases in order"),
        ({"phases": (Phase(0.5, 32, 2),)}, "phases in order, the first from 0 on"),
        ({"phases": (Phase(0, 32, 2), Phase(0.6, 32, 2), Phase(0.3, 32, 2))}, "phases in order"),
        ({"shards": 0}, "1 to 8 shards, .* smallest batch has 8 crops, got 0"),
        ({"shards": 9}, "1 to 8 shards, .* got 9"),
        ({"rebalance": 1.1}, r"rebalance within 0\.\.1, got 1\.1"),
        ({"seed": -1}, "seed of at least 0, got -1"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**{"steps": 1, **wrong})


@pytest.mark.parametrize("phase", [(-0.1, 32, 2), (1.1, 32, 2), (0, 0, 2), (0, 32, 0)])
def test_a_phase_that_makes_no_sense_is_refused(phase):
    with pytest.raises(ValueError, match=r"a start within 0\.\.1, and a crop and a batch of at least 1"):
        Phase(*phase)


def test_a_configuration_survives_json():
    stored = plain(asdict(TrainConfig(minutes=1.5)))
    assert json.loads(json.dumps(stored)) == stored
    assert stored["phases"][1] == {
        "start": 0.4,
        "crop": 128,
        "batch": 16,
        "joint": True,
        "frozen": 0,
    }
