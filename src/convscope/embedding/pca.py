"""Principal components of any number of features, exact, in one pass over blocks of them, mergeable over shards and machines."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError

Features = NDArray[np.floating[Any]]
DIMENSIONS = 50
BLOCK_VALUES = 1 << 22  # of features held as float64 at a time: 32 MiB
ROUNDING = 1e-12  # share of the variance below which an axis is made of rounding errors
MODEST = 1e9  # deviations from 1 / MODEST to MODEST have squares that float32 holds well
DIRECT = 600  # features up to which all eigenvectors are as quick as the first fifty


@dataclass
class Scatter:
    """What principal components need to know of the features seen: their number, mean (feature,) and scatter about the mean.

    `products`: (feature, feature) float64, the upper triangle of the sum of outer products of the centred features. Two of them, from
    two blocks, shards or machines, add up to that of all, in any order (Chan, Golub & LeVeque 1979): centred sums lose no digits where
    the mean is large beside the spread, as plain sums of x·xᵀ do.
    """

    count: int
    mean: NDArray[np.float64]
    products: NDArray[np.float64]

    @classmethod
    def empty(cls, width: int) -> "Scatter":
        """Return the scatter of nothing yet, for features of `width` values."""
        return cls(0, np.zeros(width), np.zeros((width, width), order="F"))

    def add(self, block: Features) -> None:
        """Take in a block (image, feature) of any floating type. Raises ImageError for values that are not numbers."""
        values = np.empty((len(block) + 1, block.shape[1]))
        values[:-1] = block
        mean = values[:-1].mean(axis=0)
        if not np.isfinite(mean).all():
            raise _no_numbers(block)
        values[:-1] -= mean
        values[-1] = self._moved(len(block), mean)
        self.products = _added(self.products, values.T)

    def merge(self, other: "Scatter") -> None:
        """Take in what another one has seen."""
        self.products += other.products
        self.products = _added(self.products, self._moved(other.count, other.mean)[:, np.newaxis])

    def _moved(self, count: int, mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """Move the mean for `count` more features of that mean; return the row whose outer product is the scatter between the groups."""
        total = self.count + count
        away = mean - self.mean
        between: NDArray[np.float64] = away * np.sqrt(self.count * count / total)
        self.mean, self.count = self.mean + away * (count / total), total
        return between


@dataclass(frozen=True)
class PrincipalAxes:
    """`mean`: (feature,), `axes`: (feature, dimension) orthonormal, largest variance first, both float64; `kept`: its share in [0, 1].

    `scale`: what components are divided by, a power of two; 1 unless the squares of features that small or large leave float32.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    kept: float
    scale: float = 1.0

    def project(self, features: Features) -> NDArray[np.float32]:
        """Return (image, feature) features as their principal components, (image, dimension) float32, block by block.

        Raises ImageError for values that are not numbers.
        """
        components = np.empty((len(features), self.axes.shape[1]), np.float32)
        for rows in blocks(features):
            with np.errstate(invalid="ignore"):  # some processors' products warn of what is looked for here
                exact = (features[rows].astype(np.float64) - self.mean) @ self.axes / self.scale
            if not np.isfinite(exact).all():
                raise _no_numbers(features)
            with np.errstate(over="ignore"):  # on the axes of another map; `placement.check_near` looks for it
                components[rows] = exact
        return components


def principal_axes(features: Features, most: int = DIMENSIONS) -> PrincipalAxes:
    """Return the first `most` principal axes of (image, feature) features, which may be a memory map of float16 or float32.

    Exact: the scatter in float64, its eigenvectors to rounding; memory for one block and for (feature, feature), or (image, image)
    where there are fewer images than features. The largest coefficient of each axis is positive. Raises ImageError.
    """
    count, width = features.shape
    most = min(most, count, width)
    if count < width and width > DIRECT:
        return _from_gram(features, most)
    scatter = Scatter.empty(width)
    for rows in blocks(features):
        if not np.isfinite(features[rows]).all():
            raise _no_numbers(features)
        scatter.add(features[rows])
    variances, axes = _largest(scatter.products, most)
    return PrincipalAxes(scatter.mean, _signed(axes), _share(variances, np.trace(scatter.products)), _scale(variances[0] / count))


def all_equal(features: Features) -> bool:
    """Return whether every image has the same features; stops at the first that differs."""
    return all(bool((features[rows] == features[0]).all()) for rows in blocks(features))


def blocks(features: Features) -> Iterator[slice]:
    """Yield slices over the rows of features, each of a size that can be held in float64."""
    rows = max(1, BLOCK_VALUES // max(1, features.shape[1]))
    for start in range(0, len(features), rows):
        yield slice(start, start + rows)


def _from_gram(features: Features, most: int) -> PrincipalAxes:
    """As `principal_axes`, by the products of the images with one another: few images of many features need no covariance.

    Axes without variance are zero: their coefficients are rounding noise, which a length of 1 would turn into components.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    if not np.isfinite(mean).all():
        raise _no_numbers(features)
    products = np.zeros((len(features),) * 2, order="F")
    for columns in blocks(features.T):
        products = _added(products, features[:, columns].astype(np.float64) - mean[columns])
    variances, coefficients = _largest(products, most)
    coefficients = np.where(variances > np.trace(products) * ROUNDING, coefficients, 0.0)
    axes = np.zeros((features.shape[1], most))
    for rows in blocks(features):
        axes += (features[rows].astype(np.float64) - mean).T @ coefficients[rows]
    axes /= np.maximum(np.linalg.norm(axes, axis=0), np.finfo(np.float64).tiny)
    return PrincipalAxes(mean, _signed(axes), _share(variances, np.trace(products)), _scale(variances[0] / len(features)))


def _no_numbers(features: Features) -> ImageError:
    """Return the error for features with values that are not numbers. It names the first row."""
    for rows in blocks(features):
        bad = ~np.isfinite(features[rows]).all(axis=1)
        if bad.any():
            return ImageError(
                f"The features hold values that are not finite numbers, first in row {rows.start + int(bad.argmax())} "
                f"(counted from 0). Expected finite numbers. Look for NaN in them."
            )
    return ImageError("The features are too large to add up. Expected numbers whose sums are finite. Divide them by a constant.")


def _added(products: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `products` plus the upper triangle of values·valuesᵀ, in the same memory."""
    from scipy.linalg.blas import dsyrk

    summed: NDArray[np.float64] = dsyrk(1.0, values, beta=1.0, c=products, overwrite_c=1)
    return summed


def _largest(upper: NDArray[np.float64], most: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the `most` largest eigenvalues of a symmetric matrix, of which the upper triangle is given, and their vectors."""
    from scipy.linalg import eigh
    from scipy.sparse.linalg import eigsh

    size = len(upper)
    if size <= DIRECT or most > size // 8 or not np.trace(upper) > 0:
        values, vectors = eigh(upper, lower=False, subset_by_index=(size - most, size - 1))
    else:  # a tenth of a minute instead of most of one at 4,096 features, to the same digits
        full = upper + np.triu(upper, 1).T
        values, vectors = eigsh(full, most, v0=np.random.default_rng(0).normal(size=size), which="LA")
    return values[::-1], vectors[:, ::-1]


def _signed(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return np.ascontiguousarray(axes * np.where(signs == 0, 1, signs))


def _scale(variance: float) -> float:
    """Return the power of two near a deviation whose squares float32 holds badly, else 1: dividing by it costs no digits."""
    deviation = float(np.sqrt(max(variance, 0.0)))
    return 1.0 if deviation == 0 or 1 / MODEST < deviation < MODEST else float(2.0 ** np.round(np.log2(deviation)))


def _share(variances: NDArray[np.float64], total: float) -> float:
    return float(np.clip(variances, 0, None).sum() / max(float(total), np.finfo(np.float64).tiny))
