"""Signed projections -> 8-bit RGB: the scale on which those of one unit are compared, and the patch seen through their energy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from ..results import CONTRAST, FloatArray
from .pixels import Bytes, as_three, scale_of

ZERO = 128
# Where pictures are compared, a faint one is brightened until its own scale is so many times the common one.
FAINTEST = 3.0
# The energy is blurred by a share of the picture's longer side; so many percent of it lie within full sight.
BLUR, SIGHT = 1 / 25, 95.0
SCALE_NOTE = "Projections are signed: zero is mid-grey."
COMPARED_NOTE = "Those of one unit share a scale. The faintest are brightened to a third of it."


def through_note(view: str, gradients: bool) -> str:
    """Return the note on pictures that are seen through the energy of projections, or of the gradients in their place."""
    if view == "gradient":
        return "Plain gradients from the same positions. Beside them the image where they have energy, and mid-grey elsewhere."
    if gradients:
        return "Seen through: the image where the plain gradient has energy, because the projection does not depend on the image."
    return "Seen through: the image where the projection has energy, and mid-grey elsewhere."


def magnitude(signal: ArrayLike, percent: float = CONTRAST) -> float:
    """Return the scale of one signal: so many `percent` of its non-zero magnitudes lie within it; 0 where there is none.

    Not their maximum, because a projection holds a few spikes that would leave the rest grey.
    """
    return scale_of(np.abs(as_three(_finite(signal))), percent)


def scales(signals: Sequence[ArrayLike], percent: float = CONTRAST) -> list[float]:
    """Return the scales of signals that are compared: the largest of their own, for a faint one at most three times its own."""
    own = [magnitude(signal, percent) for signal in signals]
    return [min(max(own), FAINTEST * one) for one in own]


def signed_to_rgb(signal: ArrayLike, scale: float | None = None) -> Bytes:
    """Return signed values as RGB around mid-grey: zero is exactly 128, negative is darker, positive is lighter.

    What lies beyond the `scale`, by default the signal's own, is clipped. All channels share it, so hues are kept.
    """
    values = as_three(_finite(signal))
    scale = magnitude(values) if scale is None else scale
    scaled = np.zeros_like(values) if scale == 0 else np.clip(values / scale, -1, 1)
    return (ZERO + np.rint(scaled * 127)).astype(np.uint8)


def reduced(signal: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return a signal as large as `size` (width, height) where that is smaller.

    To be done before the scale is found: lone spikes would set it and then be averaged away, which leaves the whole grey.
    """
    if signal.shape[1] <= size[0] and signal.shape[0] <= size[1]:
        return signal
    planes = np.moveaxis(signal, -1, 0)
    small = [np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size, Image.Resampling.BOX)) for plane in planes]
    return np.stack(small, axis=-1)


def seen_through(picture: ArrayLike, signal: ArrayLike) -> Bytes:
    """Return `picture` (height, width, channel) in [0, 1] as RGB where `signal`, as large, has energy, and mid-grey where it has none."""
    values = _finite(signal)
    strength = np.sqrt(_blurred(np.square(values).sum(axis=-1), BLUR * max(values.shape[:2])))
    full = magnitude(strength, SIGHT)
    sight = np.clip(strength / full, 0, 1)[..., np.newaxis] if full > 0 else np.zeros((*strength.shape, 1), np.float32)
    shown = np.clip(as_three(np.nan_to_num(np.asarray(picture, np.float32))), 0, 1) * 255
    mixed: Bytes = np.rint(ZERO + (shown - ZERO) * sight).astype(np.uint8)
    return mixed


def _finite(signal: ArrayLike) -> FloatArray:
    return np.nan_to_num(np.asarray(signal, np.float32), posinf=0.0, neginf=0.0)


def _blurred(values: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
    """Return a (height, width) map blurred by a Gaussian; beyond the edge is nothing, and counts for nothing."""
    from scipy.ndimage import gaussian_filter

    reach = int(3 * deviation)
    if reach == 0:
        return values
    total, share = (gaussian_filter(one, deviation, radius=reach, mode="constant") for one in (values, np.ones_like(values)))
    blurred: NDArray[np.float32] = total / share
    return blurred
