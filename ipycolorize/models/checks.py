"""What a file of weights may ask for: looked at before a network is built, and again when it is filled."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

MAX_NUMBER = 4096  # channels, heads and the like: the paper's widest layer has 512
MAX_ITEMS = 16  # of a list of numbers: one for each scale
MAX_TEXT = 10_000  # characters of a network's arguments as JSON


def check_config(config: Any, *, tensors: int) -> None:
    """Refuse constructor arguments that would take for ever, or more memory than there is, to build.

    Args:
        config: as it was found in a file.
        tensors: in that file. A network has at least one for each of its blocks.

    Raises:
        ValueError: naming what is wrong.
    """
    if not isinstance(config, dict):
        raise ValueError(f"expected the network's arguments by name, got a {type(config).__name__}")
    for name, value in config.items():
        items = value if isinstance(value, list) else [value]
        if len(items) > MAX_ITEMS or any(isinstance(item, list | dict) for item in items):
            raise ValueError(f"expected a number, a text or up to {MAX_ITEMS} numbers as {name}, got more")
        numbers = [item for item in items if isinstance(item, int | float)]
        if any(not math.isfinite(number) or abs(number) > MAX_NUMBER for number in numbers):
            raise ValueError(f"expected {name} of at most {MAX_NUMBER}, got {value}")
        if name.startswith("depth") and sum(numbers) > tensors:
            raise ValueError(f"expected {name} that fit the file's {tensors} tensors, got {value}")


def shapes_only(shapes: Mapping[str, Iterable[int]]) -> dict[str, Tensor]:
    """Tensors of these shapes that take no memory."""
    return {name: torch.empty(tuple(shape), device="meta") for name, shape in shapes.items()}


def check_values(network: nn.Module) -> None:
    """Refuse weights that can only give pictures without sense.

    Raises:
        ValueError: a number is not finite, or a variance is negative.
    """
    for name, value in network.state_dict().items():
        if not bool(torch.isfinite(value).all()):
            raise ValueError(f"expected finite weights, got NaN or infinity in {name}: the file is damaged")
        if name.endswith("running_var") and bool((value < 0).any()):
            raise ValueError(f"expected variances, got negative ones in {name}: the file is damaged")


def check_archive(path: Path, state_dict: Mapping[str, Tensor]) -> None:
    """Refuse a PyTorch file that is, or unpacks to, far more than a network has.

    torch.save compresses nothing, but its reader unpacks what others have compressed.

    Args:
        path: of the file, an archive or of torch's older layout.
        state_dict: what is expected in it.

    Raises:
        ValueError: saying how large it is.
    """
    expected = sum(value.numel() * value.element_size() for value in state_dict.values())
    size = path.stat().st_size
    if size <= 2 * expected and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    if size > 2 * expected:
        raise ValueError(
            f"expected a state dict of {expected / 1e6:.0f} MB, got {size / 1e6:.0f} MB: it is another file"
        )
