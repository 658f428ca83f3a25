"""Images without the thing: what an image is compared with, what covers it, and what is left when pixels are taken away."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
GREY = 0.5
# The deviation of the blur as a share of the longer side: 5 pixels of 224, as Petsiuk et al. 2018 have it.
BLUR = 5 / 224


def _filled(value: float) -> Callable[[FloatArray], FloatArray]:
    return lambda image: np.full_like(image, value)


def _mean(image: FloatArray) -> FloatArray:
    return np.broadcast_to(image.mean(axis=(0, 1), dtype=np.float64).astype(np.float32), image.shape).copy()


def _blurred(image: FloatArray) -> FloatArray:
    from scipy.ndimage import gaussian_filter

    deviation = BLUR * max(image.shape[:2])
    return np.asarray(gaussian_filter(image, (deviation, deviation, 0), mode="nearest"), np.float32)


# Of an image (height, width, channel) in [0, 1], one as large.
BASELINES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "black": _filled(0.0),
    "grey": _filled(GREY),
    "white": _filled(1.0),
    "mean": _mean,
    "blurred": _blurred,
}
