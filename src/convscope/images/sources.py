"""What a user may call images: files, folders, globs, .npz and .npy, embedded samples and arrays, as one lazy set."""

import glob
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import assets
from ..errors import ImageError, near_misses
from .pictures import decode

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
SAMPLE = "sample:"
EXPECTED = "Expected a picture, a folder, a glob, an .npz or .npy file, or sample:NAME."


@dataclass(frozen=True)
class Source:
    """One image that can be read when its turn comes; `read` returns it as (height, width, c) in [0, 1], and its digest."""

    name: str
    read: Callable[[], tuple[NDArray[np.float32], bytes]]
    label: str | None = None
    is_array: bool = False
    explicit: bool = True


@dataclass(frozen=True)
class ImageSet:
    """Images in order; `given` is how a later run can ask for the same ones, None for arrays that live in memory only."""

    sources: tuple[Source, ...]
    given: tuple[str, ...] | None

    def __len__(self) -> int:
        return len(self.sources)


def as_image_set(images: Any) -> ImageSet:
    """Accept what a user may call images; raise ImageError that says what was expected.

    Paths (files, folders, globs, .npz, .npy, "sample:cat"; of several images "x.npz[3]" or "x.npz[0-8]" picks some), arrays
    (height, width), (height, width, c), (n, height, width, c) as floats in [0, 1] or uint8, PIL images, or sequences of these.
    """
    parts = list(images) if isinstance(images, list | tuple) else [images]
    sources = [source for part in parts for source in _as_sources(part)]
    if not sources:
        raise ImageError(f"No images were given. {EXPECTED}")
    paths = [_absolute(part) for part in parts if isinstance(part, str | Path)]
    return ImageSet(tuple(sources), tuple(paths) if len(paths) == len(parts) else None)


def _as_sources(part: Any) -> list[Source]:
    if isinstance(part, str | Path):
        return list(_from_path(str(part)))
    if hasattr(part, "convert") and hasattr(part, "getbands"):
        part = np.asarray(part.convert("L" if part.mode in ("1", "L") else "RGB"))
    if isinstance(part, np.ndarray) or hasattr(part, "__array__"):
        return list(_from_array(np.asarray(part), "array"))
    raise ImageError(f"Received {type(part).__name__} as an image. {EXPECTED} Arrays and PIL images work too.")


def _absolute(part: str | Path) -> str:
    return str(part) if str(part).startswith(SAMPLE) else str(Path(part).expanduser().absolute())


def samples() -> list[str]:
    """Return the names after `sample:`: the embedded photographs, and `fashion`, 2,000 labelled test images."""
    return [*(path.stem for path in sorted(assets.path("photos").glob("*.jpg"))), "fashion"]


def _from_path(text: str) -> Iterator[Source]:
    picked = re.fullmatch(r"(.+)\[(\d+)(?:-(\d+))?\]", text)
    if picked and not Path(text).exists():
        yield from _some(list(_from_path(picked[1])), text, int(picked[2]), int(picked[3] or picked[2]))
        return
    if text.startswith(SAMPLE):
        yield from _from_sample(text)
        return
    path = Path(text).expanduser()
    if path.is_dir():
        yield from _from_folder(path)
    elif path.suffix.lower() in (".npz", ".npy") and path.is_file():
        yield from _from_numpy(path)
    elif path.is_file():
        yield _from_file(path)
    elif glob.has_magic(text):
        found = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 (patterns may be absolute)
        if not found:
            raise ImageError(f"No file matches `{text}`. {EXPECTED}")
        for one in found:
            yield from _from_path(one)
    else:
        folder = path.parent if path.parent.is_dir() else Path()
        close = near_misses(path.name, (one.name for one in folder.iterdir())) if folder.is_dir() else ""
        raise ImageError(f"No file or folder `{text}`. {EXPECTED}" + (f" Closest in its folder: {close}." if close else ""))


def _some(sources: list[Source], text: str, first: int, last: int) -> list[Source]:
    if not first <= last < len(sources):
        raise ImageError(f"`{text}` is outside the {len(sources)} images there. Give a number or a range within 0-{len(sources) - 1}.")
    return sources[first : last + 1]


def _from_sample(text: str) -> Iterator[Source]:
    name = text.removeprefix(SAMPLE)
    if name not in samples():
        raise ImageError(f"No sample `{name}`. There are: {', '.join(samples())}.")
    if name == "fashion":
        yield from _from_numpy(assets.path("fashion_test.npz"))
    else:
        yield _from_file(assets.path("photos") / f"{name}.jpg")


def _from_file(path: Path, label: str | None = None, *, explicit: bool = True, name: str | None = None) -> Source:
    def read() -> tuple[NDArray[np.float32], bytes]:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ImageError(f"`{path}` cannot be read: {error.strerror}. Check its permissions.") from error
        return decode(data, str(path)), hashlib.blake2b(data, digest_size=16).digest()

    return Source(name or path.name, read, label, explicit=explicit)


def _from_folder(folder: Path) -> Iterator[Source]:
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise ImageError(f"The folder `{folder}` holds no pictures ({', '.join(SUFFIXES)}). {EXPECTED}")
    for path in paths:
        inside = path.relative_to(folder)
        label = inside.parts[0] if len(inside.parts) > 1 else None
        yield _from_file(path, label, explicit=False, name=inside.as_posix())


def _from_numpy(path: Path) -> Iterator[Source]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            arrays = {"images": loaded}
        else:
            with loaded:
                arrays = {key: loaded[key] for key in loaded.files}
    except (OSError, ValueError, EOFError) as error:
        raise ImageError(f"`{path}` is no readable NumPy file: {error}. Expected one that numpy.save or numpy.savez wrote.") from error
    key = "images" if "images" in arrays else next((one for one, array in arrays.items() if array.ndim >= 3), None)
    if key is None:
        shapes = {one: array.shape for one, array in arrays.items()}
        raise ImageError(f"`{path}` holds no image array: {shapes}. Expected `images` with shape (n, height, width[, channels]).")
    labels = _npz_labels(arrays, len(arrays[key]))
    yield from _from_array(arrays[key], path.stem, labels, many=True)


def _npz_labels(arrays: dict[str, NDArray[Any]], count: int) -> list[str] | None:
    values = next((arrays[key] for key in ("labels", "label", "y") if key in arrays), None)
    if values is None or values.shape != (count,):
        return None
    names = arrays.get("names")
    return [str(names[int(value)]) if names is not None else str(value) for value in values]


def _from_array(array: NDArray[Any], name: str, labels: Sequence[str] | None = None, *, many: bool = False) -> Iterator[Source]:
    stack = _stacked(array, name, many)
    _check_values(stack, name)
    single = len(stack) == 1 and not many
    for index, image in enumerate(stack):
        label = labels[index] if labels is not None else None
        yield Source(name if single else f"{name}[{index}]", _reader(image), label, is_array=True)


def _reader(image: NDArray[Any]) -> Callable[[], tuple[NDArray[np.float32], bytes]]:
    def read() -> tuple[NDArray[np.float32], bytes]:
        values = image.astype(np.float32) / np.float32(255.0) if image.dtype == np.uint8 else image.astype(np.float32)
        return values, hashlib.blake2b(np.ascontiguousarray(image).tobytes(), digest_size=16).digest()

    return read


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
    low, high = float(stack.min()), float(stack.max())
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise ImageError(f"The array `{name}` has values from {low:g} to {high:g}. Expected [0, 1]; give uint8 for 0-255.")
