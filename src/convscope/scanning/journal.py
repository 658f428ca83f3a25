"""The journal of a run: every finished shard is on the disk, whole, before the next is begun; a kill at any moment loses only what was
in flight.

In the folder `shards`: `sources.parquet`, which image has which id; `facts.bin`, a record of each image; `part-FIRST-END.npz`, the
statistics of one shard, and `merged-N.npz` of many. `features.npy` beside it. The rows of a shard are written before its part, and the
part is what counts: rows without one are written again. A merged file names the spans it holds, so that parts that a kill left behind
are known to be in it. The lock is the operating system's, which opens it when its holder dies.
"""

import contextlib
import errno
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..files import open_in_place, remove_forgotten, write_files
from ..json_files import parse_json
from .accumulators import Statistics
from .shards import FACTS, Finished

FOLDER, LOCK, FEATURES = "shards", "lock", "features.npy"
MOST_PARTS = 32
HEADER = 128
HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextlib.contextmanager
def locked(run: Path) -> Iterator[None]:
    """Hold the run for this process alone. Raises OutputError if another one has it."""
    with os.fdopen(open_in_place(run / LOCK), "r+b") as file:
        try:
            _lock(file.fileno())
        except OSError as error:
            if error.errno in HELD:
                said = f"Another process is at work on `{run}`. Wait until it has ended, or give another folder with --out."
            else:
                said = (
                    f"Cannot lock `{run / LOCK}`: {error.strerror}. Expected a disk that knows locks. Give a folder on another with --out."
                )
            raise OutputError(said) from error
        yield


if os.name == "nt":  # pragma: no cover
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Journal:
    """What is finished of a run: `spans` of image ids, their merged `statistics` (None for none), and `skipped`, (image, reason)."""

    def __init__(self, run: Path, count: int, features: int) -> None:
        """Read what an earlier process left, and make room for `count` images of so many features."""
        self.folder = run / FOLDER
        self.spans: list[tuple[int, int]] = []
        self.statistics: Statistics | None = None
        self.skipped: list[tuple[int, str]] = []
        self._parts = 0
        self.folder.mkdir(parents=True, exist_ok=True)
        for folder in (run, self.folder):
            remove_forgotten(folder, older_than=0.0)
        self._recover()
        self.facts = _Rows(self.folder / "facts.bin", FACTS, (count,))
        self.features = _Rows(run / FEATURES, np.dtype("<f4"), (count, features), _header((count, features)))

    def add(self, finished: Finished) -> None:
        """Keep a finished shard: its rows first, then the part that says so."""
        first, end = finished.span
        self.facts.write(first, finished.facts)
        self.features.write(first, finished.features)
        if not finished.spans:
            return
        self._write(f"part-{first}-{end}.npz", finished.spans, finished.statistics, finished.skipped)
        self._take(finished.spans, finished.statistics, finished.skipped)
        self._parts += 1
        if self._parts >= MOST_PARTS:
            self.merge()

    def merge(self) -> None:
        """Write one file for all that is finished, then remove those that it stands for."""
        if self.statistics is None or not self._parts:
            return
        old = list(self.folder.glob("*.npz"))
        numbers = [int(path.stem.partition("-")[2]) for path in old if path.stem.startswith("merged-")]
        self._write(f"merged-{max(numbers, default=0) + 1}.npz", sorted(self.spans), self.statistics, sorted(self.skipped))
        for path in old:
            path.unlink()
        self._parts = 0

    def _take(self, spans: Any, statistics: Statistics, skipped: Any) -> None:
        self.spans.extend(spans)
        self.skipped.extend(skipped)
        self.statistics = statistics if self.statistics is None else self.statistics.merge(statistics)

    def _write(self, name: str, spans: Any, statistics: Statistics, skipped: Any) -> None:
        said = json.dumps({"spans": list(spans), "skipped": list(skipped)})
        file = io.BytesIO()
        np.savez(file, about=np.frombuffer(said.encode(), np.uint8), **statistics.arrays())  # type: ignore[arg-type]
        write_files({self.folder / name: file.getvalue()}, durable=True)

    def _recover(self) -> None:
        """Read the newest merged file, then the parts that are not in it; remove what is."""
        merged = sorted(self.folder.glob("merged-*.npz"), key=lambda path: int(path.stem.partition("-")[2]))
        for path in [*merged[::-1][:1], *sorted(self.folder.glob("part-*.npz"))]:
            said, statistics = _read(path)
            spans = [(first, end) for first, end in said["spans"]]
            if set(spans) <= set(self.spans):
                path.unlink()
                continue
            self._take(spans, statistics(), [(image, reason) for image, reason in said["skipped"]])
            self._parts += path.stem.startswith("part-")
        for path in merged[:-1]:
            path.unlink()


def _read(path: Path) -> tuple[Any, Callable[[], Statistics]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file.items())
        return parse_json(arrays["about"].tobytes()), lambda: Statistics.from_arrays(arrays)
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise OutputError(f"`{path}` is damaged: {error}. Remove it, and the run makes that part again.") from error


class _Rows:
    """A file of rows of one kind and number, behind a header; what it held stays when it grows."""

    def __init__(self, path: Path, kind: np.dtype[Any], shape: tuple[int, ...], header: bytes = b"") -> None:
        self.path, self._kind, self._shape, self._start = path, kind, shape, len(header)
        self._row = int(np.prod(shape[1:])) * kind.itemsize
        with self._open() as file:
            if file.seek(0, os.SEEK_END) < (size := self._start + shape[0] * self._row):
                file.truncate(size)
                os.fsync(file.fileno())
            file.seek(0)
            file.write(header)  # shorter than a disk's sector, which is written whole or not at all

    def write(self, first: int, rows: NDArray[Any]) -> None:
        """Put rows at their place; they are on the disk when this returns. No memory map: its pages would count as ours."""
        with self._open() as file:
            file.seek(self._start + first * self._row)
            file.write(np.ascontiguousarray(rows, self._kind).tobytes())

    def read(self) -> Any:
        """Return the rows as a memory map that cannot be written."""
        return np.memmap(self.path, self._kind, "r", offset=self._start, shape=self._shape)

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        descriptor = open_in_place(self.path)
        try:
            with os.fdopen(descriptor, "r+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"Cannot write `{self.path}`: {error.strerror}. Free some space; the same command then resumes.") from error


def _header(shape: tuple[int, ...]) -> bytes:
    """Return the header of an .npy file of float32, of one length for every shape, so that the file can grow."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little") + text.ljust(HEADER - 11).encode() + b"\n"


def load_features(path: Path) -> NDArray[np.float32]:
    """Return the features of a run as a memory map that cannot be written."""
    values: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    return values
