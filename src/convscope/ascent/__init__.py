"""Gradient ascent: what excites a unit in general (Erhan et al. 2009; Simonyan 2013; Olah et al. 2017)."""

from . import entry
from .ascend import ascend
from .jobs import AscentJob, ascend_all
from .run import AscentRun, AscentStep

__all__ = ["AscentJob", "AscentRun", "AscentStep", "ascend", "ascend_all", "entry"]
