"""Climbs of many targets: batch by batch, attempt by attempt, from the best pictures to the last resort; what they share is kept here."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..graph.calls import Graph
from ..graph.finite import spoilt_units
from ..network.addresses import unit_call
from ..network.entering import network_input
from ..network.network import Network
from ..network.targets import Target
from ..options import Options
from ..registry import Registry
from .image import Image, as_image, fourier, maco, parametrised, pixels
from .inputs import RealImages, sees_all
from .moves import (
    Transforms,
    Update,
    adam,
    as_transforms,
    as_update,
    closer,
    of_number,
    of_ring,
    plain,
    signed,
    standard,
    still,
)
from .objective import (
    Form,
    Measure,
    best_measure,
    form_of,
    largest,
    paper_measure,
    peak_measure,
    require_gradients,
    weights_of,
)
from .run import AscentRun, AscentStep, Watch, counting, rng_of, to_the_top

FloatArray = NDArray[np.float32]
# Pictures that climb together: 16 of the usual size.
PIXELS_AT_ONCE = 16 * 128 * 128
MOST_BYTES, MOST_PIXELS = 4 * 2**30, 4096 * 4096
# The noise to start from. On even grey many units of low layers are silent everywhere and find no texture; a class
# unit is never silent, and noise would only get in its way.
NOISE_FOR_MAPS, NOISE_FOR_NEURONS = 0.15, 0.01
# How far the planes of a class may swing, of what those of others do: with all of it the clutter about an object is as loud as the object.
CALM = 0.8
MOST, MOST_TO_WAKE, DREAM = 128, 80, 32
# How much farther the planes of a picture may swing that is to wake a unit; it also starts from twice the noise, or more.
STRONG = 4.0


@dataclass(frozen=True)
class Attempt:
    """One way to climb, for at most `steps`. `words` name it in the note on a unit that nothing excites.

    `image`, `transforms` and `update` are names, or what `as_image`, `as_transforms` and `as_update` take. `measure` says which
    number of a unit's map is climbed: `best_measure`, `peak_measure` or `paper_measure`. `real`: it starts from the strongest real patch,
    and needs real images. Raises OptionError for a part that is something else.
    """

    words: str
    image: Image | str = "fourier"
    transforms: Transforms | str = "standard"
    update: Update | str = "adam"
    steps: int = MOST
    measure: Callable[[Graph, Form], Measure] = best_measure
    real: bool = False

    def __post_init__(self) -> None:
        # At once: a wrong part should not be noticed after minutes of other attempts.
        for name, resolved in (("image", as_image), ("transforms", as_transforms), ("update", as_update)):
            object.__setattr__(self, name, resolved(getattr(self, name)))


ATTEMPTS: Registry[Sequence[Attempt]] = Registry("attempt list", group="convscope.ascent_attempts")


def as_attempts(attempts: Any) -> list[Attempt]:
    """Return the attempts that a name of ATTEMPTS or a sequence of them means, at least one. Raises OptionError."""
    named = ATTEMPTS.get(attempts) if isinstance(attempts, str) else attempts
    listed = list(named) if isinstance(named, Iterable) else []
    if not listed or not all(isinstance(attempt, Attempt) for attempt in listed):
        raise OptionError(f"`attempts` is {attempts!r}. Expected a list of convscope.ascent.Attempt, in order.")
    return listed


def attempts_of(settings: Options, *, whole: bool) -> list[Attempt]:
    """Return the attempts for units that see the `whole` picture, such as classes, or of maps.

    Where the user replaces a part, only that is tried: what comes after would be pictures of other parts.
    """
    if settings.attempts is not None:
        return as_attempts(settings.attempts)
    first, others = _first(settings, whole), [] if settings.mode == "paper" or settings.start is not None else _waking(whole)
    own: dict[str, Any] = {name: value for name in ("transforms", "update") if (value := getattr(settings, name)) is not None}
    if settings.image not in ("fourier", "maco"):
        own = {"image": settings.image, "update": adam(0.1)} | own
    return [replace(first, words="the parts of the call", **own)] if own else [first, *others]


def _first(settings: Options, whole: bool) -> Attempt:
    """Return what is tried first: the best pictures for such units and settings."""
    steps = settings.steps or MOST
    if settings.mode == "paper":
        image = pixels(norm=settings.norm)
        return Attempt("pixels along the plain gradient", image, still, plain(0.01), steps, paper_measure)
    if settings.start is not None:
        # Between waves and pixels: a photograph keeps its light and colours while it takes on structure.
        image = fourier(deviation=0.0, contrast=None, decay=0.5)
        return Attempt("the start image", image, standard, adam(0.12), settings.steps or DREAM)
    if settings.image == "maco":
        return Attempt("phases from noise", maco(settings.spectrum), closer, adam(0.2, of_number), steps)
    if whole:
        image = fourier(deviation=NOISE_FOR_NEURONS, contrast=CALM, decay=1.25, natural=1.0)
        return Attempt("a Fourier image from noise", image, closer, adam(0.2, of_number), steps)
    return Attempt("a Fourier image from noise", fourier(deviation=NOISE_FOR_MAPS), standard, adam(0.1, of_ring), steps)


def _waking(whole: bool) -> list[Attempt]:
    """Return what is tried on units that the first attempt does not wake."""
    noise = NOISE_FOR_NEURONS if whole else NOISE_FOR_MAPS
    strong = fourier(deviation=2 * noise, contrast=STRONG, natural=None)
    loud = fourier(deviation=1.0, contrast=STRONG, natural=None)
    steps = MOST_TO_WAKE
    return [
        Attempt("stronger contrasts", strong, standard, adam(0.1), steps),
        Attempt("only its strongest position, from noise", strong, still, adam(0.05), steps, peak_measure),
        Attempt("its strongest position, from strong noise", loud, still, adam(0.1), steps, peak_measure),
        Attempt("plain pixels from the strongest real patch", pixels(deviation=0.0), still, signed(0.05), steps, peak_measure, real=True),
        Attempt("plain pixels from grey", pixels(deviation=0.05), still, signed(0.1), steps, peak_measure),
        Attempt("plain pixels from strong noise", pixels(deviation=0.3), still, signed(0.1), steps, peak_measure),
    ]


def batches(targets: Sequence[Target], canvas: tuple[int, int], copies: int = 1) -> Iterator[list[Target]]:
    """Yield the targets in batches of one form each, such as a layer's channels, small enough for memory with all their copies."""
    most = max(1, PIXELS_AT_ONCE // (canvas[0] * canvas[1] * copies))
    for together in by_form(targets).values():
        yield from (together[start : start + most] for start in range(0, len(together), most))


def by_form(targets: Iterable[Target]) -> dict[Form, list[Target]]:
    """Return the targets by their form: those of one can climb in one compiled step."""
    forms: dict[Form, list[Target]] = {}
    for target in targets:
        forms.setdefault(form_of(target), []).append(target)
    return forms


@dataclass(frozen=True)
class Climbed:
    """The pictures of some targets, `copies` of each, one after the other; `courses`: (step, picture) the objective, NaN where it
    stood still. `scores`: (picture,); `margins`: (picture,) what is above 0 where the unit is awake, see `largest`. `steps`: how many were
    taken for them in all, by whichever attempt. `interrupted`: Ctrl-C, or the `stop` of the settings, ended it before all was done.
    """

    targets: tuple[Target, ...]
    images: FloatArray
    scores: FloatArray
    margins: FloatArray
    courses: FloatArray
    frames: tuple[tuple[NDArray[np.uint8], ...], ...]
    steps: int
    interrupted: bool = False


@dataclass
class Climber:
    """What requests on one network with the same settings share: the compiled steps of the last layer, and the real images.

    `start`: the picture (height, width, channel) that all begin with; `real`: images to compare with and to start from. `inputs`: what the
    provenance records of the files that all this was read from, except the real images.
    """

    network: Network
    settings: Options
    start: FloatArray | None = None
    real: RealImages | None = None
    inputs: tuple[dict[str, Any], ...] = ()
    _steps: dict[Any, AscentStep] = field(default_factory=dict, repr=False)
    _attempts: dict[bool, list[Attempt]] = field(default_factory=dict, repr=False)

    def shared_with(self, other: "Climber") -> "Climber":
        """Return the other one, with what is compiled here: of the same network and settings except the real images."""
        return replace(other, _steps=self._steps)

    def climb(self, targets: Sequence[Target], canvas: tuple[int, int], watch: Watch | None = None) -> Climbed:
        """Climb for all targets on a canvas of (height, width); Ctrl-C keeps the pictures so far, and is passed on without any."""
        copies = self.settings.diversity
        self._check_room(len(targets) * copies, canvas, self.most_steps(targets))
        require_gradients(self.network, targets, canvas)
        groups = list(batches(targets, canvas, copies))
        watch = watch or counting(len(groups) * self.most_steps(targets))
        climbs: list[Climbed] = []
        left, interrupted = self.settings.stop, False
        try:
            for group in groups:
                climbed = self._climb_group(group, canvas, watch, left)
                if climbed.steps:
                    climbs.append(climbed)
                if interrupted := climbed.interrupted:
                    break
                left = _less(left, climbed.steps)
        except KeyboardInterrupt:  # before the pictures of a group were measured: those of the groups before it are kept
            interrupted = True
        if not climbs:
            raise KeyboardInterrupt
        return replace(_joined(climbs, targets, copies), interrupted=interrupted or left == 0)

    def _check_room(self, count: int, canvas: tuple[int, int], steps: int) -> None:
        """Raise OptionError for pictures, and those on the way, that would not fit into memory, before any is made."""
        if self.settings.diversity * canvas[0] * canvas[1] > MOST_PIXELS:
            raise OptionError(
                f"{self.settings.diversity:,} copies of {canvas[0]} x {canvas[1]} pixels climb together, but the limit is "
                f"{MOST_PIXELS:,} pixels. Use a smaller size or diversity."
            )
        settings, numbers = self.settings, count * canvas[0] * canvas[1] * self.network.bundle.channels
        kept = 2 + steps // settings.every if settings.every else 0
        if (wanted := numbers * (4 + kept)) > MOST_BYTES:
            frames = f" and {kept:,} frames of each" if kept else ""
            raise OptionError(
                f"{count:,} pictures of {canvas[0]} x {canvas[1]}{frames} are {wanted / 2**30:.0f} GiB. The limit is "
                f"{MOST_BYTES / 2**30:.0f} GiB. Use fewer units, copies or frames (every), or a smaller size."
            )

    def most_steps(self, targets: Sequence[Target]) -> int:
        """Return how many steps the first attempt takes at most."""
        return self.attempts(targets)[0].steps

    def verdict(self, targets: Sequence[Target]) -> tuple[str]:
        """Return the sentence that goes with dead units: what was tried on them."""
        tried = "; ".join(attempt.words for attempt in self.attempts(targets))
        return (f'"dead": no picture excites the unit. Tried: {tried}.',)

    def attempts(self, targets: Sequence[Target]) -> list[Attempt]:
        """Return what is tried on these targets, in order."""
        # Made once: equal attempts are one key of the compiled steps.
        whole = sees_all(self.network.graph, targets)
        if whole not in self._attempts:
            attempts = attempts_of(self.settings, whole=whole)
            self._attempts[whole] = [attempt for attempt in attempts if self.real is not None or not attempt.real]
        return self._attempts[whole]

    def _climb_group(self, group: Sequence[Target], canvas: tuple[int, int], watch: Watch, left: int | None) -> Climbed:
        """Climb by the first attempt; what stays asleep by the next ones, of which the picture with the best score is kept.

        Not more than `left` steps are taken.
        """
        first, *others = self.attempts(group)
        best = self._climb(group, canvas, first, watch, left)
        for attempt in others:
            asleep = [place for place, target in enumerate(best.targets) if target.unit is not None and best.margins[place] <= 0]
            if best.interrupted or not asleep:
                break
            try:
                tried = self._climb([best.targets[place] for place in asleep], canvas, attempt, watch, _less(left, best.steps), copies=1)
            except KeyboardInterrupt:  # before its pictures were measured
                return replace(best, interrupted=True)
            best = _bettered(best, asleep, tried)
        return best

    def _climb(
        self,
        group: Sequence[Target],
        canvas: tuple[int, int],
        attempt: Attempt,
        watch: Watch,
        left: int | None,
        copies: int | None = None,
    ) -> Climbed:
        """Climb for targets of one form until all are done, no step is `left`, or Ctrl-C."""
        copies = self.settings.diversity if copies is None else copies
        targets = [target for target in group for _ in range(copies)]
        step = self.step_of(group[0], canvas, attempt, copies)
        rngs = [rng_of(target, self.settings.seed, number % copies) for number, target in enumerate(targets)]
        run = AscentRun(step, weights_of(self.network.graph, targets), rngs, self._starts(targets, canvas, attempt, step), copies)
        courses, frames, interrupted = to_the_top(run, targets, attempt.steps, self.settings, watch, left)
        images = run.pictures()
        scores, margins = self.scores(targets, images)
        return Climbed(tuple(targets), images, scores, margins, courses, tuple(frames.by_unit()), run.steps, interrupted)

    def _starts(self, targets: Sequence[Target], canvas: tuple[int, int], attempt: Attempt, step: AscentStep) -> list[FloatArray] | None:
        if self.start is not None:
            pictures = [self.start] * len(targets)
        elif attempt.real and self.real is not None:
            pictures = [self.real.patch(target.unit, canvas) for target in targets if target.unit is not None]
        else:
            return None
        if step.image.numbers_of is None:
            raise OptionError("`image` cannot start from a picture: its Parametrisation has no `numbers_of`. Add it, or start from noise.")
        return [step.image.numbers_of(np.moveaxis(picture, -1, 0)).astype(np.float32) for picture in pictures]

    def step_of(self, target: Target, canvas: tuple[int, int], attempt: Attempt, copies: int) -> AscentStep:
        """Return the step for all targets of the form of `target`; those of one form are kept, because they hold memory."""
        form = form_of(target, copies)
        # Another layer or canvas: the compiled steps of the last one hold memory and will not be needed again.
        if any(kept[:2] != (form.terms, canvas) for kept in self._steps):
            self._steps.clear()
        key = form.terms, canvas, attempt, copies
        if key not in self._steps:
            self._steps[key] = AscentStep(
                self.network,
                attempt.measure(self.network.graph, form),
                parametrised(as_image(attempt.image), canvas, self.network.bundle.channels),
                transforms=as_transforms(attempt.transforms)(min(canvas)),
                update=as_update(attempt.update),
                size=canvas,
                precision=self.settings.precision,
            )
        return self._steps[key]

    def scores(self, targets: Sequence[Target], images: FloatArray) -> FloatArray:
        """Return (2, picture) float32, what each target amounts to on its own picture, a unit its largest activation, and by how much it is
        awake; see `largest` for both.
        """
        graph = self.network.graph
        amounts = largest(graph, targets, network_input(self.network.bundle, images))
        units = [target.unit for target in targets]
        spoilt = [unit is not None and spoilt_units(graph, unit_call(graph, unit))[unit.channel] for unit in units]
        return np.where(spoilt, np.float32(np.nan), amounts)


def _less(left: int | None, steps: int) -> int | None:
    """Return how many steps are left after so many, None where they are not counted."""
    return None if left is None else max(0, left - steps)


def _bettered(best: Climbed, places: Sequence[int], tried: Climbed) -> Climbed:
    """Return `best` with those pictures of `tried`, made for its `places`, that score more."""
    images, scores, margins = best.images.copy(), best.scores.copy(), best.margins.copy()
    courses, frames = [*best.courses.T], list(best.frames)
    for number, place in enumerate(places):
        if tried.steps and tried.margins[number] > margins[place]:
            images[place], scores[place], margins[place] = tried.images[number], tried.scores[number], tried.margins[number]
            courses[place] = tried.courses[:, number]
            if frames:
                frames[place] = tried.frames[number]
    steps = best.steps + tried.steps
    return Climbed(best.targets, images, scores, margins, _padded(courses), tuple(frames), steps, tried.interrupted)


def _joined(climbs: Sequence[Climbed], targets: Sequence[Target], copies: int) -> Climbed:
    """Return all climbs as one, in the order of `targets`."""
    reached = [target for climb in climbs for target in climb.targets]
    # Where the copies of each target begin: they lie one after the other, and the first of equal keys is to stand.
    first = {target: place for place, target in reversed(list(enumerate(reached)))}
    order = [first[target] + copy for target in targets if target in first for copy in range(copies)]
    courses = [course for climb in climbs for course in climb.courses.T]
    frames = [one for climb in climbs for one in climb.frames]
    return Climbed(
        targets=tuple(reached[place] for place in order),
        images=np.concatenate([climb.images for climb in climbs])[order],
        scores=np.concatenate([climb.scores for climb in climbs])[order],
        margins=np.concatenate([climb.margins for climb in climbs])[order],
        courses=_padded([courses[place] for place in order]),
        frames=tuple(frames[place] for place in order) if frames else (),
        steps=sum(climb.steps for climb in climbs),
    )


def _padded(courses: Sequence[FloatArray]) -> FloatArray:
    """Return courses of several lengths as (step, picture), NaN beyond the end of each."""
    most = max(len(course) for course in courses)
    return np.stack([np.pad(course, (0, most - len(course)), constant_values=np.nan) for course in courses], axis=1)
