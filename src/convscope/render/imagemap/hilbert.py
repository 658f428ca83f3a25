"""The order in which a map's images are stored: along a Hilbert curve, so that what is seen together is loaded together."""

import numpy as np
from numpy.typing import NDArray

BITS = 16


def hilbert_order(cells: NDArray[np.uint16]) -> NDArray[np.intp]:
    """Return the permutation that sorts `cells`, (n, 2) places on a square of 65,536 x 65,536, along a Hilbert curve.

    Images that are near one another on the curve are near on the map, so a window onto the map holds few runs of this
    order: a view touches few texture pages. Equal places keep their order. Source: Hilbert 1891; the bitwise walk from
    the largest quadrant to the smallest is Warren 2012, "Hacker's Delight", section 16-2.
    """
    return np.argsort(distance(cells), kind="stable")


def distance(cells: NDArray[np.uint16]) -> NDArray[np.uint32]:
    """Return (n,) how far along the curve each of the (n, 2) places lies."""
    x, y = cells[:, 0].astype(np.uint32), cells[:, 1].astype(np.uint32)
    along = np.zeros(len(cells), np.uint32)
    for level in range(BITS - 1, -1, -1):
        half = np.uint32(1 << level)
        right, low = (x & half) > 0, (y & half) > 0
        along += half * half * ((3 * right.astype(np.uint32)) ^ low)
        # The curve enters the two near quadrants turned: swap the axes there, and mirror them in the right one.
        turned = ~low
        mirrored = turned & right
        x, y = np.where(mirrored, ~x, x), np.where(mirrored, ~y, y)
        x, y = np.where(turned, y, x), np.where(turned, x, y)
    return along
