"""The folder of a run: a manifest, five tables, an array of features and one of the sample. docs/scan.md describes every column.

The manifest holds the checksum of each table and of itself. A reader checks a file before it believes anything in it.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..array_files import read_array
from ..digests import digest, hasher
from ..errors import ImageError, ReplayError
from ..files import write_files
from ..json_files import read_json
from ..tables import Columns, about, parquet, parquet_of_blocks, read_parquet
from . import bins
from .checksums import CHECKSUM, DamageError, check_file, check_sealed, sealed
from .journal_files import SHARDS
from .sample_file import KIND, SAMPLE, Codes
from .schemas import check_schema, release_of

SCHEMA = "2.1"  # readers take any second number
MANIFEST, FEATURES = "manifest.json", "features.npy"
HEADER = 128
NO_ID = -1  # of a folder of images that could not be listed
UNREADABLE, UNREACHABLE = "unreadable", "unreachable"
SHARES = {"q01": 0.01, "q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95, "q99": 0.99}
BY_LAYER = ("units", "top")
# What a reader takes from each table: its columns of numbers, of text, of lists.
NEEDED: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "images": (("image", "probability"), ("name", "label", "digest", "prediction"), ()),
    "skipped": (("image",), ("name", "reason"), ()),
    "top": (("channel", "rank", "image", "row", "column", "value", "top", "left", "bottom", "right"), ("layer",), ()),
    "units": (("channel", "count", "fires", "mean", "min", "max", "q01", "q50", "q99"), ("layer",), ("histogram",)),
    "spans": (("first", "end"), ("features",), ()),
}


def is_run_folder(folder: Path) -> bool:
    """Say whether a folder is one that a scan made, even an unfinished or damaged one: its reader says so."""
    return sum(os.path.lexists(folder / name) for name in (SHARDS, FEATURES, MANIFEST, "units.parquet")) >= 2


def write_run(folder: Path, tables: Mapping[str, Mapping[str, Any]], images: Iterable[Mapping[str, Any]], facts: Mapping[str, Any]) -> None:
    """Write the tables, columns by name, and a manifest of these `facts`: all or none, and they survive a loss of power.

    Tables of units have a group of rows for each layer, which can be read alone; the table of `images` has one for each block of rows.
    Raises OutputError.
    """
    files = {"images.parquet": parquet_of_blocks(images, {"schema": SCHEMA})}
    files |= {f"{name}.parquet": _table(name, columns) for name, columns in tables.items()}
    described = {"schema": SCHEMA, "histogram": bins.DESCRIPTION, "quantiles": SHARES}
    manifest = described | dict(facts) | {"files": {name: digest(content) for name, content in files.items()}}
    write_files({folder / name: content for name, content in files.items()} | {folder / MANIFEST: sealed(manifest)}, durable=True)


def _table(name: str, columns: Mapping[str, Any]) -> bytes:
    if name not in BY_LAYER:
        return parquet(columns, {"schema": SCHEMA})
    groups = Counter(columns["layer"])  # of rows that stand together
    return parquet(columns, {"schema": SCHEMA, "layers": list(groups)}, list(groups.values()))


def array_header(kind: np.dtype[Any], shape: tuple[int, int]) -> bytes:
    """Return the header of an .npy file of this kind of number, of one length for every shape, so that the file can grow."""
    text = f"{{'descr': '{kind.str}', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little") + text.ljust(HEADER - 11).encode() + b"\n"


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what a run says of itself. Raises ReplayError if the folder is not a run, is damaged, or was written by a newer convscope."""
    try:
        manifest: dict[str, Any] = read_json(folder / MANIFEST)
        major = _major(manifest["schema"])
        check_schema(folder, major, _major(SCHEMA), ReplayError, release=release_of(manifest), shown=manifest["schema"])
        if major > 1 or CHECKSUM in manifest:
            check_sealed(manifest)
        return manifest
    except (FileNotFoundError, NotADirectoryError) as error:
        begun = (folder / SHARDS).is_dir()
        raise ReplayError(
            f"The run in `{folder}` is not finished. The same scan command resumes it."
            if begun
            else f"`{folder}` is not a run. Expected a folder written by `scan`."
        ) from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise damaged(folder / MANIFEST, error) from error


def _major(schema: Any) -> int:
    return int(str(schema).split(".")[0])


def damaged(path: Path, error: BaseException) -> ReplayError:
    """Return the error for a file of a run that is not what the scan wrote, or cannot be read."""
    if isinstance(error, FileNotFoundError):
        fact = "is missing"
    elif isinstance(error, OSError):
        return ReplayError(f"`{path}` cannot be read: {error.strerror}. Check its permissions and its disk.")
    else:
        fact = f"is damaged, or has changed since the run was opened: {error}"
    way_out = "Repeat the scan command, which makes the file again" if (path.parent / SHARDS).is_dir() else "Scan again into another folder"
    return ReplayError(f"`{path}` {fact}. Expected a file written by `scan`. {way_out}.")


@contextlib.contextmanager
def faults_are_damage(path: Path) -> Iterator[None]:
    """Turn what Python raises at content of an unexpected kind into ReplayError, while the `with` uses what was read from `path`."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise damaged(path, error) from error


class Contents:
    """The tables and features of a run's folder. Schema 1 has no checksums: what cannot be right is refused there, the rest is believed."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self._folder, self._manifest = folder, manifest
        self._files: dict[str, str] | None = manifest["files"] if _major(manifest["schema"]) > 1 else None
        self._layers = {str(one["address"]): int(one["channels"]) for one in manifest["layers"]}
        self._checked: dict[str, tuple[int, int, int]] = {}
        self._groups: dict[str, list[str] | None] = {}
        self._whole: dict[str, Columns] = {}

    def table(self, name: str) -> Columns:
        """Return a table. Raises ReplayError for one that is missing or damaged."""
        return self._read(name, self._layers)

    def of_layer(self, name: str, layer: str) -> Columns:
        """Return the rows of "units" or "top" that are of a layer, without reading those of others. Raises ReplayError as `table`.

        Before schema 2.1 the rows of all layers stand in one group: there they are read once, and kept.
        """
        if name not in self._groups:
            self._groups[name] = self._layers_of_groups(name)
        groups = self._groups[name]
        if groups is not None:
            return self._read(name, {layer: self._layers[layer]}, [number for number, one in enumerate(groups) if one == layer])
        if name not in self._whole:
            self._whole[name] = self.table(name)
        whole = self._whole[name]
        rows = np.flatnonzero([one == layer for one in whole.texts["layer"]])
        texts = {column: tuple(values[row] for row in rows) for column, values in whole.texts.items()}
        numbers, vectors = ({column: values[rows] for column, values in some.items()} for some in (whole.numbers, whole.vectors))
        return Columns(len(rows), texts, numbers, vectors)

    def _layers_of_groups(self, name: str) -> list[str] | None:
        """Return the layer of each group of rows of a table, None for one that has no groups by layer."""
        path = self._folder / f"{name}.parquet"
        try:
            self._check_file(path)
            layers = about(path).get("layers") if self._files is not None else None
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise damaged(path, error) from error
        return None if layers is None else [str(one) for one in layers]

    def _read(self, name: str, layers: Mapping[str, int], groups: Sequence[int] | None = None) -> Columns:
        path = self._folder / f"{name}.parquet"
        try:
            self._check_file(path)
            found = read_parquet(path, groups=groups)
            numbers, texts, vectors = NEEDED[name]
            lacking = {*numbers} - {*found.numbers} | {*texts} - {*found.texts} | {*vectors} - {*found.vectors}
            if lacking:
                raise DamageError(f"it has no columns {', '.join(sorted(lacking))}")
            self._check(name, found, layers)
        except (ImageError, OSError, ValueError, LookupError, TypeError, MemoryError) as error:
            raise damaged(path, error) from error
        return found

    def _check_file(self, path: Path) -> None:
        """Raise DamageError for a file that is not the manifest's; one that has not changed since it was checked is not read again."""
        state = path.stat()
        now = (state.st_ino, state.st_size, state.st_mtime_ns)
        if self._checked.get(path.name) != now:
            check_file(path, None if self._files is None else self._files[path.name])
            self._checked[path.name] = now

    def features(self) -> NDArray[np.float32]:
        """Return the features by image id as a memory map that cannot be written. Raises ReplayError for damaged ones."""
        path = self._folder / FEATURES
        count, width = int(self._manifest["count"]), int(self._manifest["features"])
        try:
            values = read_array(path)
            if values.ndim != 2 or values.shape[1] != width or len(values) < count or values.dtype != np.dtype("<f4"):
                raise DamageError(f"it holds {values.shape} numbers of {values.dtype} but the manifest says {(count, width)} of float32")
        except (OSError, ValueError) as error:
            raise damaged(path, error) from error
        values = values[:count]  # a scan that adds images may be on its way
        if self._files is not None:
            spans = self.table("spans")
            for first, end, noted in zip(spans.numbers["first"], spans.numbers["end"], spans.texts["features"], strict=True):
                if digest(np.ascontiguousarray(values[first:end]).tobytes()) != noted:
                    raise damaged(path, DamageError(f"the checksum of the images {first} to {end - 1} does not match"))
        return values

    def sample_rows(self, images: Columns) -> NDArray[np.int64]:
        """Return the row of each image in the sample, -1 for none. Raises ReplayError where the table of images has other ones."""
        rows = images.numbers.get("sample_row", np.zeros(0, np.int64)).astype(np.int64)
        held = rows[rows >= 0]
        if len(rows) != images.count or len(held) != int(self._manifest["sample"]["images"]) or len(np.unique(held)) != len(held):
            raise damaged(self._folder / "images.parquet", DamageError("its rows of the sample are not those of the manifest"))
        return rows

    def sample(self, rows: NDArray[np.int64], units: int) -> Codes:
        """Return the values of all units by row as a memory map, packed by `sample_file`. Raises ReplayError for damaged ones."""
        path, held, found = self._folder / SAMPLE, rows[rows >= 0], hasher()
        try:
            values = read_array(path)
            if values.dtype != KIND or values.shape[1:] != (units,) or len(values) <= held.max(initial=-1):
                raise DamageError(f"it holds {values.shape} numbers of {values.dtype} but the manifest says {units} units of uint16")
            for row in held:
                found.update(np.ascontiguousarray(values[row]).tobytes())
            if found.hexdigest() != self._manifest["sample"]["digest"]:
                raise DamageError("its checksum does not match")
        except (OSError, ValueError) as error:
            raise damaged(path, error) from error
        return values

    def _check(self, name: str, found: Columns, layers: Mapping[str, int]) -> None:
        """Raise DamageError for numbers that lead nowhere; `layers`: those of which there may be rows, and their channels."""
        count = int(self._manifest["count"])
        if name == "images":
            ids = found.numbers["image"]
            _expect(len(ids) == int(self._manifest["images"]) and (np.diff(ids) > 0).all(), "its ids do not increase, or some are missing")
            _within(found, "image", count)
        elif name == "top":
            _within(found, "image", count)
            _within(found, "rank", int(self._manifest["top"]))
            _within(found, "channel", np.asarray([layers[str(layer)] for layer in found.texts["layer"]], np.int64))
        elif name == "units":
            expected = [(layer, channel) for layer, channels in layers.items() for channel in range(channels)]
            listed = list(zip(found.texts["layer"], found.numbers["channel"].tolist(), strict=True))
            _expect(listed == expected, "its units are not those of the manifest")
            described = self._manifest["histogram"]
            _expect(all(described[name] == value for name, value in bins.DESCRIPTION.items()), "its bins are not those that are known here")
            _expect(found.vectors["histogram"].shape[1] == bins.BINS, "its histograms are cut")


def _within(found: Columns, name: str, most: Any) -> None:
    values = found.numbers[name]
    _expect(values.dtype.kind in "iu" and bool(((values >= 0) & (values < most)).all()), f"`{name}` leads nowhere")


def _expect(sound: Any, fact: str) -> None:
    if not sound:
        raise DamageError(fact)
