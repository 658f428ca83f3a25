"""What a scan asks of its measure, convscope's own or a user's: a batch of images -> numbers for every unit and every image."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..images import Fit
from ..network.network import Network

PARTS = (
    "layers",
    "batch",
    "fit",
    "features",
    "feature_layer",
    "columns",
    "settings",
    "units",
    "ceilings",
    "ranked",
    "after",
    "label",
    "fields",
)
COLUMN = re.compile(r"[a-z][a-z0-9_]{0,59}")
TAKEN = frozenset(("state", "digest", "predicted", "probability", "image", "name", "label", "prediction", "sample_row"))


@dataclass(frozen=True)
class MeasuredLayer:
    """`address`, `channels`, and `shape` of its map: (height, width), (length,) or (); its units begin at `first` among all."""

    address: str
    channels: int
    shape: tuple[int, ...]
    first: int

    @property
    def units(self) -> slice:
        """Its units among all."""
        return slice(self.first, self.first + self.channels)


@dataclass(frozen=True)
class Numbers:
    """What one batch of images gives. `values`: (image, unit) float32, what the images of a unit are known by, such as its maximum over
    space; `places`: (image, unit) int32, where in the map, row-major, -1 in a layer without space. `features`: (image, feature) float32.

    `predicted`: (image,) int32 the strongest class, and `probability` float32, -1 and NaN where the network does not classify.
    `before`: (image, unit) float32, what ranks the images: the value before an activation that is flat above, elsewhere the same as
    `values`, which None means for all. `columns`: the measure's own numbers of each image, (image,) by name.
    """

    values: NDArray[np.float32]
    places: NDArray[np.int32]
    features: NDArray[np.float32]
    predicted: NDArray[np.int32]
    probability: NDArray[np.float32]
    before: NDArray[np.float32] | None = None
    columns: Mapping[str, NDArray[Any]] | None = None


class Measure(Protocol):
    """The contract of a measure. A class of one's own inherits from it, and with it what stands here for `units` and below.

    `layers`: what is measured; `batch`: the one number of images that is computed at a time, so that no image's numbers depend on how many
    came with it; `fit`: how pictures enter; `features`: how many there are, of `feature_layer`, the name that tells them from others.
    `columns`: the numbers that it adds to each image, NumPy's kind by name, such as {"sharpness": "float32"}. `settings`: plain data; all
    that changes its numbers and is neither the network nor the layers. A run resumes only with the same class, columns and settings.
    """

    layers: tuple[MeasuredLayer, ...]
    batch: int
    fit: Fit
    features: int
    feature_layer: str
    columns: Mapping[str, str] = {}
    settings: Mapping[str, Any] = {}

    def __call__(self, pixels: NDArray[np.float32]) -> Numbers:
        """Measure one full batch (batch, height, width, channel) in [0, 1]. The numbers of an image depend on that image alone."""

    @property
    def units(self) -> int:
        """How many units the layers have in all."""
        return sum(layer.channels for layer in self.layers)

    @property
    def ceilings(self) -> NDArray[np.float32]:
        """(unit,) float32, what each unit's values never exceed, infinity for none."""
        return np.full(self.units, np.inf, np.float32)

    def ranked(self) -> dict[str, str]:
        """Return for each layer that is flat above the address of what ranks its units."""
        return {}

    def after(self, layer: MeasuredLayer, before: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a layer's values (any, channel) for what ranks its images, (any, channel)."""
        return before

    def label(self, index: int) -> str:
        """Return the name of a predicted class."""
        return str(index)

    def fields(self, layer: MeasuredLayer, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the receptive fields of a layer's units at these places, (place, 4): top, left, bottom, right in pixels."""
        return np.tile(np.asarray((0, 0, *self.fit.size), np.int64), (len(rows), 1))


# What `scan` takes: (network, addresses of layers, precision) -> a measure. A class that workers import by its name, or a partial of one.
MakeMeasure = Callable[[Network, tuple[str, ...], str], Measure]


def check_measure(measure: Measure) -> None:
    """Raise OptionError for a measure that no run can hold."""
    name = type(measure).__qualname__
    missing = sorted(one for one in PARTS if not hasattr(measure, one))
    if missing:
        raise OptionError(
            f"The measure {name} has no {', '.join(missing)}. Expected a class that inherits from convscope.scanning.Measure."
        )
    firsts = [layer.first for layer in measure.layers]
    if not firsts or firsts != np.cumsum([0, *(layer.channels for layer in measure.layers)])[:-1].tolist():
        raise OptionError(
            f"The layers of the measure {name} begin at {firsts}. Expected one layer or more, each where the one before ends."
        )
    if measure.features < 1 or measure.batch < 1:
        raise OptionError(f"The measure {name} has {measure.features} features and a batch of {measure.batch}. Expected 1 or more of each.")
    for column, kind in measure.columns.items():
        if not COLUMN.fullmatch(column) or column in TAKEN:
            raise OptionError(
                f"`{column}` cannot be a column of the measure {name}. Expected a name such as sharpness, none of {sorted(TAKEN)}."
            )
        if _kind(kind) is None:
            raise OptionError(
                f"The column `{column}` of the measure {name} is {kind!r}. Expected a kind of number, such as float32 or int64."
            )


def _kind(name: Any) -> np.dtype[Any] | None:
    """Return NumPy's kind of number in the byte order of files, None for what is not one."""
    try:
        kind = np.dtype(name)
    except TypeError:
        return None
    return kind.newbyteorder("<") if kind.kind in "iu" or kind in (np.float32, np.float64) else None


def columns_of(measure: Measure) -> list[tuple[str, np.dtype[Any]]]:
    """Return the names and kinds of the columns that a measure adds to each image."""
    return [(name, kind) for name, text in measure.columns.items() if (kind := _kind(text)) is not None]


def check_numbers(numbers: Numbers, measure: Measure) -> None:
    """Raise OptionError for numbers that are not those of a batch of this measure."""
    widths: dict[str, tuple[int, ...]] = {"values": (measure.units,), "places": (measure.units,), "features": (measure.features,)}
    widths |= {"predicted": (), "probability": ()} | ({} if numbers.before is None else {"before": (measure.units,)})
    found = {name: np.shape(getattr(numbers, name)) for name in widths}
    found |= {name: np.shape(values) for name, values in (numbers.columns or {}).items()}
    expected = {name: (measure.batch, *width) for name, width in (widths | dict.fromkeys(measure.columns, ())).items()}
    if found != expected:
        raise OptionError(f"The measure {type(measure).__qualname__} returned arrays of the shapes {found}. Expected {expected}.")
