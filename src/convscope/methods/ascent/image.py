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


@dataclass(frozen=True)
class Parametrisation:
    """`initial(rng, count)` draws the numbers behind `count` pictures; `pictures(numbers)` makes (count, channel, height, width) in [0, 1].

    `normalised` says that the pictures must be clipped into range after each step, because nothing else keeps them there.
    """

    name: str
    initial: Callable[[np.random.Generator, int], NDArray[np.float32]]
    pictures: Callable[[Any], Any]
    clipped: bool = False


def pixels(height: int, width: int, channels: int, deviation: float = 0.01) -> Parametrisation:
    """Plain pixels around mid-grey, clipped into [0, 1]: what Erhan et al. 2009 climb on."""

    def initial(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        noise = rng.normal(0.5, deviation, (count, channels, height, width))
        return np.clip(noise, 0.0, 1.0).astype(np.float32)

    return Parametrisation("pixels", initial, lambda numbers: numbers, clipped=True)


def fourier(
    height: int, width: int, channels: int, *, decay: float = 1.0, deviation: float = 0.01, contrast: float = 0.25
) -> Parametrisation:
    """Amplitudes of real waves, each scaled by 1 / frequency^decay, decorrelated colours, squashed by a sigmoid (Olah et al. 2017).

    Low frequencies move first, as they do in natural images. Any number of channels; colours are decorrelated for three.
    """
    rows, columns = waves(height), waves(width)
    scale = 1.0 / np.maximum(np.hypot(frequencies(height)[:, None], frequencies(width)), 1.0 / max(height, width)) ** decay
    scale = (contrast * scale).astype(np.float32)
    colour = COLOUR if channels == 3 else np.eye(channels, dtype=np.float32)

    def initial(rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        return rng.normal(0.0, deviation, (count, channels, height, width)).astype(np.float32)

    def pictures(numbers: Any) -> Any:
        plain = ops.matmul(ops.matmul(rows, numbers * scale), columns.T)
        mixed = ops.einsum("ij,njhw->nihw", colour, plain)
        return ops.sigmoid(mixed)

    return Parametrisation("fourier", initial, pictures)


def frequencies(length: int) -> NDArray[np.float64]:
    """Return the frequency of each wave of `waves(length)` in cycles per pixel, 0 to 0.5."""
    return (np.arange(length) + 1) // 2 / length


def waves(length: int) -> NDArray[np.float32]:
    """Return the orthonormal real Fourier basis of a line of `length` pixels: (pixel, wave), ordered as constant, cos, sin, cos, ..."""
    place = np.arange(length)[:, None]
    number = np.arange(length)
    angle = 2 * np.pi * place * ((number + 1) // 2) / length
    basis = np.where(number % 2 == 1, np.cos(angle), np.sin(angle)) * np.sqrt(2.0 / length)
    basis[:, 0] = np.sqrt(1.0 / length)
    if length % 2 == 0:
        basis[:, -1] /= np.sqrt(2.0)
    return basis.astype(np.float32)
