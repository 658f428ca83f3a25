"""How alike two vectors or two pictures are: rank correlation, structural similarity, and the edges of an image. Pure functions."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
WINDOW = 7  # pixels: the side of the windows of the structural similarity
# Wang et al. 2004, for pictures whose values lie in [0, 1].
STABLE_MEAN, STABLE_SPREAD = 0.01**2, 0.03**2


def ranked(rows: Floats) -> NDArray[np.float64]:
    """Return the ranks of each row (row, value), equal values sharing theirs, as vectors of mean 0 and length 1.

    Their products are Spearman's correlations. A row whose values are all equal, or hold NaN, is NaN.
    """
    from scipy.stats import rankdata

    values = np.atleast_2d(np.asarray(rows, np.float64))
    ranks = np.asarray(rankdata(values, axis=1), np.float64)
    ranks -= ranks.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(ranks, axis=1, keepdims=True)
    told = (lengths > 0) & np.isfinite(values).all(axis=1, keepdims=True)
    return np.where(told, ranks / np.where(lengths > 0, lengths, 1.0), np.nan)


def spearman(one: Floats, other: Floats) -> float:
    """Return Spearman's correlation of all numbers of two arrays; NaN where all numbers of one are equal."""
    first, second = ranked(np.stack([np.ravel(one), np.ravel(other)]))
    return float(first @ second)


def energy(signal: Floats) -> NDArray[np.float64]:
    """Return the absolute values of a signal (height, width, channel), summed over channels: (height, width)."""
    return np.asarray(np.abs(np.asarray(signal, np.float64)).sum(axis=-1))


def structural(one: Floats, other: Floats) -> float:
    """Return the structural similarity of two pictures (height, width), each brought to [0, 1]; NaN where one is the same everywhere.

    Source: Wang et al. 2004, with windows of 7 x 7 pixels, or as large as a smaller picture. Random weights change the size of a picture at
    will, so that only its form counts.
    """
    from scipy.ndimage import uniform_filter

    pair = [np.asarray(picture, np.float64) for picture in (one, other)]
    spans = [float(np.ptp(picture)) for picture in pair]
    if not all(span > 0 and np.isfinite(span) for span in spans):
        return float("nan")
    first, second = ((picture - picture.min()) / span for picture, span in zip(pair, spans, strict=True))
    side = min(WINDOW, *first.shape)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(uniform_filter(values, side))

    means = mean(first), mean(second)
    spread = mean(first * first) - means[0] ** 2 + mean(second * second) - means[1] ** 2
    shared = mean(first * second) - means[0] * means[1]
    likeness = (2 * means[0] * means[1] + STABLE_MEAN) * (2 * shared + STABLE_SPREAD)
    return float(np.mean(likeness / ((means[0] ** 2 + means[1] ** 2 + STABLE_MEAN) * (spread + STABLE_SPREAD))))


def edges(image: Floats) -> NDArray[np.float64]:
    """Return how strong the edges of an image (height, width, channel) are: the length of Sobel's gradient of its mean over channels."""
    from scipy.ndimage import sobel

    grey = np.asarray(image, np.float64).mean(axis=-1)
    return np.asarray(np.hypot(sobel(grey, axis=0), sobel(grey, axis=1)))


def normalised(value: Floats, natural: Floats, random: Floats, least: float = 0.05) -> NDArray[np.float64]:
    """Return where values lie between those of random images (0) and natural ones (1), NaN where these are nearer than `least`.

    There both ends are the same, and a quotient of two small differences would be noise.
    """
    gap = np.asarray(natural, np.float64) - random
    with np.errstate(invalid="ignore"):
        wide = gap >= least
    return np.where(wide, (np.asarray(value, np.float64) - random) / np.where(wide, gap, 1.0), np.nan)
