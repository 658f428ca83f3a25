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


def quality(
    high: FloatArray, low: FloatArray, found: Neighbours, labels: NDArray[np.int64] | None, seed: int, *, brief: bool = False
) -> dict[str, float]:
    """Return how faithful the map `low` (n, 2) is to `high` (n, dimension), whose nearest neighbours are `found`.

    "knn@10": share of the ten nearest neighbours that are among the ten nearest on the map, on at most 2,000 images; only this if
    `brief`. "trustworthiness" (Venna & Kaski 2001) on at most 5,000; "cpd": Spearman correlation of the distances among 1,000 random
    points. With labels: "label knn@10" and "label knn@10 of the features", how often ten neighbours name the class; "knc@10": knn@10
    of the class means (Kobak & Berens 2019).
    """
    rng = np.random.default_rng(seed)
    queries = np.sort(rng.permutation(len(high))[:QUERIES])
    true, shown = found.indices[queries, :NEAR], nearest(low, NEAR, queries).indices
    numbers = {"knn@10": shared(true, shown)}
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
            numbers[f"knc@{near}"] = shared(*(nearest(space, near).indices for space in means))
    return numbers


def divergence(drawn: Any, points: FloatArray) -> float:
    """Return KL(P || Q), which t-SNE makes small, of affinities P, a CSR matrix that sums to 1, and a map.

    Exact, so quadratic in the points: what the engines say of themselves is approximate, each in its own way.
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


def shared(true: NDArray[np.int32], shown: NDArray[np.int32]) -> float:
    """Return the share of each row of `true` that is in the same row of `shown`, on average."""
    return float((true[:, :, np.newaxis] == shown[:, np.newaxis, :]).any(axis=2).mean())


def named(labels: NDArray[np.int64], queries: NDArray[np.intp], neighbours: NDArray[np.int32]) -> float:
    """Return how often the most frequent label among the neighbours is that of the query; of equals, the lowest number wins."""
    won = np.array([np.bincount(row).argmax() for row in labels[neighbours]])
    return float((won == labels[queries]).mean())


def trustworthiness(high: FloatArray, low: FloatArray) -> float:
    """Return 1 less the ranks, beyond ten, in `high` of the ten nearest in `low`, scaled to [0, 1]. Quadratic in the points."""
    count = len(high)
    shown = nearest(low, NEAR).indices
    distances = _distances(high)
    np.fill_diagonal(distances, -1)
    ranks = np.stack([(distances < distances[np.arange(count), place][:, np.newaxis]).sum(axis=1) for place in shown.T], axis=1)
    penalty = np.maximum(ranks - NEAR, 0).sum(dtype=np.float64)
    return float(1 - penalty * 2 / (count * NEAR * (2 * count - 3 * NEAR - 1)))


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
    between = squares[:, np.newaxis] + squares - 2 * values @ values.T
    return np.sqrt(np.maximum(between, 0)).astype(np.float32)
