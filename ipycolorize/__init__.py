"""Colorize photographs by clicking in a notebook.

The public names load on first use (PEP 562), so that `import ipycolorize` stays quick and pulls in neither
torch nor Jupyter.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Colorizer": "widget",
    "Compare": "widget",
    "Frame": "image",
    "Hint": "hints",
    "Hints": "hints",
    "Mood": "mood",
    "Photo": "image",
    "RealOrFake": "widget",
    "SeamLab": "widget",
    "Session": "session",
    "Study": "widget",
    "finetune": "finetuning",
    "list_models": "models",
    "load_model": "models",
    "read_photo": "image",
    "sample_photo": "image",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(
            f"module 'ipycolorize' has no attribute {name!r}; it offers {', '.join(__all__)}"
        )
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
