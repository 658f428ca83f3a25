"""How to climb: options that other methods share, and what the options of `ascend` mean together."""

from typing import Annotated, Any

from ..backend import resolve_precision
from ..backend.precision import PRECISIONS
from ..errors import OptionError
from ..hints import option
from ..options import Opt, Options

MODES = ("best", "paper")
PAPER_STEPS = 64
# Far more than any picture needs: a file that asks for more is made to never end.
MOST_STEPS, MOST_COPIES, MOST_SEED = 100_000, 1_000, 2**64 - 1
Size = int | tuple[int, int] | None

Steps = Annotated[
    int | None,
    Opt("Number of steps.", least=1, most=MOST_STEPS, shown="until the score hardly rises"),
]
Side = Annotated[Any | int | None, Opt("Side of the pictures, 8 to 4096 pixels.", shown="from the receptive field")]
Seed = Annotated[int, Opt("Seed of the noise. The same seed gives the same picture.", least=0, most=MOST_SEED)]
Precision = Annotated[str, Opt("Number format of the network. `auto` uses bfloat16 if it is faster here.", choices=PRECISIONS)]

# The options of one call of `ascend`, decided: `steps` None, until the score no longer rises; `size` the side, or (height, width).
Settings = Options


def settle(options: Options) -> Settings:
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
