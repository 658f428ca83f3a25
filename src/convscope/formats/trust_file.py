"""`trust.parquet`: how far the pictures of units can be trusted, a row for each unit, beside the tables of the run that it was measured on.

The file says of which run, so that a run that grew is noticed. docs/trust.md describes every column.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..errors import ImageError, ReplayError
from ..files import write_files
from ..hints import command
from ..tables import Columns, about, parquet, read_parquet
from .schemas import check_schema, release_of

SCHEMA = 1
KIND = "trust"
TABLE = "trust.parquet"
TEXTS, PLACES = ("layer", "synthetic", "effort"), ("channel", "seed")


class TrustTable(NamedTuple):
    """What the file holds: the `run` that it was measured on, the network's `layers` that its curves go through, and its rows."""

    run: str
    layers: tuple[str, ...]
    rows: Columns


def write_trust(
    folder: Path,
    run: str,
    layers: Sequence[str],
    texts: Mapping[str, Sequence[str]],
    numbers: Mapping[str, Any],
    curves: Mapping[str, Any],
    release: str,
) -> None:
    """Write the table whole or not at all. `numbers`: (row,) each, "channel" and "seed" too; `curves`: (row, layer). Raises OutputError."""
    whole = {name: np.asarray(numbers[name], np.int64) for name in PLACES}
    real = {name: np.asarray(values, np.float32) for name, values in numbers.items() if name not in PLACES}
    columns = {name: list(texts[name]) for name in TEXTS} | whole | real
    columns |= {name: np.asarray(values, np.float32) for name, values in curves.items()}
    told = {"kind": KIND, "schema": SCHEMA, "run": run, "layers": list(layers), "convscope": release}
    write_files({folder / TABLE: parquet(columns, told)})


def read_trust(folder: Path) -> TrustTable | None:
    """Return the table in a run's folder, None where there is none.

    Raises ReplayError for one that is damaged, or that a newer convscope wrote.
    """
    path = folder / TABLE
    if not path.is_file():
        return None
    try:
        told = about(path)
        check_schema(path, int(told["schema"]), SCHEMA, ReplayError, release=release_of({"versions": {"convscope": told.get("convscope")}}))
        rows = read_parquet(path)
        lacking = {*TEXTS} - {*rows.texts} | {*PLACES} - {*rows.numbers}
        if lacking or told["kind"] != KIND:
            raise ValueError(f"it lacks {', '.join(sorted(lacking)) or 'the word that it is one'}")
        return TrustTable(str(told["run"]), tuple(map(str, told["layers"])), rows)
    except (ImageError, OSError, ValueError, LookupError, TypeError) as error:
        again = command("trust UNIT", 'convscope.trust(run, "UNIT")', run=True)
        raise ReplayError(
            f"`{path}` is damaged: {error}. Expected the table that `trust` writes. Delete it, and measure again: {again}"
        ) from error
