"""Many images in little memory: their names in one block of bytes, and each source made when its turn comes."""

import sys
from abc import abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import overload

from ..store import Location
from .source import FileSource, Source, StoredSource


class Names(Sequence[str]):
    """Texts, kept as bytes one after the other; file names that are not Unicode too."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._bytes, self._ends = bytearray(), array("q", [0])
        self.extend(names)

    def extend(self, names: Iterable[str]) -> None:
        """Take more, in this order."""
        for name in names:
            self.append(name)

    def append(self, name: str) -> None:
        """Take one more."""
        self._bytes += name.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...

    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        """Return one text, or several."""
        if isinstance(place, slice):
            return tuple(self[one] for one in range(*place.indices(len(self))))
        place = _within(place, len(self))
        return self._bytes[self._ends[place] : self._ends[place + 1]].decode("utf-8", "surrogatepass")


class Labels:
    """Labels of many images, of which few differ: each is kept once."""

    def __init__(self, labels: Iterable[str | None] = ()) -> None:
        self._codes, self._numbers = array("i"), dict[str | None, int]()
        self._known = list[str | None]()
        for label in labels:
            self.append(label)

    def append(self, label: str | None) -> None:
        """Take one more."""
        number = self._numbers.setdefault(label, len(self._known))
        if number == len(self._known):
            self._known.append(label)
        self._codes.append(number)

    def __getitem__(self, place: int) -> str | None:
        """Return the label of an image."""
        return self._known[self._codes[place]]


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
        return self.made(_within(place, len(self)))

    def __iter__(self) -> Iterator[Source]:
        return map(self.made, range(len(self)))


class FolderSources(Sources):
    """The pictures of a folder, of this machine or of a store, by their names in it; the first subfolder is the label.

    `others`: (place, source) of what stands among them and is not a picture that can be read, such as a folder that is shut.
    """

    def __init__(self, folder: str | Location, names: Names, others: Sequence[tuple[int, Source]] = ()) -> None:
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


def _within(place: int, count: int) -> int:
    if not -count <= place < count:
        raise IndexError(f"{place} of {count}")
    return place % count
