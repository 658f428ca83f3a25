"""What a scan keeps in a run's folder `shards`, so that it can resume.

`settings.json`: what the run is of. `sources.parquet`: which image has which id. `facts.bin`: a record of each image. `sample.bin`: the
image and the checksum of each row of `sample.npy`.
`part-FIRST-END-DIGEST.npz`: the statistics of some shards, and their rows, which also stand in the files of all rows.
`merged-N-DIGEST.npz`: the statistics of many parts, without rows. A part's name holds its checksum, and the part those of its rows, of the
names of its images, and of what the run is of. Parts of schema 1 hold no checksums, those of schema 2 no rows.
"""

import contextlib
import io
import json
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..array_files import ArrayFile
from ..digests import digest, hasher
from ..errors import ImageError, OptionError, OutputError
from ..files import open_in_place, settle, unwritten, write_files
from ..json_files import parse_json, read_json
from ..tables import about, parquet_blocks, parquet_of_blocks
from ..words import Choices, Words
from .checksums import CHECKSUM, DamageError, check_file, check_sealed, sealed
from .schemas import check_schema

SCHEMA = 3
SHARDS, LOCK = "shards", "lock"
SETTINGS, SOURCES, FACTS_FILE = "settings.json", "sources.parquet", "facts.bin"
NAME = re.compile(r"(part|merged)-(\d+)(?:-(\d+))??(?:-([0-9a-f]{32}))?\.npz")
DAMAGING = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError)  # what damaged arrays and texts raise
# What is known of one image; `state` is 0 for one not reached yet.
FACTS = np.dtype([("state", "u1"), ("digest", "u1", 16), ("predicted", "<i4"), ("probability", "<f4")])
NOT_REACHED, READ, SKIPPED = 0, 1, 2
NAMES_AT_ONCE = 2**16
ROWS = ("facts", "features", "sample")


def facts_kind(columns: Sequence[tuple[str, Any]] = ()) -> np.dtype[Any]:
    """Return the kind of the records of images, with these columns of a measure's own behind what is known of every image."""
    return np.dtype([*FACTS.descr, *columns])


def write_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write what a run is of; it survives a loss of power. Raises OutputError."""
    write_files({folder / SHARDS / SETTINGS: sealed(dict(settings) | {"schema": SCHEMA})}, durable=True)


def read_settings(folder: Path) -> dict[str, Any] | None:
    """Return what a run is of, None if it is new, or its settings are missing or damaged.

    Raises OutputError, and OptionError for newer ones.
    """
    path = folder / SHARDS / SETTINGS
    try:
        known: dict[str, Any] = read_json(path)
        if "schema" in known or CHECKSUM in known:
            check_sealed(known)
        schema = int(known.get("schema", 1))
    except (FileNotFoundError, NotADirectoryError, ValueError, LookupError, TypeError, AttributeError):
        return None
    except OSError as error:
        raise OutputError(f"Cannot read `{path}`: {error.strerror}. Expected the settings of the run. Check its permissions.") from error
    check_schema(folder, schema, SCHEMA, OptionError)
    return known


def names_digest(names: Sequence[str], labels: Sequence[str | None]) -> str:
    """Return what stands for the names and labels of some images: the hash of their JSON, which is made some at a time."""
    found = hasher(b"[")
    for texts, before in ((names, b"["), (labels, b", [")):
        found.update(before)
        for start in range(0, len(texts), NAMES_AT_ONCE):
            found.update(b", " if start else b"")
            found.update(json.dumps(list(texts[start : start + NAMES_AT_ONCE]))[1:-1].encode())
        found.update(b"]")
    found.update(b"]")
    return found.hexdigest()


def write_sources(folder: Path, names: Sequence[str], labels: Sequence[str | None]) -> None:
    """Write the names and labels of a run's images in the order of their ids. Raises OutputError."""
    spans = [slice(start, start + NAMES_AT_ONCE) for start in range(0, max(1, len(names)), NAMES_AT_ONCE)]
    content = parquet_of_blocks(({"name": names[span], "label": labels[span]} for span in spans), {"checksum": names_digest(names, labels)})
    write_files({folder / SHARDS / SOURCES: content}, durable=True)


def read_sources(folder: Path) -> tuple[Words, Choices]:
    """Return the names and labels that a run keeps; none where its list is missing or damaged. Raises OutputError."""
    path, names, labels = folder / SHARDS / SOURCES, Words(), Choices()
    try:
        check_file(path, None)
        for block in parquet_blocks(path):
            names.extend(str(name) for name in block.texts["name"])
            labels.extend(block.texts["label"])
        content = about(path)
    except (FileNotFoundError, ValueError, KeyError, ImageError):
        return Words(), Choices()
    except OSError as error:
        raise OutputError(f"Cannot read `{path}`: {error.strerror}. Expected the list of the run's images.") from error
    intact = content.get("checksum") in (None, names_digest(names, labels))
    return (names, labels) if intact else (Words(), Choices())


@dataclass(frozen=True)
class Done:
    """A finished span of images, and the checksums of their names, of their rows of facts and of features; "" where none was noted."""

    first: int
    end: int
    names: str = ""
    facts: str = ""
    features: str = ""

    @property
    def span(self) -> tuple[int, int]:
        """The ids of its images, end exclusive."""
        return self.first, self.end


@dataclass(frozen=True)
class Part:
    """The spans that a part stands for, their statistics as `arrays`, and the (image, reason) that were `skipped`.

    `of`: what stands for what the run is of, "" for schema 1. `rows`: of the images of its spans in turn, by ROWS: bytes of facts (image,
    byte), features (image, feature), and the packed values of those that are sampled (image, unit); none for a merged part.
    """

    done: tuple[Done, ...]
    arrays: Mapping[str, NDArray[Any]]
    skipped: tuple[tuple[int, str], ...]
    of: str
    rows: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def images(self) -> NDArray[np.int64]:
        """The ids of the images that it stands for, in the order of its rows."""
        return np.concatenate([np.arange(*one.span) for one in self.done])

    def content(self) -> bytes:
        """Return the part as the content of a file, `named` of which is its name."""
        spans = [[one.first, one.end, one.names, one.facts, one.features] for one in self.done]
        head = json.dumps({"schema": SCHEMA, "of": self.of, "spans": spans, "skipped": self.skipped})
        file = io.BytesIO()
        np.savez(file, about=np.frombuffer(head.encode(), np.uint8), **self.arrays, **self.rows)  # type: ignore[arg-type]
        return file.getvalue()


def named(name: str, content: bytes) -> str:
    """Return a part's name with its checksum, that of its file."""
    return f"{name}-{digest(content)}.npz"


def commit_part(aside: Path, name: str) -> None:
    """Let a part that lies aside count from now on: give it its name. Raises OutputError."""
    assert NAME.fullmatch(name)
    settle(aside, aside.with_name(name))


def read_part(path: Path, wanted: Collection[str] | None = None, *, checked: bool = True) -> Part:
    """Return what a part holds; `wanted`: of its arrays only these. Raises DamageError, OutputError, OptionError for a newer one.

    `checked`: its checksum is compared, if its name has one.
    """
    known = NAME.fullmatch(path.name)
    try:
        check_file(path, known and known[4] if checked else None)
        file = ArrayFile(path)
        arrays = {name: file[name] for name in file if wanted is None or name in ("about", *wanted)}
        rows = {name: arrays.pop(name) for name in ROWS if name in arrays}  # a large one stays in its file until it is used
        arrays = {name: np.array(values) for name, values in arrays.items()}
        head = parse_json(arrays.pop("about").tobytes())
        schema = int(head.get("schema", 1))
        check_schema(path, schema, SCHEMA, OptionError)
        spans = tuple(Done(int(one[0]), int(one[1]), *(str(two) for two in one[2:])) for one in head["spans"])
        skipped = tuple((int(image), str(reason)) for image, reason in head["skipped"])
        if not spans or any(not 0 <= one.first < one.end for one in spans):
            raise DamageError("it has no spans")
        return Part(spans, arrays, skipped, str(head.get("of", "")), rows)
    except OSError as error:
        raise OutputError(
            f"Cannot read `{path}`: {error.strerror}. Expected a part of the run. Try again when the disk is available."
        ) from error
    except DAMAGING as error:
        raise DamageError(str(error)) from error


def part_files(folder: Path) -> list[Path]:
    """Return the files of statistics: merged ones, the newest first, then parts. Raises OutputError."""
    with naming(folder / SHARDS):
        found = [(match, path) for path in (folder / SHARDS).iterdir() if (match := NAME.fullmatch(path.name))]
    ranked = sorted(found, key=lambda one: (one[0][1] == "part", -int(one[0][2]) if one[0][1] == "merged" else int(one[0][2])))
    return [path for _, path in ranked]


def merged_number(path: Path) -> int:
    """Return the number of a merged file, 0 for a part."""
    known = NAME.fullmatch(path.name)
    return int(known[2]) if known is not None and known[1] == "merged" else 0


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Raise OutputError, which names the path, for what the system refuses."""
    try:
        yield
    except OSError as error:
        raise OutputError(unwritten(path, error)) from error


class Rows:
    """A file of rows of one kind and number, behind a header; what it held stays when it grows. `held`: how many rows it had."""

    def __init__(self, path: Path, kind: np.dtype[Any], shape: tuple[int, ...], header: bytes = b"") -> None:
        self.path, self._kind, self._shape, self._start = path, kind, shape, len(header)
        self._row = int(np.prod(shape[1:])) * kind.itemsize
        with self._open() as file:
            length = file.seek(0, os.SEEK_END)
            self.held = max(0, length - self._start) // max(1, self._row)
            if length != (size := self._start + shape[0] * self._row):
                file.truncate(size)
                os.fsync(file.fileno())
            file.seek(0)
            file.write(header)  # shorter than a disk's sector, which is written whole or not at all

    def write(self, first: int, rows: NDArray[Any]) -> None:
        """Put rows at their place. No memory map: its pages would count as ours."""
        with self._open() as file:
            file.seek(self._start + first * self._row)
            file.write(np.ascontiguousarray(rows, self._kind).reshape(-1).view(np.uint8).data)

    def read(self) -> Any:
        """Return the rows as a memory map that cannot be written."""
        if not self._shape[0]:
            return np.empty(self._shape, self._kind)
        return np.memmap(self.path, self._kind, "r", offset=self._start, shape=self._shape)

    def raw(self, first: int, end: int) -> bytes:
        """Return the bytes of some rows."""
        with naming(self.path), self.path.open("rb") as file:
            file.seek(self._start + first * self._row)
            return file.read((end - first) * self._row)

    def digest(self, first: int, end: int) -> str:
        """Return the checksum of some rows."""
        return digest(self.raw(first, end))

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        descriptor = open_in_place(self.path)
        with naming(self.path), os.fdopen(descriptor, "r+b") as file:
            yield file

    def to_disk(self) -> None:
        """Return when what was written survives a loss of power."""
        with self._open() as file:
            os.fsync(file.fileno())
