"""A data set x a measure -> the images that excite each unit most, statistics and features; resumable."""

from .run import Run, TopUnits, UnitStatistics, is_run, open_run
from .scan import scan

__all__ = ["Run", "TopUnits", "UnitStatistics", "is_run", "open_run", "scan"]
