"""Many texts in little memory: a list of millions of names would take hundreds of bytes for each."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray


class Words(Sequence[str]):
    """Texts, in the bytes that they take in UTF-8 and eight more for each."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._bytes, self._ends = bytearray(), array("q", [0])
        self.extend(texts)

    def extend(self, texts: Iterable[str]) -> None:
        """Put texts behind the others."""
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """Put a text behind the others."""
        self._bytes += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        """Return a text, or a list of some."""
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        return self._bytes[self._ends[place] : self._ends[place + 1]].decode("utf-8", "surrogatepass")

    def __iter__(self) -> Iterator[str]:
        return (self[place] for place in range(len(self)))


class Choices(Sequence[str | None]):
    """Texts among which there are few different ones, or None, in four bytes each. `words`: the different ones, as they first came."""

    def __init__(self, texts: Iterable[str | None] = ()) -> None:
        self._words, self._numbers, self._codes = list[str](), dict[str, int](), array("i")
        self.extend(texts)

    def extend(self, texts: Iterable[str | None]) -> None:
        """Put texts behind the others."""
        for text in texts:
            self.append(text)

    def append(self, text: str | None) -> None:
        """Put a text behind the others."""
        if text is None:
            self._codes.append(-1)
            return
        number = self._numbers.setdefault(text, len(self._words))
        if number == len(self._words):
            self._words.append(text)
        self._codes.append(number)

    @property
    def words(self) -> tuple[str, ...]:
        """The different texts, in the order in which they first came."""
        return tuple(self._words)

    @property
    def codes(self) -> NDArray[np.int32]:
        """(text,) int32, the number of each among the words, -1 for None."""
        return np.frombuffer(self._codes, np.int32) if self._codes else np.zeros(0, np.int32)

    def __len__(self) -> int:
        return len(self._codes)

    @overload
    def __getitem__(self, place: int) -> str | None: ...
    @overload
    def __getitem__(self, place: slice) -> list[str | None]: ...
    def __getitem__(self, place: int | slice) -> str | list[str | None] | None:
        """Return a text, or a list of some."""
        if isinstance(place, slice):
            return [self._of(code) for code in self._codes[place]]
        return self._of(self._codes[place])

    def _of(self, code: int) -> str | None:
        return None if code < 0 else self._words[code]
