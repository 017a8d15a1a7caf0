"""Colorize photographs by clicking in a notebook.

The public names load on first use (PEP 562), so that `import ipycolorize` stays quick and pulls in neither
torch nor Jupyter. Type checkers and editors read the same names from the block under TYPE_CHECKING.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if sys.version_info < (3, 11):  # noqa: UP036 - pip looks, but a checkout runs without pip
    # With its own name in `name`, `python -m ipycolorize` makes one line of it instead of a traceback.
    raise ImportError(
        f"ipycolorize needs Python 3.11 or newer, this is {'.'.join(map(str, sys.version_info[:3]))}",
        name=__name__,
    )

if TYPE_CHECKING:
    from .finetuning import finetune
    from .hints import Hint, Hints
    from .image import Frame, Photo, read_photo, sample_photo
    from .models import list_models, load_model
    from .mood import Mood
    from .session import Session
    from .widget import Colorizer, Compare, RealOrFake, SeamLab, Study

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

__all__ = [  # in full, for type checkers do not run the line that would make it of _HOME
    "Colorizer",
    "Compare",
    "Frame",
    "Hint",
    "Hints",
    "Mood",
    "Photo",
    "RealOrFake",
    "SeamLab",
    "Session",
    "Study",
    "finetune",
    "list_models",
    "load_model",
    "read_photo",
    "sample_photo",
]

if not TYPE_CHECKING:  # a checker that saw this would take every misspelt name for Any

    def __getattr__(name: str) -> object:
        if name not in _HOME:
            raise AttributeError(
                f"module 'ipycolorize' has no attribute {name!r}; it offers {', '.join(__all__)}"
            )
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
