"""Vividness: the distribution corrected for what is common, its mean sharpened."""

import numpy as np
import pytest
import torch
from scenes import photo, random_hints, ready

from ipycolorize import Session
from ipycolorize.hint_batch import HintBatch
from ipycolorize.models.siggraph17 import SIGGRAPH17
from ipycolorize.mood import Mood, MoodError


@pytest.fixture
def common(tiny):
    """A network that was taught by photographs in which grey is common."""
    distance = tiny.bin_centers.norm(dim=1)
    tiny.vividness.prior.copy_(torch.softmax(-distance / 10, 0))
    return tiny


@torch.inference_mode()
def test_it_is_the_formula(common):
    p = torch.softmax(torch.randn(4, 313, generator=torch.Generator().manual_seed(1)), 1)
    prior = common.vividness.prior.double().numpy()
    for t, temperature in ((0.0, 1.0), (0.25, 0.69), (0.5, 0.38), (1.0, 0.38)):
        expected = (p.double().numpy() / (prior / 2 + 1 / 626) ** t) ** (1 / temperature)
        expected /= expected.sum(1, keepdims=True)
        np.testing.assert_allclose(common.vividness.correct(p, t), expected, rtol=1e-4, atol=1e-7)


@torch.inference_mode()
def test_automatic_colours_become_livelier_and_nothing_at_zero(common):
    features, none = ready(common, 64, 64), HintBatch.empty(shape=(64, 64))
    chroma = [
        common.decode(features, none, vividness=value).ab.norm(dim=1).mean().item()
        for value in (0.0, 0.5, 1.0)
    ]
    assert chroma[0] < chroma[1] < chroma[2]
    assert torch.equal(common.decode(features, none, vividness=0.0).ab, common.decode(features, none).ab)


@torch.inference_mode()
def test_it_is_continuous(common):
    features, none = ready(common, 64, 64), HintBatch.empty(shape=(64, 64))
    for value in (0.0, 0.499, 0.5, 0.9):
        near, there = (common.decode(features, none, vividness=v).ab for v in (value, value + 0.002))
        assert (near - there).abs().max() < 1.0


@torch.inference_mode()
def test_hints_flow_over_livelier_colours(common):
    """Where hints say everything, vividness has nothing to say."""
    features = ready(common, 64, 64)
    hints = random_hints(64, 64, points=5)
    shares = common.weights(features, hints, vividness=0.7)
    assert not torch.equal(
        common.decode(features, hints).ab, common.decode(features, hints, vividness=0.7).ab
    )
    assert (shares.sum(1) <= 1 + 1e-5).all()
    revealed = (hints.mask > 0).expand(-1, 2, -1, -1)
    dull, lively = (common.decode(features, hints, vividness=v).ab for v in (0.0, 0.7))
    assert (dull - lively)[revealed].abs().mean() < (dull - lively)[~revealed].abs().mean()


def test_a_session_keeps_it_undoes_it_and_saves_it(common, crop, tmp_path):
    session = Session(crop, common)
    dull = session.rgb()
    session.set_vividness(0.6)
    lively = session.rgb()
    assert (dull != lively).any()
    session.save(tmp_path / "hints.json")
    assert session.undo() and np.array_equal(session.rgb(), dull)
    session.load(tmp_path / "hints.json")
    assert session.mood == Mood(vividness=0.6) and np.array_equal(session.rgb(), lively)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_vividness_outside_its_range_is_refused(common, crop, value):
    session = Session(crop, common)
    with pytest.raises(MoodError, match=r"expected a vividness within 0\.\.1, got"):
        session.set_vividness(value)
    assert session.mood == Mood()


def test_a_network_with_one_answer_refuses_it(crop):
    session = Session(crop, SIGGRAPH17(width=4))
    with pytest.raises(MoodError, match="expected a network whose colours can be livelier, got siggraph17"):
        session.set_vividness(0.5)


@torch.inference_mode()
def test_the_last_vividness_is_remembered(common):
    features = ready(common, 64, 64)
    first = common.vividness(features, 0.3)
    assert common.vividness(features, 0.3) is first
    common.vividness(features, 0.4)
    assert len(features.lively) == 1


def test_photographs_of_any_size(common):
    with torch.inference_mode():
        for shape in ((37, 51), (32, 64)):
            features = common.encode(photo(*shape))
            assert common.decode(features, HintBatch.empty(shape=shape), vividness=0.5).ab.shape[-2:] == shape
