"""What tests share: repeatable randomness, photographs, a small network that answers like a real one."""

import numpy as np
import pytest
import torch
from skips import *  # noqa: F403 - the option --max-skips
from sklearn.datasets import load_sample_image
from torch import nn

from ipycolorize.models import geodesic, ridge
from ipycolorize.models.live import Live
from ipycolorize.models.weights import save_model

torch.set_num_threads(1)  # small tensors; and other work may share the machine


@pytest.fixture(autouse=True)
def _seeds():
    """Every test begins with the same random state, whatever ran before it."""
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 - code under test could use the old generator


@pytest.fixture(scope="session")
def china():
    """(427, 640, 3) uint8."""
    return load_sample_image("china.jpg")


@pytest.fixture(scope="session")
def small(china):
    """(107, 160, 3) uint8."""
    return np.ascontiguousarray(china[::4, ::4])


@pytest.fixture
def crop(china):
    """(90, 120, 3): colourful."""
    return np.ascontiguousarray(china[100:190, 200:320])


def build_live(*, heads: int = 4, answers: bool = True, seed: int = 0) -> Live:
    """An untrained Live network of some 40,000 parameters, in eval mode.

    A new network starts as plain propagation over grey. With `answers` its last layers are random instead, so
    that automatic colours, gates and residuals are not zero, and neither are the statistics of its norms.
    """
    torch.manual_seed(seed)
    network = Live(backbone="tiny", widths=(8, 8, 16, 16), heads=heads, dim=4, out=8, tail=8)
    if answers:
        for layer in (network.to_auto, network.to_cost, network.tail.out):
            nn.init.normal_(layer.weight, std=0.1)
        nn.init.normal_(network.to_gates.weight, std=0.3)
        nn.init.normal_(network.to_gates.bias, std=0.5)
        nn.init.normal_(network.flow.to_say[2].weight, std=1.0)
        nn.init.normal_(network.to_gain.weight, std=0.1)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.7, 1.3)
                nn.init.normal_(module.running_mean, std=0.1)
                nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


@pytest.fixture
def make_live():
    """The function `build_live`."""
    return build_live


@pytest.fixture
def tiny():
    """A small network with random answers."""
    return build_live()


@pytest.fixture(scope="session")
def tiny_path(tmp_path_factory):
    """The same as a weights file."""
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_model(path, build_live())
    return path


@pytest.fixture
def first_round(monkeypatch):
    """In `live`, nothing flows a second time: as while training."""
    monkeypatch.setattr(ridge, "ROUNDS", 0)


@pytest.fixture
def exact_ways(monkeypatch):
    """While training, distances are swept until they are exact, as they are later."""
    monkeypatch.setattr(geodesic, "ROUNDS", 12)
