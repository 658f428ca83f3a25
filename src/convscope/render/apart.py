"""Points pushed apart a little, so that what is drawn at them can be seen."""

import numpy as np
from numpy.typing import NDArray

ROUNDS, WORK = 60, 600_000  # rounds, fewer for so many points that the rounds of all together would be more than that
PER_SIDE = 0.7  # pictures may lie on one another by less than a third of their side
REACH = 1.5  # how far a picture may be moved, in distances: clusters stay where they are
GOLDEN_ANGLE = 2.399963


def push_apart(points: NDArray[np.float64], distance: float) -> NDArray[np.float64]:
    """Return (n, 2) points of which two are `distance` apart, across or down, where there is room, none moved by more than 1.5 of it.

    In each round every pair that is too near parts along the axis on which it takes less, each point by the mean of what its pairs ask
    for. Neighbours come from a k-d tree, so the time grows with the number of points. The same points give the same result.
    """
    from scipy.spatial import cKDTree

    if len(points) < 2 or distance <= 0:
        return points
    angles = GOLDEN_ANGLE * np.arange(len(points))
    # Points in one place must begin to part somehow: each in a direction of its own.
    moved = points + distance * 1e-3 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for _ in range(max(8, min(ROUNDS, WORK // len(points)))):
        pairs = cKDTree(moved).query_pairs(distance * 0.999, p=np.inf, output_type="ndarray")
        if not len(pairs):
            break
        moved += _steps(moved, pairs, distance)
        away = moved - points
        far = np.maximum(np.linalg.norm(away, axis=1, keepdims=True) / (REACH * distance), 1)
        moved = points + away / far
    return moved


def _steps(points: NDArray[np.float64], pairs: NDArray[np.intp], distance: float) -> NDArray[np.float64]:
    """Return by how much each point goes in one round."""
    first, second = pairs[:, 0], pairs[:, 1]
    between = points[first] - points[second]
    axis = np.argmax(np.abs(between), axis=1)
    along = between[np.arange(len(pairs)), axis]
    push = np.where(along < 0, -1.0, 1.0) * (distance - np.abs(along)) / 2
    step = np.zeros_like(points)
    counts = np.bincount(first, minlength=len(points)) + np.bincount(second, minlength=len(points))
    for side in (0, 1):
        chosen = axis == side
        step[:, side] += np.bincount(first[chosen], push[chosen], len(points))
        step[:, side] -= np.bincount(second[chosen], push[chosen], len(points))
    return step / np.sqrt(np.maximum(counts, 1))[:, np.newaxis]
