"""The sizes that a Parquet file's footer gives for its columns, read without pyarrow, which ends the process on some damaged statistics.

pyarrow takes memory for as many values as the footer says there are; the headers of the pages say how many there can be. A footer and a
header are structs in Thrift's compact protocol (github.com/apache/thrift, doc/specs/thrift-compact-protocol.md), whose fields
github.com/apache/parquet-format, parquet.thrift numbers.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

TRUE, FALSE, BYTE, WHOLE, DOUBLE, BINARY, LISTS, STRUCT = 1, 2, 3, (4, 5, 6), 7, 8, (9, 10), 12
# Numbers of fields: in FileMetaData, RowGroup and ColumnChunk, and, with the kind of value, in ColumnMetaData.
ROW_GROUPS, COLUMNS, META_DATA = 4, 1, 3
PATH, VALUES, SIZE, PACKED, DATA, DICTIONARY = (3, 9), (5, 6), (6, 6), (7, 6), (9, 6), (11, 6)
# In PageHeader, and in the headers of data pages that it holds.
PAGE_SIZE, DATA_PAGES, PAGE_VALUES = (3, 5), ((5, 12), (8, 12)), (1, 5)
SHORTEST_READ, LONGEST_HEADER, MOST_PAGES = 512, 2**24, 1_000_000
ENDING = 8  # the length of the footer, and the magic
DEEPEST = 32
LONGEST_NUMBER = 10


@dataclass(frozen=True)
class Chunk:
    """One column in one `group` of rows: its dotted `path` in the schema, how many `values` it has, and its `size` in bytes unpacked.

    Its pages lie from `start` on, in `packed` bytes.
    """

    group: int
    path: str
    values: int
    size: int
    start: int
    packed: int


def chunks(path: Path) -> list[Chunk]:
    """Return what the footer says of each column in each group of rows. Raises OSError, and ValueError for a damaged footer."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - ENDING))
        length = int.from_bytes(file.read(4), "little")
        if length > end - ENDING:
            raise ValueError("its footer is cut off")
        file.seek(end - ENDING - length)
        footer = _Footer(file.read(length))
    return [
        footer.chunk(group)
        for _ in footer.fields(ROW_GROUPS, LISTS)
        for group, _ in enumerate(footer.items())
        for _ in footer.fields(COLUMNS, LISTS)
        for _ in footer.items()
    ]


def check_pages(path: Path, wanted: Iterable[Chunk]) -> None:
    """Raise ValueError where the footer gives a column another number of values than its pages have; OSError."""
    left = MOST_PAGES
    with path.open("rb") as file:
        for chunk in wanted:
            held = 0
            for values in _pages(file, chunk):
                held, left = held + values, left - 1
                if left < 0:
                    raise ValueError(f"it has more than {MOST_PAGES:,} pages")
            if held != chunk.values:
                raise ValueError(f"its footer gives the column `{chunk.path}` {chunk.values:,} values, but its pages hold {held:,}")


def _pages(file: IO[bytes], chunk: Chunk) -> Iterator[int]:
    """Yield how many values each page of a column has: none in a dictionary."""
    place, end = chunk.start, chunk.start + chunk.packed
    while place < end:
        values, length, size = _header(file, place)
        if min(values, size) < 0:
            raise ValueError(f"a page of its column `{chunk.path}` has a negative size")
        yield values
        place += length + size


def _header(file: IO[bytes], place: int) -> tuple[int, int, int]:
    """Return a page's number of values, the length of its header, and its size in bytes after that."""
    if place < 0:
        raise ValueError("its pages lie outside the file")
    length = SHORTEST_READ
    while True:
        file.seek(place)
        data = file.read(length)
        try:
            return _Footer(data).page()
        except EndError:
            if len(data) < length or length > LONGEST_HEADER:
                raise
            length *= 16  # statistics may be long


class EndError(ValueError):
    """Bytes that end within a value."""


class _Footer:
    """Bytes in the compact protocol, and a place in them."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def chunk(self, group: int) -> Chunk:
        """Read a ColumnChunk of a group of rows."""
        path, values, size, packed, data, dictionary = "", 0, 0, 0, 0, 0
        for _ in self.fields(META_DATA, (STRUCT,)):
            for head in self._heads():
                if head == PATH:
                    path = ".".join(self._binary().decode("utf-8", "surrogateescape") for _ in self.items())
                elif head == VALUES:
                    values = self._signed()
                elif head == SIZE:
                    size = self._signed()
                elif head == PACKED:
                    packed = self._signed()
                elif head == DATA:
                    data = self._signed()
                elif head == DICTIONARY:
                    dictionary = self._signed()
                else:
                    self._skip(head[1])
        return Chunk(group, path, values, size, min((one for one in (dictionary, data) if one > 0), default=0), packed)

    def page(self) -> tuple[int, int, int]:
        """Read a PageHeader: the number of values of a data page, the length of the header, and the size of what follows it."""
        values, size = 0, 0
        for head in self._heads():
            if head == PAGE_SIZE:
                size = self._signed()
            elif head in DATA_PAGES:
                for inner in self._heads():
                    if inner == PAGE_VALUES:
                        values = self._signed()
                    else:
                        self._skip(inner[1])
            else:
                self._skip(head[1])
        return values, self._place, size

    def fields(self, wanted: int, kinds: tuple[int, ...]) -> Iterator[None]:
        """Read a struct; stop before the value of each field of this number, which the caller reads."""
        for number, kind in self._heads():
            if number == wanted and kind in kinds:
                yield
            else:
                self._skip(kind)

    def items(self) -> Iterator[int]:
        """Read a list; stop before each of its values, whose kind this is."""
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._number()
        for _ in range(count):
            yield head & 15

    def _heads(self) -> Iterator[tuple[int, int]]:
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._signed()
            yield number, head & 15

    def _skip(self, kind: int, depth: int = 0) -> None:
        if depth > DEEPEST:
            raise ValueError("its footer is nested too deeply")
        if kind in WHOLE:
            self._number()
        elif kind in (BYTE, DOUBLE):
            self._take(1 if kind == BYTE else 8)
        elif kind == BINARY:
            self._binary()
        elif kind in LISTS:
            for one in self.items():
                self._skip(BYTE if one in (TRUE, FALSE) else one, depth + 1)
        elif kind == STRUCT:
            for _, one in self._heads():
                self._skip(one, depth + 1)
        elif kind not in (TRUE, FALSE):  # a field of that kind is its own value; no field of Parquet's is a map
            raise ValueError(f"its footer holds a value of kind {kind}")

    def _signed(self) -> int:
        number = self._number()
        return (number >> 1) ^ -(number & 1)

    def _number(self) -> int:
        number = 0
        for place in range(LONGEST_NUMBER):
            byte = self._byte()
            number |= (byte & 127) << (7 * place)
            if byte < 128:
                return number
        raise ValueError("its footer holds a number with too many digits")

    def _binary(self) -> bytes:
        return self._take(self._number())

    def _byte(self) -> int:
        return self._take(1)[0]

    def _take(self, length: int) -> bytes:
        taken = self._data[self._place : self._place + length]
        if len(taken) < length:
            raise EndError("its footer or a header of its pages is cut off")
        self._place += length
        return taken
