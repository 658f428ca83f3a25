"""What is optimised: the numbers behind a picture, and how they become one that is always in range.

Transforms of the Fourier kind are written as matrix products, which every backend computes alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from .rings import Rings

FloatArray = NDArray[np.float32]

# How natural images' colours vary together: lucid's matrix (Olah et al. 2017), divided by its largest column norm.
COLOUR = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], dtype=np.float32)
COLOUR /= np.linalg.norm(COLOUR, axis=0).max()
# Networks ask for less colour than they saw: with this factor on the colour differences, pictures come near the chroma of photographs.
VIVID = 1.5
COLOUR *= np.array([1.0, VIVID, VIVID], dtype=np.float32)
# How far a picture's planes (brightness and two colour differences) may swing before the sigmoid: calm, but not grey. A grey picture has
# but one of them.
SWING, GREY_SWING = 1.5, 2.5
# How readily a picture's mean moves, on the scale of its slowest waves: in colour little, else many filters tint all alike.
TINT = 0.3
# Waves of fewer periods a picture than this weigh alike: slow shades would otherwise take all the swing, and leave motifs on grey.
SLOWEST = 4.0
# The power of frequency that the magnitudes of waves follow in natural images, of small size and a little smooth.
NATURAL = -1.4


def _as_they_are(numbers: Any) -> Any:
    return numbers


@dataclass(frozen=True)
class Parametrisation:
    """`initial(rng)` draws one picture's numbers, (channel, ...); `pictures` makes a batch of them pictures.

    Pictures are (count, channel, height, width) in [0, 1]. `settled` brings numbers back, after each step, to where they must lie, if
    nothing else keeps them there. `numbers_of` returns the numbers behind a picture (channel, height, width), to start from it.
    """

    name: str
    initial: Callable[[np.random.Generator], FloatArray]
    pictures: Callable[[Any], Any]
    settled: Callable[[Any], Any] = _as_they_are
    numbers_of: Callable[[FloatArray], FloatArray] = _as_they_are


def pixels(height: int, width: int, channels: int, *, deviation: float = 0.01, norm: float | None = None) -> Parametrisation:
    """Plain pixels around mid-grey: what Erhan et al. 2009 climb on. Clipped into [0, 1], or with `norm` on their sphere: the distance from
    mid-grey, over all pixels and channels, is held at it.
    """

    def initial(rng: np.random.Generator) -> FloatArray:
        return np.clip(rng.normal(0.5, deviation, (channels, height, width)), 0.0, 1.0).astype(np.float32)

    def on_sphere(numbers: Any) -> Any:
        away = numbers - 0.5
        return 0.5 + away * (norm / (ops.sqrt(ops.sum(away * away, axis=(1, 2, 3), keepdims=True)) + 1e-12))

    def clipped(numbers: Any) -> Any:
        return ops.clip(numbers, 0.0, 1.0)

    return Parametrisation("pixels", initial, clipped, settled=clipped if norm is None else on_sphere)


def fourier(
    height: int,
    width: int,
    channels: int,
    *,
    deviation: float,
    swing: float | None = SWING,
    decay: float = 1.0,
    natural: float | None = None,
) -> Parametrisation:
    """Amplitudes of real waves, scaled by frequency to the power -`decay`, in decorrelated colours, through a sigmoid (Olah et al. 2017).

    Low frequencies move first, as they do in natural images. Each plane's root mean square is held below `swing`, smoothly, so that
    contrast and colour stay calm however long the climb is; None holds nothing, which is what it takes to start from any picture. With
    `natural`, a ring of waves that grows beyond so many times its share of natural images' power is held back, too, and the others make
    up for it: neither grain nor shades prevail. The start is noise of `deviation` about mid-grey. Any number of channels; colours are
    decorrelated for three.
    """
    rows, columns = waves(height), waves(width)
    rings = rings_of(height, width)
    frequency = np.maximum(rings.frequency, SLOWEST / max(height, width))
    scale = (0.25 * frequency**-decay).astype(np.float32)
    scale[0, 0] *= TINT if channels > 1 else 1.0
    colour = colours(channels)
    share = np.bincount(rings.number, weights=(frequency ** (2 * NATURAL)).ravel())
    beyond = (1.0 / ((natural or 1.0) * share / share.sum() + 1e-12)).astype(np.float32)

    def initial(rng: np.random.Generator) -> FloatArray:
        return rng.normal(0.0, deviation, (channels, height, width)).astype(np.float32)

    def held(amplitudes: Any) -> Any:
        if swing is None:
            return amplitudes
        power = ops.sum(amplitudes * amplitudes, axis=(2, 3), keepdims=True) / (height * width)
        return as_shared(amplitudes, power / (swing * swing)) * swing / ops.sqrt(swing * swing + power)

    def as_shared(amplitudes: Any, power: Any) -> Any:
        """Return the amplitudes of which no ring has much more than its share, with the power that they had: (picture, plane, 1, 1)."""
        if natural is None or swing is None:
            return amplitudes
        each = rings.sums(amplitudes * amplitudes) / (height * width * swing * swing)
        kept = 1.0 / (1.0 + ops.multiply(each, beyond))
        left = ops.expand_dims(ops.sum(each * kept, axis=2, keepdims=True), 3)
        return amplitudes * rings.spread(ops.sqrt(kept)) * ops.sqrt((power + 1e-9) / (left + 1e-9))

    def pictures(numbers: Any) -> Any:
        planes = ops.matmul(ops.matmul(rows, held(ops.multiply(numbers, scale))), columns.T)
        return ops.sigmoid(ops.einsum("ij,njhw->nihw", colour, planes))

    def numbers_of(picture: FloatArray) -> FloatArray:
        return np.asarray(rows.T @ decorrelated(picture, colour) @ columns / scale, dtype=np.float32)

    return Parametrisation("fourier", initial, pictures, numbers_of=numbers_of)


def colours(channels: int) -> FloatArray:
    """Return what mixes independent planes into channels: (channel, plane)."""
    return COLOUR if channels == 3 else COLOUR[0, 0] * np.eye(channels, dtype=np.float32)


def decorrelated(picture: FloatArray, colour: FloatArray) -> FloatArray:
    """Return the planes that a sigmoid of their mixture makes `picture`, (channel, height, width) in [0, 1], of; black and white, which
    no finite plane makes, a step of 8 bits short of it.
    """
    inside = np.clip(picture, 1 / 255, 254 / 255)
    return np.einsum("ij,jhw->ihw", np.linalg.inv(colour), np.log(inside / (1.0 - inside))).astype(np.float32)


def frequencies(length: int) -> NDArray[np.float64]:
    """Return the frequency of each wave of `waves(length)` in cycles per pixel, 0 to 0.5."""
    return (np.arange(length) + 1) // 2 / length


def rings_of(height: int, width: int) -> Rings:
    """Return the rings of the numbers of a Fourier picture, ordered as `waves` has them along both sides."""
    return Rings(np.hypot(frequencies(height)[:, None], frequencies(width)))


def waves(length: int) -> NDArray[np.float32]:
    """Return the orthonormal real Fourier basis of `length` pixels: (pixel, wave), as constant, cos, sin, cos, ..."""
    place = np.arange(length)[:, None]
    number = np.arange(length)
    angle = 2 * np.pi * place * ((number + 1) // 2) / length
    basis = np.where(number % 2 == 1, np.cos(angle), np.sin(angle)) * np.sqrt(2.0 / length)
    basis[:, 0] = np.sqrt(1.0 / length)
    if length % 2 == 0:
        basis[:, -1] /= np.sqrt(2.0)
    return basis.astype(np.float32)
