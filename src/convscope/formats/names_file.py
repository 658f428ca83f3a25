"""`names.parquet` in a run: what each unit fires for. docs/names.md describes every column.

A row for each unit, those of a layer in a group that can be read alone. Its metadata say of which state of the run it is, which labels
there were, and by what a name counts; they hold the checksums of its columns.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..digests import digest, hasher
from ..errors import ImageError, ReplayError
from ..files import write_files
from ..tables import Columns, about, parquet, read_parquet
from .checksums import DamageError
from .schemas import check_schema, release_of

SCHEMA = 1
KIND, NAMES = "names", "names.parquet"
TEXTS, NUMBERS = ("layer", "name", "label"), ("channel", "auc", "p", "images", "label_auc", "label_p")
AREAS = ("chosen_areas", "tested_areas")  # (unit, label) float32: the AUC of every label on each half of the images
DIGITS = 4  # of an area


def write_names(folder: Path, columns: Mapping[str, Any], said: Mapping[str, Any]) -> Path:
    """Write the table of a run's folder, whole or not at all, and return its path. `said`: what it says of itself. Raises OutputError."""
    columns = dict(columns) | {name: np.round(columns[name], DIGITS) for name in AREAS}
    layers, counts = np.unique(np.asarray(columns["layer"], object), return_counts=True)
    known = dict(zip(layers.tolist(), counts.tolist(), strict=True))
    groups = [known[layer] for layer in dict.fromkeys(columns["layer"])]
    said = dict(said) | {"kind": KIND, "schema": SCHEMA}
    sums = {"said": _of_words(said), "columns": _checksum(columns, TEXTS, NUMBERS), "areas": _checksum(columns, (), AREAS)}
    content = parquet(columns, said | {"checksums": sums}, groups)
    write_files({folder / NAMES: content}, durable=True)
    return folder / NAMES


def read_names(folder: Path) -> tuple[dict[str, Any], Columns] | None:
    """Return what the table of a run's folder says of itself, and its columns except the areas; None where there is none.

    Raises ReplayError for a damaged one, or a newer convscope's.
    """
    if not (folder / NAMES).exists():
        return None
    return _read(folder / NAMES, TEXTS, NUMBERS, "columns")


def read_areas(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the areas of a table that there is: on the half that names were chosen on, and on the other, (unit, label); NaN for none.

    Raises ReplayError.
    """
    _, found = _read(folder / NAMES, (), AREAS, "areas")
    return found.vectors[AREAS[0]], found.vectors[AREAS[1]]


def _read(path: Path, texts: Sequence[str], others: Sequence[str], part: str) -> tuple[dict[str, Any], Columns]:
    try:
        said = about(path)
        if said.get("kind") != KIND:
            raise DamageError("it does not say that it holds names")
        check_schema(path, int(said["schema"]), SCHEMA, ReplayError, release=release_of(said))
        found = read_parquet(path, columns=[*texts, *others])
        held = {**found.texts, **found.numbers, **found.vectors}
        sums = said.pop("checksums")
        if set(held) != {*texts, *others} or _checksum(held, texts, others) != sums[part] or _of_words(said) != sums["said"]:
            raise DamageError("its checksum does not match")
        return said, found
    except (ImageError, OSError, ValueError, LookupError, TypeError, AttributeError, MemoryError) as error:
        raise ReplayError(
            f"`{path}` is damaged, or cannot be read: {error}. Expected a file written by `name`. Make it again: convscope name RUN"
        ) from error


def _of_words(said: Mapping[str, Any]) -> str:
    return digest(json.dumps(said, sort_keys=True).encode())


def _checksum(columns: Mapping[str, Any], texts: Sequence[str], others: Sequence[str]) -> str:
    found = hasher()
    for name in texts:
        found.update("\0".join("\1" if one is None else str(one) for one in columns[name]).encode("utf-8", "surrogatepass"))
    for name in others:
        values = np.asarray(columns[name])
        found.update(np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes())
    return found.hexdigest()
