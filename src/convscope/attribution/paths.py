"""Gradients along a way of images: times the image, integrated from a baseline (Sundararajan 2017), averaged over noise (Smilkov 2017)."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..locality.windows import Field
from .gradients import Slope

FloatArray = NDArray[np.float32]
# Of images (image, height, width, channel), the slope of one score on each.
Slopes = Callable[[FloatArray], list[Slope]]
FEWEST = 16  # steps of an integral to begin with
AT_ONCE = 32  # images of a way: so many pay the compilation of a light network
COMPLETE = 0.01  # what the sum of an integral may differ from the difference of the scores, as a share of that


class Integral(NamedTuple):
    """A `signal` (height, width, channel) on a `window`, in how many `steps` it was summed, and what it should add up to.

    `score`: of the image; `difference`: less that of the baseline. `error`: how far the sum is from it, as a share of it.
    """

    score: float
    window: Field
    signal: FloatArray
    steps: int
    difference: float
    error: float

    @property
    def is_complete(self) -> bool:
        """Say whether the sum is the difference of the scores, to 1 %."""
        return self.error <= COMPLETE


def times_image(slope: Slope, entered: FloatArray) -> FloatArray:
    """Return the slope times what `entered`, (height, width, channel), as the slope's numbers are, in its window."""
    return slope.signal * _inside(entered, slope.window)


def integrated(
    slopes: Slopes, image: FloatArray, baseline: FloatArray, entering: Callable[[FloatArray], FloatArray], most: int
) -> Integral:
    """Return the gradient integrated along the straight way from the baseline to the image, times their difference.

    The trapezoid rule, with twice as many steps until the sum is the difference of the scores to 1 %, or there would be more than `most`.
    `entering`: what an image, (height, width, channel), is as the slopes' numbers.

    Source: Sundararajan et al. 2017, "Axiomatic attribution for deep networks".
    """
    first, last = slopes(np.stack([baseline, image]))
    moved, difference = _inside(entering(image) - entering(baseline), last.window), last.score - first.score
    total, steps = (first.signal.astype(np.float64) + last.signal) / 2, min(FEWEST, most)
    shares = np.arange(1, steps) / steps
    while True:
        for start in range(0, len(shares), AT_ONCE):
            for one in slopes(_between(baseline, image, shares[start : start + AT_ONCE])):
                total += one.signal
        signal = (total / steps * moved).astype(np.float32)
        gap = abs(float(signal.sum(dtype=np.float64)) - difference)
        error = gap / abs(difference) if difference else float(gap > 0)
        if error <= COMPLETE or 2 * steps > most:
            return Integral(last.score, last.window, signal, steps, difference, error)
        shares, steps = (np.arange(steps) + 0.5) / steps, 2 * steps  # the places between those that are summed


def _between(baseline: FloatArray, image: FloatArray, shares: NDArray[np.float64]) -> FloatArray:
    parts = shares.astype(np.float32)[:, None, None, None]
    return baseline * (1 - parts) + image * parts


def smoothed(slopes: Slopes, image: FloatArray, samples: int, level: float, rng: np.random.Generator) -> Slope:
    """Return the mean slope of so many images with Gaussian noise, and their mean score.

    The deviation of the noise is `level` times the range of the image's values.

    Source: Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise".
    """
    deviation = np.float32(level * (float(image.max()) - float(image.min())))
    found: list[Slope] = []
    for start in range(0, samples, AT_ONCE):
        noise = rng.standard_normal((min(AT_ONCE, samples - start), *image.shape), np.float32)
        found += slopes(image + noise * deviation)
    signal = np.asarray(np.mean([one.signal for one in found], axis=0, dtype=np.float64), np.float32)
    return Slope(float(np.mean([one.score for one in found])), found[0].window, signal)


def _inside(values: FloatArray, window: Field) -> FloatArray:
    """Return the part of an image that a window is, which lies within it."""
    return values[window.top : window.bottom, window.left : window.right]
