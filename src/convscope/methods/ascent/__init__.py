"""Gradient ascent: what excites a unit in general (Erhan et al. 2009; Simonyan 2013; Olah et al. 2017)."""

from .ascend import ascend
from .run import AscentRun, AscentStep

__all__ = ["AscentRun", "AscentStep", "ascend"]
