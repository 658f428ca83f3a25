"""What a user may call images: files, folders, globs, lists, archives, .npz and .npy, embedded samples and arrays, as one lazy set."""

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import assets
from ..errors import ImageError, near_misses
from .archives import from_archive, is_archive
from .arrays import from_array, from_numpy
from .folders import SUFFIXES, from_folder
from .lists import from_list, is_list
from .pictures import pixels_of
from .source import FileSource, Source

SAMPLE = "sample:"
EXPECTED = (
    "Expected a picture, a folder, a glob, a list (.csv, .parquet), an archive (.zip, .tar, .tar.gz), an .npz or .npy file, or sample:NAME."
)


@dataclass(frozen=True)
class ImageSet:
    """Images in order; `given` is how a later run can ask for the same ones, None for arrays that live in memory only."""

    sources: tuple[Source, ...]
    given: tuple[str, ...] | None

    def __len__(self) -> int:
        return len(self.sources)


def as_image_set(images: Any) -> ImageSet:
    """Accept what a user may call images; raise ImageError that says what was expected.

    Paths (files, folders, globs, lists, archives, .npz, .npy, "sample:cat"; of several images "x.npz[3]" or "x.npz[0-8]" picks some),
    arrays (height, width), (height, width, c), (n, height, width, c) as floats in [0, 1] or uint8, PIL images, or sequences of these.
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
        part = pixels_of(part)
    if isinstance(part, np.ndarray) or hasattr(part, "__array__"):
        return list(from_array(np.asarray(part), "array"))
    raise ImageError(f"Received {type(part).__name__} as an image. {EXPECTED} Arrays and PIL images work too.")


def _absolute(part: str | Path) -> str:
    return str(part) if str(part).startswith(SAMPLE) else str(Path(part).expanduser().absolute())


def samples() -> list[str]:
    """Return the names after `sample:`: the embedded photographs, `photos` for all of them by kind, `fashion` for 2,000 test images."""
    return [*(path.stem for path in sorted(assets.path("photos").glob("*.jpg"))), "photos", "fashion"]


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
        yield from _found(from_folder(path), path)
    elif is_archive(path) and path.is_file():
        yield from _found(from_archive(path), path)
    elif is_list(path) and path.is_file():
        yield from from_list(path)
    elif path.suffix.lower() in (".npz", ".npy") and path.is_file():
        yield from from_numpy(path)
    elif path.is_file():
        yield _file(path)
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
        yield from from_numpy(assets.path("fashion_test.npz"))
    elif name == "photos":
        yield from from_list(assets.path("photos/photos.csv"))
    else:
        yield _file(assets.path("photos") / f"{name}.jpg")


def _file(path: Path) -> Source:
    return FileSource(name=path.name, explicit=True, folder=str(path.parent), path=path.name)


def _found(sources: list[Source], path: Path) -> list[Source]:
    if sources:
        return sources
    where = f"folder `{path}`" if path.is_dir() else f"archive `{path}`"
    inside = path.is_dir() and any(is_archive(one) for one in path.iterdir())
    hint = f" It holds archives: give them as `{path}/*`." if inside else ""
    raise ImageError(f"The {where} holds no pictures ({', '.join(SUFFIXES)}).{hint} {EXPECTED}")
