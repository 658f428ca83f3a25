"""Tables whose rows name pictures, and perhaps labels: CSV and Parquet."""

import codecs
import csv
import errno
import os
import posixpath
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePath

from .. import store
from ..errors import ImageError
from ..reach import permit
from ..tables import column_kinds, read_parquet
from .labels import as_labels, numbered
from .pictures import MOST_BYTES
from .source import FileSource, Source, StoredSource, unopened

CSV = (".csv", ".tsv")
PARQUET = ".parquet"
LISTS = (*CSV, PARQUET)
PATHS = ("path", "paths", "image", "file", "file_name", "filename", "name")
LABELS = ("label", "labels", "class")
DELIMITERS = "\t;,"
# So many rows are looked at to see that the list and its pictures belong together.
TRIED, TRIED_STORED = 100, 5
EXPECTED = "Expected one image in each row: its path, relative to the list or absolute, and optionally its label."

Row = tuple[int, str, str | None]


def is_list(path: PurePath) -> bool:
    """Return whether a file's name ends as a list's."""
    return path.suffix.lower() in LISTS


def from_list(path: Path) -> list[Source]:
    """Return the pictures that the rows name, in their order. Raises ImageError, with the row."""
    rows, folder = _rows(path), str(path.parent)
    permit(name if store.is_uri(name) else os.path.join(folder, name) for _, name, _ in rows)  # noqa: PTH118
    stored = _Stored()
    return _checked(
        path, rows, [stored.source(name, label) if store.is_uri(name) else _filed(folder, name, label) for _, name, label in rows]
    )


def from_stored_list(location: store.Location) -> list[Source]:
    """Return the pictures that the rows of a list in a store name, relative to it or by their URI. Raises ImageError, with the row."""
    try:
        path = store.fetched(location)
    except OSError as error:
        raise unopened(location.uri, error) from error
    rows, stored = _rows(path), _Stored(location.folder)
    permit(stored.uri(name) for _, name, _ in rows)
    return _checked(path, rows, [stored.source(name, label) for _, name, label in rows])


def _rows(path: Path) -> list[Row]:
    if path.stat().st_size > MOST_BYTES:
        raise ImageError(f"The list `{path}` has more than {MOST_BYTES // 2**20} MiB. Divide it into several.")
    rows = list(_parquet(path) if path.suffix.lower() == PARQUET else _csv(path))
    if not rows:
        raise ImageError(f"The list `{path}` has no rows. {EXPECTED}")
    shared: dict[str, str] = {}
    return [(number, name, label and shared.setdefault(label, label)) for number, name, label in rows]


def _filed(folder: str, name: str, label: str | None) -> Source:
    return FileSource(name=name.replace(os.sep, "/"), label=label, folder=folder, path=name)


def _checked(path: Path, rows: Sequence[Row], sources: list[Source]) -> list[Source]:
    """Return the sources. Raises ImageError if none of the first can be found: the list and its pictures do not belong together."""
    tried: list[FileSource | StoredSource] = [*islice((one for one in sources if isinstance(one, FileSource)), TRIED)]
    tried += [*islice((one for one in sources if isinstance(one, StoredSource)), TRIED_STORED)]
    if not any(map(_is_there, tried)):
        number, name, _ = rows[0]
        place = path.parent / name if isinstance(tried[0], FileSource) else tried[0].uri
        raise ImageError(f"Row {number} of `{path}` names `{name}`, but neither `{place}` nor the files of later rows exist. {EXPECTED}")
    return sources


def _is_there(source: FileSource | StoredSource) -> bool:
    """Say whether a picture exists; one whose store does not answer may."""
    if isinstance(source, FileSource):
        return os.path.exists(os.path.join(source.folder, source.path))  # noqa: PTH110, PTH118
    try:
        return store.found(source.folder.joined(source.path)) is not None
    except store.StoreError as error:
        return error.errno != errno.EINVAL


class _Stored:
    """Sources of rows that name pictures in stores: by URI, or relative to the `folder` of their list. Few folders, that many share."""

    def __init__(self, folder: store.Location | None = None) -> None:
        self._folder, self._shared = folder, dict[str, store.Location]()

    def source(self, name: str, label: str | None) -> Source:
        """Return the picture that a row names; its name does not say by which endpoint it is read. Raises ImageError."""
        place, path = self._place(name)
        name = name.removesuffix(f"?{place.options}") if store.is_uri(name) and place.options else name
        return StoredSource(name=name, label=label, folder=self._shared.setdefault(place.uri, place), path=path)

    def uri(self, name: str) -> str:
        """Return the URI of what a row names."""
        place, path = self._place(name)
        return place.at(f"{place.key}/{path}".lstrip("/")).uri

    def _place(self, name: str) -> tuple[store.Location, str]:
        try:
            if store.is_uri(name):
                location = store.locate(name)
                return location.folder, location.name
        except store.StoreError as error:
            raise ImageError(f"A row names a picture in a store, but {error.strerror}. {error.advice}") from error
        assert self._folder is not None
        path = posixpath.normpath(name)
        if path.startswith("../") and self._folder.key:
            return _Stored(self._folder.folder)._place(path.removeprefix("../"))
        if path.startswith(("/", "..")):
            raise ImageError(f"A row names `{name}`, which does not lie in the bucket of its list. {EXPECTED}")
        return self._folder, path


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
