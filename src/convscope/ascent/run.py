"""The lower storey: one ascent for a batch of pictures, a step at a time; compiled once for all batches of a layer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backend import compiled, engine, ops
from ..errors import ConvscopeError
from ..expressions import Objective
from ..graph.history import at_precision
from ..graph.projector import Projector
from ..graph.tensors import to_array
from ..network.network import Network
from ..progress import track
from ..units import Unit
from .image import Parametrisation
from .objective import Measure
from .transforms import Transform, sampling
from .update import Update


@dataclass(frozen=True)
class Stage:
    """How far a batch has climbed: `step` of at most `steps`, 0 before the first; `pictures()` returns its pictures as they stand.

    `last`: no step follows.
    """

    units: Sequence[Unit | Objective]
    step: int
    steps: int
    pictures: Callable[[], NDArray[np.float32]]
    last: bool = False


Watch = Callable[[Stage], object]


def counting(steps: int) -> Watch:
    """Return what shows a progress bar over so many steps; a batch that needs fewer than it may take counts as all of them."""
    ticks = iter(track(range(steps), "ascending"))

    def watch(stage: Stage) -> None:
        for _ in range(1 + (stage.steps - stage.step if stage.last else 0)):
            next(ticks, None)

    return watch


class Frames:
    """Keeps the pictures of a batch at its start, after every so many steps and at its end, as 8-bit arrays."""

    def __init__(self, every: int | None) -> None:
        self._every = every
        self._seen: dict[int, NDArray[np.uint8]] = {}

    def see(self, stage: Stage) -> None:
        """Keep the pictures of a stage, if it is one to be kept."""
        if self._every and (stage.step % self._every == 0 or stage.last):
            self._seen[stage.step] = np.round(stage.pictures() * 255.0).astype(np.uint8)

    def by_unit(self) -> list[tuple[NDArray[np.uint8], ...]]:
        """Return the frames of each unit in turn."""
        return [tuple(frame) for frame in zip(*self._seen.values(), strict=True)]


class AscentStep:
    """One compiled step, cut at the objective's calls: for every batch of pictures that climbs this objective on this canvas.

    What differs between batches enters as tensors, so a layer's units share one compilation, however many batches they make.
    """

    def __init__(
        self,
        network: Network,
        measure: Measure,
        image: Parametrisation,
        *,
        transforms: Sequence[Transform],
        update: Update,
        size: tuple[int, int],
        precision: str = "float32",
    ) -> None:
        self.image, self.transforms, self.size, self.update = image, transforms, size, update
        bundle, graph, targets = network.bundle, at_precision(network.graph, precision), [call.index for call in measure.calls]

        def climb(numbers: Any, weights: list[Any], rows: Any, columns: Any) -> tuple[Any, Any]:
            pictures = image.pictures(numbers)
            if transforms:
                pictures = ops.matmul(ops.matmul(rows, pictures), ops.transpose(columns, (0, 1, 3, 2)))
            entered = bundle.preprocessing.apply(ops.transpose(pictures, (0, 2, 3, 1)))
            values = measure.measure(graph.run(entered, targets), weights)
            return ops.sum(values), values

        differentiated = engine().value_and_gradient(climb)

        def explain(error: Exception) -> ConvscopeError:
            grey = bundle.preprocessing.apply(ops.full((1, *size, bundle.channels), 0.5))
            return Projector.explain(graph, grey, measure.calls, error)

        def step(
            numbers: Any, moments: list[Any], count: Any, climbing: Any, weights: list[Any], rows: Any, columns: Any
        ) -> tuple[Any, list[Any], Any]:
            values, gradient = differentiated(numbers, weights, rows, columns)
            gradient = ops.where(ops.isfinite(gradient), gradient, 0.0)  # a root's at zero would make the whole picture no number
            moved, moments = update.apply(numbers, gradient, moments, count)
            return ops.where(climbing, image.settled(moved), numbers), moments, values

        self.compiled, self.explain = compiled(step), explain


class _State(NamedTuple):
    """Where a climb stands; replaced as one, so that an interrupt finds either the old or the new. `values`: before the last step."""

    steps: int
    numbers: Any
    moments: list[Any]
    values: Any = None


class AscentRun:
    """One batch of pictures on its way up; picture i climbs the objective with row i of each of `weights` (see `weights_of`).

    Noise and moves are drawn in NumPy, each picture's from its own of `rngs`, so that every backend starts and moves alike and a
    picture does not depend on its neighbours. `starts`: the numbers of each picture to begin with, drawn by default.
    """

    def __init__(
        self,
        step: AscentStep,
        weights: Sequence[NDArray[np.float32]],
        rngs: Sequence[np.random.Generator],
        starts: Sequence[NDArray[np.float32]] | None = None,
    ) -> None:
        self._step, self._rngs = step, rngs
        self._weights = [ops.convert_to_tensor(one) for one in weights]
        begun = [step.image.initial(rng) for rng in rngs] if starts is None else starts
        numbers = ops.convert_to_tensor(np.stack(begun))
        self._state = _State(0, numbers, step.update.moments(numbers))
        self._climbing = np.ones((len(begun), *[1] * (np.ndim(begun[0]))), dtype=bool)

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return self._state.steps

    @property
    def values(self) -> Any:
        """What the last step returned."""
        return self._state.values

    def step(self) -> Any:
        """Climb once; return the objective of each picture before the step as a tensor (count,), perhaps still being computed.

        Reading it waits for the device; whoever reads it only now and then keeps a GPU busy.
        """
        before = self._state
        drawn = sampling(self._step.transforms, self._rngs, self._step.size)
        rows, columns = (ops.convert_to_tensor(matrices) for matrices in drawn)
        count, climbing = ops.convert_to_tensor(np.float32(before.steps + 1)), ops.convert_to_tensor(self._climbing)
        try:
            after = self._step.compiled(before.numbers, before.moments, count, climbing, self._weights, rows, columns)
        except ConvscopeError:
            raise
        except Exception as error:
            raise self._step.explain(error) from error
        self._state = _State(before.steps + 1, *after)
        return self._state.values

    def hold(self, places: NDArray[np.bool_]) -> bool:
        """Leave these pictures as they are from now on; return whether any still climbs."""
        self._climbing[places] = False
        return bool(self._climbing.any())

    def pictures(self) -> NDArray[np.float32]:
        """Return the pictures as they stand, rounded to 8 bits: (count, height, width, channel) in [0, 1]."""
        found = np.moveaxis(to_array(self._step.image.pictures(self._state.numbers)), 1, -1)
        return (np.round(found * 255.0) / np.float32(255.0)).astype(np.float32)
