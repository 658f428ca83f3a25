"""The lower storey: one ascent for units of one layer, a step at a time."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backend import engine, ops
from ...graph.calls import Graph
from ...graph.history import at_precision
from ...models import ModelBundle
from ..common import numpy
from .image import Parametrisation
from .objectives import Objective
from .transforms import Transform, sampling

Update = Callable[[Any, Any, list[Any], Any], tuple[Any, list[Any]]]


class AscentRun:
    """Climbs `objective` for several pictures at once; a `step()` is one compiled call, cut at the objective's layer.

    Noise and moves are drawn in NumPy, each picture's from its own of `rngs`, so that every backend starts and moves
    alike and a picture does not depend on its neighbours.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        graph: Graph,
        objective: Objective,
        image: Parametrisation,
        *,
        transforms: Sequence[Transform],
        update: Update,
        rngs: Sequence[np.random.Generator],
        size: tuple[int, int],
        precision: str = "float32",
    ) -> None:
        self._transforms, self._size, self._rngs = transforms, size, rngs
        self._image = image
        self._numbers = ops.convert_to_tensor(np.stack([image.initial(rng) for rng in rngs]))
        self._moments = [ops.zeros_like(self._numbers), ops.zeros_like(self._numbers[:, :1, :1, :1])]
        self._steps = 0
        network = at_precision(graph, precision)

        def climb(numbers: Any, rows: Any, columns: Any) -> tuple[Any, Any]:
            pictures = image.pictures(numbers)
            if transforms:
                pictures = ops.matmul(ops.matmul(rows, pictures), ops.transpose(columns, (0, 1, 3, 2)))
            entered = bundle.preprocessing.apply(ops.transpose(pictures, (0, 2, 3, 1)))
            values = objective.measure(network.run(entered, [objective.call.index])[0])
            return ops.sum(values), values

        differentiated = engine().value_and_gradient(climb)

        def step(numbers: Any, moments: list[Any], count: Any, rows: Any, columns: Any) -> tuple[Any, list[Any], Any]:
            values, gradient = differentiated(numbers, rows, columns)
            numbers, moments = update(numbers, gradient, moments, count)
            return (ops.clip(numbers, 0.0, 1.0) if image.clipped else numbers), moments, values

        self._step = engine().compiled(step)

    def step(self) -> NDArray[np.float32]:
        """Climb once; return the objective of each picture before the step, (count,)."""
        self._steps += 1
        drawn = sampling(self._transforms, self._rngs, self._size)
        rows, columns = (ops.convert_to_tensor(matrices) for matrices in drawn)
        count = ops.convert_to_tensor(np.float32(self._steps))
        self._numbers, self._moments, values = self._step(self._numbers, self._moments, count, rows, columns)
        return numpy(values)

    def pictures(self) -> NDArray[np.float32]:
        """Return the pictures as they stand, rounded to 8 bits: (count, height, width, channel) in [0, 1]."""
        found = np.moveaxis(numpy(self._image.pictures(self._numbers)), 1, -1)
        return (np.round(found * 255.0) / np.float32(255.0)).astype(np.float32)


def adam(rate: float) -> Update:
    """Climb by Adam's rule (Kingma & Ba 2015) with its usual constants, but one second moment for each whole picture.

    So numbers that matter little move little. With a second moment each, all move alike, and the fine waves that the
    network hardly sees pile up as grain.
    """

    def update(numbers: Any, gradient: Any, moments: list[Any], count: Any) -> tuple[Any, list[Any]]:
        first = 0.9 * moments[0] + 0.1 * gradient
        second = 0.999 * moments[1] + 0.001 * ops.mean(gradient * gradient, axis=(1, 2, 3), keepdims=True)
        corrected = ops.sqrt(second / (1.0 - ops.power(0.999, count))) + 1e-8
        return numbers + rate * (first / (1.0 - ops.power(0.9, count))) / corrected, [first, second]

    return update


def plain(rate: float) -> Update:
    """Climb along the gradient itself, its length set so that pixels change by `rate` in the root mean square."""

    def update(numbers: Any, gradient: Any, moments: list[Any], count: Any) -> tuple[Any, list[Any]]:
        length = ops.sqrt(ops.mean(gradient * gradient, axis=(1, 2, 3), keepdims=True))
        return numbers + rate * gradient / (length + 1e-12), moments

    return update
