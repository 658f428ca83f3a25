"""The layers of a network by name, kept in the user's cache for completion; a list that nobody can read is made again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..json_files import as_json, read_json

SCHEMA = 1


@dataclass(frozen=True)
class LayerList:
    """`layers`: what is known of each, as plain values by name; `classes`: the names of the output's units, empty where unknown."""

    layers: tuple[Mapping[str, Any], ...]
    classes: tuple[str, ...]


def list_file(layers: Iterable[Mapping[str, Any]], classes: Iterable[str]) -> bytes:
    """Return the file of a list, JSON."""
    return as_json({"schema": SCHEMA, "layers": list(layers), "classes": list(classes)})


def read_list(path: Path) -> LayerList:
    """Return the list in a file. Raises OSError, ValueError, LookupError, TypeError for a file that holds none."""
    found = read_json(path)
    if found["schema"] != SCHEMA:
        raise ValueError(f"The list has schema {found['schema']}, not {SCHEMA}.")
    return LayerList(tuple(dict(one) for one in found["layers"]), tuple(map(str, found["classes"])))
