"""How a picture moves at each step: at random inside the gradient (transforms), then up along it (updates).

A good picture survives small random changes, so they are made before the network sees it, and never to the stored picture. Most are moves,
which say where a picture is looked at: those that follow one another become one sampling matrix per picture and axis, so that shifting and
scaling cost two matrix products on every backend. A `Transform` changes the pixels themselves. Random numbers are drawn in NumPy, each
picture's from its own generator, so that every backend draws alike and no picture depends on its neighbours.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..errors import OptionError
from ..registry import Registry
from .image import rings_of


@dataclass(frozen=True)
class View:
    """Where a picture is looked at: enlarged by `zoom` about its centre, moved by `shift` (rows, columns) pixels."""

    zoom: float
    shift: NDArray[np.float64]


Move = Callable[[View, np.random.Generator], View]


@dataclass(frozen=True)
class Transform:
    """A change of pixels: `apply(pictures)`, with pictures (picture, channel, height, width), by differentiable functions of `keras.ops`.

    With `draw(rng)`, which draws an array for one picture at each step, it is `apply(pictures, drawn)`, where `drawn` is (picture, ...).
    """

    apply: Callable[..., Any]
    draw: Callable[[np.random.Generator], Any] | None = None


# What is done to pictures, in order, given their shorter side.
Transforms = Callable[[int], Sequence[Move | Transform]]
TRANSFORMS: Registry[Transforms] = Registry("transform list", group="convscope.ascent_transforms")


def as_transforms(transforms: Any) -> Transforms:
    """Return the transforms that are meant, as a function of the shorter side of the pictures.

    `transforms`: a name of TRANSFORMS, a sequence of moves and Transforms, or a function of the side that returns one. Raises OptionError.
    """
    if isinstance(transforms, str):
        return TRANSFORMS.get(transforms)
    if isinstance(transforms, Transform):
        return lambda side: [transforms]
    if isinstance(transforms, Iterable):
        listed = list(transforms)
        return lambda side: listed
    if not callable(transforms):
        raise _not_transforms(transforms)

    def of_side(side: int) -> Sequence[Move | Transform]:
        try:
            return list(transforms(side))
        except TypeError as error:  # a move that stands alone, which wants a view and a generator
            raise _not_transforms(transforms) from error

    return of_side


def _not_transforms(transforms: Any) -> OptionError:
    return OptionError(
        f"`transforms` is {transforms!r}. Expected one of {', '.join(TRANSFORMS)}, a list such as [convscope.ascent.jitter(8)], "
        f"or a function of the shorter side of the pictures that returns a list."
    )


class Pipeline:
    """Transforms in order, for pictures of (height, width): what they draw at each step, and what they do with it."""

    def __init__(self, transforms: Sequence[Move | Transform], size: tuple[int, int]) -> None:
        self._stages: list[Transform | list[Move]] = []
        for one in transforms:
            if isinstance(one, Transform):
                self._stages.append(one)
            elif self._stages and isinstance(self._stages[-1], list):
                self._stages[-1].append(one)
            else:
                self._stages.append([one])
        self._size = size

    def draw(self, rngs: Sequence[np.random.Generator]) -> list[list[Any]]:
        """Return for each stage the tensors that it needs, (picture, ...) each."""
        return [[ops.convert_to_tensor(array) for array in self._drawn(stage, rngs)] for stage in self._stages]

    def apply(self, pictures: Any, drawn: Sequence[Sequence[Any]]) -> Any:
        """Return pictures (picture, channel, height, width) as the stages leave them."""
        for stage, tensors in zip(self._stages, drawn, strict=True):
            if isinstance(stage, Transform):
                pictures = stage.apply(pictures, *tensors)
            else:
                rows, columns = tensors
                pictures = ops.matmul(ops.matmul(rows, pictures), ops.transpose(columns, (0, 1, 3, 2)))
        return pictures

    def _drawn(self, stage: Transform | list[Move], rngs: Sequence[np.random.Generator]) -> Sequence[NDArray[np.float32]]:
        if isinstance(stage, list):
            return sampling(stage, rngs, self._size)
        return [] if stage.draw is None else [np.stack([np.asarray(stage.draw(rng), np.float32) for rng in rngs])]


def jitter(pixels: int) -> Move:
    """Shift by up to so many whole pixels along each axis. Pictures continue periodically beyond their border."""

    def apply(view: View, rng: np.random.Generator) -> View:
        return replace(view, shift=view.shift + rng.integers(-pixels, pixels + 1, 2))

    return apply


def zoom(least: float, most: float) -> Move:
    """Enlarge by a factor between these two, halves as often as doubles."""

    def apply(view: View, rng: np.random.Generator) -> View:
        return replace(view, zoom=view.zoom * float(np.exp(rng.uniform(np.log(least), np.log(most)))))

    return apply


def standard(side: int) -> list[Move]:
    """Moves for a canvas of that side, which a good picture must survive: a motif at its size and somewhat nearer or farther away."""
    return [jitter(max(1, side // 12)), zoom(0.75, 1.3), jitter(max(1, side // 12))]


def closer(side: int) -> list[Move]:
    """Parts of the canvas, enlarged: for a unit that sees all of it at once, which else puts one size of its object everywhere, and for
    MACO, whose magnitudes are those of whole pictures.
    """
    return [jitter(max(1, side // 6)), zoom(0.85, 2.0), jitter(max(1, side // 6))]


def still(side: int) -> list[Move]:
    """No transforms."""
    return []


TRANSFORMS.register("standard", standard)
TRANSFORMS.register("closer", closer)
TRANSFORMS.register("still", still)


def sampling(
    moves: Sequence[Move], rngs: Sequence[np.random.Generator], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Draw each picture's moves from its own generator; return row and column matrices, (n, 1, length, length)."""
    views = [_view(moves, rng) for rng in rngs]
    rows = [_matrix(size[0], view.zoom, view.shift[0]) for view in views]
    columns = [_matrix(size[1], view.zoom, view.shift[1]) for view in views]
    return np.stack(rows)[:, None], np.stack(columns)[:, None]


def _view(moves: Sequence[Move], rng: np.random.Generator) -> View:
    view = View(1.0, np.zeros(2))
    for move in moves:
        view = move(view, rng)
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


def nothing(numbers: Any) -> list[Any]:
    """Return the moments of an update that remembers nothing."""
    return []


@dataclass(frozen=True)
class Update:
    """One step up: `apply(numbers, gradient, moments, count)` returns the numbers and the moments after it.

    `numbers` and `gradient` are (picture, ...), `count` is 1.0 at the first step. `moments(numbers)` returns the tensors to remember from
    step to step, as they are before the first; by default none. Pictures that no longer rise leave the batch if each of
    these has a row for each picture; else all stay.
    """

    apply: Callable[[Any, Any, list[Any], Any], tuple[Any, list[Any]]]
    moments: Callable[[Any], list[Any]] = nothing


UPDATES: Registry[Update] = Registry("update", group="convscope.ascent_updates")


def as_update(update: Any) -> Update:
    """Return the update that a name of UPDATES means, or an Update as it is. Raises OptionError."""
    if isinstance(update, str):
        return UPDATES.get(update)
    if not isinstance(update, Update):
        raise OptionError(f"`update` is {update!r}. Expected one of {', '.join(UPDATES)}, or a convscope.ascent.Update.")
    return update


def adam(rate: float, shared: Callable[[Any], Any] | None = None) -> Update:
    """Climb by Adam's rule (Kingma & Ba 2015) with its usual constants, but second moments that numbers share.

    `shared` takes the squares of a gradient (picture, ...) to those that are averaged over the steps, one for each number
    or for several; by default `of_picture`.
    """
    share = shared or of_picture

    def moments(numbers: Any) -> list[Any]:
        return [ops.zeros_like(numbers), share(ops.zeros_like(numbers))]

    def apply(numbers: Any, gradient: Any, moments: list[Any], count: Any) -> tuple[Any, list[Any]]:
        first = 0.9 * moments[0] + 0.1 * gradient
        second = 0.999 * moments[1] + 0.001 * share(gradient * gradient)
        corrected = ops.sqrt(second / (1.0 - ops.power(0.999, count))) + 1e-8
        return numbers + rate * (first / (1.0 - ops.power(0.9, count))) / corrected, [first, second]

    return Update(apply, moments)


def of_picture(squares: Any) -> Any:
    """Return the mean over each picture: numbers that matter little move little."""
    return ops.mean(squares, axis=_but_first(squares), keepdims=True)


def _but_first(values: Any) -> tuple[int, ...]:
    """Return all axes but that of the pictures."""
    return tuple(range(1, len(values.shape)))


def of_ring(squares: Any) -> Any:
    """Return the geometric mean of the mean over each ring of waves, colours together, and of that over the picture.

    With the picture's alone the finest waves hardly move, and those of four to eight pixels stand in for them, as a lattice of dots. With
    the ring's alone fine waves that the network hardly sees move as much as all others: grain, and the more the earlier the layer.
    """
    height, width = squares.shape[2:]
    return ops.sqrt(rings_of(height, width).means(ops.mean(squares, axis=1, keepdims=True)) * of_picture(squares))


def of_number(squares: Any) -> Any:
    """Return the squares: all numbers move alike. Phases, of which none is larger than another, need it."""
    return squares


def plain(rate: float) -> Update:
    """Climb along the gradient itself, its length set so that pixels change by `rate` in the root mean square."""

    def apply(numbers: Any, gradient: Any, moments: list[Any], count: Any) -> tuple[Any, list[Any]]:
        length = ops.sqrt(ops.mean(gradient * gradient, axis=_but_first(gradient), keepdims=True))
        return numbers + rate * gradient / (length + 1e-12), moments

    return Update(apply)


def signed(rate: float) -> Update:
    """Move every number by `rate` in the gradient's direction, less and less: what finds a weak spot of a unit soonest."""

    def apply(numbers: Any, gradient: Any, moments: list[Any], count: Any) -> tuple[Any, list[Any]]:
        return numbers + rate / (1.0 + count / 8.0) * ops.sign(gradient), moments

    return Update(apply)


UPDATES.register("adam", adam(0.1))
UPDATES.register("plain", plain(0.01))
UPDATES.register("signed", signed(0.05))
