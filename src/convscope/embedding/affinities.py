"""Affinities of t-SNE: how much each image is drawn to each of its nearest neighbours (van der Maaten & Hinton 2008)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .neighbours import Neighbours

ROWS = 4096
STEPS = 60
CLOSE = 1e-5


def affinities(found: Neighbours, perplexity: float) -> Any:
    """Return the symmetric (image, image) float32 CSR matrix P that sums to 1, from each image's 3 x perplexity nearest neighbours."""
    from scipy.sparse import csr_matrix

    count, many = len(found.indices), min(found.indices.shape[1], int(3 * perplexity))
    values = conditional(found.distances[:, :many], perplexity)
    matrix = csr_matrix((values.ravel(), found.indices[:, :many].flatten(), np.arange(0, count * many + 1, many)), shape=(count, count))
    both = (matrix + matrix.T).tocsr()
    both.sort_indices()
    both.data *= np.float32(1 / both.data.sum(dtype=np.float64))
    return both


def conditional(distances: NDArray[np.float32], perplexity: float) -> NDArray[np.float32]:
    """Return Gaussian weights of (image, neighbour) distances that sum to 1 for each image, as wide as the perplexity says.

    The width of each image's Gaussian is found by bisection, until the entropy of its weights is log(perplexity) within 1e-5.
    """
    weights = np.empty(distances.shape, np.float32)
    for start in range(0, len(distances), ROWS):
        weights[start : start + ROWS] = _block(distances[start : start + ROWS], perplexity)
    return weights


def _block(distances: NDArray[np.float32], perplexity: float) -> NDArray[np.float32]:
    squares = distances.astype(np.float32) ** 2
    squares -= squares[:, :1]  # the nearest weighs 1, so that no row underflows
    scale = np.maximum(squares.mean(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    squares /= scale
    wanted = np.log(perplexity)
    precision, low, high = (np.full((len(squares), 1), value) for value in (1.0, 0.0, np.inf))
    for _ in range(STEPS):
        weights = np.exp(squares * -precision.astype(np.float32))
        total = weights.sum(axis=1, keepdims=True, dtype=np.float64)
        entropy = np.log(total) + precision * (weights * squares).sum(axis=1, keepdims=True, dtype=np.float64) / total
        if np.abs(entropy - wanted).max() < CLOSE:
            break
        wide = entropy > wanted
        low, high = np.where(wide, precision, low), np.where(wide, high, precision)
        precision = np.where(np.isinf(high), precision * 2, (low + high) / 2)
    return (weights / total).astype(np.float32)
