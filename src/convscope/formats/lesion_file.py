"""`lesions/LAYER.parquet` beside a run: what silencing each unit of a layer does, by class; sums, so that more images can be added.

One row for each unit and class. The metadata holds the schema, the digest of the run, the digest of the network, the layer, against what
images were judged, how many were chosen and how many are done: a file that is not of the same is not read, but made anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, ReplayError
from ..files import write_files
from ..tables import about, parquet, read_parquet
from ..units import slug
from .schemas import check_schema

SCHEMA = 1
FOLDER = "lesions"
OF_CLASS, OF_UNIT = ("count", "loss", "right"), ("loss_without", "right_without", "changed")
OF = ("run", "network", "layer", "judged", "chosen")  # what must be the same for a file to be resumed


@dataclass
class LesionSums:
    """Sums over the images that are `done`. `count`: (class,) images of each class; `loss` (class,) and `right` (class,) as the network is.

    `loss_without`, `right_without` and `changed`: (unit, class) with the unit silenced: the loss, how many predictions are right, and how
    many are another class than before. `active`: (unit,) on how many images the unit is not 0 everywhere.
    """

    count: NDArray[np.int64]
    loss: NDArray[np.float64]
    right: NDArray[np.int64]
    loss_without: NDArray[np.float64]
    right_without: NDArray[np.int64]
    changed: NDArray[np.int64]
    active: NDArray[np.int64]
    done: int = 0

    @classmethod
    def empty(cls, units: int, classes: int) -> "LesionSums":
        """Return the sums over no image."""
        whole = np.zeros(classes, np.int64), np.zeros(classes), np.zeros(classes, np.int64)
        table = (units, classes)
        return cls(*whole, np.zeros(table), np.zeros(table, np.int64), np.zeros(table, np.int64), np.zeros(units, np.int64))


def lesion_path(run: Path, layer: str) -> Path:
    """Return where the sums of a layer lie in the folder of a run."""
    return run / FOLDER / f"{slug(layer)}.parquet"


def write_lesions(path: Path, sums: LesionSums, of: Mapping[str, Any]) -> None:
    """Write the sums and what they are `of`, the file whole or not at all. Raises OutputError."""
    units, classes = sums.loss_without.shape
    there = np.flatnonzero(sums.count)
    columns: dict[str, Any] = {
        "channel": np.repeat(np.arange(units, dtype=np.int32), len(there)),
        "class": np.tile(there.astype(np.int32), units),
        **{name: np.tile(getattr(sums, name)[there], units) for name in OF_CLASS},
        **{name: getattr(sums, name)[:, there].ravel() for name in OF_UNIT},
        "active": np.repeat(sums.active, len(there)),
    }
    write_files({path: parquet(columns, {"schema": SCHEMA, "done": sums.done, "units": units, "classes": classes, **of})})


def read_lesions(path: Path, of: Mapping[str, Any] | None = None) -> LesionSums | None:
    """Return the sums in a file; None where there is none, where it is of something else, or where it is damaged.

    `of`: what they must be of; None for whatever they are. Raises ReplayError for a file of a newer convscope.
    """
    if not path.is_file():
        return None
    try:
        said = about(path)
        check_schema(path, int(said["schema"]), SCHEMA, ReplayError)
        if of is not None and any(said.get(name) != of[name] for name in OF):
            return None
        empty = LesionSums.empty(int(said["units"]), int(said["classes"]))
        return _read(read_parquet(path).numbers, empty, int(said["done"]))
    except (ImageError, OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _read(numbers: Mapping[str, NDArray[Any]], sums: LesionSums, done: int) -> LesionSums:
    rows, there = len(sums.active), numbers["class"][: len(numbers["class"]) // len(sums.active)]
    tables = {name: values.reshape(rows, len(there)) for name, values in numbers.items()}
    for name in OF_CLASS:
        getattr(sums, name)[there] = tables[name][0]
    for name in OF_UNIT:
        getattr(sums, name)[:, there] = tables[name]
    sums.active[:] = tables["active"][:, 0]
    sums.done = done
    return sums
