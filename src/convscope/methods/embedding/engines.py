"""t-SNE engines as strategies behind one function, and the PCA before them; the only file that imports scikit-learn.

Measured on Fashion-MNIST (60,000 points, 2 cores): scikit-learn-intelex with angle 0.3 needs 41 s, openTSNE 101 s, scikit-learn 438 s, at
equal KNN@10; so that is the order of preference.
"""

import contextlib
import importlib.util
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from ...errors import ImageError, OptionError

FloatArray = NDArray[np.float32]
FEWEST_FOR_TSNE = 50
FEWEST = 3


@dataclass(frozen=True)
class Layout:
    """`points`: (n, 2). `engine`: what made them, with version and settings."""

    points: FloatArray
    engine: str


Engine = Callable[[FloatArray, FloatArray, float, int], Layout]


def principal_components(features: FloatArray, most: int = 50) -> tuple[FloatArray, float]:
    """Return the features on their first principal axes, (n, <= most), and the share of the variance kept.

    Exact: covariance in float64, then `eigh`; signs fixed so that the largest coefficient of each axis is positive.
    """
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    variances, axes = np.linalg.eigh(centred.T @ centred)
    kept = np.argsort(variances)[::-1][: min(most, *features.shape)]
    axes = axes[:, kept]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    share = float(variances[kept].sum() / max(variances.sum(), np.finfo(np.float64).tiny))
    return (centred @ axes).astype(np.float32), share


def check_settings(count: int, perplexity: float | None, engine: str) -> None:
    """Raise ImageError or OptionError for what cannot make a map of `count` images, before anything is computed."""
    if engine not in ("auto", *ENGINES):
        raise OptionError(f"No t-SNE engine `{engine}`. Choose one of auto, {', '.join(ENGINES)}.")
    if engine != "auto" and importlib.util.find_spec(engine) is None:
        raise OptionError(f"The t-SNE engine `{engine}` is not installed. Install it, or leave the choice to auto.")
    if count < FEWEST:
        raise ImageError(f"A map takes at least {FEWEST} images; received {count}.")
    if perplexity is not None and not 1 <= perplexity <= (count - 1) / 3:
        needed, most = int(3 * perplexity + 1), max(1, (count - 1) // 3)
        raise OptionError(f"Perplexity {perplexity:g} needs at least {needed} images; received {count}. Give 1 to {most}.")


def lay_out(components: FloatArray, seed: int, perplexity: float | None = None, engine: str = "auto") -> Layout:
    """Return 2-D coordinates for points given by their principal components, by the named engine or the best one installed.

    `perplexity`: 30, or (n - 1) / 3 where there are fewer points. Below 50 points t-SNE has nothing to show and the first two
    components are returned. Raises ImageError, OptionError.
    """
    count = len(components)
    check_settings(count, perplexity, engine)
    start = _first_two(components)
    if count < FEWEST_FOR_TSNE:
        return Layout(start, f"PCA ({count} images are too few for t-SNE; it takes {FEWEST_FOR_TSNE})")
    name = next(one for one in ENGINES if importlib.util.find_spec(one)) if engine == "auto" else engine
    return ENGINES[name](components, start / start[:, 0].std() * 1e-4, perplexity or min(30.0, (count - 1) / 3), seed)


def _first_two(components: FloatArray) -> FloatArray:
    two = np.zeros((len(components), 2), dtype=np.float32)
    two[:, : components.shape[1]] = components[:, :2]
    two[:, 0] += np.where(np.ptp(two[:, 0]) > 0, 0.0, np.linspace(-1, 1, len(two))).astype(np.float32)
    return two


def _sklearnex(components: FloatArray, start: FloatArray, perplexity: float, seed: int) -> Layout:
    from sklearnex.manifold import TSNE

    with _overheard("sklearnex") as messages:
        tsne = TSNE(perplexity=perplexity, init=start, learning_rate="auto", angle=0.3, random_state=seed, method="barnes_hut")
        points = tsne.fit_transform(components)
    fell_back = not any("TSNE" in message and "accelerated" in message for message in messages)
    name = "scikit-learn (scikit-learn-intelex fell back)" if fell_back else f"scikit-learn-intelex {version('scikit-learn-intelex')}"
    return Layout(np.asarray(points, dtype=np.float32), f"{name}, angle 0.3, perplexity {perplexity:g}")


@contextlib.contextmanager
def _overheard(name: str) -> Iterator[list[str]]:
    """Collect what a package logs, instead of letting it print: it is how scikit-learn-intelex tells whether it fell back."""
    messages: list[str] = []
    listener = logging.Handler(logging.INFO)
    listener.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(name)
    before = logger.level, logger.propagate, logger.handlers
    logger.level, logger.propagate, logger.handlers = logging.INFO, False, [listener]
    try:
        yield messages
    finally:
        logger.level, logger.propagate, logger.handlers = before


def _opentsne(components: FloatArray, start: FloatArray, perplexity: float, seed: int) -> Layout:
    from openTSNE import TSNE, __version__

    method = "bh" if len(components) < 10_000 else "fft"  # the Fourier step is slow for few points
    tsne = TSNE(perplexity=perplexity, initialization=start, random_state=seed, negative_gradient_method=method)
    points = np.asarray(tsne.fit(components), dtype=np.float32)
    return Layout(points, f"openTSNE {__version__}, perplexity {perplexity:g}")


def _sklearn(components: FloatArray, start: FloatArray, perplexity: float, seed: int) -> Layout:
    from sklearn import __version__
    from sklearn.manifold import TSNE

    tsne = TSNE(perplexity=perplexity, init=start, learning_rate="auto", random_state=seed)
    return Layout(np.asarray(tsne.fit_transform(components), dtype=np.float32), f"scikit-learn {__version__}, perplexity {perplexity:g}")


ENGINES: dict[str, Engine] = {"sklearnex": _sklearnex, "openTSNE": _opentsne, "sklearn": _sklearn}


def quality(high: FloatArray, low: FloatArray, labels: NDArray[np.int64] | None, seed: int) -> dict[str, float]:
    """Return how faithful a map is: "knn@10", the share of the ten nearest neighbours in `high` that are among the ten nearest in `low`,
    "trustworthiness" on at most 5,000 points, and with labels "label knn@10", how often ten neighbours on the map name the class.
    """
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(seed)
    queries = np.sort(rng.permutation(len(high))[:2000])
    neighbours = min(10, len(high) - 1)

    def nearest(space: FloatArray) -> NDArray[np.int64]:
        found = NearestNeighbors(n_neighbors=neighbours + 1).fit(space).kneighbors(space[queries], return_distance=False)
        return np.array([[one for one in row if one != query][:neighbours] for row, query in zip(found, queries, strict=True)])

    true, shown = nearest(high), nearest(low)
    shared = [len(set(a) & set(b)) / neighbours for a, b in zip(true, shown, strict=True)]
    numbers = {"knn@10": float(np.mean(shared))}
    sample = np.sort(rng.permutation(len(high))[:5000])
    if len(sample) > 2 * neighbours + 2:
        numbers["trustworthiness"] = float(trustworthiness(high[sample], low[sample], n_neighbors=neighbours))
    if labels is not None:
        votes = [np.bincount(labels[row]).argmax() == labels[query] for row, query in zip(shown, queries, strict=True)]
        numbers["label knn@10"] = float(np.mean(votes))
    return numbers
