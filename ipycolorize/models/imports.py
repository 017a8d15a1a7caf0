"""Weights of a person's own, kept under a name: checked, converted to tensors alone, never replaced."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

import torch

from ..files import replacing
from .published import sha256_of
from .weights import REGISTRY, WeightsError, list_own, load_model, own_weights_folder, save_model

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def import_weights(source: str | Path, name: str | None = None) -> Path:
    """Copy a weights file to where `load_model` finds it by name; a ``.pth`` becomes ``.safetensors``.

    Args:
        source: as `load_model` takes a file.
        name: to call it by; None: as the file is called.

    Returns:
        The file; beside it lies one of the same name, ``.json``, with its sha256 and where it came from.

    Raises:
        WeightsError: no weights that this package reads, or a name that is taken or cannot be one.
    """
    source = Path(source).expanduser()
    name = source.stem if name is None else name
    if not NAME.fullmatch(name) or name.endswith((".safetensors", ".pth")):
        raise WeightsError(
            f"expected a name of letters, digits, . _ and -, got {name!r}: give another by --name"
        )
    if name in REGISTRY:
        raise WeightsError(
            f"expected another name than that of shipped weights, got {name!r}: give one by --name"
        )
    network = load_model(source)
    digest = sha256_of(source)
    folder = own_weights_folder()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}.safetensors"
    if name in list_own():
        if read_note(name).get("source_sha256") == digest:
            return target  # the same again
        raise WeightsError(
            f"expected a name that is free, but there are weights called {name!r}: give another by --name"
        )
    if source.suffix == ".safetensors":
        data = source.read_bytes()
    else:
        with tempfile.TemporaryDirectory(prefix="ipycolorize-") as temporary:
            converted = Path(temporary) / target.name
            save_model(converted, network, metadata={"imported from": source.name}, dtype=torch.float32)
            data = converted.read_bytes()
    with replacing(target) as part:
        part.write_bytes(data)
    note = {"sha256": sha256_of(target), "source": str(source.resolve()), "source_sha256": digest}
    with replacing(target.with_suffix(".json")) as part:  # one may be left of weights that are gone
        part.write_text(json.dumps(note, indent=1), encoding="utf-8")
    return target


def read_note(name: str) -> dict[str, str]:
    """What was noted when weights were imported; empty if there is nothing to read."""
    try:
        note = json.loads((own_weights_folder() / f"{name}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def examine(name: str) -> str:
    """What is wrong with shipped or imported weights, in words; empty if they are as they were and load.

    Args:
        name: as `list_models` or `list_own` gives it.
    """
    try:
        load_model(name)  # compares shipped ones with their card
    except WeightsError as error:
        return str(error)
    if name in REGISTRY:
        return ""
    path, noted = own_weights_folder() / f"{name}.safetensors", read_note(name).get("sha256")
    found = sha256_of(path)
    if noted is None:
        return (
            f"{path}: expected a note of its sha256 beside it, found none; import it again under another name"
        )
    if found != noted:
        return f"{path}: expected sha256 {noted}, got {found}: it has changed since it was imported"
    return ""
