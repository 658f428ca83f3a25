"""Pictures in a store: folders and patterns, listed without opening any, with the names, labels and order that they have on a disk."""

import errno
import fnmatch
import glob
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from .. import store
from ..errors import ImageError, UnreachableError
from ..progress import working
from ..store import Entry, Location
from ..store_faults import StoreError
from ..words import Words
from .archives import is_tar
from .compact import FolderSources, joined, label_of
from .folders import is_hidden, is_picture
from .source import Source, Unreadable, unopened
from .tar_index import from_tars

# So many folders are listed ahead of the one whose turn it is.
LISTED_AT_ONCE, AHEAD = 8, 16


@dataclass(frozen=True, slots=True)
class _Found:
    """A file below a folder, by its name there; `fault`: why a folder could not be listed."""

    name: str
    fault: ImageError | None = None


def located(uri: str) -> Location:
    """Return what a URI names. Raises ImageError."""
    try:
        return store.locate(uri)
    except StoreError as error:
        raise ImageError(f"Received {uri.partition('://')[0]}://…, but {error.strerror}. {error.advice}") from error


def looked_up(location: Location) -> Entry | None:
    """Return what a location is, None where there is nothing. Raises UnreachableError."""
    try:
        return store.found(location)
    except StoreError as error:
        raise unopened(location.uri, error) from error


def from_bucket(top: Location) -> Sequence[Source]:
    """Return the pictures in a folder of a store and its subfolders in the order of their names; the first subfolder is the label.

    Where it holds tars and no pictures, those in the tars. Hidden files and folders are passed over. Raises UnreachableError.
    """
    names, shut, tars = Words(), list[tuple[int, Source]](), list[tuple[str, str]]()
    for found in _watched(_walk(top), top):
        if found.fault is not None:
            away = isinstance(found.fault, UnreachableError)
            shut.append((len(names), Unreadable(name=found.name, label=label_of(found.name), reason=str(found.fault), may_pass=away)))
        if found.fault is not None or is_picture(found.name):
            names.append(found.name)
        elif is_tar(found.name):
            tars.append((top.joined(found.name).uri, found.name))
    pictures = FolderSources(top, names, shut)
    return joined([from_tars(tars), pictures]) if tars and len(shut) == len(names) else pictures


def _watched(found: Iterator[_Found], top: Location) -> Iterator[_Found]:
    """Yield the findings, while a line says that a bucket is listed."""
    with working(f"listing {top.scheme}://{top.bucket}/{top.key}"):
        yield from found


def _walk(top: Location) -> Iterator[_Found]:
    """Yield the files below a folder in the order of their names, those of one folder at a time."""
    try:
        listed = store.entries(top)
    except StoreError as error:
        raise unopened(top.uri, error) from error
    pool = ThreadPoolExecutor(LISTED_AT_ONCE)
    try:
        yield from _inside(top, "", listed, pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _inside(top: Location, below: str, listed: list[Entry], pool: ThreadPoolExecutor) -> Iterator[_Found]:
    """Yield the files of a folder and of those in it; while one is read, the next ones are listed."""
    left = iter([f"{below}{entry.name}" for entry in listed if entry.is_folder and not is_hidden(entry.name) and entry.name])
    waiting: deque[Future[list[Entry]]] = deque()
    for entry in listed:
        name = f"{below}{entry.name}"
        if entry.is_folder and not entry.name:
            yield _Found(below or "/", ImageError(f"`{top.uri}` holds files in a folder without a name. Rename them there."))
        elif is_hidden(entry.name):
            continue
        elif not entry.is_folder:
            yield _Found(name)
        else:
            waiting.extend(pool.submit(store.entries, top.joined(one)) for one in itertools.islice(left, AHEAD - len(waiting)))
            try:
                inside = waiting.popleft().result()
            except StoreError as error:
                yield _Found(name, unopened(top.joined(name).uri, error))
                continue
            yield from _inside(top, f"{name}/", inside, pool)


def matching(pattern: Location) -> list[tuple[Location, Entry]]:
    """Return what a pattern matches in a store, in the order of the names: `*`, `?` and `[…]` in one part, `**` over any number.

    Hidden files and folders are matched only by what begins with a point. Raises UnreachableError.
    """
    found = {location.key: (location, entry) for location, entry in _matching(Location(pattern.scheme, pattern.bucket, "", pattern.options),
                                                                              pattern.key.split("/"))}  # fmt: skip
    return [found[key] for key in sorted(found)]


def _matching(folder: Location, parts: list[str]) -> Iterator[tuple[Location, Entry]]:
    part, *rest = parts
    if part != "**" and not glob.has_magic(part):
        inside = folder.joined(part)
        if rest:
            yield from _matching(inside, rest)
        elif (entry := looked_up(inside)) is not None:
            yield inside, entry
        return
    if part == "**" and rest:
        yield from _matching(folder, rest)
    for entry in _listed(folder):
        if not entry.name or (entry.name.startswith(".") and not part.startswith(".")) or not _matches(entry.name, part):
            continue
        inside = folder.joined(entry.name)
        if part == "**" and entry.is_folder:
            yield from _matching(inside, parts)
        if not rest:
            yield inside, entry
        elif part != "**" and entry.is_folder:
            yield from _matching(inside, rest)


def _matches(name: str, part: str) -> bool:
    return part == "**" or fnmatch.fnmatchcase(name, part)


def _listed(folder: Location) -> Iterable[Entry]:
    try:
        return store.entries(folder)
    except StoreError as error:
        if error.errno == errno.ENOENT and folder.key:
            return ()
        raise unopened(folder.uri, error) from error
