"""What a measurement can be asked of by name: networks, and what they are compared with."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import torch

from ..models.base import Network
from ..models.device import pick_device
from ..models.weights import WeightsError, load_model

# Modules of baselines/ and their classes. The first know no photographs but the one they colour, the others
# change an automatic network's result.
ALONE = {
    "gray": "gray:Gray",
    "levin": "levin:Levin",
    "bilateral": "bilateral:Bilateral",
    "deepprop": "deepprop:DeepProp",
}
GUIDED = {"reinhard": "reinhard:Reinhard", "larsson-matching": "matching:HistogramMatching"}
PEERS = (*ALONE, *GUIDED)


def load_method(name: str, *, device: str = "auto", automatic: str = "live") -> Network:
    """A network in evaluation mode, its convolutions in the order that processors are quickest with.

    Args:
        name: of shipped weights or a weights file; or one of `PEERS`: "gray", the lightness alone; "levin",
            "bilateral" and "deepprop", which propagate points and have learned nothing; "reinhard" and
            "larsson-matching", which change an automatic result by global hints.
        device: as `pick_device` takes it.
        automatic: whose result these two change, a name or a file.

    Raises:
        WeightsError: neither; the known names are listed.
        DeviceError: the device is not here.
    """
    where = pick_device(device)
    network = _load(name, where, automatic)
    network.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval()


def _load(name: str, device: torch.device, automatic: str) -> Network:
    if name in ALONE:
        return _class(ALONE[name])()
    if name in GUIDED:
        return _class(GUIDED[name])(load_model(automatic, device=device))
    try:
        return load_model(name, device=device)
    except WeightsError as error:
        known = f"{', '.join(PEERS[:-1])} and {PEERS[-1]}"
        raise WeightsError(f"{error}; {known} are known as well") from error


def _class(where: str) -> Callable[..., Network]:
    module, name = where.split(":")
    return getattr(import_module(f"...baselines.{module}", __name__), name)
