"""How faithful a map is, as numbers: speed without them says nothing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .neighbours import Neighbours, nearest

FloatArray = NDArray[np.float32]
NEAR = 10
QUERIES = 2000
PAIRED = 1000
TRUSTED = 5000
ROWS = 512
ROUNDING = 1e-6  # a share of a distance within which two are equal
EQUAL = 1e-12  # a share of the squares of two rows within which their distance is nothing but rounding


def quality(
    high: FloatArray, low: FloatArray, found: Neighbours, labels: NDArray[np.int64] | None, seed: int, *, brief: bool = False
) -> dict[str, float]:
    """Return how faithful the map `low` (n, 2) is to `high` (n, dimension), whose nearest neighbours are `found`.

    "knn@10": share of the ten nearest on the map that are as near as the tenth nearest neighbour, on at most 2,000 images; only this if
    `brief`. "trustworthiness" (Venna & Kaski 2001) on at most 5,000; "cpd": Spearman correlation of the distances among 1,000 random
    points. With labels: "label knn@10" and "label knn@10 of the features", how often ten neighbours name the class; "knc@10": knn@10
    of the class means (Kobak & Berens 2019). Equal distances share their place: of images equally near none is the wrong neighbour.
    """
    rng = np.random.default_rng(seed)
    queries = np.sort(rng.permutation(len(high))[:QUERIES])
    true, shown = found.indices[queries, :NEAR], nearest(low, NEAR, queries).indices
    numbers = {"knn@10": kept(high, low, queries, true, rng)}
    if brief:
        return numbers
    sample = np.sort(rng.permutation(len(high))[:TRUSTED])
    if len(sample) > 3 * NEAR:
        numbers["trustworthiness"] = trustworthiness(high[sample], low[sample])
    some = rng.permutation(len(high))[:PAIRED]
    numbers["cpd"] = spearman(_distances(high[some]), _distances(low[some]))
    if labels is not None:
        numbers["label knn@10"] = named(labels, queries, shown)
        numbers["label knn@10 of the features"] = named(labels, queries, true)
        means = [_means(space, labels) for space in (high, low)]
        if len(means[0]) > 3:
            near = min(NEAR, (len(means[0]) - 1) // 2)
            everyone = np.arange(len(means[0]))
            numbers[f"knc@{near}"] = kept(means[0], means[1], everyone, nearest(means[0], near).indices, rng)
    return numbers


def divergence(drawn: Any, points: FloatArray) -> float:
    """Return KL(P || Q), which t-SNE makes small, of affinities P, a CSR matrix that sums to 1, and a map.

    Exact, so quadratic in the points. The engines' own figures are approximate, each in its own way.
    """
    values = points - points.mean(axis=0)
    squares = np.einsum("ij,ij->i", values, values)
    total = 0.0
    for start in range(0, len(values), ROWS):
        rows = slice(start, start + ROWS)
        between = squares[rows, np.newaxis] + squares - 2 * values[rows] @ values.T
        np.maximum(between, 0, out=between)
        between += 1
        np.reciprocal(between, out=between)
        between[np.arange(len(between)), np.arange(rows.start, rows.start + len(between))] = 0  # each point with itself
        total += float(between.sum(dtype=np.float64))
    pairs = drawn.tocoo()
    weights = pairs.data.astype(np.float64)
    apart = ((values[pairs.row] - values[pairs.col]).astype(np.float64) ** 2).sum(axis=1)
    some = weights > 0
    return float((weights[some] * (np.log(weights[some]) + np.log1p(apart[some]) + np.log(total))).sum())


def kept(high: FloatArray, low: FloatArray, queries: NDArray[np.intp], true: NDArray[np.int32], rng: np.random.Generator) -> float:
    """Return the share of as many nearest on a map as are `true` in `high`, (query, k), that are as near there as the last of those.

    Without equal distances that is the overlap of both sets. Where several are equally near on the map, their mean counts, so that an
    order which is nothing but that of the numbers neither helps nor harms.
    """
    many = true.shape[1]
    shown = nearest(low, many + 1, queries)
    farthest = _apart(high, queries[:, np.newaxis], true[:, many - 1 :])
    near = _not_beyond(_apart(high, queries[:, np.newaxis], shown.indices[:, :many]), farthest)
    shares = near.mean(axis=1, dtype=np.float64)
    last = shown.distances[:, many - 1 : many]
    for row in np.flatnonzero(_not_beyond(shown.distances[:, many:], last).any(axis=1)):
        inside, level = _tied(low, int(queries[row]), last[row, 0], rng)
        good = [_not_beyond(_apart(high, queries[row], some), farthest[row]) for some in (inside, level)]
        shares[row] = (good[0].sum() + (many - len(inside)) * good[1].mean()) / many
    return float(shares.mean())


def named(labels: NDArray[np.int64], queries: NDArray[np.intp], neighbours: NDArray[np.int32]) -> float:
    """Return how often the most frequent label among the neighbours is that of the query; of several equally frequent ones, a share."""
    credit = []
    for label, row in zip(labels[queries], labels[neighbours], strict=True):
        votes = np.bincount(row, minlength=label + 1)
        winners = votes == votes.max()
        credit.append(winners[label] / winners.sum())
    return float(np.mean(credit))


def trustworthiness(high: FloatArray, low: FloatArray) -> float:
    """Return 1 less the ranks, beyond ten, in `high` of the ten nearest in `low`, scaled to [0, 1]. Quadratic in the points.

    Images equally far away share the rank of the first of them, and those equally near on the map count by their mean.
    """
    count, rng = len(high), np.random.default_rng(0)
    shown = nearest(low, NEAR + 1)
    distances = _distances(high)
    np.fill_diagonal(distances, -1)
    around = shown.indices[:, :NEAR].T
    ranks = np.stack([(distances < _less(distances[np.arange(count), place])[:, np.newaxis]).sum(axis=1) for place in around], axis=1)
    penalties = np.maximum(ranks - NEAR, 0).sum(axis=1, dtype=np.float64)
    last = shown.distances[:, NEAR - 1]
    for row in np.flatnonzero(_not_beyond(shown.distances[:, NEAR], last)):
        order = np.sort(distances[row])
        groups = _tied(low, int(row), last[row], rng)
        inside, level = (np.maximum(np.searchsorted(order, _less(distances[row, some])) - NEAR, 0) for some in groups)
        penalties[row] = inside.sum() + (NEAR - len(inside)) * level.mean()
    return float(1 - penalties.sum() * 2 / (count * NEAR * (2 * count - 3 * NEAR - 1)))


def _tied(low: FloatArray, query: int, last: float, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the images that are nearer to one than `last` on a map, and those as far, of very many a sample."""
    distances = _apart(low, query, np.arange(len(low)))
    distances[query] = np.inf
    inside = np.flatnonzero(distances < _less(np.asarray(last)))
    level = np.setdiff1d(np.flatnonzero(_not_beyond(distances, np.asarray(last))), inside)
    return inside, level if len(level) <= PAIRED else rng.choice(level, PAIRED, replace=False)


def _apart(space: FloatArray, one: Any, others: Any) -> NDArray[np.float64]:
    """Return the distances between rows of a space, 0 where they are equal up to the rounding of float32."""
    first, second = space[one].astype(np.float64), space[others].astype(np.float64)
    squares = ((first - second) ** 2).sum(axis=-1)
    return np.sqrt(np.where(squares <= EQUAL * ((first**2).sum(axis=-1) + (second**2).sum(axis=-1)), 0.0, squares))


def _not_beyond(distances: NDArray[Any], last: NDArray[Any]) -> NDArray[np.bool_]:
    return distances <= last * (1 + ROUNDING)


def _less(distances: NDArray[Any]) -> NDArray[Any]:
    """Return what a distance must be below to be less than these by more than rounding."""
    return distances * (1 - ROUNDING)


def spearman(one: FloatArray, other: FloatArray) -> float:
    """Return the rank correlation of the upper triangles of two distance matrices; equal distances share a rank, 0 if all are equal."""
    from scipy.stats import rankdata

    upper = np.triu_indices(len(one), 1)
    first, second = (rankdata(matrix[upper]) for matrix in (one, other))
    if not np.ptp(first) or not np.ptp(second):
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def procrustes(one: FloatArray, other: FloatArray) -> float:
    """Return R² of the best fit of one map to another by moving, scaling, turning and mirroring it: 1 for the same map."""
    first, second = (points.astype(np.float64) - points.mean(axis=0, dtype=np.float64) for points in (one, other))
    singular = np.linalg.svd(first.T @ second, compute_uv=False)
    return float(singular.sum() ** 2 / ((first**2).sum() * (second**2).sum()))


def _means(space: FloatArray, labels: NDArray[np.int64]) -> FloatArray:
    return np.stack([space[labels == one].mean(axis=0) for one in np.unique(labels)])


def _distances(points: FloatArray) -> FloatArray:
    values = points.astype(np.float64)
    squares = np.einsum("ij,ij->i", values, values)
    total = squares[:, np.newaxis] + squares
    between = total - 2 * values @ values.T
    return np.sqrt(np.where(between <= EQUAL * total, 0.0, between)).astype(np.float32)
