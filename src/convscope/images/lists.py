"""Tables whose rows name pictures, and perhaps labels: CSV and Parquet."""

import codecs
import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from ..errors import ImageError
from ..reach import permit
from ..store import Location, fetched
from ..tables import column_kinds, read_parquet
from ..words import Choices, Words
from .labels import as_labels, numbered
from .pictures import MOST_BYTES
from .rows import EXPECTED, RowSources
from .source import Source, unopened

CSV = (".csv", ".tsv")
PARQUET = ".parquet"
LISTS = (*CSV, PARQUET)
PATHS = ("path", "paths", "image", "file", "file_name", "filename", "name")
LABELS = ("label", "labels", "class")
DELIMITERS = "\t;,"

Row = tuple[int, str, str | None]


def is_list(path: PurePath) -> bool:
    """Return whether a file's name ends as a list's."""
    return path.suffix.lower() in LISTS


def from_list(path: Path, folder: Location | None = None) -> Sequence[Source]:
    """Return the pictures that the rows name, in their order; `folder`: that of the list, if it lies in a store. Raises ImageError."""
    if path.stat().st_size > MOST_BYTES:
        raise ImageError(f"The list `{path}` has more than {MOST_BYTES // 2**20} MiB. Divide it into several.")
    names, labels, first = Words(), Choices(), None
    for number, name, label in _parquet(path) if path.suffix.lower() == PARQUET else _csv(path):
        names.append(name)
        labels.append(label)
        first = number if first is None else first
    if first is None:
        raise ImageError(f"The list `{path}` has no rows. {EXPECTED}")
    rows = RowSources(folder or str(path.parent), names, labels)
    permit(map(rows.target, names))
    rows.check(path, first)
    return rows


def from_stored_list(location: Location) -> Sequence[Source]:
    """Return the pictures that the rows of a list in a store name, relative to it or by their URI. Raises ImageError."""
    try:
        return from_list(fetched(location), location.folder)
    except OSError as error:
        raise unopened(location.uri, error) from error


def _csv(path: Path) -> Iterator[Row]:
    """Yield the rows of a CSV: comma, semicolon or tab, whichever its first line holds most of; the header may be left out."""
    line, where = 0, None
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            first = next((text for text in file if text.strip()), "")
            file.seek(0)
            reader = csv.reader(file, delimiter=max(DELIMITERS[::-1], key=first.count), skipinitialspace=True)
            for cells in reader:
                line = reader.line_num
                if not any(cell.strip() for cell in cells):
                    continue
                if where is None:
                    header = _header(cells, path.parent)
                    where = header or (0, 1)
                    if header:
                        continue
                yield _row(cells, where, line, path)
    except (OSError, csv.Error, UnicodeError) as error:
        raise ImageError(
            f"The list `{path}` cannot be read after line {line}: {error}. {EXPECTED} Save the list as text in UTF-8."
        ) from error


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(2)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _header(cells: Sequence[str], folder: Path) -> tuple[int, int] | None:
    """Return which columns hold path and label if this row says so, None if it is a picture's."""
    names = [cell.strip().lower() for cell in cells]
    place = next((names.index(name) for name in PATHS if name in names), None)
    if place is None or os.path.isfile(folder / cells[place].strip()):  # noqa: PTH113 (a name may be too long for a Path's own)
        return None
    other = 1 - place if len(names) == 2 else len(names)
    return place, next((names.index(name) for name in LABELS if name in names), other)


def _row(cells: Sequence[str], where: tuple[int, int], number: int, path: Path) -> Row:
    place, label = (cells[column].strip() if column < len(cells) else "" for column in where)
    if not place or "\0" in place:
        raise ImageError(f"Row {number} of `{path}` does not name an image: {', '.join(cells)[:80]!r}. {EXPECTED}")
    return number, place, label or None


def _parquet(path: Path) -> Iterator[Row]:
    kinds = column_kinds(path)
    places = [name for name in PATHS if kinds.get(name) == "text"]
    if not places:
        raise ImageError(f"`{path}` has no text column named {', '.join(PATHS)}. Its columns are {', '.join(kinds)}. {EXPECTED}")
    label = next((name for name in LABELS if name in kinds), None)
    table = read_parquet(path, [places[0], *([label] if label else [])])
    numbers = table.numbers.get(label or "")
    labels = as_labels(table.texts.get(label or ""), None, table.count, path) if numbers is None else numbered(numbers)
    for number, place in enumerate(table.texts[places[0]]):
        if not place or "\0" in place:
            raise ImageError(f"Row {number} of `{path}` does not name an image: its `{places[0]}` is empty. {EXPECTED}")
        yield number, place, None if labels is None else labels[number]
