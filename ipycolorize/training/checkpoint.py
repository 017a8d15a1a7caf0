"""Checkpoints: written whole or not at all, and read only by the run that they belong to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from ..files import replacing


class TrainingError(RuntimeError):
    """Training that cannot go on; the last good checkpoint is kept."""


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Replace a checkpoint as a whole or, if anything fails, not at all."""
    with replacing(path) as part:
        torch.save(state, part)


def read_checkpoint(path: Path, *, parts: Collection[str]) -> dict[str, Any]:
    """What `write_checkpoint` wrote, on the CPU.

    Args:
        path: of the checkpoint.
        parts: keys that it must have.

    Raises:
        TrainingError: the file is damaged, or another version wrote it.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        missing = [part for part in parts if part not in state]
    except Exception as error:  # torch raises half a dozen kinds for files it cannot read
        raise TrainingError(
            f"expected a checkpoint, but {path} is damaged ({type(error).__name__}); "
            "remove it, or use another folder"
        ) from error
    if missing:
        raise TrainingError(
            f"expected a checkpoint of this version, but {path} has no {', '.join(missing)}; "
            "use another folder"
        )
    return state


def plain(value: Any) -> Any:
    """Values as they look after any round trip, through JSON too: tuples become lists."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def check_same(
    path: Path, what: str, *, here: Mapping[str, Any], there: Mapping[str, Any], ignore: Collection[str] = ()
) -> None:
    """Refuse a checkpoint of another run.

    Args:
        path: of the checkpoint.
        what: the values are: "config", "network".
        here: values of this run.
        there: those of the checkpoint.
        ignore: keys that may differ.

    Raises:
        TrainingError: naming each difference.
    """
    ours, theirs = plain(here), plain(there)
    different = [key for key in ours if key not in ignore and ours[key] != theirs.get(key)]
    if different:
        listed = ", ".join(f"{key}: {theirs.get(key)} there, {ours[key]} here" for key in different)
        raise TrainingError(
            f"{path} was trained with another {what} ({listed}); use the same, or another folder"
        )
