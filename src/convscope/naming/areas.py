"""How well units tell labels: areas under ROC curves from ranks, all labels of a unit in one matrix product, and their p-values."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..portraits.telling import below_and_not_above

Floats = NDArray[np.float64]
BYTES_AT_ONCE = 2**26  # of the ranks of some units


@dataclass(frozen=True)
class Ranks:
    """Some units' ranks of some images. `doubled`: (image, unit) float64, twice the rank from 0, equal values sharing their mean; whole
    numbers, so that their sums are exact. `ties`: (unit,) the sum of t³ - t over the groups of t equal values. `constant`: (unit,).
    """

    doubled: Floats
    ties: Floats
    constant: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self.doubled)


def ranks_of(values: NDArray[np.float32]) -> Ranks:
    """Return the ranks of values (image, unit), of which NaN counts as the largest or the least."""
    below, not_above = below_and_not_above(np.ascontiguousarray(values.T))
    size = (not_above - below).astype(np.float64)
    constant = size[:, :1].ravel() == values.shape[0]
    return Ranks(np.ascontiguousarray((below + not_above - 1).T, np.float64), (size * size - 1.0).sum(axis=1), constant)


@dataclass(frozen=True)
class Half:
    """Which labels some images have. `held`: (image, label) scipy.sparse CSR of 1; `counts`: (label,) how many images each holds for."""

    held: Any
    counts: Floats

    @property
    def count(self) -> int:
        """How many images there are."""
        return int(self.held.shape[0])

    def sums(self, doubled: Floats) -> Floats:
        """Return for each label the sum of the ranks (image, unit) of its images, (label, unit): one sparse product for all."""
        return np.asarray(self.held.T @ doubled)

    def columns(self, labels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which images the labels hold for, (image, the place among these)."""
        return np.asarray(self.held[:, labels].toarray(), bool)


def areas(sums: Floats, counts: Any, images: int) -> Floats:
    """Return the areas under the ROC curve from sums of doubled ranks; `counts`: of how many images, NaN where these are all or none.

    It is the share of pairs, an image of the label and another one, in which the unit is larger on the first; equal values count half.
    """
    of = np.asarray(counts, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((sums - of * (of - 1.0)) / (2.0 * of * (images - of)))


def p_values(found: Floats, counts: Any, images: int, ties: Any) -> Floats:
    """Return how likely chance gives areas as large or larger: the one-sided Mann-Whitney test, with ties and continuity corrected.

    1 where the values are all equal. Source: Mann & Whitney 1947; the normal approximation, as in `scipy.stats.mannwhitneyu`.
    """
    from scipy.special import ndtr

    of, n = np.asarray(counts, np.float64), float(images)
    pairs = of * (n - of)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(pairs / 12.0 * (n + 1.0 - ties / (n * (n - 1.0))))
        scores = ((found - 0.5) * pairs - 0.5) / spread
    return np.where(spread > 0, ndtr(-np.where(spread > 0, scores, 0.0)), np.where(np.isnan(found), np.nan, 1.0))


def by_chance(counts: Any, images: int) -> Floats:
    """Return the standard deviation of an area that chance gives, by how many of the images a label holds for; NaN for all or none."""
    pairs = np.asarray(counts, np.float64) * (images - np.asarray(counts, np.float64))
    return np.sqrt((images + 1.0) / (12.0 * np.where(pairs > 0, pairs, np.nan)))
