"""Parquet tables in and out; the only file that imports pyarrow."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import ImageError
from .json_files import parse_json

KEY = b"convscope"


@dataclass(frozen=True)
class Columns:
    """What a table holds: `texts` by column, None where a cell is empty; `numbers` by column; `vectors`, (row, length) by column."""

    count: int
    texts: Mapping[str, tuple[str | None, ...]]
    numbers: Mapping[str, NDArray[Any]]
    vectors: Mapping[str, NDArray[Any]]


def parquet(columns: Mapping[str, Any], about: Mapping[str, Any]) -> bytes:
    """Return columns as a Parquet file: arrays, (row, length) ones as lists, or sequences of text and None.

    `about` is kept as JSON in its metadata.
    """
    import pyarrow as pa
    from pyarrow import parquet as pq

    made = pa.table({name: _column(values) for name, values in columns.items()})
    made = made.replace_schema_metadata({KEY: json.dumps(about, sort_keys=True).encode()})
    file = io.BytesIO()
    pq.write_table(made, file, compression="zstd")
    return file.getvalue()


def column_kinds(path: Path) -> dict[str, str]:
    """Return "text", "number", "vector" or "other" for each column of a Parquet file, from its header alone. Raises ImageError."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    return {field.name: _kind(field.type.value_type if pa.types.is_dictionary(field.type) else field.type) for field in schema}


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> Columns:
    """Return the columns of a Parquet file, all or only these. Raises ImageError for what is none."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    try:
        table = pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    texts, numbers, vectors = {}, {}, {}
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        kind = column.type
        if pa.types.is_dictionary(kind):
            column, kind = column.dictionary_decode(), kind.value_type
        match _kind(kind):
            case "text":
                texts[name] = tuple(None if one is None else str(one) for one in column.to_pylist())
            case "vector":
                vectors[name] = _rows(column, len(table), f"`{name}` of `{path}`")
            case "number":
                numbers[name] = column.to_numpy(zero_copy_only=False)
    return Columns(len(table), texts, numbers, vectors)


def about(path: Path) -> dict[str, Any]:
    """Return what a table that `parquet` wrote says of itself, nothing for another's."""
    from pyarrow import parquet as pq

    metadata = pq.read_schema(path).metadata or {}
    found: dict[str, Any] = parse_json(metadata.get(KEY, b"{}"))
    return found


def _unreadable(path: Path, error: Exception) -> ImageError:
    said = str(error).splitlines()[0]
    return ImageError(f"`{path}` is no readable Parquet file: {said}. Expected one with features, or with paths of pictures.")


def _kind(kind: Any) -> str:
    import pyarrow as pa

    if pa.types.is_boolean(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    if _is_list_of_numbers(kind):
        return "vector"
    return "number" if pa.types.is_integer(kind) or pa.types.is_floating(kind) else "other"


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
        raise ImageError(f"{column.null_count} rows of {name} hold no list. Expected one list of numbers of the same length in each row.")
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
