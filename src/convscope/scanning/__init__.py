"""A data set x a measure -> the images that excite each unit most, statistics and features; resumable."""

from .maxima import NetworkMeasure
from .measure import Measure, MeasuredLayer, Numbers
from .run import Run, is_run, open_run
from .scan import scan
from .unit_tables import TopUnits, UnitStatistics

__all__ = [
    "Measure",
    "MeasuredLayer",
    "NetworkMeasure",
    "Numbers",
    "Run",
    "TopUnits",
    "UnitStatistics",
    "is_run",
    "open_run",
    "scan",
]
