"""A real session of a small photograph, with an untrained network: real, only quick."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image

from ipycolorize.models.live import Live
from ipycolorize.session import Session
from ipycolorize.widget import Colorizer


@pytest.fixture(scope="session")
def photo():
    return np.ascontiguousarray(load_sample_image("china.jpg")[::4, ::4])  # 107 x 160


@pytest.fixture(scope="session")
def network():
    torch.manual_seed(0)
    return Live()


@pytest.fixture
def session(photo, network):
    return Session(photo, network, device="cpu", short_side=64)


@pytest.fixture
def pad(session):
    pad = Colorizer(session)
    assert pad._worker.wait(20, idle=1)
    yield pad
    pad.close()
