"""The one rule from stored numbers to brightness, whichever file, archive or memory they come from: what is black, and what is white.

uint8 is 0-255, uint16 is 0-65535, floats are [0, 1] and truths 0 and 1. Other integers do not say what is white, and floats beyond [0, 1]
do not say what is black: they are refused, because stretching each picture by its own extremes would lose how bright it is.
"""

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError

WHITE = {("u", 1): 255.0, ("u", 2): 65535.0}
EXPECTED = "Expected floats in [0, 1], uint8 (0-255) or uint16 (0-65535)."
ROUNDING = 1e-6
# Numbers looked at at a time.
BLOCK = 1 << 22


class Pixels(Protocol):
    """The stored numbers of an image: an array (height, width, band), or what unpacks its rows when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, band)."""

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        """Return some of its rows."""


def check(numbers: Pixels, name: str) -> None:
    """Raise ImageError for numbers, an image or a stack of them, that do not say what is black and white."""
    kind = numbers[:1].dtype
    check_kind(kind, name)
    if kind.kind != "f":
        return
    rows = max(1, BLOCK // math.prod(numbers.shape[1:]))
    with np.errstate(invalid="ignore"):
        blocks = (numbers[start : start + rows] for start in range(0, numbers.shape[0], rows))
        extremes = [(block.min(), block.max()) for block in blocks]
    low, high = float(np.min(extremes)), float(np.max(extremes))
    if not math.isfinite(low) or not math.isfinite(high):
        raise ImageError(f"`{name}` has values that are not finite numbers. {EXPECTED}")
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise ImageError(f"`{name}` has values from {low:g} to {high:g}. {EXPECTED}")


def check_kind(kind: np.dtype[Any], name: str) -> None:
    """Raise ImageError for a type of number that does not say what is white."""
    if kind.kind not in "fb" and (kind.kind, kind.itemsize) not in WHITE:
        raise ImageError(f"`{name}` has numbers of type {kind.newbyteorder('=').name}, which does not say what is white. {EXPECTED}")


def brightness(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """Return numbers that `check` has passed as float32 in [0, 1]."""
    if numbers.dtype.kind == "b":
        return numbers.astype(np.float32)
    if numbers.dtype.kind == "f":
        return np.clip(numbers, 0.0, 1.0).astype(np.float32)
    return numbers.astype(np.float32) / np.float32(WHITE[numbers.dtype.kind, numbers.dtype.itemsize])
