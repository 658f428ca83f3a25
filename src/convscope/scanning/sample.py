"""The sample of a run: the images whose values of all units it keeps, and the file that holds them.

A run keeps up to 4,096 images whole: those whose names have the smallest BLAKE2b, all of a smaller set. So neither the order of the images,
nor the workers, nor what comes later decides which, and an image that a larger set displaces never comes back. With `keep_maxima` a run
keeps every image; the file is the same, and so are its readers.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..digests import hasher
from ..files import replacing
from ..formats.journal_files import SHARDS, Rows
from ..formats.run_folder import HEADER, array_header
from ..formats.sample_file import KIND, ROW, SAMPLE, SAMPLE_ROWS, Codes
from .accumulators import Ints

MOST_SAMPLED = 4096


def sampled_images(names: Sequence[str], *, every: bool = False) -> Ints:
    """Return the ids of the images that a run of these names keeps whole, rising. Equal names are told apart by their ids.

    `every`: it keeps all of them.
    """
    if every or len(names) <= MOST_SAMPLED:
        return np.arange(len(names))
    return np.sort(by_hash(names)[:MOST_SAMPLED])


def by_hash(names: Sequence[str]) -> Ints:
    """Return the places of names in the order of their hashes: an order that nothing but a name decides, equals by their places."""
    hashes = np.fromiter((int.from_bytes(hasher(name.encode()).digest()[:8], "big") for name in names), np.uint64, len(names))
    return np.argsort(hashes, kind="stable")


class Sample:
    """The rows of some images in a run's folder: `images`, their ids, rising, and `rows`, where each is in the file.

    The journal notes the image and the checksum of each row, so that the file needs no word from others on what it holds: a row that is
    cut, was never written or is another image's is missing, and no more. While images are added, those that they displace keep their rows,
    so that the run can be read meanwhile; `settle` then brings the rows into the order of the ids.
    """

    def __init__(self, folder: Path, images: Ints, units: int) -> None:
        """Find out which rows are there, and make room for the others. Raises OutputError."""
        self.images, self._units = images, units
        self._path, self._noted = folder / SAMPLE, folder / SHARDS / SAMPLE_ROWS
        self._open(_rows_in(self._path, units * KIND.itemsize, HEADER))
        held = self._sound_rows()
        self.rows, self._is_there = np.arange(len(images)), held >= 0
        if not np.array_equal(held[self._is_there], self.rows[self._is_there]):
            self.rows = np.where(self._is_there, held, held.max() + np.cumsum(~self._is_there))
        self._open(int(self.rows.max(initial=-1)) + 1)

    def of(self, first: int, end: int) -> Ints:
        """Return those of its images with ids from `first` to before `end`."""
        return self.images[slice(*np.searchsorted(self.images, (first, end)))]

    def missing(self, images: Ints) -> Ints:
        """Return those of these images that belong to the sample and have no row yet."""
        return np.intersect1d(self.images[~self._is_there], images)

    def rows_of(self, images: Ints) -> Ints:
        """Return the row of each of these images (image,), -1 for one that has none."""
        place = np.minimum(np.searchsorted(self.images, images), len(self.images) - 1)
        return np.where((self.images[place] == images) & self._is_there[place], self.rows[place], -1)

    def write(self, images: Ints, codes: Codes) -> None:
        """Write the rows of some of its images (image, unit). No row counts until its checksum is noted."""
        place = np.searchsorted(self.images, images)
        rows = self.rows[place]
        for run in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows) != 1) + 1):
            if len(run):
                self._values.write(int(rows[run[0]]), codes[run])
                self._notes.write(int(rows[run[0]]), _notes(images[run], codes[run]))
        self._is_there[place] = True

    def digest(self, images: Ints) -> str:
        """Return the checksum of the rows of these images, one after the other."""
        found = hasher()
        for row in self.rows_of(images):
            found.update(self._values.raw(int(row), int(row) + 1))
        return found.hexdigest()

    def settle(self) -> None:
        """Bring the rows into the order of the ids, if they are not; a kill leaves the old file, or rows that are found missing."""
        if np.array_equal(self.rows, np.arange(len(self.images))):
            return
        with replacing(self._path) as file:
            file.write(array_header(KIND, (len(self.images), self._units)))
            for row in self.rows:
                file.write(self._values.raw(int(row), int(row) + 1))
        notes = np.array(self._notes.read()[self.rows])
        self.rows = np.arange(len(self.images))
        self._open(len(self.images))
        self._notes.write(0, notes)

    def _open(self, count: int) -> None:
        shape = (count, self._units)
        self._values = Rows(self._path, KIND, shape, array_header(KIND, shape))
        self._notes = Rows(self._noted, ROW, (count,))

    def _sound_rows(self) -> Ints:
        """Return for each of its images the row that holds its values and is what was noted, -1 for none."""
        found, notes = np.full(len(self.images), -1), self._notes.read()
        place = np.minimum(np.searchsorted(self.images, notes["image"]), len(self.images) - 1)
        for row in np.flatnonzero(self.images[place] == notes["image"]):
            if self._values.digest(int(row), int(row) + 1) == notes["digest"][row].tobytes().hex():
                found[place[row]] = row
        return found


def _notes(images: Ints, codes: Codes) -> NDArray[np.void]:
    notes = np.zeros(len(images), ROW)
    notes["image"] = images
    notes["digest"] = [np.frombuffer(hasher(row.tobytes()).digest(), np.uint8) for row in np.ascontiguousarray(codes, KIND)]
    return notes


def _rows_in(path: Path, length: int, start: int) -> int:
    """Return how many whole rows of a length in bytes a file holds after its header, 0 for none."""
    try:
        return max(0, path.lstat().st_size - start) // length
    except OSError:
        return 0
