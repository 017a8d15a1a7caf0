"""What a measurement can be asked of by name: networks, and what they are compared with."""

from __future__ import annotations

import torch

from ..baselines.gray import Gray
from ..models.base import Network
from ..models.device import pick_device
from ..models.weights import WeightsError, load_model

PEERS = ("gray", "reinhard", "larsson-matching")


def load_method(name: str, *, device: str = "auto", automatic: str = "live") -> Network:
    """A network in evaluation mode, its convolutions in the order that processors are quickest with.

    Args:
        name: of shipped weights or a weights file; or "gray", the lightness alone; "reinhard" or
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
    if name == "gray":
        return Gray()
    if name == "reinhard":
        from ..baselines.reinhard import Reinhard

        return Reinhard(load_model(automatic, device=device))
    if name == "larsson-matching":
        from ..baselines.matching import HistogramMatching

        return HistogramMatching(load_model(automatic, device=device))
    try:
        return load_model(name, device=device)
    except WeightsError as error:
        known = f"{', '.join(PEERS[:-1])} and {PEERS[-1]}"
        raise WeightsError(f"{error}; {known} are known as well") from error
