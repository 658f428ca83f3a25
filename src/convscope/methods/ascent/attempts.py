"""What is tried to excite a unit, in this order, until its picture does: from the best pictures to the last resort."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ...graph.calls import Graph
from .image import SWING, Parametrisation, fourier, pixels
from .maco import maco
from .objectives import Form, Measure, best_measure, paper_measure, peak_measure
from .run import Update, adam, plain, signed
from .settings import Settings
from .transforms import Transform, jitter, scale

STANDARD = [jitter(4), scale([0.93, 0.965, 1.0, 1.035, 1.07]), jitter(4)]
# MACO's magnitudes are those of whole pictures: it looks at parts of them, enlarged.
CLOSER = [jitter(24), scale([1.0, 1.2, 1.4, 1.6]), jitter(4)]
# The noise to start from. On even grey many filters of low layers are silent everywhere and find no texture; a class
# unit is never silent, and noise would only get in its way.
NOISE_FOR_MAPS, NOISE_FOR_NEURONS = 0.15, 0.01
MOST, MOST_TO_WAKE, DREAM = 128, 80, 32
# How far the planes of a picture may swing that is to wake a unit.
STRONG = 6.0
Drawn = Callable[..., Parametrisation]


@dataclass(frozen=True)
class Attempt:
    """One way to climb: `words` say it of a unit that nothing excites; `image` makes the parametrisation for (height, width, channels);
    at most `steps`. `real`: it starts from the strongest real patch, where there are real images.
    """

    words: str
    measure: Callable[[Graph, Form], Measure]
    image: Drawn
    transforms: Sequence[Transform]
    update: Update
    steps: int
    real: bool = False


def attempts_of(settings: Settings, *, flat: bool, image: Drawn | None = None) -> list[Attempt]:
    """Return the attempts for units behind a dense layer (`flat`) or of maps; `image`: what settings of MACO draw on."""
    steps = MOST if settings.steps is None else settings.steps
    if settings.mode == "paper":
        return [Attempt("pixels along the plain gradient", paper_measure, _pixels(0.01, settings.norm), [], plain(0.01), steps)]
    if settings.start is not None:
        # Between waves and pixels: a photograph keeps its light and colours while it takes on structure.
        dreamt = _fourier(0.0, None, decay=0.5)
        return [Attempt("the picture given", best_measure, dreamt, STANDARD, adam(0.12), settings.steps or DREAM)]
    noise = NOISE_FOR_NEURONS if flat else NOISE_FOR_MAPS
    if settings.image == "maco":
        first = Attempt("phases from noise", best_measure, image or maco, CLOSER, adam(0.2, each=True), steps)
    else:
        first = Attempt("a Fourier image from noise", best_measure, _fourier(noise), STANDARD, adam(0.05), steps)
    return [
        first,
        Attempt("stronger contrasts", best_measure, _fourier(noise, STRONG), STANDARD, adam(0.1), MOST_TO_WAKE),
        Attempt("its strongest place alone, from noise", peak_measure, _fourier(noise, STRONG), [], adam(0.05), MOST_TO_WAKE),
        Attempt("its strongest place, from strong noise", peak_measure, _fourier(0.5, STRONG), [], adam(0.1), MOST_TO_WAKE),
        Attempt("plain pixels from the strongest real patch", peak_measure, _pixels(0.0), [], signed(0.05), MOST_TO_WAKE, real=True),
        Attempt("plain pixels from grey", peak_measure, _pixels(0.05), [], signed(0.1), MOST_TO_WAKE),
        Attempt("plain pixels from strong noise", peak_measure, _pixels(0.3), [], signed(0.1), MOST_TO_WAKE),
    ]


def _fourier(deviation: float, swing: float | None = SWING, decay: float = 1.0) -> Drawn:
    return partial(fourier, deviation=deviation, swing=swing, decay=decay)


def _pixels(deviation: float, norm: float | None = None) -> Drawn:
    return partial(pixels, deviation=deviation, norm=norm)
