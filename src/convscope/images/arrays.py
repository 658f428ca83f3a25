"""Arrays of images, in memory or in .npy and .npz files."""

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from .source import ArraySource, Source

LABELS = ("labels", "label", "y")
DAMAGED = (OSError, ValueError, EOFError, KeyError, MemoryError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)
BLOCK = 1 << 24


def from_numpy(path: Path) -> Iterator[Source]:
    """Yield the images in an .npz, with its labels, or in an .npy, which is mapped into memory and never read as a whole."""
    arrays = _loaded(path)
    key = "images" if "images" in arrays else next((one for one, array in arrays.items() if array.ndim >= 3), None)
    if key is None:
        shapes = {one: array.shape for one, array in arrays.items()}
        raise ImageError(f"`{path}` holds no image array: {shapes}. Expected `images` with shape (n, height, width[, channels]).")
    labels = _labels(arrays, len(arrays[key]) if arrays[key].ndim else 0)
    yield from from_array(arrays[key], path.stem, labels, many=True)


def from_array(array: NDArray[Any], name: str, labels: Sequence[str] | None = None, *, many: bool = False) -> Iterator[Source]:
    """Yield the images in an array. `many`: it is a stack of them, even if its rank does not say so."""
    stack = _stacked(array, name, many)
    _check_values(stack, name)
    single = len(stack) == 1 and not many
    for index in range(len(stack)):
        label = labels[index] if labels is not None else None
        yield ArraySource(name=name if single else f"{name}[{index}]", label=label, explicit=True, stack=stack, index=index)


def _loaded(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                file.seek(0)  # NumPy leaves a damaged archive open if it opened it itself
                with np.load(file, allow_pickle=False) as loaded:
                    wanted = ("images", *LABELS, "names") if "images" in loaded.files else loaded.files
                    return {name: loaded[name] for name in wanted if name in loaded.files}
        return {"images": np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))}
    except DAMAGED as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ImageError(f"`{path}` is no readable NumPy file: {said}. Expected one that numpy.save or numpy.savez wrote.") from error


def _labels(arrays: dict[str, NDArray[Any]], count: int) -> list[str] | None:
    values = next((arrays[key] for key in LABELS if key in arrays), None)
    if values is None or values.shape != (count,):
        return None
    names = arrays.get("names")
    if names is None or not np.issubdtype(values.dtype, np.integer):
        return [str(value) for value in values]
    if values.min(initial=0) < 0 or values.max(initial=-1) >= len(names):
        raise ImageError(f"Labels go from {values.min()} to {values.max()}, with {len(names)} names. Expected labels from 0.")
    return [str(names[int(value)]) for value in values]


def _stacked(array: NDArray[Any], name: str, many: bool) -> NDArray[Any]:
    if array.ndim == 2:
        array = array[None, ..., None]
    elif array.ndim == 3:
        array = array[..., None] if many or array.shape[-1] > 4 else array[None]
    if array.ndim != 4 or 0 in array.shape:
        raise ImageError(
            f"The array `{name}` has shape {array.shape}. Expected (height, width), (height, width, c) or (n, height, width, c)."
        )
    return array


def _check_values(stack: NDArray[Any], name: str) -> None:
    if stack.dtype == np.uint8:
        return
    if not (np.issubdtype(stack.dtype, np.floating) or stack.dtype == bool):
        raise ImageError(f"The array `{name}` is of type {stack.dtype}. Expected floats in [0, 1], or uint8 in 0-255.")
    rows = max(1, BLOCK // (stack[0].size * stack.itemsize))  # in blocks: comparing makes temporary arrays
    blocks = [stack[start : start + rows] for start in range(0, len(stack), rows)]
    low, high = float(np.min([block.min() for block in blocks])), float(np.max([block.max() for block in blocks]))
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise ImageError(f"The array `{name}` has values from {low:g} to {high:g}. Expected [0, 1]; give uint8 for 0-255.")
