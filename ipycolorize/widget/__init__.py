"""The pad in the notebook."""

from .app import Colorizer

__all__ = ["Colorizer"]
