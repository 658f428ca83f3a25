"""Features that a file holds already: a map of them needs no network."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..array_files import ArrayFile, ArrayFileError, texts
from ..digests import array_digest, file_digest
from ..errors import ImageError
from ..files import as_path
from ..images import ImageSet, as_image_set
from ..images.arrays import chosen, from_array, open_arrays, stacked, unread
from ..images.fitting import MOST_OF_ONE
from ..images.labels import as_labels, numbered
from ..images.lists import PATHS
from ..images.sources import SAMPLE, is_one, part_of, places_of
from ..progress import track
from ..reach import permit, user_path
from ..results import bands_note
from ..store import is_uri
from ..tables import column_kinds, read_parquet
from .material import LARGEST_THUMBNAIL, Material, Thumbnails, dots

NAMED = ("features", "embeddings", "embedding", "vectors")
LABELS = ("labels", "label", "y")
PREDICTIONS = ("predictions", "prediction")
RESERVED = frozenset((*LABELS, *PREDICTIONS, "id", "x", "y", "column", "row", "probability", "index", "__index_level_0__"))
CHUNK = 1 << 24
# A table of pictures' paths with fewer numbers than that, such as their sizes, is a list of pictures.
FEWEST_FEATURES = 3
COLUMNS_OF_LABELS = ("labels", "label")  # `y` is a coordinate in a table
EXPECTED = "Expected (image, feature) numbers: a 2-D .npy, an .npz with `features`, or a Parquet with a column of lists or numeric columns."


def holds_features(images: Any) -> bool:
    """Return whether the argument begins with a file of features: a 2-D .npy, an .npz with `features`, or a Parquet.

    A part that is named, as in `set.npz[clip]`, is of features if it is an array of two axes, or a column of lists.
    """
    first = images[0] if isinstance(images, list | tuple) and images else images
    if not isinstance(first, str | Path) or str(first).startswith(SAMPLE) or is_uri(first):
        return False
    permit(places_of([first]))
    path, part = part_of(first) or (as_path(first), None)
    permit([path])
    if not is_one(path, Path.is_file):
        return False
    if path.suffix.lower() == ".parquet":
        return part is not None or not _names_pictures(path)
    if path.suffix.lower() not in (".npy", ".npz"):
        return False
    try:
        headers = ArrayFile(path).headers
    except (OSError, ArrayFileError):
        return False
    if part is not None or path.suffix.lower() == ".npy":
        return (part or "") in headers and len(headers[part or ""].shape) == 2
    return any(name in headers for name in NAMED)


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
    """Return whether the argument is or begins with an array of features, (image, feature) floats; with a model it is a picture."""
    first = images[0] if isinstance(images, list | tuple) and images else images
    return isinstance(first, np.ndarray) and first.ndim == 2 and np.issubdtype(first.dtype, np.floating)


def read_features(images: Any) -> Material:
    """Return the features in a file, or in an array, with whatever else it holds: labels, predictions, images or paths of them.

    What follows the file are the pictures of its rows, in their order; without any, dots stand for them. A .npy is mapped into memory,
    never read as a whole. Raises ImageError.
    """
    parts = list(images) if isinstance(images, list | tuple) else [images]
    in_memory = isinstance(parts[0], np.ndarray)
    permit(places_of(parts))
    path, part = (Path("array"), None) if in_memory else part_of(parts[0]) or (as_path(parts[0]), None)
    permit([] if in_memory else [path])
    values, found = (parts[0], {}) if in_memory else _read(path, part)
    real = np.issubdtype(values.dtype, np.number) and not np.issubdtype(values.dtype, np.complexfloating)
    if values.ndim != 2 or not values.size or not real:
        raise ImageError(f"The features in `{path}` are {values.dtype} of shape {values.shape}. {EXPECTED}")
    count = len(values)
    pictures: ImageSet | None
    pictures, paths = found.get("images"), found.get("paths")
    if len(parts) > 1:
        pictures = as_image_set(parts[1:])
    elif pictures is None and paths is not None:
        pictures = _at(paths, path.parent)
    labels = _labels(found, "labels", count, path)
    if pictures is not None:
        _check(len(pictures), count, path)
        own = [source.label for source in pictures.sources]
        labels = labels or (tuple(one or "" for one in own) if any(own) else None)
        paths = paths or tuple(source.name for source in pictures.sources)
    if paths is not None and len(paths) != count:
        raise ImageError(f"`{path}` holds {len(paths)} paths for {count} features. Expected one path for each.")
    thumbnails, bands = (dots(count), 1) if pictures is None else _thumbnails(pictures, count)
    return Material(
        values=values,
        thumbnails=thumbnails,
        names=tuple(paths) if paths is not None else tuple(f"{path.stem}[{index}]" for index in range(count)),
        labels=labels,
        predictions=_labels(found, "predictions", count, path),
        probabilities=None,
        layer=f"features in {path.name}",
        inputs=({"given": _given(parts), "count": count, "digest": array_digest(values) if in_memory else file_digest(path)},),
        notes=(bands_note(bands),) if bands > MOST_OF_ONE else (),
    )


def _read(path: Path, part: str | None) -> tuple[NDArray[Any], dict[str, Any]]:
    if path.suffix.lower() == ".parquet":
        return _parquet(path, part)
    arrays = open_arrays(path)
    try:
        return (arrays[""], {}) if "" in arrays else _npz(arrays, path, part)
    except (OSError, ArrayFileError) as error:
        raise unread(path, error) from error


def _given(parts: Sequence[Any]) -> list[str] | None:
    """Return how a later run can ask for the same; None for arrays that live in memory only."""
    if not all(isinstance(part, str | Path) for part in parts):
        return None
    return [str(part) if str(part).startswith(SAMPLE) or is_uri(part) else str(as_path(part).absolute()) for part in parts]


def _npz(arrays: ArrayFile, path: Path, part: str | None) -> tuple[NDArray[Any], dict[str, Any]]:
    values = arrays[chosen(arrays, path, part, NAMED, (), "features")]
    found: dict[str, Any] = {"names": arrays.first(("names",)), "labels": arrays.first(LABELS), "predictions": arrays.first(PREDICTIONS)}
    paths = arrays.first(PATHS)
    found["paths"] = None if paths is None else texts(paths.ravel())
    if "images" in arrays:
        found["images"] = ImageSet(tuple(from_array(stacked(arrays["images"], path.stem, len(values)), path.stem)), None)
    return values, found


def _parquet(path: Path, part: str | None) -> tuple[NDArray[Any], dict[str, Any]]:
    kinds = column_kinds(path)
    vectors = [name for name, kind in kinds.items() if kind == "vector"]
    numbers = [name for name, kind in kinds.items() if kind == "number" and name not in RESERVED]
    column = _column(path, kinds, vectors, part)
    wanted = [column] if column is not None else numbers
    if not wanted:
        raise ImageError(f"`{path}` has no column of features. {EXPECTED}")
    beside = [name for name in (*COLUMNS_OF_LABELS, *PREDICTIONS, *PATHS) if kinds.get(name) in ("text", "number") and name not in wanted]
    table = read_parquet(path, [*wanted, *beside])
    if not table.count:
        raise ImageError(f"`{path}` has no rows. {EXPECTED}")
    values = np.stack([table.numbers[name] for name in numbers], axis=1) if column is None else table.vectors[column]
    labels = _first(table.texts, COLUMNS_OF_LABELS) or _whole(_first(table.numbers, COLUMNS_OF_LABELS))
    found = {"labels": labels, "predictions": _first(table.texts, PREDICTIONS)}
    paths = _first(table.texts, PATHS)
    floats = column is not None and np.issubdtype(values.dtype, np.floating)
    found |= {"paths": None if paths is None else tuple(one or "" for one in paths)}
    return values if floats else values.astype(np.float32), found


def _column(path: Path, kinds: Mapping[str, str], vectors: Sequence[str], part: str | None) -> str | None:
    """Return which column of lists holds the features, None where columns of numbers do. Raises ImageError where that is not clear."""
    if part is not None:
        if part not in vectors:
            raise ImageError(f"`{path}` has no column of lists `{part}`. Its columns are {', '.join(kinds)}.")
        return part
    found = [name for name in NAMED if name in vectors] or list(vectors)
    if len(found) > 1:
        raise ImageError(
            f"`{path}` has {len(found)} columns of lists: {', '.join(f'`{one}`' for one in found)}. Choose one: `{path}[{found[0]}]`."
        )
    return found[0] if found else None


def _first(among: Any, names: Sequence[str]) -> Any:
    return next((among[name] for name in names if name in among), None)


def _whole(values: NDArray[Any] | None) -> tuple[str | None, ...] | None:
    """Return numbers as labels, None for the empty cells that make a column of integers one of floats; None if they are measurements."""
    if values is None:
        return None
    known = np.isfinite(values)
    if not known.any() or (values[known] != np.floor(values[known])).any():
        return None
    return numbered(np.where(known, values, np.nan)) if not known.all() else numbered(values)


def _labels(found: Mapping[str, Any], noun: str, count: int, path: Path) -> tuple[str, ...] | None:
    words = as_labels(found.get(noun), found.get("names"), count, path)
    return None if words is None else tuple(one or "" for one in words)


def _at(paths: Sequence[str], folder: Path) -> ImageSet | None:
    """Return the pictures that the rows name, relative to the table; None if the first is not a file: then the names are only names."""
    return as_image_set([folder / one for one in paths]) if is_one(user_path(folder / paths[0]), Path.is_file) else None


def _check(pictures: int, features: int, path: Path) -> None:
    if pictures != features:
        raise ImageError(
            f"Received {pictures} images for the {features} features in `{path}`. Expected one image for each row, in the same order."
        )


def _thumbnails(pictures: ImageSet, count: int) -> tuple[NDArray[np.uint8], int]:
    """Return thumbnails, and the most bands that any picture has."""
    side, bands = 0, 1
    while True:  # twice at most: where a later picture is larger, all are made again to suit it
        thumbnails: Thumbnails | None = None
        for source in track(pictures.sources, "reading pictures"):
            with source.opened(LARGEST_THUMBNAIL) as (numbers, _):
                longest, bands = max(numbers.shape[:2]), max(bands, numbers.shape[-1])
                side = side or min(LARGEST_THUMBNAIL, longest)
                thumbnails = thumbnails or Thumbnails(count, side)
                if side < LARGEST_THUMBNAIL and longest > side:
                    side = LARGEST_THUMBNAIL
                    break
                thumbnails.add(numbers, source)
        else:
            assert thumbnails is not None
            return thumbnails.filled(), bands
