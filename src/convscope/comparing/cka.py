"""Linear centred kernel alignment: how alike two sets of vectors are that stand for the same images (Kornblith et al. 2019)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Exact = NDArray[np.float64]
# Images up to which a layer is known by the products of all pairs of them, which is then the smaller table.
MOST_IMAGES = 2048


def cka(first: Sequence[Floats], second: Sequence[Floats]) -> Exact:
    """Return the linear CKA of each of some layers with each of others, (first, second), in [0, 1]; NaN where a layer is constant.

    A layer is (image, feature). CKA is |Y'X|² / (|X'X| |Y'Y|) of the centred X and Y, in Frobenius norms.
    """
    if first and len(first[0]) <= MOST_IMAGES:
        return cka_of_products([products(one) for one in first], [products(one) for one in second])
    centred = [[(one - one.mean(axis=0, dtype=np.float64)) for one in layers] for layers in (first, second)]
    own = [[float(np.linalg.norm(one.T @ one)) for one in layers] for layers in centred]
    crossed = np.array([[float(np.square(one.T @ other).sum()) for other in centred[1]] for one in centred[0]])
    return _ratio(crossed, np.outer(own[0], own[1]))


def products(layer: Floats) -> Exact:
    """Return the products of all pairs of images, (image, image), of a layer (image, feature)."""
    exact = layer.reshape(len(layer), -1).astype(np.float64)
    return exact @ exact.T


def cka_of_products(first: Sequence[Exact], second: Sequence[Exact]) -> Exact:
    """Return the same as `cka` from the products of all pairs of images, (image, image) each."""
    centred = [[_centred(one) for one in layers] for layers in (first, second)]
    own = [[float(np.linalg.norm(one)) for one in layers] for layers in centred]
    crossed = np.array([[float((one * other).sum()) for other in centred[1]] for one in centred[0]])
    return _ratio(crossed, np.outer(own[0], own[1]))


def blocks(count: int, most: int) -> Iterator[tuple[slice, list[slice]]]:
    """Yield blocks of images, each with itself and those behind it, so that all pairs are met with two blocks in memory at a time."""
    every = [slice(start, min(start + most, count)) for start in range(0, count, most)]
    for place, block in enumerate(every):
        yield block, every[place:]


def _centred(product: Exact) -> Exact:
    rows = product.mean(axis=0)
    return product - rows - rows[:, None] + product.mean()


def _ratio(crossed: Exact, own: Exact) -> Exact:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(own > 0, crossed / own, np.nan)
