"""The lower storey: one ascent for a batch of pictures, a step at a time; compiled once for all batches of a layer."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backend import compiled, device_name, engine, keras, ops, resolve_precision
from ..backend.failures import ran_out
from ..errors import ConvscopeError, OptionError, first_sentence
from ..expressions import Objective
from ..graph.history import at_precision
from ..graph.projector import Projector
from ..graph.tensors import to_array
from ..legible import counted, told
from ..models import names_classes
from ..network.entering import require_images
from ..network.network import Network, as_network
from ..network.targets import Target, as_targets, recorded_as
from ..options import Options
from ..progress import track
from ..units import Unit
from .image import Parametrisation, as_image, parametrised
from .inputs import canvas_of
from .moves import Move, Pipeline, Transform, Update, as_transforms, as_update
from .objective import Measure, best_measure, form_of, require_gradients, weights_of

FloatArray = NDArray[np.float32]
# How far beyond [0, 1] arithmetic may leave a picture.
MARGIN = 1e-3
# The device is waited for after so many steps: a GPU need not wait for Python at each, nor run far ahead of the bar and of Ctrl-C.
STEPS_AT_ONCE = 8
# A picture is done when over the last WINDOW steps it gained less than WORTH of all that it gained before.
WINDOW, WORTH = 24, 0.08


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

    What differs between batches enters as tensors, so a layer's units share one compilation, however many batches they make. `measure`
    says what is climbed (`best_measure` and others make one), `image` is the parametrisation of pictures of `size` (height, width),
    `transforms` what is done to them before they enter the network, `update` how the gradient moves their numbers.
    """

    def __init__(
        self,
        network: Network,
        measure: Measure,
        image: Parametrisation,
        *,
        transforms: Sequence[Move | Transform],
        update: Update,
        size: tuple[int, int],
        precision: str = "float32",
    ) -> None:
        self.image, self.update, self.pipeline = image, update, Pipeline(transforms, size)
        self.shrinks = measure.any_count and engine().ANY_COUNT and device_name() == "cpu"  # a GPU computes many pictures as fast as few
        bundle, graph, targets = network.bundle, at_precision(network.graph, precision), [call.index for call in measure.calls]

        def climb(numbers: Any, weights: list[Any], drawn: list[list[Any]]) -> tuple[Any, Any]:
            with _in_part("image"):
                pictures = image.pictures(numbers)
            _check_shape("image", pictures, (bundle.channels, *size))
            with _in_part("transforms"):
                pictures = self.pipeline.apply(pictures, drawn)
            _check_shape("transforms", pictures, (bundle.channels, *size))
            entered = bundle.preprocessing.apply(ops.transpose(pictures, (0, 2, 3, 1)))
            values = measure.measure(graph.run(entered, targets), weights)
            return ops.sum(values), values

        differentiated = engine().value_and_gradient(climb)

        def explain(error: Exception) -> ConvscopeError:
            grey = bundle.preprocessing.apply(ops.full((1, *size, bundle.channels), 0.5))
            return Projector.explain(graph, grey, measure.calls, error)

        def step(
            numbers: Any, moments: list[Any], count: Any, climbing: Any, weights: list[Any], drawn: list[list[Any]]
        ) -> tuple[Any, list[Any], Any]:
            values, gradient = differentiated(numbers, weights, drawn)
            # One infinite slope, such as that of a root at zero, would spread to the whole picture at the next step.
            gradient = ops.where(ops.isfinite(gradient), gradient, 0.0)
            with _in_part("update"):
                moved, moments = update.apply(numbers, gradient, moments, count)
            _check_shape("update", moved, tuple(numbers.shape[1:]))
            return ops.where(climbing, image.settled(moved), numbers), moments, values

        self.compiled, self.explain = compiled(step), explain


@contextlib.contextmanager
def _in_part(name: str) -> Iterator[None]:
    """Say of an error inside a part, which may be the user's, that it comes from there and not from the network."""
    try:
        yield
    except Exception as error:
        if isinstance(error, ConvscopeError) or ran_out(error):
            raise
        fact = f"{type(error).__name__}: {first_sentence(error)}"
        raise OptionError(f"A function of `{name}` failed: {fact} docs/extending.md says what it gets and what it returns.") from error


def _check_shape(part: str, values: Any, wanted: tuple[int, ...]) -> None:
    """Raise OptionError for a part that returns something of another shape, which might be stretched to fit without a word."""
    shape = tuple(values.shape)
    if shape[1:] != wanted:
        sides = ", ".join(map(str, wanted))
        raise OptionError(f"`{part}` returned an array of shape {shape}. Return (picture, {sides}).")


class _State(NamedTuple):
    """Where a climb stands; replaced as one, so that an interrupt finds either the old or the new.

    `rows`: which pictures are still computed; all else is of these. `values`: before the last step.
    """

    rows: NDArray[np.int64]
    weights: list[Any]
    numbers: Any
    moments: list[Any]
    steps: int = 0
    values: Any = None


def rng_of(target: Target, seed: int, copy: int = 0) -> np.random.Generator:
    """Return the generator of a picture: it depends on its target, the seed, and which of several copies it is, not on other pictures."""
    return np.random.default_rng([seed, *([copy] if copy else []), *str(target).encode()])


class AscentRun:
    """One batch of pictures on its way up; picture i climbs the objective with row i of each of `weights` (see `weights_of`).

    Noise and moves are drawn in NumPy, each picture's from its own of `rngs`, so that every backend starts and moves alike and a
    picture does not depend on its neighbours. `starts`: the numbers of each picture to begin with, drawn by default. `copies`: how many
    pictures, one after the other, the objective compares.
    """

    def __init__(
        self,
        step: AscentStep,
        weights: Sequence[NDArray[np.float32]],
        rngs: Sequence[np.random.Generator],
        starts: Sequence[NDArray[np.float32]] | None = None,
        copies: int = 1,
    ) -> None:
        self._step, self._rngs, self._copies = step, rngs, copies
        with _in_part("image"):
            begun = np.stack([step.image.initial(rng) for rng in rngs] if starts is None else starts).astype(np.float32)
        numbers = ops.convert_to_tensor(begun)
        tensors = [ops.convert_to_tensor(one) for one in weights]
        moments = step.update.moments(numbers)
        self._state = _State(np.arange(len(begun)), tensors, numbers, moments)
        self._climbing = np.ones((len(begun), *[1] * (begun.ndim - 1)), dtype=bool)
        self._left = begun.copy()  # the numbers of pictures that are no longer computed
        self._has_rows = _have_rows(len(begun), moments, step.update.moments(numbers[:1]))

    def __repr__(self) -> str:
        return told(self, counted(len(self._rngs), "picture"), f"after {counted(self._state.steps, 'step')}")

    @classmethod
    def of(
        cls,
        model: Any,
        units: Any,
        *,
        image: Any = "fourier",
        transforms: Any = "standard",
        update: Any = "adam",
        size: int | tuple[int, int] | None = None,
        seed: int = 0,
        precision: str = "auto",
    ) -> "AscentRun":
        """Return a run at its start, of a picture for each of `units`, which are of one layer or of one form.

        The parts are names, or what `as_image`, `as_transforms` and `as_update` take; `units`, `size`, `seed` and `precision` are those of
        `convscope.ascend`. Raises UnitError, OptionError, ImageError.

        >>> run = convscope.ascent.AscentRun.of(model, "block4_conv2:0-7", update="signed")
        """
        network = as_network(model, classes=names_classes(units))
        require_images(network.bundle)
        targets = as_targets(network, units)
        forms = list(dict.fromkeys(map(form_of, targets)))
        if len(forms) > 1:
            raise OptionError(f"These units need {len(forms)} different steps. Use units of one layer, or one run for each.")
        canvas = canvas_of(network, targets, size)
        require_gradients(network, targets, canvas)
        step = AscentStep(
            network,
            best_measure(network.graph, forms[0]),
            parametrised(as_image(image), canvas, network.bundle.channels),
            transforms=as_transforms(transforms)(min(canvas)),
            update=as_update(update),
            size=canvas,
            precision=resolve_precision(precision),
        )
        return cls(step, weights_of(network.graph, targets), [rng_of(target, seed) for target in targets])

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return self._state.steps

    @property
    def rows(self) -> NDArray[np.int64]:
        """Which pictures the next step computes: all, until `hold` lets some go."""
        return self._state.rows

    @property
    def values(self) -> Any:
        """What the last step returned, of the pictures that it computed."""
        return self._state.values

    def step(self) -> Any:
        """Climb once; return the objective of each of `rows` before the step as a tensor (row,), perhaps still being computed.

        Reading it waits for the device; whoever reads it only now and then keeps a GPU busy.
        """
        before = self._state
        with _in_part("transforms"):
            drawn = self._step.pipeline.draw([self._rngs[row] for row in before.rows])
        count, climbing = ops.convert_to_tensor(np.float32(before.steps + 1)), ops.convert_to_tensor(self._climbing[before.rows])
        try:
            numbers, moments, values = self._step.compiled(before.numbers, before.moments, count, climbing, before.weights, drawn)
        except ConvscopeError:
            raise
        except Exception as error:
            raise self._step.explain(error) from error
        self._state = before._replace(numbers=numbers, moments=moments, steps=before.steps + 1, values=values)
        return values

    def hold(self, places: NDArray[np.bool_]) -> bool:
        """Leave these pictures as they are from now on; return whether any still climbs.

        They are no longer computed where that saves time and all their copies are held too.
        """
        self._climbing[places] = False
        climbs = self._climbing.any()
        if climbs and self._step.shrinks and self._has_rows:
            self._let_go()
        return bool(climbs)

    def _let_go(self) -> None:
        """Take pictures that no longer climb out of the batch."""
        state = self._state
        climbing = self._climbing[state.rows].reshape(-1, self._copies).any(axis=1).repeat(self._copies)
        if climbing.all():
            return
        self._left[state.rows] = to_array(state.numbers)
        kept = np.flatnonzero(climbing)
        weights, numbers, moments = keras.tree.map_structure(
            lambda one: ops.take(one, kept, axis=0), (state.weights, state.numbers, state.moments)
        )
        self._state = state._replace(rows=state.rows[kept], weights=weights, numbers=numbers, moments=moments)

    def pictures(self) -> NDArray[np.float32]:
        """Return the pictures as they stand, rounded to 8 bits: (count, height, width, channel) in [0, 1]."""
        state, numbers = self._state, self._left.copy()
        numbers[state.rows] = to_array(state.numbers)
        pictures = np.moveaxis(to_array(self._step.image.pictures(ops.convert_to_tensor(numbers))), 1, -1)
        if pictures.min() < -MARGIN or pictures.max() > 1 + MARGIN:  # they would be written as other pictures
            low, high = f"{pictures.min():.3g}", f"{pictures.max():.3g}"
            raise OptionError(f"`image` made values from {low} to {high}. Return values from 0 to 1, for example by ops.sigmoid.")
        return (np.round(pictures * 255.0) / np.float32(255.0)).astype(np.float32)


def _have_rows(count: int, moments: Any, of_one: Any) -> bool:
    """Say whether all that is remembered of `count` pictures has a row for each, as what is remembered `of_one` of them tells."""
    many, one = ([tuple(getattr(tensor, "shape", ())) for tensor in some] for some in (moments, of_one))
    return all(shape == (count, *alone[1:]) and alone[:1] == (1,) for shape, alone in zip(many, one, strict=False))


def to_the_top(
    run: AscentRun, targets: Sequence[Target], steps: int, settings: Options, watch: Watch, left: int | None
) -> tuple[FloatArray, Frames, bool]:
    """Step until the steps are done, no picture rises any more (where the number of steps was not asked for), none is left, or Ctrl-C."""
    course: list[tuple[NDArray[np.int64], Any]] = []
    frames, interrupted = Frames(settings.every), False
    units, stopped = recorded_as(targets), np.zeros(len(targets), dtype=int)
    try:
        frames.see(Stage(units, 0, steps, run.pictures))
        for count in range(1, steps + 1):
            if left == count - 1:
                raise KeyboardInterrupt  # where the ascent that is made again was interrupted
            course.append((run.rows, run.step()))
            climbing = True
            if count % STEPS_AT_ONCE == 0:
                course[-STEPS_AT_ONCE:] = [(rows, to_array(values)) for rows, values in course[-STEPS_AT_ONCE:]]
                if settings.steps is None:
                    done = (stopped == 0) & _is_done(_course_of_all(course, len(targets)))
                    stopped[done] = count
                    climbing = run.hold(done)
            stage = Stage(units, count, steps, run.pictures, last=not climbing or count == steps)
            frames.see(stage)
            watch(stage)
            if not climbing:
                break
    except KeyboardInterrupt:
        interrupted = True
        if len(course) < run.steps:
            course.append((run.rows, run.values))
        frames.see(Stage(units, run.steps, steps, run.pictures, last=True))
    values = _course_of_all(course, len(targets))
    for place, end in enumerate(stopped):
        values[end or len(values) :, place] = np.nan
    return values, frames, interrupted


def _course_of_all(course: Sequence[tuple[NDArray[np.int64], Any]], count: int) -> FloatArray:
    """Return (step, picture) from the pictures that each step computed and its values; NaN for the others of `count`."""
    found = np.full((len(course), count), np.nan, np.float32)
    for step, (rows, values) in enumerate(course):
        found[step, rows] = to_array(values)
    return found


def _is_done(values: FloatArray) -> NDArray[np.bool_]:
    """Say which pictures gained little over the last steps of (step, picture); each by itself, so that none depends on its neighbours."""
    if len(values) < 2 * WINDOW:
        return np.zeros(values.shape[1], dtype=bool)
    last, before = values[-WINDOW:].mean(axis=0), values[-2 * WINDOW : -WINDOW].mean(axis=0)
    return np.asarray(last - before < WORTH * (before - values[0]))
