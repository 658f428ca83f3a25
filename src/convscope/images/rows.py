"""Pictures that the rows of a list name: beside the list, elsewhere on this machine, or in a store."""

import errno
import os
import posixpath
from itertools import islice
from pathlib import Path

from ..errors import ImageError
from ..store import Location, found, is_uri, locate
from ..store_faults import StoreError
from ..words import Choices, Words
from .compact import Sources
from .source import FileSource, Source, StoredSource

# So many rows are looked at to see that the list and its pictures belong together; in a store each takes a request.
TRIED, TRIED_STORED = 100, 5
EXPECTED = "Expected one image in each row: its path, relative to the list or absolute, or its URI, and optionally its label."


class RowSources(Sources):
    """The pictures of rows in their order; `folder`: that of the list, on this machine or in a store."""

    def __init__(self, folder: str | Location, names: Words, labels: Choices) -> None:
        """Raises ImageError for a row that names no place."""
        self._folder, self._names, self._labels = folder, names, labels
        self._shared: dict[Location, Location] = {}
        for name in names if not isinstance(folder, str) else filter(is_uri, names):
            self._stored(name)

    def __len__(self) -> int:
        return len(self._names)

    def made(self, place: int) -> Source:
        """Return the picture of a row; its name does not say by which endpoint it is read."""
        name, label = self._names[place], self._labels[place]
        if isinstance(self._folder, str) and not is_uri(name):
            return FileSource(name=name.replace(os.sep, "/"), label=label, folder=self._folder, path=name)
        folder, path = self._stored(name)
        shown = name.removesuffix(f"?{folder.options}") if is_uri(name) and folder.options else name
        return StoredSource(name=shown, label=label, folder=self._shared.setdefault(folder, folder), path=path)

    def target(self, name: str) -> str:
        """Return the path or the URI of what a row names."""
        if isinstance(self._folder, str) and not is_uri(name):
            return os.path.join(self._folder, name)  # noqa: PTH118
        folder, path = self._stored(name)
        return folder.at(f"{folder.key}/{path}".lstrip("/")).uri

    def _stored(self, name: str) -> tuple[Location, str]:
        """Return the folder in a store, and the path in it, of what a row names. Raises ImageError."""
        try:
            if is_uri(name):
                location = locate(name)
                return location.folder, location.name
        except StoreError as error:
            raise ImageError(f"A row of the list names a picture in a store, but {error.strerror}. {error.advice}") from error
        assert isinstance(self._folder, Location)
        folder, path = self._folder, posixpath.normpath(name)
        while path.startswith("../") and folder.key:
            folder, path = folder.folder, path.removeprefix("../")
        if path.startswith(("/", "../")) or path in ("..", "."):
            raise ImageError(f"A row of the list names `{name}`, which does not lie in the bucket of the list. {EXPECTED}")
        return folder, path

    def check(self, path: Path, number: int) -> None:
        """Raise ImageError if none of the first can be found; `number`: of the first row, in the file at `path`."""
        tried = [*islice((one for one in self if isinstance(one, FileSource)), TRIED)]
        stored = [*islice((one for one in self if isinstance(one, StoredSource)), TRIED_STORED)]
        if not any(os.path.exists(os.path.join(one.folder, one.path)) for one in tried) and not any(map(_is_stored, stored)):  # noqa: PTH110, PTH118
            name = self._names[0]
            raise ImageError(
                f"Row {number} of `{path}` names `{name}`, but neither `{self.target(name)}` nor the files of later rows exist. {EXPECTED}"
            )


def _is_stored(source: StoredSource) -> bool:
    """Say whether a picture exists; one whose store does not answer may."""
    try:
        return found(source.folder.joined(source.path)) is not None
    except StoreError as error:
        return error.errno != errno.EINVAL
