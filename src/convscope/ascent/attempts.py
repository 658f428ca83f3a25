"""What is tried to excite a unit, in this order, until its picture does: from the best pictures to the last resort."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..graph.calls import Graph
from .image import GREY_SWING, SWING, Drawn, Parametrisation, fourier, maco, pixels
from .objective import Form, Measure, best_measure, paper_measure, peak_measure
from .settings import Settings
from .transforms import Transform, jitter, zoom
from .update import Update, adam, of_number, of_ring, plain, signed


def standard(side: int) -> list[Transform]:
    """Moves for a canvas of that side, which a good picture must survive: a motif at its size and somewhat nearer or farther away."""
    return [jitter(max(1, side // 12)), zoom(0.75, 1.3), jitter(max(1, side // 12))]


def closer(side: int) -> list[Transform]:
    """Parts of the canvas, enlarged: for a unit that sees all of it at once, which else puts one size of its object everywhere, and for
    MACO, whose magnitudes are those of whole pictures.
    """
    return [jitter(max(1, side // 6)), zoom(0.85, 2.0), jitter(max(1, side // 6))]


def still(side: int) -> list[Transform]:
    """No moves."""
    return []


# The noise to start from. On even grey many filters of low layers are silent everywhere and find no texture; a class
# unit is never silent, and noise would only get in its way.
NOISE_FOR_MAPS, NOISE_FOR_NEURONS = 0.15, 0.01
# How far the planes of a class may swing, of what those of others do: with all of it the clutter about an object is as loud as the object.
CALM = 0.8
MOST, MOST_TO_WAKE, DREAM = 128, 80, 32
# How much farther the planes of a picture may swing that is to wake a unit; it also starts from twice the noise, or more.
STRONG = 4.0


@dataclass(frozen=True)
class Attempt:
    """One way to climb: `words` say it of a unit that nothing excites; `image` makes the parametrisation for (height, width, channels),
    `transforms` the moves for the shorter side; at most `steps`. `real`: it starts from the strongest real patch, if there are real images.
    """

    words: str
    measure: Callable[[Graph, Form], Measure]
    image: Drawn
    transforms: Callable[[int], list[Transform]]
    update: Update
    steps: int
    real: bool = False


def attempts_of(settings: Settings, *, whole: bool, image: Drawn | None = None) -> list[Attempt]:
    """Return the attempts for units that see the `whole` picture, such as classes, or of maps; `image`: what settings of MACO draw on."""
    steps = MOST if settings.steps is None else settings.steps
    if settings.mode == "paper":
        return [Attempt("pixels along the plain gradient", paper_measure, _pixels(0.01, settings.norm), still, plain(0.01), steps)]
    if settings.start is not None:
        # Between waves and pixels: a photograph keeps its light and colours while it takes on structure.
        dreamt = _fourier(0.0, None, decay=0.5)
        return [Attempt("the picture given", best_measure, dreamt, standard, adam(0.12), settings.steps or DREAM)]
    noise = NOISE_FOR_NEURONS if whole else NOISE_FOR_MAPS
    if settings.image == "maco":
        first = Attempt("phases from noise", best_measure, image or maco, closer, adam(0.2, of_number), steps)
    elif whole:
        first = Attempt(
            "a Fourier image from noise", best_measure, _fourier(noise, CALM, decay=1.25, natural=1.0), closer, adam(0.2, of_number), steps
        )
    else:
        first = Attempt("a Fourier image from noise", best_measure, _fourier(noise, natural=4.0), standard, adam(0.1, of_ring), steps)
    return [
        first,
        Attempt("stronger contrasts", best_measure, _fourier(2 * noise, STRONG), standard, adam(0.1), MOST_TO_WAKE),
        Attempt("its strongest place alone, from noise", peak_measure, _fourier(2 * noise, STRONG), still, adam(0.05), MOST_TO_WAKE),
        Attempt("its strongest place, from strong noise", peak_measure, _fourier(1.0, STRONG), still, adam(0.1), MOST_TO_WAKE),
        Attempt("plain pixels from the strongest real patch", peak_measure, _pixels(0.0), still, signed(0.05), MOST_TO_WAKE, real=True),
        Attempt("plain pixels from grey", peak_measure, _pixels(0.05), still, signed(0.1), MOST_TO_WAKE),
        Attempt("plain pixels from strong noise", peak_measure, _pixels(0.3), still, signed(0.1), MOST_TO_WAKE),
    ]


def _fourier(deviation: float, contrast: float | None = 1.0, *, decay: float = 1.0, natural: float | None = None) -> Drawn:
    def image(height: int, width: int, channels: int) -> Parametrisation:
        swing = None if contrast is None else contrast * (SWING if channels > 1 else GREY_SWING)
        return fourier(height, width, channels, deviation=deviation, swing=swing, decay=decay, natural=natural)

    return image


def _pixels(deviation: float, norm: float | None = None) -> Drawn:
    return partial(pixels, deviation=deviation, norm=norm)
