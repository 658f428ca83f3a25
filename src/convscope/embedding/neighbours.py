"""Nearest neighbours, exact, in float32."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .packages import nearest_rows

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Neighbours:
    """`indices`: (image, k) int32, nearest first, never the image itself. `distances`: (image, k) float32, Euclidean."""

    indices: NDArray[np.int32]
    distances: FloatArray


def nearest(space: FloatArray, k: int, queries: NDArray[np.intp] | None = None) -> Neighbours:
    """Return the `k` nearest other images of each image, or of those numbered `queries`, in `space` (image, dimension)."""
    k = min(k, len(space) - 1)
    if queries is None:
        found, distances = nearest_rows(space, space, k + 1)
        own = np.arange(len(space))
    else:
        found, distances = nearest_rows(space, space[queries], k + 1)
        own = queries
    return _without(own, found, distances)


def nearest_to(points: FloatArray, space: FloatArray, k: int) -> Neighbours:
    """Return the `k` nearest images in `space` of each of some other points."""
    found, distances = nearest_rows(space, points, min(k, len(space)))
    return Neighbours(found.astype(np.int32), distances.astype(np.float32))


def _without(own: NDArray[np.intp], found: NDArray[np.int64], distances: FloatArray) -> Neighbours:
    """Drop each image from its own neighbours; where as many images are equal to it that it is missing there, drop the last."""
    itself = found == own[:, np.newaxis]
    itself[~itself.any(axis=1), -1] = True
    shape = len(found), found.shape[1] - 1
    return Neighbours(found[~itself].reshape(shape).astype(np.int32), distances[~itself].reshape(shape).astype(np.float32))
