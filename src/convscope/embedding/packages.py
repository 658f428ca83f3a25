"""The only file that imports scikit-learn, scikit-learn-intelex with its daal4py, and openTSNE."""

import contextlib
import functools
import importlib.util
import logging
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
FOURIER = 10_000  # points from which openTSNE's Fourier step is faster than its tree
ANGLE = 0.3  # of Barnes-Hut: 0.5 is a fifth faster and costs 0.01 of KNN@10
NO_END = 1_000_000  # iterations after which daal4py would look whether to stop: never
MOST_TOP_CELLS = 900
SPARE = 16  # candidates beyond those asked for, of which rounding may have put some in the wrong order
ROWS = 1024
FEW = 2000  # points below which openTSNE's threads cost more than they save


@functools.cache
def installed(name: str) -> bool:
    """Return whether a package can be imported, without importing it."""
    return importlib.util.find_spec(name) is not None


def nearest_rows(space: FloatArray, queries: FloatArray, k: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Return indices and distances, (query, k), of the rows of `space` nearest to each query, nearest first; exact, all threads."""
    many = space.shape[1] > 8  # dimensions: which method is faster depends on them
    if many and installed("sklearnex"):
        from sklearnex.neighbors import NearestNeighbors
    else:  # the k-d tree of scikit-learn-intelex 2026 passes over neighbours where coordinates are equal
        from sklearn.neighbors import NearestNeighbors
    asked, method = (min(k + SPARE, len(space)), "brute") if many else (k, "kd_tree")
    distances, indices = NearestNeighbors(n_neighbors=asked, algorithm=method, n_jobs=-1).fit(space).kneighbors(queries)
    if many:
        return _sorted_exactly(space, queries, np.asarray(indices, np.int64), k)
    return np.asarray(indices, np.int64), np.asarray(distances, np.float32)


def _sorted_exactly(space: FloatArray, queries: FloatArray, indices: NDArray[np.int64], k: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the nearest `k` of some candidates by the differences themselves, and their distances.

    Brute force computes |x|² + |y|² - 2xy in float32, in which the distances of near-duplicates are nothing but rounding errors.
    """
    kept, distances = np.empty((len(indices), k), np.int64), np.empty((len(indices), k), np.float32)
    for start in range(0, len(indices), ROWS):
        rows = slice(start, start + ROWS)
        apart = space[indices[rows]] - queries[rows, np.newaxis]
        squares = np.einsum("ijk,ijk->ij", apart, apart)
        order = squares.argsort(axis=1, kind="stable")[:, :k]
        kept[rows] = np.take_along_axis(indices[rows], order, axis=1)
        distances[rows] = np.sqrt(np.take_along_axis(squares, order, axis=1))
    return kept, distances


@functools.cache
def can_descend() -> bool:
    """Return whether daal4py offers t-SNE's gradient descent by itself: scikit-learn-intelex calls it, no manual promises it."""
    if not installed("daal4py"):
        return False
    import daal4py

    return hasattr(daal4py, "daal_tsne_gradient_descent")


def descend(affinities: Any, points: FloatArray, steps: int, rate: float, exaggeration: float | None = None) -> FloatArray:
    """Return the map after `steps` of t-SNE's Barnes-Hut gradient descent from `points`, in float32 on all threads.

    `exaggeration` multiplies the affinities while the momentum is 0.5; without it, it is 0.8. Momentum and gains start anew at each
    call. `affinities`: (image, image) float32 CSR.
    """
    import daal4py
    from scipy.sparse import csr_matrix

    start = points
    if _top_cells(points) > MOST_TOP_CELLS:
        # daal4py 2026.2 has room for 1,024 cells of the tree's first six levels, and writes beyond it without asking. A point far
        # off, which nothing is drawn to, makes the map fill a quarter of the tree, and is cut off again.
        start = np.vstack([points, points.min(axis=0) + 2 * np.ptp(points, axis=0).max()])
        rows = np.append(affinities.indptr, affinities.indptr[-1])
        affinities = csr_matrix((affinities.data, affinities.indices, rows), shape=(len(start),) * 2)
    exploring = steps if exaggeration is not None else 0
    sizes = np.array([[len(start)], [affinities.nnz], [NO_END], [steps], [exploring], [NO_END]], np.float64)
    numbers = np.array([[exaggeration or 1.0], [rate], [0.0], [ANGLE]], np.float32)
    reached = np.array(start, np.float32, order="C")
    daal4py.daal_tsne_gradient_descent(reached, affinities, sizes, numbers, np.zeros((3, 1), np.float32), 1)
    return reached[: len(points)]


def _top_cells(points: FloatArray) -> int:
    """Return how many cells of the first six levels of a quadtree over the points hold any."""
    span = max(float(np.ptp(points, axis=0).max()), float(np.finfo(np.float32).tiny)) * 1.002
    fine = ((points - points.min(axis=0)) / span * 32).astype(np.int64)
    return sum(len(np.unique((fine[:, 0] >> level) * 32 + (fine[:, 1] >> level))) for level in range(6))


def sklearnex_tsne(components: FloatArray, start: FloatArray, perplexity: float, seed: int) -> tuple[FloatArray, str]:
    """Return the map by scikit-learn-intelex's own class, and what made it: it falls back to scikit-learn without a word."""
    from sklearnex.manifold import TSNE

    with _overheard("sklearnex") as messages:
        points = TSNE(perplexity=perplexity, init=start, angle=ANGLE, random_state=seed).fit_transform(components)
    fell_back = not any("TSNE" in message and "accelerated" in message for message in messages)
    name = "scikit-learn (scikit-learn-intelex fell back)" if fell_back else intelex_version()
    return np.asarray(points, np.float32), name


def intelex_version() -> str:
    """Return the name of scikit-learn-intelex and its version."""
    return f"scikit-learn-intelex {version('scikit-learn-intelex')}"


@contextlib.contextmanager
def _overheard(name: str) -> Iterator[list[str]]:
    """Collect what a package logs, instead of letting it print: it is how scikit-learn-intelex tells whether it fell back."""
    messages: list[str] = []
    listener = logging.Handler(logging.INFO)
    listener.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(name)
    before = logger.level, logger.propagate, logger.handlers
    logger.setLevel(logging.INFO)  # and not by the attribute, which leaves what loggers remember of their level
    logger.propagate, logger.handlers = False, [listener]
    try:
        yield messages
    finally:
        logger.setLevel(before[0])
        logger.propagate, logger.handlers = before[1:]


def sklearn_tsne(components: FloatArray, start: FloatArray, perplexity: float, seed: int) -> tuple[FloatArray, str]:
    """Return the map by scikit-learn's own class, and what made it."""
    from sklearn import __version__
    from sklearn.manifold import TSNE

    tsne = TSNE(perplexity=perplexity, init=start, random_state=seed)
    return np.asarray(tsne.fit_transform(components), np.float32), f"scikit-learn {__version__}"


def opentsne_map(affinities: Any, start: FloatArray, fourier: bool) -> tuple[Any, str]:
    """Return openTSNE's embedding at its start, whose `optimize` runs some more iterations, and the name of the engine."""
    from openTSNE import TSNEEmbedding, __version__
    from openTSNE.affinity import PrecomputedAffinities

    given = PrecomputedAffinities(affinities.astype(np.float64), normalize=False)
    method = "fft" if fourier else "bh"
    jobs = -1 if len(start) >= FEW else 1
    return TSNEEmbedding(start, given, negative_gradient_method=method, n_jobs=jobs), f"openTSNE {__version__}"


def opentsne_place(points: FloatArray, affinities: Any, indices: NDArray[np.int32], distances: FloatArray) -> tuple[FloatArray, str]:
    """Return where new images lie on a map of `points`, each by itself, and what says so.

    `affinities`: (new, old), rows that sum to 1; `indices` and `distances`: (new, k) the nearest old ones.
    """
    from openTSNE import TSNEEmbedding, __version__
    from openTSNE.affinity import Affinities
    from scipy.sparse import csr_matrix

    class Known(Affinities):  # type: ignore[misc]
        def to_new(self, data: Any, perplexity: float = 5, return_distances: bool = False) -> Any:
            del data, perplexity, return_distances
            return affinities.astype(np.float64), indices, distances

    known = Known()
    known.P = csr_matrix((len(points), len(points)))
    middle = (points.max(axis=0) + points.min(axis=0)) / 2  # openTSNE moves it to zero
    fourier = "fft" if len(points) >= FOURIER else "bh"
    embedding = TSNEEmbedding(points, known, negative_gradient_method=fourier, n_jobs=-1 if len(points) >= FEW else 1)
    placed = np.asarray(embedding.transform(np.zeros((len(indices), 1))), np.float32)
    return placed + middle, f"openTSNE {__version__}"


def grouped(points: FloatArray, count: int, seed: int) -> NDArray[np.int64]:
    """Return the group of each point (point, dimension), of so many that k-means finds."""
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(n_clusters=count, n_init=4, random_state=seed).fit(points).labels_, np.int64)


def silhouette(points: FloatArray, groups: NDArray[np.int64]) -> float:
    """Return how much nearer points are to their own group than to the next, -1 to 1 (Rousseeuw 1987); at least two groups."""
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(points, groups))
