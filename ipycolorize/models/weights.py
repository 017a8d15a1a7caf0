"""Weights as described values: what ships, and how to load and save it.

Our own files are safetensors that carry their network's name and constructor arguments, so a fine-tuned file
loads by its path alone. What is missing, damaged or foreign is an error; nothing here returns random weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..files import replacing
from .base import Network
from .device import pick_device
from .published import describe_mismatch, read_published, sha256_of


class WeightsError(ValueError):
    """Weights that are unknown, missing, damaged or foreign."""


@dataclass(frozen=True)
class Card:
    """One shipped set of weights.

    Attributes:
        name: what `load_model` calls it.
        file: name in the weights folder.
        sha256: of the file, 64 hex digits; checked at every load.
        network: which architecture, a key of `NETWORKS`.
        config: its constructor's arguments.
        description: one sentence on what it is good for.
        trained_on: the photographs.
        image_steps: training examples seen: steps times batch.
        hardware: what it was trained on, and for how long.
        psnr: (points, dB) with random points as in the paper's figure 6; "all" reveals every pixel.
        licence: of the weights.
    """

    name: str
    file: str
    sha256: str
    network: str
    config: Mapping[str, Any] = field(hash=False)
    description: str
    trained_on: str
    image_steps: int
    hardware: str
    psnr: tuple[tuple[int | Literal["all"], float], ...]
    licence: str


_CARDS: tuple[Card, ...] = (  # best first; weights/README.md shows the same as a table
    Card(
        name="live",
        file="live.safetensors",
        sha256="888e86e9d1f60b2db3cfb018e4f95d2fd25534d7414b1d3f3b81a353b867581a",
        network="live",
        config={
            "widths": (32, 64, 128, 224, 256),
            "depths": (1, 2, 2, 3, 2),
            "heads": 4,
            "dim": 16,
            "out": 48,
            "tail": 16,
        },
        description="Learned edit propagation: real time on a CPU; the default.",
        trained_on="22,051 photographs of public research sets",
        image_steps=110656,
        hardware="232 minutes on CPU cores, two at first",
        psnr=((0, 22.94), (1, 24.37), (10, 27.41), (100, 31.26), ("all", 47.57)),
        licence="MIT",
    ),
    Card(
        name="siggraph17",
        file="siggraph17.safetensors",
        sha256="e4873488c869fb5f37eff11776ac15b9ef0d0839ee6130d263bc62b54d6124d3",
        network="siggraph17",
        config={
            "width": 16,
            "variant": "local",
            "head": "hypercolumn",
            "mask_offset": 0.0,
            "ab_scale": 110.0,
        },
        description="The paper's Local network at width 16, trained alike, for comparison.",
        trained_on="22,051 photographs of public research sets",
        image_steps=101520,
        hardware="102 minutes on one CPU core",
        psnr=((0, 22.54), (1, 23.14), (10, 25.36), (100, 28.43), ("all", 34.42)),
        licence="MIT",
    ),
    Card(
        name="siggraph17-global",
        file="siggraph17-global.safetensors",
        sha256="9c1a15558b22dd46397bae713e2e5aad96485eb5c9bfff003becfd1c117617aa",
        network="siggraph17",
        config={
            "width": 16,
            "variant": "global",
            "head": "hypercolumn",
            "mask_offset": 0.0,
            "ab_scale": 110.0,
        },
        description="The paper's Global network at width 16, which reads points too, for comparison.",
        trained_on="22,051 photographs of public research sets",
        image_steps=150216,
        hardware="200 minutes on one CPU core",
        psnr=((0, 22.52), (1, 22.86), (10, 24.96), (100, 28.54), ("all", 34.62)),
        licence="MIT",
    ),
)
REGISTRY: dict[str, Card] = {card.name: card for card in _CARDS}

NETWORKS = {  # module of this package -> its class
    "live": "Live",
    "siggraph17": "SIGGRAPH17",
    "zhang16": "Zhang16",
    "larsson16": "Larsson16",
    "iizuka16": "Iizuka16",
}

FORMAT, VERSION = "ipycolorize", "1"  # in the header of our safetensors


def list_models() -> tuple[Card, ...]:
    """The cards of all shipped weights, best first."""
    return tuple(REGISTRY.values())


def weights_folder() -> Path:
    """Where shipped weights lie: inside an installed package, beside the package in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "_weights"
    return installed if installed.is_dir() else package.parent / "weights"


def build(network: str, config: Mapping[str, Any]) -> Network:
    """A new network, not trained: of this name, with these constructor arguments.

    Raises:
        WeightsError: no such network, or it does not take these arguments.
    """
    if network not in NETWORKS:
        known = ", ".join(NETWORKS)
        raise WeightsError(f"expected a network of {known}, got {network!r}; update ipycolorize")
    make = getattr(import_module(f".{network}", __package__), NETWORKS[network])
    try:
        return make(**config)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: torch, of sizes that make no sense
        raise WeightsError(f"expected arguments for {NETWORKS[network]}, got {config}: {error}") from error


def load_model(source: str | Path = "live", *, device: str | torch.device = "cpu") -> Network:
    """A trained network in evaluation mode, in float32.

    Args:
        source: the name of shipped weights (`list_models`); or the path of a ``.safetensors`` that
            `save_model` wrote, or of a ``.pth`` that the paper's authors published.
        device: a name as `pick_device` takes it, or a torch device.

    Raises:
        WeightsError: unknown, missing, damaged or foreign weights.
        DeviceError: the device is not here.
    """
    where = pick_device(device) if isinstance(device, str) else device
    card = REGISTRY.get(source) if isinstance(source, str) else None
    path = weights_folder() / card.file if card else Path(source).expanduser()
    try:
        if card:
            _check_shipped(path, card)
        network = _read(path)
    except ValueError as error:
        raise WeightsError(f"{path}: {error}") from error
    return network.to(where).eval()


def save_model(
    path: str | Path,
    network: Network,
    *,
    metadata: dict[str, str] | None = None,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write a network so that `load_model` can read it back from the file alone.

    The file is replaced as a whole or, if anything fails, not at all.

    Args:
        path: ends in ``.safetensors``.
        network: one of this package's; its ``config`` rebuilds it.
        metadata: notes for the file's header, under other keys than ours: format, version, network, config.
        dtype: of all floating-point values but batch norm's statistics; float16 halves the file.

    Raises:
        WeightsError: not one of this package's networks, another suffix, or a value that `dtype` cannot hold.
    """
    path = Path(path)
    name = next((name for name, made_by in NETWORKS.items() if type(network).__name__ == made_by), None)
    if name is None:
        raise WeightsError(f"expected one of {', '.join(NETWORKS.values())}, got {type(network).__name__}")
    if path.suffix != ".safetensors":
        raise WeightsError(f"expected a file name that ends in .safetensors, got {path.name!r}")
    tensors = {key: _packed(key, value, dtype) for key, value in network.state_dict().items()}
    ours = {"format": FORMAT, "version": VERSION, "network": name, "config": json.dumps(network.config)}
    with replacing(path) as part:
        save_file(tensors, part, metadata={**(metadata or {}), **ours})


def _packed(key: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    # variances of features may exceed float16; they are few
    statistics = key.endswith(("running_mean", "running_var"))
    kind = dtype if value.is_floating_point() and not statistics else value.dtype
    kept = value.detach().to("cpu", kind, copy=True).contiguous()
    if not bool(torch.isfinite(kept).all()):
        raise WeightsError(f"expected finite values that fit {dtype}, got others in {key}; nothing was saved")
    return kept


def _check_shipped(path: Path, card: Card) -> None:
    if not path.is_file():
        raise ValueError(f"expected the weights of {card.name!r}, found no file; install ipycolorize again")
    digest = sha256_of(path)
    if digest != card.sha256:
        raise ValueError(f"expected sha256 {card.sha256}, got {digest}: damaged; install ipycolorize again")


def _read(path: Path) -> Network:
    if not path.is_file():
        known = ", ".join(REGISTRY) or "none"
        what = "this is a folder" if path.is_dir() else "there is no such file"
        raise ValueError(f"expected the name of shipped weights ({known}) or the path of a file; {what}")
    if path.suffix == ".safetensors":
        return _read_ours(path)
    if path.suffix == ".pth":
        return read_published(path)
    raise ValueError("expected a .safetensors of ipycolorize, or a published .pth")


def _read_ours(path: Path) -> Network:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is not a dict
    except (SafetensorError, OSError) as error:
        raise ValueError(f"expected a safetensors file, got a damaged one ({error})") from error
    if header.get("format") != FORMAT:
        raise ValueError("expected weights saved by ipycolorize, got a safetensors file of something else")
    if header.get("version") != VERSION:
        raise ValueError(f"expected version {VERSION}, got {header.get('version')!r}; update ipycolorize")
    try:
        config = json.loads(header.get("config", ""))
    except json.JSONDecodeError as error:
        raise ValueError(f"expected the network's arguments as JSON in the header ({error})") from error
    network = build(header.get("network", ""), config)
    mismatch = describe_mismatch(network.state_dict(), tensors)
    if mismatch:
        raise ValueError(f"expected the tensors of {type(network).__name__}, got a file with {mismatch}")
    network.load_state_dict(tensors)  # copies float16 into the network's float32
    return network
