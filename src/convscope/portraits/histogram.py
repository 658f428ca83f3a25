"""The histogram of a scan on an even scale, from its uneven bins, exactly."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..formats.bins import LARGEST, LEAST, PER_OCTAVE


class EvenHistogram(NamedTuple):
    """`edges` (bin + 1,), evenly spaced, and `counts` (bin,)."""

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]


def evenly(counts: NDArray[np.int64], edges: NDArray[np.float64], least: float, largest: float) -> EvenHistogram:
    """Return 16 to 32 even bins from zero to the larger of the two extremes, and as many of them beyond zero as the other needs.

    `counts` and `edges`: the bins of a scan. Where nothing is below zero, only what is above counts: after a rectifier most maxima may
    be zero, and their bar would hide the others.
    """
    extreme = max(abs(least), abs(largest))
    # A sixteenth of the octave that holds the largest value is a bin's width there, and a whole number of the scan's bins in every octave
    # below, so that no count has to be divided.
    octave = min(max(math.floor(math.log2(extreme)), LEAST), LARGEST - 1) if extreme > 0 else LEAST
    width = 2.0**octave / PER_OCTAVE
    first = math.floor(least / width) if least < 0 else 0
    last = max(first + 1, math.ceil(largest / width) + (largest / width == math.ceil(largest / width)))
    filled = np.flatnonzero(counts)
    middle = len(counts) // 2
    if least >= 0:
        filled = filled[filled > middle]
    inside = (edges[filled] + edges[filled + 1]) / 2  # of the middle bin, which holds zero, just zero
    bins = np.clip(np.floor(inside / width).astype(np.int64) - first, 0, last - first - 1)
    even = np.zeros(last - first, np.int64)
    np.add.at(even, bins, counts[filled])
    return EvenHistogram(width * np.arange(first, last + 1, dtype=np.float64), even)
