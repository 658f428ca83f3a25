"""How a gradient moves the numbers behind a picture: the rules of the climb."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..backend import ops
from ..errors import OptionError
from ..registry import Registry
from .image import rings_of


def nothing(numbers: Any) -> list[Any]:
    """Return the moments of an update that remembers nothing."""
    return []


@dataclass(frozen=True)
class Update:
    """One step up: `apply(numbers, gradient, moments, count)` returns the numbers and the moments after it.

    `numbers` and `gradient` are (picture, ...), `count` is 1.0 at the first step. `moments(numbers)` returns the tensors to remember from
    step to step, as they are before the first; by default none.
    """

    apply: Callable[[Any, Any, list[Any], Any], tuple[Any, list[Any]]]
    moments: Callable[[Any], list[Any]] = nothing


UPDATES: Registry[Update] = Registry("update", group="convscope.ascent_updates")


def as_update(given: Any) -> Update:
    """Return the update that a name of UPDATES means, or an Update as it is. Raises OptionError."""
    if isinstance(given, str):
        return UPDATES.get(given)
    if not isinstance(given, Update):
        raise OptionError(f"`update` is {given!r}. Expected one of {', '.join(UPDATES)}, or a convscope.ascent.Update.")
    return given


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
