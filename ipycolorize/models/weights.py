"""Weights as described values: what ships, and how to load and save it.

Our own files are safetensors that carry their network's name and constructor arguments, so a fine-tuned file
loads by its path alone. What is missing, damaged or foreign is an error; nothing here returns random weights.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from ..files import replacing
from .base import Network
from .cards import CARDS, Card
from .checks import MAX_TEXT, check_config, check_values, shapes_only
from .device import pick_device
from .published import describe_mismatch, read_published, sha256_of


class WeightsError(ValueError):
    """Weights that are unknown, missing, damaged or foreign."""


REGISTRY: dict[str, Card] = {card.name: card for card in CARDS}

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


def own_weights_folder() -> Path:
    """Where weights that a person imported lie: IPYCOLORIZE_WEIGHTS, or the system's folder for such data."""
    from platformdirs import user_data_path

    chosen = os.environ.get("IPYCOLORIZE_WEIGHTS")
    return Path(chosen).expanduser() if chosen else user_data_path("ipycolorize") / "weights"


def list_own() -> tuple[str, ...]:
    """Names of imported weights, which `load_model` takes like those of shipped ones."""
    return tuple(sorted(path.stem for path in own_weights_folder().glob("*.safetensors")))


def find_weights(source: str | Path) -> tuple[Path, Card | None]:
    """The file that a name or a path means, there or not; and the card of shipped weights."""
    if isinstance(source, str):
        card = REGISTRY.get(source)
        if card is not None:
            return weights_folder() / card.file, card
        if source in list_own():
            return own_weights_folder() / f"{source}.safetensors", None
    return Path(source).expanduser(), None


def digest_of(source: str | Path) -> str:
    """The sha256 of weights, given as `load_model` takes them: 64 hex digits.

    Raises:
        WeightsError: there is no such file.
    """
    path, _ = find_weights(source)
    try:
        if not path.is_file():
            raise ValueError(_no_file(path))
        return sha256_of(path)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path}: {error}") from error


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
        source: the name of shipped weights (`list_models`) or of imported ones (`list_own`); or the path of a
            ``.safetensors`` that `save_model` wrote, or of a ``.pth`` that the paper's authors published.
        device: a name as `pick_device` takes it, or a torch device.

    Raises:
        WeightsError: unknown, missing, damaged or foreign weights.
        DeviceError: the device is not here.
    """
    where = pick_device(device) if isinstance(device, str) else device
    path, card = find_weights(source)
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
        part.write_bytes(save(tensors, {**(metadata or {}), **ours}))  # `save_file` makes it private


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


def _no_file(path: Path) -> str:
    known = ", ".join(REGISTRY) or "none"
    own = f", of imported ones ({', '.join(list_own())})" if list_own() else ""
    what = "this is a folder" if path.is_dir() else "there is no such file"
    return f"expected the name of shipped weights ({known}){own} or the path of a file; {what}"


def _read(path: Path) -> Network:
    if not path.is_file():
        raise ValueError(_no_file(path))
    if path.suffix == ".safetensors":
        return _read_ours(path)
    if path.suffix == ".pth":
        return read_published(path)
    raise ValueError("expected a .safetensors of ipycolorize, or a published .pth")


def _read_ours(path: Path) -> Network:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            names = list(file.keys())
            given = {name: file.get_slice(name).get_shape() for name in names}
            name, config = _described(file.metadata() or {}, tensors=len(names))
            with torch.device("meta"):  # names and shapes without memory: a header can ask for any size
                blueprint = build(name, config)
            shapes = shapes_only({blueprint.renamed(each): shape for each, shape in given.items()})
            expected = blueprint.state_dict()
            absent = {each for each in blueprint.later if each not in shapes}
            mismatch = describe_mismatch(
                {each: value for each, value in expected.items() if each not in absent}, shapes
            )
            if mismatch:
                raise ValueError(
                    f"expected the tensors of {type(blueprint).__name__}, got a file with {mismatch}"
                )
            tensors = {blueprint.renamed(each): file.get_tensor(each) for each in names}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"expected a safetensors file, got a damaged one ({error})") from error
    network = build(name, config)
    network.load_state_dict(network.state_dict() | tensors)  # copies float16 into the network's float32
    check_values(network)
    return network


def _described(header: Mapping[str, str], *, tensors: int) -> tuple[str, dict[str, Any]]:
    """The network's name and arguments, as a file of ours tells them."""
    if header.get("format") != FORMAT:
        raise ValueError("expected weights saved by ipycolorize, got a safetensors file of something else")
    if header.get("version") != VERSION:
        raise ValueError(f"expected version {VERSION}, got {header.get('version')!r}; update ipycolorize")
    try:
        config = json.loads(header.get("config", "")[: MAX_TEXT + 1])
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"expected the network's arguments as JSON in the header ({error})") from error
    check_config(config, tensors=tensors)
    return header.get("network", ""), config
