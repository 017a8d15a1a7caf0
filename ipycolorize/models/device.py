"""Where a network runs."""

from __future__ import annotations

import torch

from .. import forking as _forking  # noqa: F401 - whoever is forked from here shall compute


class DeviceError(ValueError):
    """A device that does not exist or is not here."""


def pick_device(request: str = "auto") -> torch.device:
    """The device to run on.

    Args:
        request: "auto" takes cuda, then mps, then cpu; a device asked for by name is taken or refused, never
            replaced.

    Raises:
        DeviceError: the name is unknown, or this machine (or this build of torch) lacks the device.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if request == "auto":
        return torch.device(next(name for name, here in available.items() if here))
    if request not in available:
        raise DeviceError(f"expected a device of auto, {', '.join(available)}, got {request!r}")
    if not available[request]:
        here = ", ".join(name for name, there in available.items() if there)
        raise DeviceError(
            f"expected the device {request!r}, but torch {torch.__version__} finds only: {here}; "
            f"use device='auto', or install a build of torch for {request}"
        )
    return torch.device(request)
