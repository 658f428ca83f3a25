"""The one-liner over `AscentRun`: units in, pictures and honest scores out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np

from ..backend import resolve_precision
from ..backend.precision import PRECISIONS
from ..errors import OptionError
from ..expressions import Function
from ..graph.calls import Graph
from ..graph.finite import weight_notes
from ..graph.kinds import Kind
from ..graph.saturation import own_values
from ..hints import option
from ..method import provenance
from ..models import names_classes
from ..network.addresses import class_names
from ..network.entering import require_images
from ..network.network import Network, as_network
from ..network.targets import Target, array_inputs, as_targets, recorded_as
from ..options import IMAGES as OF_IMAGES
from ..options import Opt, Options, Stop, Theme, check_options, options_of
from ..projection.slopes import slope_notes
from ..registry import Registry
from ..results import Ascent, FloatArray, Provenance
from ..units import Unit
from .climb import ATTEMPTS, Climbed, Climber
from .image import IMAGES
from .inputs import RealImages, Size, canvas_of, said_of, start_of
from .moves import TRANSFORMS, UPDATES
from .objective import scored_calls
from .run import Watch

MODES = ("best", "paper")
PAPER_STEPS = 64
# Far more than any picture needs: a file that asks for more is made to never end.
MOST_STEPS, MOST_COPIES, MOST_SEED = 100_000, 1_000, 2**64 - 1

Steps = Annotated[
    int | None,
    Opt("Number of steps.", least=1, most=MOST_STEPS, shown="until the score hardly rises"),
]
Side = Annotated[Any | int | None, Opt("Side of the pictures, 8 to 4096 pixels.", shown="from the receptive field")]
Seed = Annotated[int, Opt("Seed of the noise. The same seed gives the same picture.", least=0, most=MOST_SEED)]
Precision = Annotated[str, Opt("Number format of the network. `auto` uses bfloat16 if it is faster here.", choices=PRECISIONS)]

# The parts that a user can replace, and the registries that know them by name.
PARTS: dict[str, Registry[Any]] = {"image": IMAGES, "transforms": TRANSFORMS, "update": UPDATES, "attempts": ATTEMPTS}
NOT_FINITE = '"not finite": the values of the unit are NaN or infinite, so ascent has nothing to increase.'


def ascend(
    model: Any,
    units: Any,
    *,
    mode: Annotated[
        str, Opt("`best`: clearest pictures, no tuning. `paper`: the loss of the original report, 64 steps.", choices=MODES, asked=True)
    ] = "best",
    steps: Steps = None,
    size: Side = None,
    image: Annotated[
        Any | str,
        Opt(
            "How the picture is built: from waves (`fourier`), from phases of natural magnitudes (`maco`) or from `pixels`.",
            choices=tuple(IMAGES),
        ),
    ] = "fourier",
    diversity: Annotated[int, Opt("Make N different pictures of each unit.", least=1, most=MOST_COPIES, metavar="N")] = 1,
    start: Annotated[
        Any | str | None, Opt("Start from this photograph. UNIT may then be a whole layer (DeepDream).", metavar="IMAGE", names=OF_IMAGES)
    ] = None,
    real: Annotated[
        Any | str | None,
        Opt(
            "Real images: scores are compared with theirs, and units that noise cannot excite start from their strongest patch.",
            metavar="IMAGES",
            names=OF_IMAGES,
        ),
    ] = None,
    spectrum: Annotated[
        Any | str | None, Opt("With --image maco: images that provide the Fourier magnitudes.", metavar="IMAGES", names=OF_IMAGES)
    ] = None,
    norm: Annotated[float | None, Opt("With --mode paper: keep the picture at this distance from mid-grey.", above=0)] = None,
    seed: Seed = 0,
    precision: Precision = "auto",
    every: Annotated[
        int | None,
        Opt("Also write an animation: one frame for every N steps.", least=1, most=MOST_STEPS, metavar="N"),
    ] = None,
    transforms: Annotated[Any | str | None, Opt("Moves inside the gradient.", hidden=True)] = None,
    update: Annotated[Any | str | None, Opt("How a step follows from the gradient.", hidden=True)] = None,
    attempts: Annotated[Any | None, Opt("What is tried in turn.", hidden=True)] = None,
    theme: Theme = "light",
    stop: Stop = None,
    watch: Watch | None = None,
) -> Ascent:
    """Return for each unit a picture that excites it, made by gradient ascent.

    - `units`: addresses, or expressions of them (see `convscope.objective`). With a `start`, bare layers too.
    - `mode`: "best" needs no tuning. It climbs on a Fourier image with decorrelated colours, under small random moves, on the value
      before the activation, in each part of the canvas. A picture ends when its value hardly rises. If it does not excite the unit, other
      attempts follow (docs/methods.md). A picture depends on its unit, its size and the seed, not on other units. "paper" is the loss of
      the original report: the sum of the unit's activations, along the plain gradient, from noise.
    - `steps`: how many, 64 by default in mode "paper". `norm`: in mode "paper", stay on the sphere of this distance from mid-grey (Erhan
      et al. 2009).
    - `size`: side of the pictures in pixels, or (height, width). By default it follows the largest receptive field (64 to 192), or the
      network's own size where a dense layer fixes it. `seed`: of the noise and the moves.
    - `image`: "fourier", or "maco": only phases climb, with the magnitudes of natural images (Fel et al. 2023) or of the images
      `spectrum`.
    - `image`, `transforms`, `update`, `attempts`: parts of your own, or other parts by name (see `convscope.ascent` and
      docs/extending.md). If a part is replaced, there are no further attempts.
    - `diversity`: make N different pictures of each unit. `start`: a photograph to start from, in its own shape (DeepDream).
    - `real`: images to compare with. `.real` is each unit's largest activation among them. A unit that noise cannot excite also starts
      from its strongest patch in them.
    - `precision`: "auto" computes in bfloat16 if the processor does so natively and it is faster. Scores are always float32.
    - `every`: keep the pictures after every N steps, as `.frames`. They are written as animations.
    - `theme`: "light" or "dark". `stop`: end after this many steps of all pictures together; an interrupted result records it.
    - `watch`: a function that gets a `Stage` after each step, instead of the progress bar.

    `.images` is (picture, height, width, channel) in [0, 1]. `.scores` are each unit's largest activation on the 8-bit picture, before a
    flat activation; `.values` are those after it. Ctrl-C keeps the units that have a picture. Raises UnitError, OptionError, ImageError.

    >>> convscope.ascend(model, "block4_conv2:17").save("17.png")
    """
    decided = settle(check_options(ascend, locals()))
    network = as_network(model, classes=names_classes(units))
    require_images(network.bundle)
    targets = as_targets(network, units, start=start is not None)
    return ascended(climber_of(network, targets, decided), targets, watch)


def settle(options: Options) -> Options:
    """Return the options of `ascend` with their defaults decided. Raises OptionError for those that do not go together."""
    if options.norm is not None and options.mode != "paper":
        raise OptionError(f"`norm` is {options.norm} in mode `{options.mode}`. Use a distance above 0, and {option('mode', 'paper')}.")
    own = [name for name in ("transforms", "update", "attempts") if getattr(options, name) is not None]
    if options.mode == "paper" and (options.image != "fourier" or options.diversity > 1 or options.start is not None or own):
        raise OptionError(
            f"{option('mode', 'paper')} is the original report's loss alone: it takes no diversity, start, or other parts. Leave them out."
        )
    if options.attempts is not None and (options.image != "fourier" or options.steps is not None or len(own) > 1):
        raise OptionError("`attempts` say which image, transforms, update and steps there are. Leave those out.")
    if options.image == "maco" and options.start is not None:
        raise OptionError(
            f"{option('image', 'maco')} holds the magnitudes of natural images, so it cannot start from an image. Leave one of them out."
        )
    if options.spectrum is not None and options.image != "maco":
        raise OptionError(f"`spectrum` sets the magnitudes of MACO. Add {option('image', 'maco')}, or leave it out.")
    steps = PAPER_STEPS if options.mode == "paper" and options.steps is None else options.steps
    return options.but(steps=steps, size=_as_size(options.size), precision=resolve_precision(options.precision))


def _as_size(size: Any) -> Size:
    if size is None or isinstance(size, int):
        return size
    sides = [getattr(side, "item", lambda side=side: side)() for side in size] if isinstance(size, list | tuple) else []
    if len(sides) == 2 and all(isinstance(side, int) and not isinstance(side, bool) for side in sides):
        return sides[0], sides[1]
    raise OptionError(f"`size` is {size!r}. Expected the side of the pictures in pixels, or their height and width.")


def climber_of(network: Network, targets: Sequence[Target], settings: Options) -> Climber:
    """Return what climbs for these targets, with the pictures that the settings name read. Raises ImageError."""
    start, inputs = (None, ()) if settings.start is None else start_of(network, targets, settings.start, settings.size)
    return Climber(
        network,
        settings,
        start=start,
        real=None if settings.real is None else RealImages(network, settings.real),
        inputs=inputs,
    )


def canvas_for(climber: Climber, targets: Sequence[Target]) -> tuple[int, int]:
    """Return the (height, width) of these targets' pictures. Raises OptionError, ImageError."""
    start = climber.start
    return canvas_of(climber.network, targets, climber.settings.size, None if start is None else (start.shape[0], start.shape[1]))


def ascended(climber: Climber, targets: Sequence[Target], watch: Watch | None = None) -> Ascent:
    """As `ascend`, for resolved targets and settings. `watch` gets each step, instead of a progress bar."""
    return record_of(climber, targets, climber.climb(targets, canvas_for(climber, targets), watch))


def record_of(climber: Climber, asked: Sequence[Target], climbed: Climbed) -> Ascent:
    """Return the record of pictures that were climbed, or read again, for targets among those that were `asked` for.

    Ctrl-C while the real images are measured costs only the comparison with them.
    """
    reached, network = climbed.targets, climber.network
    units = recorded_as(reached)
    beside, cut_short = _real_values(climber.real, reached)
    if beside is None:  # as if none had been given, which is how it is made again
        climber = replace(climber, real=None, settings=climber.settings.but(real=None))
    climbed = replace(climbed, interrupted=climbed.interrupted or cut_short)
    real = climber.real
    record = Ascent(
        provenance=recorded(climber, tuple(dict.fromkeys(reached)) if climbed.interrupted else asked, climbed),
        notes=real.notes if real is not None else (),
        class_names=class_names(network, (unit for unit in units if isinstance(unit, Unit))),
        units=units,
        images=climbed.images,
        scores=climbed.scores,
        margins=climbed.margins,
        values=np.array([_after(network, *pair) for pair in zip(reached, climbed.scores, strict=True)], dtype=np.float32),
        courses=climbed.courses,
        mode=climber.settings.mode,
        real=beside,
        frames=climbed.frames if climber.settings.every else (),
        interrupted=climbed.interrupted,
        theme=climber.settings.theme,
    )
    layers = dict.fromkeys(term.layer for target in reached for term in target.terms)
    notes = (
        *(climber.verdict(reached) if record.dead.any() else ()),
        *_lifted_notes(network.graph, [target for target, dead in zip(reached, record.dead, strict=True) if dead]),
        *((NOT_FINITE,) if record.not_finite.any() else ()),
        *_flat_notes(reached, climbed.courses),
        *slope_notes(network.graph, scored_calls(network.graph, reached), (climbed.images.shape[1], climbed.images.shape[2])),
        *weight_notes(network.graph, map(network.graph.find, layers)),
    )
    return replace(record, notes=(*notes, *record.notes))


def _lifted_notes(graph: Graph, dead: Sequence[Target]) -> Iterator[str]:
    """Yield a sentence for each batch normalization behind dead units: its shift may lift what lies below zero."""
    lifted: dict[str, int] = {}
    for target in dead:
        calls = {call.index for call in scored_calls(graph, [target])}
        for call in graph.calls:
            if target.unit is not None and call.kind is Kind.NORMALIZATION and calls & {source.call for source in call.sources}:
                lifted.setdefault(call.address, target.unit.channel)
    for address, channel in lifted.items():
        said = f'"dead" is said of values before `{address}`, which may lift them above zero.'
        yield f"{said} Try the same units there, such as `{address}:{channel}`."


def _flat_notes(targets: Sequence[Target], courses: FloatArray) -> Iterator[str]:
    """Yield a sentence for each user's function that was the same at every step: nothing led away from the noise."""
    for target, course in zip(targets, courses.T, strict=True):
        values = course[np.isfinite(course)]
        if len(values) > 1 and np.ptp(values) == 0 and any(isinstance(term.channel, Function) for term in target.terms):
            yield f"`{target}` is {values[0]:.4g} at every step, so its picture is the noise it started from. Is its gradient zero there?"


def _real_values(real: RealImages | None, targets: Sequence[Target]) -> tuple[FloatArray | None, bool]:
    """Return each target's largest value over the real images, None without any measured, and whether Ctrl-C ended it."""
    if real is None:
        return None, False
    values = np.full(len(targets), np.nan, np.float32)
    try:
        for place, target in enumerate(targets):
            values[place] = real.value(target)
    except KeyboardInterrupt:
        return (values if real.inputs else None), True
    return values, False


def _after(network: Network, target: Target, score: float) -> float:
    """Return the value after its activation of a unit that is scored before one that is flat above; of all else the score."""
    return score if target.unit is None else float(own_values(network.graph, target.unit, np.array([score], np.float32))[0])


def recorded(climber: Climber, targets: Sequence[Target], climbed: Climbed | None = None) -> Provenance:
    """Return the provenance of pictures of these targets.

    Of an interrupted climb it holds all that makes the same ones again: after how many steps it ended, and the size, which was that of all
    pictures that were asked for.
    """
    settings = climber.settings
    parts = {name: registry.name_of(part) for name, registry in PARTS.items() if (part := getattr(settings, name)) is not None}
    parameters = {name: value for name, value in settings.recorded().items() if name not in PARTS} | parts
    parameters |= {one.name: said_of(getattr(settings, one.name)) for one in options_of(ascend) if one.names == OF_IMAGES}
    parameters["units"] = [target.recorded for target in targets]
    if climbed is not None and climbed.interrupted:
        height, width = climbed.images.shape[1:3]
        square = climber.start is None and height == width
        parameters |= {"stop": climbed.steps, "size": height if square else [height, width]}
    elif settings.stop is not None:
        parameters["stop"] = settings.stop
    inputs = (*array_inputs(targets), *climber.inputs, *(climber.real.inputs if climber.real is not None else ()))
    return provenance("ascend", climber.network.bundle, inputs, parameters, settings.seed)
