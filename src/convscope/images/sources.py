"""What a user may call images: files, folders, globs, lists, archives, .npz and .npy, embedded samples and arrays, as one lazy set."""

import glob
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import assets
from ..errors import ImageError, alike
from ..files import as_path
from ..legible import first_line, shortened
from ..reach import is_within_reach, permit
from ..store import Entry, Location, fetched, is_uri
from ..store_faults import StoreError
from . import buckets
from .archives import from_archive, is_archive, is_tar
from .arrays import from_array, from_numpy
from .braces import expanded, has_braces
from .compact import joined
from .folders import SUFFIXES, check_links, from_folder, tars_in
from .lists import from_list, from_stored_list, is_list
from .pictures import numbers_of
from .source import FileSource, Source, StoredSource, unopened
from .tar_index import from_tars

SAMPLE = "sample:"
WITH_PARTS = (".npz", ".parquet")
# "x.npz[3]" and "x.npz[0-8]" pick some of several images, "x.npz[name]" one of several arrays.
PICKED = re.compile(r"(.+)\[([0-9]{1,15})(?:-([0-9]{1,15}))?\]", re.DOTALL)
NAMED = re.compile(r"(.+)\[([^\[\]]+)\]", re.DOTALL)
EXPECTED = (
    "Expected an image, a folder, a glob, a list (.csv, .parquet), an archive (.zip, .tar, .tar.gz), an .npz or .npy file, or sample:NAME. "
    "All but the last may lie in a bucket (s3://BUCKET/NAME)."
)


@dataclass(frozen=True)
class ImageSet:
    """Images in order; `given` is how a later run can ask for the same ones, None for arrays that live in memory only.

    `sources` may make each source when it is taken: two of the same place are equal in all they say, but not the same object.
    """

    sources: Sequence[Source]
    given: tuple[str, ...] | None

    def __len__(self) -> int:
        return len(self.sources)


def as_image_set(images: Any) -> ImageSet:
    """Accept what a user may call images; raise ImageError that says what it expected.

    Paths (files, folders, globs, lists, archives, .npz, .npy, "sample:cat"; of several images "x.npz[3]" or "x.npz[0-8]" picks some),
    arrays (height, width), (height, width, c), (n, height, width, c) as floats in [0, 1] or uint8, PIL images, or sequences of these. What
    it returned before stays as it is.
    """
    if isinstance(images, ImageSet):
        return images
    parts = list(images) if isinstance(images, list | tuple) else [images]
    permit(places_of(parts))
    sources = joined(_as_sources(part) for part in parts)
    if not len(sources):
        raise ImageError(f"No images. {EXPECTED}")
    paths = [_absolute(part) for part in parts if isinstance(part, str | Path)]
    return ImageSet(sources, tuple(paths) if len(paths) == len(parts) else None)


def check_named(texts: Iterable[str]) -> None:
    """Raise ImageError for a text that plainly names nothing, without opening a file: a command asks before it loads a network."""
    for text in texts:
        if text.startswith(SAMPLE) and not PICKED.fullmatch(text):
            _check_sample(text.removeprefix(SAMPLE))
        elif not (text.startswith(SAMPLE) or is_uri(text) or NAMED.fullmatch(text) or _is_pattern(text)):
            path = as_path(text)
            if not is_one(path, Path.exists):
                raise _missing(text, path)


def places_of(parts: Iterable[Any]) -> Iterator[str | Path]:
    """Yield the files and folders in which the texts among the arguments name images, for `permit`. Embedded ones need no permission."""
    for part in parts:
        if isinstance(part, str | Path) and not str(part).startswith(SAMPLE):
            yield part if is_within_reach(part) else _place(part)


def places_in(parts: Iterable[str]) -> Iterator[str | Path]:
    """Yield all that is looked into for the images that texts name: themselves, and the folder of a pattern. Embedded ones need none."""
    for part in parts:
        if not part.startswith(SAMPLE):
            yield from {part: None, _place(part): None}


def _place(text: str | Path) -> str | Path:
    """Return the file or folder that a text names images in, without looking: a pattern's folder, the file before [3] or [name].

    In a store a pattern is its own place: nothing there leads elsewhere.
    """
    if is_uri(text):
        return text
    named = NAMED.fullmatch(str(text))
    path = as_path(named[1] if named is not None else text)
    return next((parent for parent in path.parents[::-1] if _is_pattern(path.relative_to(parent).parts[0])), path)


def _is_pattern(part: str) -> bool:
    return glob.has_magic(part) or has_braces(part)


def _as_sources(part: Any) -> Sequence[Source]:
    if isinstance(part, str | Path):
        return _from_path(str(part))
    if hasattr(part, "convert") and hasattr(part, "getbands"):
        return list(from_array(numbers_of(part, "array")[:], "array"))
    if hasattr(part, "__array__"):
        return list(from_array(as_array(part), "array"))
    raise ImageError(f"Received {type(part).__name__} as an image. {EXPECTED} Arrays and PIL images also work.")


def as_array(part: Any) -> NDArray[Any]:
    """Return an array, or a tensor of any framework, as NumPy's. Raises ImageError."""
    if np.ma.isMaskedArray(part) and np.ma.is_masked(part):
        raise ImageError(
            "Received an array with masked values, which have no brightness. Fill them first, for example with array.filled(0)."
        )
    try:
        return np.asarray(part)
    except Exception as error:  # a tensor of any framework may refuse, each with its own error
        raise ImageError(
            f"Received {type(part).__name__}, which NumPy cannot turn into an array: {first_line(error)}. {EXPECTED}"
        ) from error


def _absolute(part: str | Path) -> str:
    return str(part) if str(part).startswith(SAMPLE) or is_uri(part) else str(as_path(part).absolute())


def part_of(text: str | Path) -> tuple[Path, str] | None:
    """Return file and part of a text such as `set.npz[x_train]` or `table.parquet[clip]`, None for any other."""
    named = NAMED.fullmatch(str(text))
    if named is None or PICKED.fullmatch(str(text)) or is_one(as_path(text), Path.is_file):
        return None
    path = as_path(named[1])
    return (path, named[2]) if path.suffix.lower() in WITH_PARTS and is_one(path, Path.is_file) else None


def samples() -> list[str]:
    """Return the names after `sample:`: the embedded photographs, `photos` for all of them by kind, `fashion` for 2,000 test images."""
    return [*(path.stem for path in sorted(assets.path("photos").glob("*.jpg"))), "photos", "fashion"]


def _from_path(text: str) -> Sequence[Source]:
    if text.startswith(SAMPLE) and not PICKED.fullmatch(text):
        return _from_sample(text)
    if is_uri(text):
        return _from_uri(text)
    path = as_path(text)
    if is_one(path, Path.is_dir):
        permit([path])
        return _found(from_folder(path) or _in_tars(path), path)
    elif is_one(path, Path.is_file):
        permit([path])
        return _from_file(path)
    elif (picked := PICKED.fullmatch(text)) is not None and PICKED.fullmatch(picked[1]) is None:
        return _some(_from_path(picked[1]), text, int(picked[2]), int(picked[3] or picked[2]))
    elif (named := part_of(text)) is not None and named[0].suffix.lower() == ".npz":
        permit([named[0]])
        return list(from_numpy(*named))
    elif has_braces(text):
        return _all_of(expanded(text))
    elif glob.has_magic(text):
        return _matching(text)
    else:
        raise _missing(text, path)


def _from_uri(uri: str) -> Sequence[Source]:
    """Return the images that lie in a store."""
    location = buckets.located(uri)
    entry = buckets.looked_up(location)
    if entry is not None:
        return _stored(location, entry)
    elif (picked := PICKED.fullmatch(location.key)) is not None and PICKED.fullmatch(picked[1]) is None:
        return _some(_from_uri(location.at(picked[1]).uri), uri, int(picked[2]), int(picked[3] or picked[2]))
    elif (named := NAMED.fullmatch(location.key)) is not None and named[1].lower().endswith(".npz"):
        return list(from_numpy(_copy(location.at(named[1])), named[2]))
    elif has_braces(location.key):
        return _all_of([location.at(key).uri for key in expanded(location.key)])
    elif glob.has_magic(location.key):
        found = buckets.matching(location)
        if not found:
            raise ImageError(f"No file matches `{uri}`. {EXPECTED}")
        return joined([_stored(one, entry) for one, entry in found])
    else:
        there = "" if not location.key or buckets.looked_up(location.at("")) else f" There is no bucket `{location.bucket}`."
        raise ImageError(f"No file or folder `{uri}`.{there} {EXPECTED}")


def _stored(location: Location, entry: Entry) -> Sequence[Source]:
    """Return the images in a file or folder of a store."""
    path = PurePosixPath(location.key)
    if entry.is_folder:
        return _not_empty(buckets.from_bucket(location), f"folder `{location.uri}`")
    elif is_archive(path):
        return _not_empty(from_archive(location.uri), f"archive `{location.uri}`")
    elif is_list(path):
        return from_stored_list(location)
    elif path.suffix.lower() in (".npz", ".npy"):
        return list(from_numpy(_copy(location)))
    else:
        return [StoredSource(name=location.name, explicit=True, folder=location.folder, path=location.name)]


def _copy(location: Location) -> Path:
    """Return a copy on this machine of a file in a store. Raises ImageError."""
    try:
        return fetched(location)
    except StoreError as error:
        raise unopened(location.uri, error) from error


def _all_of(names: Sequence[str]) -> Sequence[Source]:
    """Return the images of all these; of tars, as the shards of one set, by the names of both."""
    tars = [one.partition("?")[0] if is_uri(one) else one for one in names]
    if not all(map(is_tar, tars)):
        return joined([_from_path(one) for one in names])
    permit(one for one in names if not is_uri(one))
    return _not_empty(from_tars([(one, PurePosixPath(tar).name) for one, tar in zip(names, tars, strict=True)]), f"tar `{names[0]}`")


def _in_tars(folder: Path) -> Sequence[Source]:
    """Return the images in the tars of a folder that holds no pictures."""
    tars = tars_in(folder)
    permit(path for path, _ in tars)
    return from_tars(tars) if tars else []


def _not_empty(sources: Sequence[Source], where: str) -> Sequence[Source]:
    if not len(sources):
        raise ImageError(f"The {where} holds no images ({', '.join(SUFFIXES)}). {EXPECTED}")
    return sources


def _from_file(path: Path) -> Sequence[Source]:
    if is_archive(path):
        return _found(from_archive(path), path)
    elif is_list(path):
        return from_list(path)
    elif path.suffix.lower() in (".npz", ".npy"):
        return list(from_numpy(path))
    else:
        return [_file(path)]


def _matching(text: str) -> Sequence[Source]:
    check_links(Path(_place(text)))
    found = sorted(glob.glob(str(as_path(text)), recursive=True))  # noqa: PTH207 (patterns may be absolute)
    if not found:
        raise ImageError(f"No file matches `{text}`. {EXPECTED}")
    permit(found)
    return joined([_from_path(one) for one in found])


def _check_sample(name: str) -> None:
    if name not in samples():
        raise ImageError(f"No sample `{name}`. Choose one of {', '.join(samples())}.")


def _missing(text: str, path: Path) -> ImageError:
    return ImageError(f"No file or folder `{text}`. {EXPECTED}{_closest(path)}")


def _closest(path: Path) -> str:
    """Return the sentence that names what in the path's folder is spelled alike, or says that there is no such folder."""
    if not is_within_reach(path.parent):
        return ""
    if not is_one(path.parent, Path.is_dir):
        return f" There is no folder `{path.parent}`."
    try:
        close = alike(path.name, (one.name for one in path.parent.iterdir() if one.is_dir() or _is_readable(one)))
    except (OSError, ValueError):
        return ""
    return f" The closest names there: {', '.join(map(shortened, close))}." if close else ""


def _is_readable(path: Path) -> bool:
    """Say whether a file is by its name one that can hold images."""
    return path.suffix.lower() in (*SUFFIXES, ".npz", ".npy") or is_archive(path) or is_list(path)


def is_one(path: Path, kind: Callable[[Path], bool]) -> bool:
    """Return whether a path is of a kind; a name that the system does not take, too long or with a zero in it, is of none."""
    try:
        return kind(path)
    except (OSError, ValueError):
        return False


def _some(sources: Sequence[Source], text: str, first: int, last: int) -> Sequence[Source]:
    if not first <= last < len(sources):
        raise ImageError(f"`{text}` is outside the {len(sources)} images there. Use a number or a range within 0-{len(sources) - 1}.")
    return sources[first : last + 1]


def _from_sample(text: str) -> Sequence[Source]:
    name = text.removeprefix(SAMPLE)
    _check_sample(name)
    if name == "fashion":
        return list(from_numpy(assets.path("fashion_test.npz")))
    if name == "photos":
        return from_list(assets.path("photos/photos.csv"))
    return [_file(assets.path("photos") / f"{name}.jpg")]


def _file(path: Path) -> Source:
    permit([path])
    return FileSource(name=path.name, explicit=True, folder=str(path.parent), path=path.name)


def _found(sources: Sequence[Source], path: Path) -> Sequence[Source]:
    if len(sources):
        return sources
    where = f"folder `{path}`" if path.is_dir() else f"archive `{path}`"
    inside = path.is_dir() and any(is_archive(one) for one in path.iterdir())
    hint = f" It holds archives. Name them with `{path}/*`." if inside else ""
    raise ImageError(f"The {where} holds no images ({', '.join(SUFFIXES)}).{hint} {EXPECTED}")
