"""Points in groups, as many as there are: k-means, judged by silhouettes against those of a cloud that has none."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..embedding.packages import grouped, silhouette

MOST_GROUPS = 5
CLOUDS = 19  # above all of them by chance once in 20 times
LEAST = 0.2  # below it groups overlap so much that no row of images would look like one (Kaufman & Rousseeuw 1990 call 0.25 "no structure")
SMALLEST = 0.1  # of all points
DIMENSIONS = 10

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Grouping(NamedTuple):
    """`groups`: (point,) from 0, the largest first. `silhouette`: of the best number of groups above one; `chance`: the largest of a
    cloud.
    """

    groups: Ints
    silhouette: float
    chance: float


def groups_of(points: Floats, seed: int = 0) -> Grouping:
    """Return points (point, dimension) in one to five groups.

    There are several if their silhouette is 0.2 at least, and above those of 19 normal clouds with the same principal components (as in
    SigClust, Liu et al. 2008), and if each holds a tenth of the points.
    """
    scores = _components(points)
    alone = np.zeros(len(points), np.int64)
    if len(points) < 2 * MOST_GROUPS:
        return Grouping(alone, 0.0, 0.0)
    best, groups = _best(scores, seed)
    if groups is None or best < LEAST:
        return Grouping(alone, best, 0.0)
    rng, spread = np.random.default_rng(seed), scores.std(axis=0)
    chance = max(_best(rng.normal(size=scores.shape) * spread, seed)[0] for _ in range(CLOUDS))
    return Grouping(_by_size(groups) if best > chance else alone, best, chance)


def _components(points: Floats) -> Floats:
    """Return the directions of points by their first principal components: how large a point is says nothing of its kind."""
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    directions = points / np.where(lengths > 0, lengths, 1.0)
    centred = directions - directions.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(left[:, :DIMENSIONS] * sizes[:DIMENSIONS])


def _best(scores: Floats, seed: int) -> tuple[float, Ints | None]:
    """Return the largest silhouette of two to five groups, none of them tiny, and the groups."""
    best, found = 0.0, None
    for count in range(2, min(MOST_GROUPS, _distinct(scores)) + 1):
        groups = grouped(scores.astype(np.float32), count, seed)
        sizes = np.bincount(groups, minlength=count)
        if sizes.min() < SMALLEST * len(scores):
            continue
        value = silhouette(scores.astype(np.float32), groups)
        if value > best:
            best, found = value, groups
    return best, found


def _distinct(scores: Floats) -> int:
    """Return how many points differ, beyond rounding."""
    size = float(np.abs(scores).max(initial=0.0)) or 1.0
    return len(np.unique(np.round(scores / size, 6), axis=0))


def _by_size(groups: Ints) -> Ints:
    """Return groups numbered anew, the largest first."""
    sizes = np.bincount(groups)
    order = np.argsort(-sizes, kind="stable")
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.arange(len(order))
    return numbers[groups]
