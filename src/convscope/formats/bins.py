"""The bins of a scan's histograms: log-linear, of both signs, 16 to each octave from 2^-16 to 2^16, and one for what is nearer to zero.

They are a float's own uppermost bits, so that every machine sorts alike. A run's manifest describes them; other bins are another format.
"""

import numpy as np
from numpy.typing import NDArray

PER_OCTAVE = 16  # bins between a power of two and the next: a bin is at most 1/16 of its values wide
LEAST, LARGEST = -16, 16  # powers of two: nearer to zero is the middle bin, farther away the outermost
SIDE = (LARGEST - LEAST) * PER_OCTAVE
BINS = 2 * SIDE + 1
DESCRIPTION = {"per_octave": PER_OCTAVE, "least": LEAST, "largest": LARGEST, "bins": BINS}


def bins_of(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the number of the bin of each value, 0 to BINS - 1, in rising order."""
    size = np.abs(values)
    code = (size.view(np.uint32) >> (23 - 4)).astype(np.int64) - ((127 + LEAST) << 4)
    distance = np.where(size < 2.0**LEAST, 0, np.clip(code, 0, SIDE - 1) + 1)
    return SIDE + np.where(np.signbit(values), -distance, distance)


def bin_edges() -> NDArray[np.float64]:
    """Return the BINS + 1 edges; bin i holds edge i <= value < edge i + 1 above zero, and the mirror image below."""
    octaves = 2.0 ** np.arange(LEAST, LARGEST)
    rising = (octaves[:, None] * (1 + np.arange(PER_OCTAVE) / PER_OCTAVE)).ravel()
    rising = np.append(rising, 2.0**LARGEST)
    return np.concatenate([-rising[::-1], rising])
