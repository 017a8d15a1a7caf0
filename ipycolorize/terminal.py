"""What a command prints, on terminals of every encoding."""

from __future__ import annotations

import sys


def show_everything() -> None:
    r"""Print what the terminal's encoding lacks as ``\u...`` instead of ending with an error.

    Windows pipes and older terminals have cp1252, which knows neither arrows nor most names; an error there
    would lose what minutes of measuring have found.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
