"""A data set x a measure -> the images that excite each unit most, statistics and features; resumable."""

from .maxima import NetworkMeasure
from .measure import Measure, MeasuredLayer, Numbers
from .opening import as_run, is_run, open_run
from .run import Run
from .scan import scan
from .unit_tables import TopUnits, UnitStatistics, WeakestUnits

__all__ = [
    "Measure",
    "MeasuredLayer",
    "NetworkMeasure",
    "Numbers",
    "Run",
    "TopUnits",
    "UnitStatistics",
    "WeakestUnits",
    "as_run",
    "is_run",
    "open_run",
    "scan",
]
