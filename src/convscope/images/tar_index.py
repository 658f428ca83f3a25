"""What is in a tar: one pass over it, kept for tars in a store; and tars as shards of one data set, in the form of WebDataset."""

import contextlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..digests import digest
from ..errors import ConvscopeError, ImageError, UnreachableError
from ..files import cache_folder, write_files
from ..formats.tar_index import Index, index_file, read_index
from ..legible import first_line
from ..progress import counting
from ..words import Choices, Words
from .compact import Sources, joined
from .folders import SUFFIXES, labels_of
from .members import DAMAGED, Archive, is_of_the_system, parts_of
from .source import Source, Unreadable, unopened
from .tars import Member, TarSource, tar_members

# So many tars of a store are listed at once.
LISTED_AT_ONCE = 8


def index_of(archive: Archive, stopped: threading.Event | None = None) -> Index:
    """Return what is in a tar; that of a store is passed over once, and then known to this user's cache. Raises ImageError.

    `stopped`: set by another thread, it ends the pass with an UnreachableError.
    """
    if not archive.is_stored:
        return _passed(archive, stopped)
    path = cache_folder() / "tars" / f"{digest(f'{archive.path} {archive.size} {archive.changed}'.encode())}.parquet"
    with contextlib.suppress(ConvscopeError, OSError, ValueError, LookupError, TypeError):
        return read_index(path)
    index = _passed(archive, stopped)
    with contextlib.suppress(ConvscopeError, OSError):
        write_files({path: index_file(index)})
    return index


def _passed(archive: Archive, stopped: threading.Event | None) -> Index:
    """Return what one pass over a tar finds."""
    pictures, told, ended = list[Member](), dict[str, str](), ""
    try:
        for member in tar_members(archive):
            if stopped is not None and stopped.is_set():
                raise UnreachableError(f"`{archive.path}` was not listed to its end.")
            if member.told and (member.ending == "cls" or member.key not in told):
                told[member.key] = member.told
            elif not member.told:
                pictures.append(member)
    except (*DAMAGED, RecursionError) as error:
        if is_of_the_system(error):
            raise unopened(archive.path, error) from error
        if not pictures:
            raise ImageError(f"`{archive.path}` is not a readable tar archive: {first_line(error)}. Copy or download it again.") from error
        ended = f"`{archive.path}` is damaged after {len(pictures)} images: {first_line(error)}. Copy or download it again."
    is_of_samples = not told.keys().isdisjoint(member.key for member in pictures)
    return _index(_samples(pictures) if is_of_samples else pictures, told if is_of_samples else {}, ended)


def _samples(pictures: Sequence[Member]) -> list[Member]:
    """Return of each sample the first picture with a plain ending, such as `.jpg`; where it has none, such as only `.v2.jpg`, all."""
    plain = dict[str, Member]()
    for member in pictures:
        if f".{member.ending}" in SUFFIXES:
            plain.setdefault(member.key, member)
    return [member for member in pictures if plain.get(member.key, member) is member]


def _index(members: Sequence[Member], told: dict[str, str], ended: str) -> Index:
    names = tuple("/".join(parts_of(member.name)) for member in members)
    starts, lengths = (np.asarray([getattr(member, name) for member in members], np.int64) for name in ("start", "length"))
    labels = tuple(told.get(member.key) for member in members) if told else (None,) * len(names)
    return Index(names, starts, lengths, labels, tuple(member.reason or None for member in members), bool(told), ended)


class TarSources(Sources):
    """The images of a tar with their `labels`; `tar`: the name of the tar, where the images are called by it too."""

    def __init__(self, archive: Archive, index: Index, labels: Sequence[str | None], tar: str = "") -> None:
        self._archive, self._tar = archive, tar
        self._starts, self._lengths = index.starts, index.lengths
        self._names = Words(map(str, index.names) if not tar else (f"{tar}/{_stem(str(name), index)}" for name in index.names))
        self._faults = {place: reason for place, reason in enumerate(index.reasons) if reason is not None}
        self._labels = Choices(labels)

    def __len__(self) -> int:
        return len(self._names)

    def made(self, place: int) -> Source:
        """Return the image at a place."""
        name, label = self._names[place], self._labels[place]
        if (reason := self._faults.get(place)) is not None:
            own = name.removeprefix(f"{self._tar}/")
            return Unreadable(name=name, label=label, reason=f"`{self._archive.path}: {own}` {reason}")
        return TarSource(
            name=name,
            label=label,
            archive=self._archive,
            start=int(self._starts[place]),
            length=int(self._lengths[place]),
        )


def sources_of(index: Index, archive: Archive, folders: Sequence[str | None], tar: str = "") -> Sequence[Source]:
    """Return the images of a tar; `folders`: their labels where no file tells any. `tar`: as for TarSources."""
    found = TarSources(archive, index, index.labels if index.is_of_samples else folders, tar)
    name = tar or parts_of(archive.path.partition("?")[0])[-1]
    return joined([found, [Unreadable(name=name, reason=index.ended)] if index.ended else []])


def from_tars(tars: Sequence[tuple[str, str]]) -> Sequence[Source]:
    """Return the images of several tars, (path or URI, name), as one data set: each by the name of its tar and its own.

    One that cannot be listed now is tried again the next time. Raises ImageError where none can be.
    """
    found, plain = list[Sequence[Source] | ImageError](), dict[int, tuple[Archive, Index]]()
    with counting("listing tars", len(tars)) as advance:
        for (_, name), listed in zip(tars, _all_listed([path for path, _ in tars]), strict=True):
            if not isinstance(listed, ImageError) and not listed[1].is_of_samples:
                plain[len(found)] = listed
                found.append([])
            else:
                found.append(listed if isinstance(listed, ImageError) else sources_of(listed[1], listed[0], (), name))
            advance(1)
    faults = [one for one in found if isinstance(one, ImageError)]
    if len(faults) == len(found):
        raise faults[0]
    labels = iter(labels_of([parts for _, index in plain.values() for parts in index.parts]))
    for place, (archive, index) in plain.items():
        found[place] = sources_of(index, archive, [next(labels) for _ in index.names], tars[place][1])
    return joined([_away(tars[place][1], one) if isinstance(one, ImageError) else one for place, one in enumerate(found)])


def _away(name: str, fault: ImageError) -> Sequence[Source]:
    return [Unreadable(name=name, reason=str(fault), may_pass=isinstance(fault, UnreachableError))]


def _stem(name: str, index: Index) -> str:
    """Return what the files of a sample share, the whole name where no files tell classes, or several pictures have the stem."""
    if not index.is_of_samples:
        return name
    member = Member(name)
    return member.key if f".{member.ending}" in SUFFIXES else name


def _all_listed(paths: Sequence[str]) -> Iterator[tuple[Archive, Index] | ImageError]:
    """Yield what is in each tar, several listed at once; whoever stops here does not wait for the rest."""
    pool, stopped = ThreadPoolExecutor(LISTED_AT_ONCE), threading.Event()
    try:
        yield from pool.map(lambda path: _listed(path, stopped), paths)
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


def _listed(path: str, stopped: threading.Event) -> tuple[Archive, Index] | ImageError:
    try:
        archive = Archive.at(path)
        return archive, index_of(archive, stopped)
    except ImageError as error:
        return error
