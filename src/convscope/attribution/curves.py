"""Deletion and insertion: how fast a score falls when the pixels that a map calls important go, and rises when they come.

Source: Petsiuk et al. 2018, "RISE: randomized input sampling for explanation of black-box models".
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
STEPS = 28  # pixels go in so many equal parts


class Curves(NamedTuple):
    """`deletion` and `insertion`, (step + 1,): the score with none, then one more part of the pixels gone or come, up to all."""

    deletion: FloatArray
    insertion: FloatArray

    @property
    def areas(self) -> tuple[float, float]:
        """The areas below both, of a score in [0, 1] between 0 and 1: the first small and the second large for a good map."""
        return area(self.deletion), area(self.insertion)


def area(curve: FloatArray) -> float:
    """Return the area below a curve over [0, 1], by trapezoids."""
    return float((curve[:-1].astype(np.float64) + curve[1:]).mean() / 2)


def importance(values: FloatArray) -> NDArray[np.int64]:
    """Return the pixels of a map (height, width) from the most important on, as numbers in row-major order; equals in that order."""
    return np.argsort(-np.nan_to_num(values, nan=-np.inf).ravel(), kind="stable")


def curves(
    score: Callable[[FloatArray], FloatArray],
    image: FloatArray,
    values: FloatArray,
    gone: FloatArray,
    start: FloatArray,
    steps: int = STEPS,
) -> Curves:
    """Return both curves of a map (height, width) of an image (height, width, channel).

    `gone`: the image that shows where pixels are deleted; `start`: the one into which they are inserted. `score`: of images
    (image, height, width, channel), the score of each.
    """
    order = importance(values)
    deleted = _exchanged(image, gone, order, steps)
    inserted = _exchanged(start, image, order, steps)
    found = score(np.concatenate([deleted, inserted]))
    return Curves(found[: steps + 1], found[steps + 1 :])


def _exchanged(before: FloatArray, after: FloatArray, order: NDArray[np.int64], steps: int) -> FloatArray:
    """Return (step + 1, height, width, channel) images in which one part of the pixels after the other is exchanged."""
    flat, new = before.reshape(-1, before.shape[-1]).copy(), after.reshape(-1, after.shape[-1])
    found = [flat.copy()]
    for some in np.array_split(order, steps):
        flat[some] = new[some]
        found.append(flat.copy())
    return np.stack(found).reshape(-1, *before.shape)
