"""The names of a run's units, as `name` left them in its folder."""

from pathlib import Path

import numpy as np

from ..formats.names_file import read_names
from ..results.names import Names


def names_in(folder: Path, digest: str) -> Names | None:
    """Return the names in a run's folder, None where there are none. `digest`: of the run as it is now. Raises ReplayError."""
    read = read_names(folder)
    if read is None:
        return None
    said, columns = read
    numbers = columns.numbers
    return Names(
        layers=tuple(str(one) for one in columns.texts["layer"]),
        channels=np.asarray(numbers["channel"], np.int64),
        names=columns.texts["name"],
        auc=np.asarray(numbers["auc"], np.float64),
        p=np.asarray(numbers["p"], np.float64),
        images=np.asarray(numbers["images"], np.int64),
        labels=columns.texts["label"],
        label_auc=np.asarray(numbers["label_auc"], np.float64),
        label_p=np.asarray(numbers["label_p"], np.float64),
        source=str(said["source"]),
        vocabulary=tuple(str(one) for one in said["labels"]),
        counts=tuple(int(one) for one in said["counts"]),
        halves=(int(said["halves"][0]), int(said["halves"][1])),
        notes=tuple(str(one) for one in said["notes"]),
        outdated=said["run"] != digest,
    )
