"""Labels of images as text, whichever array or table holds them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..array_files import legal, texts
from ..errors import ImageError


def as_labels(values: Any, names: Any, count: int, path: Path) -> tuple[str | None, ...] | None:
    """Return a label for each of `count` images: text, or whole numbers, by `names` where these are given; None where there are none.

    `values`: an array (n,) or (n, 1), or text and None. Raises ImageError for another number of them, or numbers beyond the names;
    ArrayFileError for text that is not text.
    """
    if values is None:
        return None
    if not isinstance(values, np.ndarray):
        found: tuple[str | None, ...] = tuple(None if one is None else legal(str(one)) for one in values)
    else:
        if values.shape not in ((count,), (count, 1)):
            raise ImageError(
                f"The labels or predictions in `{path}` have shape {values.shape} for {count} images. Expected one for each image."
            )
        found = _named(values.ravel(), names, path)
    if len(found) != count:
        raise ImageError(f"`{path}` holds {len(found)} labels or predictions, but there are {count} images. Expected one for each image.")
    return found


def numbered(values: NDArray[Any]) -> tuple[str | None, ...]:
    """Return numbers as text: whole ones without a point, what is not a number, such as an empty cell, as None."""
    return tuple(None if one != one else str(int(one)) if _is_whole(one) else str(one) for one in values.tolist())


def _named(values: NDArray[Any], names: Any, path: Path) -> tuple[str | None, ...]:
    if values.dtype.kind not in "iuf":
        return texts(values)
    if names is None or not all(_is_whole(one) for one in values.tolist()):
        return numbered(values)
    known: Sequence[str] = texts(names.ravel())
    for one in values.tolist():
        if not 0 <= one < len(known):
            raise ImageError(f"`{path}` holds the label {one:g}, but only {len(known)} names. Expected labels from 0 to {len(known) - 1}.")
    return tuple(known[int(one)] for one in values.tolist())


def _is_whole(value: float) -> bool:
    return isinstance(value, int) or value.is_integer()
