"""Tables: Parquet in and out, and the records that are one; `store.py` is the other file that imports pyarrow."""

import contextlib
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import footers
from .array_files import MOST_UNPACKED
from .errors import ImageError, OptionError
from .json_files import parse_json
from .legible import counted, few, first_line, told
from .notebook import table as html_table

KEY = b"convscope"
# What a value takes in memory at least, by the kind of its column; text is kept once for all rows that share it.
VALUE_BYTES = {"text": 12, "number": 8, "vector": 4, "other": 8}


class Tabular:
    """A record whose numbers are a table."""

    def as_columns(self) -> Mapping[str, Any]:
        """Return the columns by name, all of one length: numbers, or text; None where a cell is empty."""
        raise NotImplementedError

    def to_table(self) -> Any:
        """Return the numbers as a pyarrow.Table, which pandas, polars and DuckDB read."""
        import pyarrow as pa

        return pa.table({str(name): _cells(values) for name, values in self.as_columns().items()})

    def to_frame(self) -> Any:
        """Return the numbers as a pandas.DataFrame. Raises OptionError where pandas is not installed; `to_table` needs no more."""
        try:
            return self.to_table().to_pandas()
        except ImportError as error:
            raise OptionError(
                "`to_frame` returns a pandas.DataFrame, and pandas is not installed. Install it with: pip install pandas. "
                "`to_table()` returns the same as a pyarrow.Table."
            ) from error


class Table(Tabular):
    """A record that is a table and nothing else: below a notebook's cell it is shown as one."""

    def _repr_html_(self) -> str:
        return html_table(self.as_columns(), repr(self))

    _repr_part_ = _repr_html_


@dataclass(frozen=True, repr=False)
class Columns(Table):
    """What a table holds: `texts` by column, None where a cell is empty; `numbers` by column; `vectors`, (row, length) by column."""

    count: int
    texts: Mapping[str, tuple[str | None, ...]]
    numbers: Mapping[str, NDArray[Any]]
    vectors: Mapping[str, NDArray[Any]]

    def __repr__(self) -> str:
        return told(self, counted(self.count, "row"), f"columns {few([*self.as_columns()], 8)}")

    def as_columns(self) -> Mapping[str, Any]:
        """Return all columns by name; numbers first."""
        return {**self.numbers, **self.texts, **self.vectors}


def parquet(columns: Mapping[str, Any], about: Mapping[str, Any], groups: Sequence[int] = ()) -> bytes:
    """Return columns as a Parquet file: arrays, (row, length) ones as lists, or sequences of text and None.

    `about` is kept as JSON in its metadata. `groups`: how many rows each group has that can be read alone, none of 0; by default pyarrow's.
    """
    import pyarrow as pa
    from pyarrow import parquet as pq

    made = pa.table({name: _column(values) for name, values in columns.items()})
    made = made.replace_schema_metadata({KEY: json.dumps(about, sort_keys=True).encode()})
    file = io.BytesIO()
    with pq.ParquetWriter(file, made.schema, compression="zstd") as writer:
        for start, count in zip(np.cumsum([0, *groups]), groups or (max(1, made.num_rows),), strict=False):
            writer.write_table(made.slice(int(start), count), count)
    return file.getvalue()


def parquet_of_blocks(blocks: Iterable[Mapping[str, Any]], about: Mapping[str, Any]) -> bytes:
    """Return blocks of rows of the same columns, one or more, as a Parquet file, each as a group that can be read alone; as `parquet`.

    Only one block is in memory at a time, beside the file.
    """
    import pyarrow as pa
    from pyarrow import parquet as pq

    file = io.BytesIO()
    with contextlib.ExitStack() as at_end:
        writer: Any = None
        for block in blocks:
            made = pa.table({name: _column(values) for name, values in block.items()})
            made = made.replace_schema_metadata({KEY: json.dumps(about, sort_keys=True).encode()})
            writer = writer or at_end.enter_context(pq.ParquetWriter(file, made.schema, compression="zstd"))
            writer.write_table(made, max(1, made.num_rows))
    return file.getvalue()


def parquet_blocks(path: Path) -> Iterator[Columns]:
    """Yield the groups of rows of a Parquet file. Raises ImageError as `read_parquet`."""
    with _opened(path) as file:
        count = file.metadata.num_row_groups
    yield from (read_parquet(path, groups=[group]) for group in range(count))


def column_kinds(path: Path) -> dict[str, str]:
    """Return "text", "number", "vector" or "other" for each column of a Parquet file, from its header alone. Raises ImageError."""
    with _opened(path) as file:
        return {name: _kind(kind) for name, kind in _fields(file, path)}


def read_parquet(path: Path, columns: Sequence[str] | None = None, groups: Sequence[int] | None = None) -> Columns:
    """Return the columns of a Parquet file, all or only these, of all groups of rows or only these.

    Raises ImageError for what is not one, or unpacks to more than 1 GiB.
    """
    texts, numbers, vectors = {}, {}, {}
    with _opened(path) as file:
        kinds = {name: kind for name, kind in _fields(file, path) if columns is None or name in columns}
        _check_size(kinds, path, groups)
        table = file.read(columns=list(kinds)) if groups is None else file.read_row_groups(groups, columns=list(kinds))
        count = table.num_rows if kinds else file.metadata.num_rows
        for place, (name, kind) in enumerate(kinds.items()):
            column = table.column(place)
            match _kind(kind):
                case "text":
                    texts[name] = tuple(_words(column))
                case "vector":
                    vectors[name] = _rows(column.combine_chunks(), count, f"`{name}` of `{path}`")
                case "number":
                    numbers[name] = _plain(column.combine_chunks()).to_numpy(zero_copy_only=False)
    return Columns(count, texts, numbers, vectors)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Yield a Parquet file whose columns of text stay dictionaries, so that one long word in many rows is kept once."""
    from pyarrow import parquet as pq

    try:
        with pq.ParquetFile(path, pre_buffer=False) as plain:
            words = [name for name, kind in _fields(plain, path) if _kind(kind) == "text"]
        with pq.ParquetFile(path, pre_buffer=False, read_dictionary=words) as file:
            yield file
    except ImageError:
        raise
    except MemoryError as error:
        raise _unreadable(path, "memory ran out") from error
    except Exception as error:  # pyarrow raises its own errors and Python's, of many kinds, for what is damaged
        raise _unreadable(path, first_line(error)) from error


def _fields(file: Any, path: Path) -> list[tuple[str, Any]]:
    found = [(field.name, field.type) for field in file.schema_arrow]
    twice = [name for name, times in Counter(name for name, _ in found).items() if times > 1]
    if twice:
        raise ImageError(f"`{path}` has several columns named `{twice[0]}`. Rename all but one.")
    return found


def _check_size(kinds: Mapping[str, Any], path: Path, groups: Sequence[int] | None) -> None:
    """Raise ImageError for columns that unpack to too much, by what the header says of them: a few bytes may stand for a billion rows.

    Raises ValueError where the header says more of them than their pages have.
    """
    size, wanted = 0, list[footers.Chunk]()
    for chunk in footers.chunks(path):
        name = next((one for one in kinds if chunk.path == one or chunk.path.startswith(f"{one}.")), None)
        if name is not None and (groups is None or chunk.group in groups):
            size += max(chunk.size, chunk.values * VALUE_BYTES[_kind(kinds[name])])
            wanted.append(chunk)
    footers.check_pages(path, wanted)
    if size > MOST_UNPACKED:
        raise ImageError(
            f"`{path}` unpacks to more than {MOST_UNPACKED // 2**20:,} MiB. Divide it into several, or save features as .npy "
            f"with numpy.save."
        )


def about(path: Path) -> dict[str, Any]:
    """Return what a table that `parquet` wrote says of itself, nothing for another's."""
    from pyarrow import parquet as pq

    metadata = pq.read_schema(path).metadata or {}
    found: dict[str, Any] = parse_json(metadata.get(KEY, b"{}"))
    return found


def _unreadable(path: Path, reason: str) -> ImageError:
    return ImageError(f"`{path}` is not a readable Parquet file: {reason}. Expected one with features, or with paths of images.")


def _kind(kind: Any) -> str:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _kind(kind.value_type)
    if pa.types.is_boolean(kind) or _is_text(kind):
        return "text"
    if _is_list_of_numbers(kind):
        return "vector"
    return "number" if pa.types.is_integer(kind) or pa.types.is_floating(kind) else "other"


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) == "string_view")


def _words(column: Any) -> Iterator[str | None]:
    """Yield the text of each row, None where it is empty; what is not UTF-8 keeps its bytes, as Python keeps those of file names."""
    import pyarrow as pa

    for chunk in column.chunks:
        if pa.types.is_dictionary(chunk.type):
            known = list(_words(pa.chunked_array([chunk.dictionary])))
            yield from (None if index is None else known[index] for index in chunk.indices.to_pylist())
        elif pa.types.is_boolean(chunk.type):
            yield from (None if one is None else str(one) for one in chunk.to_pylist())
        else:
            large = pa.types.is_large_string(chunk.type) or not pa.types.is_string(chunk.type)
            stored = chunk.cast(pa.large_string() if large else pa.string()).cast(pa.large_binary() if large else pa.binary())
            yield from (None if one is None else one.decode("utf-8", "surrogateescape") for one in stored.to_pylist())


def _plain(column: Any) -> Any:
    import pyarrow as pa

    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _cells(values: Any) -> Any:
    """Return a column of a `Tabular` for pyarrow: as `_column`, or numbers among which some are missing."""
    import pyarrow as pa

    numbers = (
        not isinstance(values, np.ndarray) and any(one is not None for one in values) and not any(isinstance(one, str) for one in values)
    )
    return pa.array(list(values)) if numbers else _column(values)


def _column(values: Any) -> Any:
    import pyarrow as pa

    if isinstance(values, np.ndarray) and values.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])
    if isinstance(values, np.ndarray):
        return pa.array(values)
    # A file name that is no Unicode holds lone surrogates, which Parquet's text cannot: they are written as escapes.
    words = [None if one is None else one.encode("utf-8", "backslashreplace").decode("utf-8") for one in values]
    return pa.array(words, pa.string())


def _rows(column: Any, count: int, name: str) -> NDArray[Any]:
    from pyarrow import compute

    if column.null_count:
        raise ImageError(
            f"{column.null_count} rows of {name} do not hold a list. Expected one list of numbers of the same length in each row."
        )
    lengths = compute.min_max(compute.list_value_length(column)).as_py()
    if lengths["min"] != lengths["max"]:
        raise ImageError(
            f"The lists in {name} have different lengths, {lengths['min']} to {lengths['max']}. "
            "Expected one list of numbers of the same length in each row."
        )
    flat: NDArray[Any] = column.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(count, lengths["max"] or 0)


def _is_list_of_numbers(kind: Any) -> bool:
    import pyarrow as pa

    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return False
    return bool(pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type))
