"""Small random moves that a good picture must survive, applied inside the gradient and never to the stored picture.

A pipeline is a list of moves. Drawing it gives one sampling matrix per picture and axis, so that shifting and scaling
cost two matrix products on every backend. Pictures continue periodically beyond their border.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class View:
    """Where a picture is looked at: enlarged by `zoom` about its centre, moved by `shift` (rows, columns) pixels."""

    zoom: float
    shift: NDArray[np.float64]


Transform = Callable[[View, np.random.Generator], View]


def jitter(pixels: int) -> Transform:
    """Shift by up to so many whole pixels along each axis."""

    def apply(view: View, rng: np.random.Generator) -> View:
        return replace(view, shift=view.shift + rng.integers(-pixels, pixels + 1, 2))

    return apply


def zoom(least: float, most: float) -> Transform:
    """Enlarge by a factor between these two, halves as often as doubles."""

    def apply(view: View, rng: np.random.Generator) -> View:
        return replace(view, zoom=view.zoom * float(np.exp(rng.uniform(np.log(least), np.log(most)))))

    return apply


def sampling(
    transforms: Sequence[Transform], rngs: Sequence[np.random.Generator], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw each picture's moves from its own generator; return row and column matrices, (n, 1, length, length)."""
    views = [_drawn(transforms, rng) for rng in rngs]
    rows = [_matrix(size[0], view.zoom, view.shift[0]) for view in views]
    columns = [_matrix(size[1], view.zoom, view.shift[1]) for view in views]
    return np.stack(rows)[:, None], np.stack(columns)[:, None]


def _drawn(transforms: Sequence[Transform], rng: np.random.Generator) -> View:
    view = View(1.0, np.zeros(2))
    for transform in transforms:
        view = transform(view, rng)
    return view


def _matrix(length: int, zoom: float, shift: float) -> NDArray[np.float32]:
    """Return linear interpolation at centre + (place - centre) / zoom + shift, as a matrix; rows sum to 1."""
    centre = (length - 1) / 2
    number = np.arange(length)
    place = centre + (number - centre) / zoom + shift
    below = np.floor(place).astype(int)
    part = (place - below).astype(np.float32)
    matrix = np.zeros((length, length), dtype=np.float32)
    matrix[number, below % length] += 1 - part
    matrix[number, (below + 1) % length] += part
    return matrix
