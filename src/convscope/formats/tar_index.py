"""The index of a tar of a store, kept in the user's cache; one that nobody can read is made again."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..tables import about, parquet, read_parquet

SCHEMA = 1


@dataclass(frozen=True)
class Index:
    """The images of a tar, in its order: `names`, where their bytes lie, (image,) `starts` and `lengths`, and their `labels`.

    `reasons`: the end of the sentence on one that cannot be read. `is_of_samples`: whether files beside the
    pictures tell classes. `ended`: why the rest of the tar is not here.
    """

    names: tuple[str | None, ...]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    labels: tuple[str | None, ...]
    reasons: tuple[str | None, ...]
    is_of_samples: bool = False
    ended: str = ""

    @property
    def parts(self) -> list[list[str]]:
        """The names as folders and a file."""
        return [str(name).split("/") for name in self.names]


def index_file(index: Index) -> bytes:
    """Return the file of an index, Parquet."""
    columns = {"name": index.names, "start": index.starts, "length": index.lengths, "label": index.labels, "reason": index.reasons}
    return parquet(columns, {"schema": SCHEMA, "samples": index.is_of_samples, "ended": index.ended})


def read_index(path: Path) -> Index:
    """Return the index in a file. Raises OSError, ValueError, LookupError, TypeError, ConvscopeError for a file that holds none."""
    known, said = read_parquet(path), about(path)
    if said["schema"] != SCHEMA:
        raise ValueError(f"The index has schema {said['schema']}, not {SCHEMA}.")
    starts, lengths = (np.asarray(known.numbers[name], np.int64) for name in ("start", "length"))
    name, label, reason = (known.texts[one] for one in ("name", "label", "reason"))
    return Index(name, starts, lengths, label, reason, bool(said["samples"]), str(said["ended"]))
