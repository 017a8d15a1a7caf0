"""The command line, a module for each command; `arguments` and `measuring` lie beside this folder."""

from .run import main

__all__ = ["main"]
