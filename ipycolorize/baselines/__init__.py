"""Peers to compare with: how others bring the colours of a histogram or of a reference into a picture."""

from .matching import HistogramMatching
from .reinhard import Reinhard
from .welsh import welsh

__all__ = ["HistogramMatching", "Reinhard", "welsh"]
