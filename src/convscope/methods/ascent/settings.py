"""How to climb: the options of `ascend` with every default decided, as the provenance records them."""

from dataclasses import dataclass
from typing import Any

from ...backend import resolve_precision
from ...errors import OptionError
from ...hints import option
from ..method import THEMES, check_choice

MODES = ("best", "paper")
IMAGES = ("fourier", "maco")
PAPER_STEPS = 64
Size = int | tuple[int, int] | None


@dataclass(frozen=True)
class Settings:
    """The options of `ascend`; `steps` None: until the score no longer rises. `stop`: after how many steps of all pictures together to end
    as by Ctrl-C. `size`: the side, or (height, width). `start`, `real` and `spectrum` say where images are. `theme`: of the sheet.
    """

    mode: str
    steps: int | None
    size: Size
    seed: int
    precision: str
    every: int | None = None
    image: str = "fourier"
    norm: float | None = None
    diversity: int = 1
    start: Any = None
    real: Any = None
    spectrum: Any = None
    theme: str = "light"
    stop: int | None = None


def settle(
    *,
    mode: str = "best",
    steps: int | None = None,
    size: Any = None,
    seed: int = 0,
    precision: str = "auto",
    every: int | None = None,
    image: str = "fourier",
    norm: float | None = None,
    diversity: int = 1,
    start: Any = None,
    real: Any = None,
    spectrum: Any = None,
    theme: str = "light",
    stop: int | None = None,
) -> Settings:
    """Return the options of `ascend` with their defaults decided. Raises OptionError."""
    for name, value, choices in (("mode", mode, MODES), ("image", image, IMAGES), ("theme", theme, THEMES)):
        check_choice(name, value, choices)
    for name, number, least in (
        ("seed", seed, 0),
        ("steps", steps, 1),
        ("stop", stop, 1),
        ("every", every, 1),
        ("diversity", diversity, 1),
    ):
        if number is not None and number < least:
            raise OptionError(f"`{name}` is {number}. Give {least} or more.")
    if norm is not None and not (mode == "paper" and norm > 0):
        raise OptionError(f"`norm` is {norm} in mode `{mode}`. Give a distance above 0, and {option('mode', 'paper')}.")
    if mode == "paper" and (image != "fourier" or diversity > 1 or start is not None):
        raise OptionError(
            f"{option('mode', 'paper')} is the original report's loss alone: it takes no image, diversity or start. Leave them out."
        )
    if image == "maco" and start is not None:
        raise OptionError(
            f"{option('image', 'maco')} holds the magnitudes of natural images, so it cannot start from a picture. Leave one of them out."
        )
    if spectrum is not None and image != "maco":
        raise OptionError(f"`spectrum` gives MACO its magnitudes. Give {option('image', 'maco')} too, or leave it out.")
    if mode == "paper" and steps is None:
        steps = PAPER_STEPS
    return Settings(
        mode, steps, _as_size(size), seed, resolve_precision(precision), every, image, norm, diversity, start, real, spectrum, theme, stop
    )


def _as_size(given: Any) -> Size:
    if given is None or isinstance(given, int):
        return given
    if isinstance(given, list | tuple) and len(given) == 2 and all(isinstance(side, int) for side in given):
        return given[0], given[1]
    raise OptionError(f"`size` is {given!r}. Give the side of the pictures in pixels, or their height and width.")
