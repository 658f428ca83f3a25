"""Arrays of images, in memory or in .npy and .npz files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..array_files import ArrayFile, ArrayFileError
from ..errors import ImageError
from .fitting import MOST_OF_ONE
from .labels import as_labels
from .numbers import check
from .source import ArraySource, Source

IMAGES = "images"
LABELS = ("labels", "label", "y")
NAMES = "names"
EXPECTED = "Expected a file written by numpy.save or numpy.savez."


def open_arrays(path: Path) -> ArrayFile:
    """Return the arrays in an .npy or .npz file. Raises ImageError for what is not one, or cannot be read."""
    try:
        return ArrayFile(path)
    except (OSError, ArrayFileError) as error:
        raise unread(path, error) from error


def unread(path: Path, error: OSError | ArrayFileError) -> ImageError:
    """Return the error for a NumPy file that cannot be read."""
    said = getattr(error, "strerror", None) or error
    return ImageError(f"`{path}` is not a readable NumPy file: {said}. {EXPECTED}")


def chosen(arrays: ArrayFile, path: Path, name: str | None, usual: Sequence[str], fits: Sequence[str], what: str) -> str:
    """Return which array of a file is meant: the one named, one with a `usual` name, or the only one that `fits`.

    Raises ImageError that says how to choose where there are several, or none.
    """
    shapes = ", ".join(f"`{one}` {header.shape}" for one, header in arrays.headers.items())
    if name is not None:
        if name not in arrays:
            raise ImageError(f"`{path}` has no array `{name}`. Its arrays are {shapes}.")
        return name
    found = [one for one in usual if one in arrays] or list(fits)
    if len(found) == 1:
        return found[0]
    if found:
        raise ImageError(
            f"`{path}` holds {len(found)} arrays of {what}: {', '.join(f'`{one}`' for one in found)}. Choose one: `{path}[{found[0]}]`."
        )
    raise ImageError(f"`{path}` has no array of {what}, only {shapes}. Expected `{usual[0]}` with one row for each image.")


def from_numpy(path: Path, name: str | None = None) -> Iterator[Source]:
    """Yield the images in an .npz, with its labels, or in an .npy, which is mapped into memory and never read as a whole.

    `name`: which array of an .npz; by default `images`, or the only one with three or four axes.
    """
    arrays = open_arrays(path)
    try:
        if "" in arrays:
            yield from from_array(arrays[""], path.stem, None, numbered=True)
            return
        fits = [one for one, header in arrays.headers.items() if len(header.shape) in (3, 4)]
        array = arrays[chosen(arrays, path, name, (IMAGES,), fits, "images")]
        values = arrays.first(LABELS)
        stack = stacked(array, path.stem, None if values is None else len(values))
        labels = as_labels(values, arrays.first((NAMES,)), len(stack), path)
    except (OSError, ArrayFileError) as error:
        raise unread(path, error) from error
    yield from from_array(stack, path.stem, labels, numbered=True)


def from_array(array: NDArray[Any], name: str, labels: Sequence[str | None] | None = None, *, numbered: bool = False) -> Iterator[Source]:
    """Yield the images in an array. `numbered`: a single one has its number in its name too."""
    stack = stacked(array, name)
    check(stack, name)
    single = len(stack) == 1 and not numbered
    for index in range(len(stack)):
        label = labels[index] if labels is not None else None
        yield ArraySource(name=name if single else f"{name}[{index}]", label=label, explicit=True, stack=stack, index=index)


def stacked(array: NDArray[Any], name: str, count: int | None = None) -> NDArray[Any]:
    """Return an array as (image, height, width, c): of three axes it is one image if the last has at most four, else a stack of grey ones.

    `count`: how many labels there are, which decides. Raises ImageError for another rank, and for none.
    """
    shape = array.shape
    if array.ndim == 2:
        array = array[None, ..., None]
    elif array.ndim == 3:
        one = array.shape[-1] <= MOST_OF_ONE and (count is None or count == 1 or count != len(array))
        array = array[None] if one else array[..., None]
    if array.ndim != 4 or 0 in array.shape:
        raise ImageError(f"The array `{name}` has shape {shape}. Expected (height, width), (height, width, c) or (n, height, width, c).")
    return array
