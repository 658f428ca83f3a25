"""Small random moves that a good picture must survive, applied inside the gradient and never to the stored picture.

A pipeline is a list of moves. Drawing it gives one sampling matrix per picture and axis, so that shifting and scaling cost two
matrix products on every backend. Pictures continue periodically beyond their border.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class View:
    """Where each picture is looked at: `zoom` (n,), and `shift` (n, 2) of rows and columns in pixels."""

    zoom: NDArray[np.float64]
    shift: NDArray[np.float64]


Transform = Callable[[View, np.random.Generator], View]


def jitter(pixels: int) -> Transform:
    """Shift by up to so many whole pixels along each axis."""

    def apply(view: View, rng: np.random.Generator) -> View:
        return replace(view, shift=view.shift + rng.integers(-pixels, pixels + 1, view.shift.shape))

    return apply


def scale(factors: Sequence[float]) -> Transform:
    """Enlarge by one of the factors."""

    def apply(view: View, rng: np.random.Generator) -> View:
        return replace(view, zoom=view.zoom * rng.choice(factors, len(view.zoom)))

    return apply


def sampling(transforms: Sequence[Transform], rng: np.random.Generator, count: int, size: tuple[int, int]) -> list[NDArray[np.float32]]:
    """Draw the moves for `count` pictures; return row matrices (count, 1, height, height) and column matrices (count, 1, width, width)."""
    view = View(np.ones(count), np.zeros((count, 2)))
    for transform in transforms:
        view = transform(view, rng)
    return [_matrices(length, view.zoom, view.shift[:, axis]) for axis, length in enumerate(size)]


def _matrices(length: int, zoom: NDArray[np.float64], shift: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return linear interpolation at centre + (place - centre) / zoom + shift, as matrices; rows sum to 1."""
    centre = (length - 1) / 2
    place = centre + (np.arange(length) - centre) / zoom[:, None] + shift[:, None]
    below = np.floor(place)
    part = (place - below).astype(np.float32)
    matrices = np.zeros((len(zoom), length, length), dtype=np.float32)
    picture, row = np.ogrid[: len(zoom), :length]
    np.add.at(matrices, (picture, row, below.astype(int) % length), 1 - part)
    np.add.at(matrices, (picture, row, (below.astype(int) + 1) % length), part)
    return matrices[:, None]
