"""How to climb: the options of `ascend` with every default decided, as the provenance records them."""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from ..backend import resolve_precision
from ..errors import OptionError, check_choice
from ..hints import option
from ..method import THEMES

MODES = ("best", "paper")
IMAGES = ("fourier", "maco", "pixels")
PAPER_STEPS = 64
# Far more than any picture needs: a file that asks for more is made to never end.
MOST_STEPS, MOST_COPIES, MOST_SEED = 100_000, 1_000, 2**64 - 1
Size = int | tuple[int, int] | None


@dataclass(frozen=True)
class Settings:
    """The options of `ascend`; `steps` None: until the score no longer rises. `stop`: after how many steps of all pictures together to end
    as by Ctrl-C. `size`: the side, or (height, width). `start`, `real` and `spectrum` say where images are. `image`, `transforms`, `update`
    and `attempts` are names or objects; None: as `attempts.py` has them. `theme`: of the sheet.
    """

    mode: str
    steps: int | None
    size: Size
    seed: int
    precision: str
    every: int | None = None
    image: Any = "fourier"
    norm: float | None = None
    diversity: int = 1
    start: Any = None
    real: Any = None
    spectrum: Any = None
    theme: str = "light"
    stop: int | None = None
    transforms: Any = None
    update: Any = None
    attempts: Any = None


def settle(
    *,
    mode: str = "best",
    steps: int | None = None,
    size: Any = None,
    seed: int = 0,
    precision: str = "auto",
    every: int | None = None,
    image: Any = "fourier",
    norm: float | None = None,
    diversity: int = 1,
    start: Any = None,
    real: Any = None,
    spectrum: Any = None,
    theme: str = "light",
    stop: int | None = None,
    transforms: Any = None,
    update: Any = None,
    attempts: Any = None,
) -> Settings:
    """Return the options of `ascend` with their defaults decided. Raises OptionError."""
    for name, value, choices in (("mode", mode, MODES), ("theme", theme, THEMES)):
        check_choice(name, value, choices)
    for name, number, least, most in (
        ("seed", seed, 0, MOST_SEED),
        ("steps", steps, 1, MOST_STEPS),
        ("stop", stop, 1, MOST_STEPS * MOST_COPIES),
        ("every", every, 1, MOST_STEPS),
        ("diversity", diversity, 1, MOST_COPIES),
    ):
        if number is not None and not (_is_whole(number) and least <= number <= most):
            raise OptionError(f"`{name}` is {number}. Expected a whole number from {least} to {most:,}.")
    if norm is not None and (isinstance(norm, bool) or not isinstance(norm, Real) or not math.isfinite(norm)):
        raise OptionError(f"`norm` is {norm}. Expected a distance, a number above 0.")
    if norm is not None and not (mode == "paper" and norm > 0):
        raise OptionError(f"`norm` is {norm} in mode `{mode}`. Use a distance above 0, and {option('mode', 'paper')}.")
    own = [name for name, part in (("transforms", transforms), ("update", update), ("attempts", attempts)) if part is not None]
    if mode == "paper" and (image != "fourier" or diversity > 1 or start is not None or own):
        raise OptionError(
            f"{option('mode', 'paper')} is the original report's loss alone: it takes no diversity, start, or other parts. Leave them out."
        )
    if attempts is not None and (image != "fourier" or steps is not None or len(own) > 1):
        raise OptionError("`attempts` say which image, transforms, update and steps there are. Leave those out.")
    if image == "maco" and start is not None:
        raise OptionError(
            f"{option('image', 'maco')} holds the magnitudes of natural images, so it cannot start from an image. Leave one of them out."
        )
    if spectrum is not None and image != "maco":
        raise OptionError(f"`spectrum` sets the magnitudes of MACO. Add {option('image', 'maco')}, or leave it out.")
    if mode == "paper" and steps is None:
        steps = PAPER_STEPS
    return Settings(
        mode,
        steps,
        _as_size(size),
        seed,
        resolve_precision(precision),
        every,
        image,
        norm,
        diversity,
        start,
        real,
        spectrum,
        theme,
        stop,
        transforms,
        update,
        attempts,
    )


def _as_size(given: Any) -> Size:
    if given is None or _is_whole(given):
        return None if given is None else int(given)
    if isinstance(given, list | tuple) and len(given) == 2 and all(map(_is_whole, given)):
        return int(given[0]), int(given[1])
    raise OptionError(f"`size` is {given!r}. Expected the side of the pictures in pixels, or their height and width.")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
