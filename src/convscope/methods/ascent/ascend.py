"""The one-liner over `AscentRun`: units in, pictures and honest scores out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backend import resolve_precision
from ...errors import OptionError
from ...expressions import as_objective
from ...graph.addresses import graph_of, unit_call
from ...graph.receptive import check_size, receptive_field
from ...models import ModelBundle, as_bundle
from ...results import Ascent, Provenance
from ...units import Unit
from ..common import class_names, network_input, numpy, require_images
from ..method import provenance
from .batching import batches
from .image import fourier, pixels
from .objectives import best_measure, form_of, largest, paper_measure, weights_of
from .run import AscentRun, AscentStep, adam, plain
from .targets import Target, array_inputs, as_targets, text_of, units_among
from .transforms import jitter, scale
from .watching import Frames, Stage, Watch, counting

MODES = ("best", "paper")
STEPS = {"best": 128, "paper": 64}
STANDARD = [jitter(4), scale([0.93, 0.965, 1.0, 1.035, 1.07]), jitter(4)]
# The noise to start from. On even grey many filters of low layers are silent everywhere and find no texture; a class
# unit is never silent, and noise would only get in its way.
NOISE_FOR_MAPS, NOISE_FOR_NEURONS = 0.15, 0.01
SMALLEST, LARGEST = 64, 160
# The device is waited for after so many steps: a GPU need not wait for Python at each, nor run far ahead of the bar and of Ctrl-C.
STEPS_AT_ONCE = 8


@dataclass(frozen=True)
class Settings:
    """How to climb, with every default decided, as the provenance records it."""

    mode: str
    steps: int
    size: int | None
    seed: int
    precision: str
    every: int | None = None


Compiled = dict[tuple[Any, ...], AscentStep]


def ascend(
    model: Any,
    units: Any,
    *,
    mode: str = "best",
    steps: int | None = None,
    size: int | None = None,
    seed: int = 0,
    precision: str = "auto",
    every: int | None = None,
    watch: Watch | None = None,
) -> Ascent:
    """Return for each unit a picture that excites it, found by gradient ascent.

    `mode="best"`: a Fourier image with decorrelated colours, small random moves inside the gradient, the value before
    the activation. A picture depends on its unit, its size and the seed, not on the other units asked for.
    `mode="paper"`: the literal loss of the original report, the sum of the filter's activations, climbed along the
    plain gradient from noise. `steps`: 128 and 64. `size`: side of the pictures in pixels; by default from the largest
    receptive field among the units (64 to 160), or the network's own where a dense layer fixes it. `precision`: "auto"
    computes in bfloat16 where the processor does so natively and it was measured to be faster; scores are always float32.
    `every`: keep the pictures after every so many steps too, as `.frames`, which are written as animations. `watch` is called
    with a `Stage` after each step, in place of the progress bar.

    `.images` is (unit, height, width, channel) in [0, 1], `.scores` each unit's largest activation on the 8-bit
    picture. Ctrl-C keeps what was reached. Raises UnitError, OptionError.

    >>> convscope.ascend(model, "block4_conv2:17").save("17.png")
    """
    bundle = as_bundle(model)
    require_images(bundle)
    settings = settle(mode=mode, steps=steps, size=size, seed=seed, precision=precision, every=every)
    return ascended(bundle, as_targets(bundle, units), settings, watch=watch)


def settle(
    *,
    mode: str = "best",
    steps: int | None = None,
    size: int | None = None,
    seed: int = 0,
    precision: str = "auto",
    every: int | None = None,
) -> Settings:
    """Return the options of `ascend` with their defaults decided. Raises OptionError."""
    if mode not in MODES:
        raise OptionError(f"No mode `{mode}`. Choose one of {', '.join(MODES)}.")
    if seed < 0:
        raise OptionError(f"`seed` is {seed}. Give 0 or more.")
    if every is not None and every < 1:
        raise OptionError(f"`every` is {every}. Give at least 1.")
    return Settings(mode, STEPS[mode] if steps is None else steps, size, seed, resolve_precision(precision), every)


def ascended(
    bundle: ModelBundle, units: Sequence[Target], settings: Settings, steps: Compiled | None = None, watch: Watch | None = None
) -> Ascent:
    """As `ascend`, for units and settings that are decided.

    `steps` are the compiled steps of earlier requests on this network, to be used again; `watch` is told of each step, in
    place of a progress bar.
    """
    canvas = canvas_of(bundle, units, settings)
    climb = _climb_all(bundle, units, canvas, settings, {} if steps is None else steps, watch)
    order = [climb.units.index(unit) for unit in units if unit in climb.units]
    reached = tuple(climb.units[place] for place in order)
    return Ascent(
        provenance=recorded(bundle, units, settings, climb.steps),
        class_names=class_names(bundle, units_among(reached)),
        units=reached,
        images=climb.images[order],
        scores=scores(bundle, reached, climb.images[order]),
        courses=climb.courses[:, order],
        mode=settings.mode,
        frames=tuple(climb.frames[place] for place in order) if settings.every else (),
        interrupted=climb.interrupted,
    )


def recorded(bundle: ModelBundle, units: Sequence[Target], settings: Settings, steps: int) -> Provenance:
    """Return the provenance of pictures of these units after so many steps."""
    parameters = asdict(settings) | {"units": [text_of(unit) for unit in units], "steps": steps}
    return provenance("ascend", bundle, array_inputs(units), parameters, settings.seed)


def scores(bundle: ModelBundle, targets: Sequence[Target], images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what each target amounts to on its own picture, in float32: a unit its largest activation, see `largest` for the rest."""
    graph = graph_of(bundle)
    found = [largest(graph, as_objective(one), network_input(bundle, image[None])) for one, image in zip(targets, images, strict=True)]
    return np.array(found, dtype=np.float32)


@dataclass(frozen=True)
class _Climb:
    """Pictures and the objective by (step, unit) of the units that were reached, in the order in which they were."""

    units: list[Target]
    images: NDArray[np.float32]
    courses: NDArray[np.float32]
    steps: int
    frames: list[tuple[NDArray[np.uint8], ...]]
    interrupted: bool = False


def _climb_all(
    bundle: ModelBundle, units: Sequence[Target], canvas: tuple[int, int], settings: Settings, steps: Compiled, watch: Watch | None
) -> _Climb:
    """Climb batch by batch; Ctrl-C ends it with what was reached, and passes on where nothing was."""
    groups = list(batches(units, canvas))
    watch = watch or counting(len(groups) * settings.steps)
    climbs: list[_Climb] = []
    for group in groups:
        climb = _climb(bundle, _step(bundle, group[0], canvas, settings, steps), group, settings, watch)
        if climb.steps:
            climbs.append(climb)
        if climb.interrupted:
            break
    if not climbs:
        raise KeyboardInterrupt
    most = max(climb.steps for climb in climbs)
    padded = [np.pad(one.courses, ((0, most - one.steps), (0, 0)), constant_values=np.nan) for one in climbs]
    return _Climb(
        units=[unit for climb in climbs for unit in climb.units],
        images=np.concatenate([climb.images for climb in climbs]),
        courses=np.concatenate(padded, axis=1),
        steps=most,
        frames=[frames for climb in climbs for frames in climb.frames],
        interrupted=climb.interrupted,
    )


def _climb(bundle: ModelBundle, step: AscentStep, units: list[Target], settings: Settings, watch: Watch) -> _Climb:
    """Climb for targets of one form until the steps are done or Ctrl-C."""
    rngs = [np.random.default_rng([settings.seed, *str(unit).encode()]) for unit in units]
    run = AscentRun(step, weights_of(graph_of(bundle), [as_objective(unit) for unit in units]), rngs)
    course: list[Any] = []
    frames = Frames(settings.every)
    interrupted = False
    try:
        frames.see(Stage(units, 0, settings.steps, run.pictures))
        for count in range(1, settings.steps + 1):
            course.append(run.step())
            if count % STEPS_AT_ONCE == 0:
                numpy(course[-1])
            stage = Stage(units, count, settings.steps, run.pictures)
            frames.see(stage)
            watch(stage)
    except KeyboardInterrupt:
        interrupted = True
    values = np.array([numpy(one) for one in course], dtype=np.float32).reshape(-1, len(units))
    return _Climb(units, run.pictures(), values, len(course), frames.by_unit(), interrupted)


def _step(bundle: ModelBundle, target: Target, canvas: tuple[int, int], settings: Settings, steps: Compiled) -> AscentStep:
    """Return the step for all targets of the form of `target`, compiled before or now; one is kept, because it holds memory."""
    key = (form_of(as_objective(target)), canvas, settings)
    if key not in steps:
        steps.clear()
        steps[key] = _new_step(bundle, target, canvas, settings)
    return steps[key]


def _new_step(bundle: ModelBundle, target: Target, canvas: tuple[int, int], settings: Settings) -> AscentStep:
    graph, form = graph_of(bundle), form_of(as_objective(target))
    if settings.mode == "paper":
        measure, image = paper_measure(graph, form), pixels(*canvas, bundle.channels)
        moves, update = [], plain(0.01)
    else:
        noise = NOISE_FOR_NEURONS if _flatten(graph, [target]) else NOISE_FOR_MAPS
        measure, image = best_measure(graph, form), fourier(*canvas, bundle.channels, deviation=noise)
        moves, update = STANDARD, adam(0.05)
    precision = settings.precision
    return AscentStep(bundle, graph, measure, image, transforms=moves, update=update, size=canvas, precision=precision)


def canvas_of(bundle: ModelBundle, targets: Sequence[Target], settings: Settings) -> tuple[int, int]:
    """Return the (height, width) of these units' pictures. Raises OptionError, ImageError for one that is too small to reach a unit."""
    canvas = _canvas(bundle, targets, settings)
    for unit in _units_in(targets):
        check_size(graph_of(bundle), unit_call(graph_of(bundle), unit), canvas, unit.position)
    return canvas


def _canvas(bundle: ModelBundle, targets: Sequence[Target], settings: Settings) -> tuple[int, int]:
    """Return the pictures' (height, width). Raises OptionError for a size that the network or sense does not allow."""
    if settings.steps < 1:
        raise OptionError(f"`steps` is {settings.steps}. Give at least 1.")
    graph = graph_of(bundle)
    fixed = bundle.fixed_size if _flatten(graph, targets) else None
    if fixed is not None:
        if settings.size is not None and (settings.size, settings.size) != fixed:
            only = f"{fixed[0]} x {fixed[1]}"
            raise OptionError(f"`size` is {settings.size}; a dense layer before these units fixes it to {only}.")
        return fixed
    if settings.size is None:
        side = max(_derived_side(bundle, unit) for unit in _units_in(targets))
        return side, side
    if not 8 <= settings.size <= 4096:
        raise OptionError(f"`size` is {settings.size}. Give 8 to 4096 pixels.")
    return settings.size, settings.size


def _units_in(targets: Sequence[Target]) -> list[Unit]:
    """Return a unit for each layer and position that the targets are made of: what decides the size of their pictures."""
    terms = [term for target in targets for term in as_objective(target).terms]
    return list(dict.fromkeys(Unit(term.layer, 0, term.position) for term in terms))


def _flatten(graph: Any, targets: Sequence[Target]) -> bool:
    """Say whether a dense layer or the like comes before one of the targets, or is one."""
    calls = [unit_call(graph, unit).index for unit in _units_in(targets)]
    return any(len(call.shape) != 4 for call in graph.ancestors(calls))


def _derived_side(bundle: ModelBundle, unit: Unit) -> int:
    """Return half as much again as the receptive field, in steps of 32 pixels."""
    graph = graph_of(bundle)
    call = unit_call(graph, unit)
    if len(call.shape) != 4:
        return bundle.size[0]
    field = receptive_field(graph, call, (0, 0), (LARGEST, LARGEST))
    return int(min(max(-(-field.height * 3 // 2 // 32) * 32, SMALLEST), LARGEST))
