"""Features that a file holds already: a map of them needs no network."""

import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ImageError
from ...images import Fit, ImageSet, as_image_set
from ...images.fitting import first_bands
from ...images.lists import PATHS
from ...images.sources import SAMPLE
from ...progress import track
from ...tables import Columns, column_kinds, read_parquet
from .material import LARGEST_THUMBNAIL, Material, dots, thumbnail
from .storage import Stack

NAMED = ("features", "embeddings", "embedding", "vectors")
LABELS = ("labels", "label", "y")
PREDICTIONS = ("predictions", "prediction")
RESERVED = frozenset((*LABELS, *PREDICTIONS, "id", "x", "y", "column", "row", "probability", "index", "__index_level_0__"))
CHUNK = 1 << 24
# A table of pictures' paths with fewer numbers than that, such as their sizes, is a list of pictures.
FEWEST_FEATURES = 3
COLUMNS_OF_LABELS = ("labels", "label")  # `y` is a coordinate in a table
DAMAGED = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)
EXPECTED = "Expected (image, feature) numbers: a 2-D .npy, an .npz with `features`, or a Parquet with a column of lists or numeric columns."


def holds_features(images: Any) -> bool:
    """Return whether what was given begins with a file of features: a 2-D .npy, an .npz with `features`, or a Parquet."""
    first = images[0] if isinstance(images, list | tuple) and images else images
    if not isinstance(first, str | Path) or not Path(first).expanduser().is_file():
        return False
    path = Path(first).expanduser()
    if path.suffix.lower() == ".parquet":
        return not _names_pictures(path)
    try:
        if path.suffix.lower() == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False).ndim == 2
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as loaded:
                return any(name in loaded.files for name in NAMED)
    except DAMAGED:
        return False
    return False


def _names_pictures(path: Path) -> bool:
    """Return whether a Parquet is a list of pictures: it has their paths, and fewer numbers than any features are."""
    try:
        kinds = column_kinds(path)
    except ImageError:  # what reads the features says it
        return False
    numbers = [name for name, kind in kinds.items() if kind == "number" and name not in RESERVED]
    paths = any(kinds.get(name) == "text" for name in PATHS)
    return paths and "vector" not in kinds.values() and len(numbers) < FEWEST_FEATURES


def is_features(images: Any) -> bool:
    """Return whether what was given is or begins with an array of features, (image, feature) floats; with a model it is a picture."""
    first = images[0] if isinstance(images, list | tuple) and images else images
    return isinstance(first, np.ndarray) and first.ndim == 2 and np.issubdtype(first.dtype, np.floating)


def read_features(images: Any) -> Material:
    """Return the features in a file, or in an array, with whatever else it holds: labels, predictions, images or paths of them.

    What follows the file are the pictures of its rows, in their order; without any, dots stand for them. A .npy is mapped into memory,
    never read as a whole. Raises ImageError.
    """
    parts = list(images) if isinstance(images, list | tuple) else [images]
    in_memory = isinstance(parts[0], np.ndarray)
    path = Path("array") if in_memory else Path(parts[0]).expanduser()
    values, found = (parts[0], {}) if in_memory else _read(path)
    real = np.issubdtype(values.dtype, np.number) and not np.issubdtype(values.dtype, np.complexfloating)
    if values.ndim != 2 or not values.size or not real:
        raise ImageError(f"The features in `{path}` are {values.dtype} of shape {values.shape}. {EXPECTED}")
    count = len(values)
    pictures, paths = found.get("images"), found.get("paths")
    if len(parts) > 1:
        pictures = as_image_set(parts[1:])
    elif pictures is None and paths is not None:
        pictures = _at(paths, path.parent)
    labels = _words(found.get("labels"), found.get("names"), path)
    if isinstance(pictures, ImageSet):
        _check(len(pictures), count, path)
        own = [source.label for source in pictures.sources]
        labels = labels or (tuple(one or "" for one in own) if any(own) else None)
        paths = paths or tuple(source.name for source in pictures.sources)
    for name, what in (("labels", labels), ("paths", paths)):
        if what is not None and len(what) != count:
            raise ImageError(f"`{path}` holds {len(what)} {name} for {count} features. Expected as many.")
    return Material(
        values=values,
        thumbnails=_thumbnails(pictures, count),
        names=tuple(paths) if paths is not None else tuple(f"{path.stem}[{index}]" for index in range(count)),
        labels=labels,
        predictions=_words(found.get("predictions"), found.get("names"), path),
        probabilities=None,
        layer=f"features in {path.name}",
        inputs=({"given": _given(parts), "count": count, "digest": _digest_of(values) if in_memory else _digest(path)},),
    )


def _read(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    reader = {".npy": _npy, ".npz": _npz, ".parquet": _parquet}[path.suffix.lower()]
    try:
        return reader(path)
    except DAMAGED as error:
        raise ImageError(f"The features in `{path}` cannot be read: {str(error).splitlines()[0]}. {EXPECTED}") from error


def _given(parts: Sequence[Any]) -> list[str] | None:
    """Return how a later run can ask for the same; None for arrays that live in memory only."""
    if not all(isinstance(part, str | Path) for part in parts):
        return None
    return [str(part) if str(part).startswith(SAMPLE) else str(Path(part).expanduser().absolute()) for part in parts]


def _npy(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    return np.load(path, mmap_mode="r", allow_pickle=False), {}


def _npz(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    with np.load(path, allow_pickle=False) as loaded:
        arrays = {name: loaded[name] for name in loaded.files}
    values = next(arrays[name] for name in NAMED if name in arrays)
    found: dict[str, Any] = {"names": arrays.get("names"), "labels": _first(arrays, LABELS), "predictions": _first(arrays, PREDICTIONS)}
    paths = _first(arrays, PATHS)
    found["paths"] = None if paths is None else tuple(str(one) for one in paths)
    if "images" in arrays:
        found["images"] = as_image_set(list(arrays["images"]))
    return values, found


def _parquet(path: Path) -> tuple[NDArray[Any], dict[str, Any]]:
    table = read_parquet(path)
    if not table.count:
        raise ImageError(f"`{path}` holds no rows. {EXPECTED}")
    labels = _first(table.texts, COLUMNS_OF_LABELS) or _whole(_first(table.numbers, COLUMNS_OF_LABELS))
    found = {"labels": labels, "predictions": _first(table.texts, PREDICTIONS)}
    paths = _first(table.texts, PATHS)
    return _values(table, path), found | {"paths": None if paths is None else tuple(one or "" for one in paths)}


def _values(table: Columns, path: Path) -> NDArray[Any]:
    named = _first(table.vectors, NAMED)
    if named is None and len(table.vectors) == 1:
        named = next(iter(table.vectors.values()))
    if named is not None:
        return named if np.issubdtype(named.dtype, np.floating) else named.astype(np.float32)
    columns = [values for name, values in table.numbers.items() if name not in RESERVED]
    if not columns:
        raise ImageError(f"`{path}` has no column of features. {EXPECTED}")
    return np.stack(columns, axis=1).astype(np.float32)


def _first(among: Any, names: Sequence[str]) -> Any:
    return next((among[name] for name in names if name in among), None)


def _whole(values: NDArray[Any] | None) -> tuple[str | None, ...] | None:
    """Return numbers as labels, None for the empty cells that make a column of integers one of floats; None if they are measurements."""
    if values is None:
        return None
    known = np.isfinite(values)
    if not known.any() or (values[known] != np.floor(values[known])).any():
        return None
    return tuple(str(int(one)) if here else None for one, here in zip(values, known, strict=True))


def _words(values: Any, names: Any, path: Path) -> tuple[str, ...] | None:
    if values is None:
        return None
    if np.ndim(values) != 1:
        raise ImageError(f"The labels or predictions in `{path}` are of shape {np.shape(values)}. Expected one for each image.")
    if names is not None and np.issubdtype(np.asarray(values).dtype, np.integer):
        beyond = [int(one) for one in values if not 0 <= one < len(names)]
        if beyond:
            raise ImageError(f"`{path}` holds the label {beyond[0]} and {len(names)} names. Expected labels from 0 to {len(names) - 1}.")
        return tuple(str(names[int(one)]) for one in values)
    return tuple("" if one is None else str(one) for one in values)


def _at(paths: Sequence[str], folder: Path) -> ImageSet | None:
    """Return the pictures that the rows name, relative to the table; None if the first is no file: then the names are only names."""
    first = folder / paths[0]
    return as_image_set([folder / one for one in paths]) if first.is_file() else None


def _check(pictures: int, features: int, path: Path) -> None:
    if pictures != features:
        raise ImageError(f"Received {pictures} pictures for the {features} features in `{path}`. Expected one of each row, in their order.")


def _thumbnails(pictures: ImageSet | None, count: int) -> NDArray[np.uint8]:
    if pictures is None:
        return dots(count)
    side, channels = 0, 1
    while True:  # twice or three times at most: where a later picture is larger or has colours, all are made again to suit it
        stack: Stack | None = None
        for source in track(pictures.sources, "reading pictures"):
            with source.opened(LARGEST_THUMBNAIL) as (numbers, _):
                longest, colours = max(numbers.shape[:2]), 1 if numbers.shape[-1] < 3 else 3
                if stack is None:
                    side = side or min(LARGEST_THUMBNAIL, longest)
                    channels = max(channels, colours)
                    stack = Stack(count, (side, side, channels), np.uint8)
                if side < LARGEST_THUMBNAIL and longest > side:
                    side = LARGEST_THUMBNAIL
                    break
                if colours > channels:
                    channels = colours
                    break
                image = Fit(channels, (side, side)).apply(first_bands(numbers), source.name)
            stack.extend(thumbnail(image, side)[np.newaxis])
        else:
            assert stack is not None
            return stack.filled()


def _digest_of(values: NDArray[Any]) -> str:
    return hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=16).hexdigest()


def _digest(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
