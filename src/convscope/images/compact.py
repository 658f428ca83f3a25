"""Many images in little memory: each source is made when its turn comes."""

import sys
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import overload

from ..store import Location
from ..words import Words
from .source import FileSource, Source, StoredSource


class Sources(Sequence[Source]):
    """Images that are made into sources when they are taken, singly or as a slice."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def made(self, place: int) -> Source:
        """Return the image at a place, from 0 to the last."""

    @overload
    def __getitem__(self, place: int) -> Source: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[Source, ...]: ...

    def __getitem__(self, place: int | slice) -> Source | tuple[Source, ...]:
        """Return one image, or several."""
        if isinstance(place, slice):
            return tuple(map(self.made, range(*place.indices(len(self)))))
        return self.made(range(len(self))[place])

    def __iter__(self) -> Iterator[Source]:
        return map(self.made, range(len(self)))


class FolderSources(Sources):
    """The pictures of a folder, of this machine or of a store, by their names in it; the first subfolder is the label.

    `others`: (place, source) of what stands among them and is not a picture that can be read, such as a folder that is shut.
    """

    def __init__(self, folder: str | Location, names: Words, others: Sequence[tuple[int, Source]] = ()) -> None:
        self._folder, self._names, self._others = folder, names, dict(others)

    def __len__(self) -> int:
        return len(self._names)

    def made(self, place: int) -> Source:
        """Return the picture at a place."""
        if (other := self._others.get(place)) is not None:
            return other
        name = self._names[place]
        label = label_of(name)
        if isinstance(self._folder, str):
            return FileSource(name=name, label=label, folder=self._folder, path=name)
        return StoredSource(name=name, label=label, folder=self._folder, path=name)


class Joined(Sources):
    """Several sequences of images, one after the other."""

    def __init__(self, parts: Iterable[Sequence[Source]]) -> None:
        self._parts = [part for part in parts if len(part)]
        self._firsts = list(accumulate((len(part) for part in self._parts), initial=0))

    def __len__(self) -> int:
        return self._firsts[-1]

    def made(self, place: int) -> Source:
        """Return the image at a place."""
        part = bisect_right(self._firsts, place) - 1
        return self._parts[part][place - self._firsts[part]]

    def __iter__(self) -> Iterator[Source]:
        for part in self._parts:
            yield from part


def joined(parts: Iterable[Sequence[Source]]) -> Sequence[Source]:
    """Return several sequences of images as one."""
    found = [part for part in parts if len(part)]
    return found[0] if len(found) == 1 else Joined(found)


def label_of(name: str) -> str | None:
    """Return the label of a picture by its name in a folder: the first subfolder."""
    first, slash, _ = name.partition("/")
    return sys.intern(first) if slash else None
