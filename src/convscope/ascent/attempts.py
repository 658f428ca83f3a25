"""What is tried to excite a unit, in this order, until its picture does: from the best pictures to the last resort."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import OptionError
from ..graph.calls import Graph
from ..registry import Registry
from .image import Image, as_image, fourier, maco, pixels
from .objective import Form, Measure, best_measure, paper_measure, peak_measure
from .settings import Settings
from .transforms import Transforms, as_transforms, closer, standard, still
from .update import Update, adam, as_update, of_number, of_ring, plain, signed

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
    """One way to climb, for at most `steps`; `words` say it of a unit that nothing excites.

    `image`, `transforms` and `update` are names, or what `as_image`, `as_transforms` and `as_update` take. `measure` is what is climbed of
    a unit's map: `best_measure`, `peak_measure` or `paper_measure`. `real`: it starts from the strongest real patch, if there are real
    images, and is left out else. Raises OptionError for parts that are none.
    """

    words: str
    image: Image | str = "fourier"
    transforms: Transforms | str = "standard"
    update: Update | str = "adam"
    steps: int = MOST
    measure: Callable[[Graph, Form], Measure] = best_measure
    real: bool = False

    def __post_init__(self) -> None:
        # At once: a part that is none should not be noticed after minutes of other attempts.
        for name, resolved in (("image", as_image), ("transforms", as_transforms), ("update", as_update)):
            object.__setattr__(self, name, resolved(getattr(self, name)))


ATTEMPTS: Registry[Sequence[Attempt]] = Registry("attempt list", group="convscope.ascent_attempts")


def as_attempts(given: Any) -> list[Attempt]:
    """Return the attempts that a name of ATTEMPTS or a sequence of them means, at least one. Raises OptionError."""
    found = ATTEMPTS.get(given) if isinstance(given, str) else given
    attempts = list(found) if isinstance(found, Iterable) else []
    if not attempts or not all(isinstance(attempt, Attempt) for attempt in attempts):
        raise OptionError(f"`attempts` is {given!r}. Expected a list of convscope.ascent.Attempt, in order.")
    return attempts


def attempts_of(settings: Settings, *, whole: bool) -> list[Attempt]:
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


def _first(settings: Settings, whole: bool) -> Attempt:
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
