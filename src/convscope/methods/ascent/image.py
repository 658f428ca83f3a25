"""What is optimised: the numbers behind a picture, and how they become one that is always in range.

Transforms of the Fourier kind are written as matrix products, which every backend computes alike.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backend import ops

# How natural images' colours vary together: lucid's matrix (Olah et al. 2017), divided by its largest column norm.
COLOUR = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], dtype=np.float32)
COLOUR /= np.linalg.norm(COLOUR, axis=0).max()
# How far a picture's planes (brightness and two colour differences) may swing before the sigmoid: calm, but not grey.
SWING = 2.0
# How readily a picture's mean moves, on the scale of its slowest waves: little, else many filters tint all alike.
TINT = 0.3


@dataclass(frozen=True)
class Parametrisation:
    """`initial(rng)` draws one picture's numbers (channel, height, width); `pictures` makes a batch of them pictures.

    Pictures are (count, channel, height, width) in [0, 1]. `clipped` says that the numbers must be clipped into range
    after each step, because nothing else keeps them there.
    """

    name: str
    initial: Callable[[np.random.Generator], NDArray[np.float32]]
    pictures: Callable[[Any], Any]
    clipped: bool = False


def pixels(height: int, width: int, channels: int, deviation: float = 0.01) -> Parametrisation:
    """Plain pixels around mid-grey, clipped into [0, 1]: what Erhan et al. 2009 climb on."""

    def initial(rng: np.random.Generator) -> NDArray[np.float32]:
        return np.clip(rng.normal(0.5, deviation, (channels, height, width)), 0.0, 1.0).astype(np.float32)

    return Parametrisation("pixels", initial, lambda numbers: numbers, clipped=True)


def fourier(height: int, width: int, channels: int, *, deviation: float, swing: float = SWING) -> Parametrisation:
    """Amplitudes of real waves, scaled by 1 / frequency, in decorrelated colours, through a sigmoid (Olah et al. 2017).

    Low frequencies move first, as they do in natural images. Each plane's root mean square is held below `swing`,
    smoothly, so that contrast and colour stay calm however long the climb is. The start is noise of `deviation` about
    mid-grey. Any number of channels; colours are decorrelated for three.
    """
    rows, columns = waves(height), waves(width)
    # Waves of less than two periods a picture weigh alike: slow shades would otherwise take all the swing.
    lowest = 2.0 / max(height, width)
    scale = (0.25 / np.maximum(np.hypot(frequencies(height)[:, None], frequencies(width)), lowest)).astype(np.float32)
    scale[0, 0] *= TINT
    colour = COLOUR if channels == 3 else COLOUR[0, 0] * np.eye(channels, dtype=np.float32)

    def initial(rng: np.random.Generator) -> NDArray[np.float32]:
        return rng.normal(0.0, deviation, (channels, height, width)).astype(np.float32)

    def pictures(numbers: Any) -> Any:
        amplitudes = ops.multiply(numbers, scale)
        power = ops.sum(amplitudes * amplitudes, axis=(2, 3), keepdims=True) / (height * width)
        held = amplitudes * swing / ops.sqrt(swing * swing + power)
        planes = ops.matmul(ops.matmul(rows, held), columns.T)
        return ops.sigmoid(ops.einsum("ij,njhw->nihw", colour, planes))

    return Parametrisation("fourier", initial, pictures)


def frequencies(length: int) -> NDArray[np.float64]:
    """Return the frequency of each wave of `waves(length)` in cycles per pixel, 0 to 0.5."""
    return (np.arange(length) + 1) // 2 / length


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
