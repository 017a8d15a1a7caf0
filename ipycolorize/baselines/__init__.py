"""Peers without weights of their own: what others make of points, histograms and references."""

from .bilateral import Bilateral
from .deepprop import DeepProp
from .gray import Gray
from .levin import Levin
from .matching import HistogramMatching
from .reinhard import Reinhard
from .welsh import welsh

__all__ = ["Bilateral", "DeepProp", "Gray", "HistogramMatching", "Levin", "Reinhard", "welsh"]
