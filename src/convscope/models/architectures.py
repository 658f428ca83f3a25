"""Networks for files that hold weights only: recognised among `keras.applications`, or named by the user."""

from functools import cache
from pathlib import Path
from typing import Any

from .. import assets
from ..errors import ModelError, closest
from ..json_files import JsonError, read_json
from ..reach import user_path
from . import applications
from .reading import Opened, Reading, build_from_config
from .saved import hdf5

TOLERANCE = 16  # counters and moments of normalising layers, which versions store differently
IMAGENET_CLASSES = 1000


def architecture_for(opened: Opened, path: Path, named: str | None, reading: Reading) -> tuple[Any, list[str]]:
    """Return the filled network for a weights-only file and sentences about it; raise ModelError that asks for `--architecture`."""
    if named is not None and named.lower().endswith(".json"):
        network, notes = _from_json(Path(named), opened, reading)
        return network, [f"architecture from {named}", *notes]
    counted = hdf5.count_weights(opened.file)
    if named is not None:
        name = applications.find(named)
        if name is None:
            raise ModelError(
                f"No architecture `{named}`. Expected a .json file or a name. "
                f"{closest('the names in keras.applications', named, applications.names())}"
            )
        candidates = [name]
    else:
        candidates = sorted(known(), key=lambda name: applications.plain(name) not in applications.plain(path.name))
    for name in candidates:
        if (classes := classes_in(name, counted)) is not None:
            network = _built(name, classes)
            how = "recognised by" if named is None else "with"
            return network, [
                f"architecture {name}{'' if classes else ' without its top'}, {how} its {counted:,} weights",
                *opened.fill(network, None),
            ]
    if named is not None:
        raise ModelError(
            f"`{path}` holds {counted:,} weights, which do not fit {candidates[0]} ({known()[candidates[0]][0]:,} without its top)."
        )
    raise ModelError(
        f"`{path}` holds {counted:,} weights without an architecture, and no network of keras.applications has as many. Name "
        f"it: --architecture model.json (the output of model.to_json()), or --architecture NAME."
    )


@cache
def known() -> dict[str, tuple[int, int]]:
    """Return for each application the number of its weights without the top, and of the features that the top takes."""
    table = read_json(assets.path("architectures.json"))
    return {name: (int(weights), int(features)) for name, (weights, features) in table.items()}


def classes_in(name: str, counted: int) -> int | None:
    """Return how many classes a file of so many weights has, 0 without the top; None if it is another architecture."""
    weights, features = known()[name]
    if abs(counted - weights) <= TOLERANCE:
        return 0
    if name.startswith("VGG"):
        return IMAGENET_CLASSES if counted == weights + VGG_TOP else None
    classes, left = divmod(counted - weights, features + 1)
    return classes if 2 <= classes <= 30_000 and min(left, features + 1 - left) <= TOLERANCE else None


VGG_TOP = (7 * 7 * 512 + 1) * 4096 + (4096 + 1) * 4096 + (4096 + 1) * 1000


def _built(name: str, classes: int) -> Any:
    return applications.build(name, None, classes=classes) if classes else applications.build(name, None, include_top=False)


def _from_json(path: Path, opened: Opened, reading: Reading) -> tuple[Any, list[str]]:
    try:
        config = read_json(user_path(path))
    except (OSError, JsonError) as error:
        said = getattr(error, "strerror", None) or error
        raise ModelError(f"The architecture `{path}` cannot be read: {said}. Expected the output of model.to_json().") from error
    return build_from_config(config, opened, reading)
