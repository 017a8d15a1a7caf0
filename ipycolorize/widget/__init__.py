"""The pad in the notebook, and the two experiments with people."""

from .app import Colorizer
from .compare import Compare
from .realfake import RealOrFake
from .seamlab import SeamLab
from .study import Study

__all__ = ["Colorizer", "Compare", "RealOrFake", "SeamLab", "Study"]
