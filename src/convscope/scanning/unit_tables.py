"""What a run's tables say of units, as arrays: the strongest images of each, and how it answers to all."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.bins import bin_edges, bins_of
from ..formats.run_folder import SHARES
from ..legible import counted, few, told
from ..tables import Columns, Table


@dataclass(frozen=True, repr=False)
class TopUnits(Table):
    """The strongest images of some units of a layer, all (unit, k), strongest first, equals by image id.

    `images`: int64 ids, -1 where there are fewer. `values`: float32, NaN there; `before`: what they are ranked by, the value before an
    activation that is flat above, elsewhere the same. `rows`, `columns`: int64, where in the map, -1 in a layer without space. `fields`:
    (unit, k, 4) int64, the receptive field there in pixels of the fitted picture: top, left, bottom, right, ends exclusive; it may reach
    over the picture's border, where the network pads.
    """

    layer: str
    channels: NDArray[np.int64]
    images: NDArray[np.int64]
    values: NDArray[np.float32]
    before: NDArray[np.float32]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    fields: NDArray[np.int64]

    def __repr__(self) -> str:
        return told(self, f"{self.layer}:{few(self.channels.tolist())}", f"the strongest {self.images.shape[1]} images of each")

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each unit and image, strongest first: the id of the image, where the unit is largest, and the field there."""
        there = np.nonzero(self.images >= 0)
        return {
            **_listed(self, there),
            "value": self.values[there],
            "before": self.before[there],
            "row": self.rows[there],
            "column": self.columns[there],
            **{name: np.ascontiguousarray(self.fields[there][:, side]) for side, name in enumerate(("top", "left", "bottom", "right"))},
        }


@dataclass(frozen=True, repr=False)
class WeakestUnits(Table):
    """The weakest images of some units of a layer among those whose values a run keeps, all (unit, k), weakest first.

    `images`: int64 ids, -1 where there are fewer. `values`: float32, what ranks the images, to 8 significant bits; NaN there. `ties`:
    int64, how many of the images have that very value, 1 for one that is alone, 0 there. `of`: (unit,) how many images were compared, all
    that are finite. A unit behind a ReLU is 0 on many images: these are in no order. Among equals those come first whose names have the
    smallest BLAKE2b, so that neither the order of the data set nor a class decides which are shown.
    """

    layer: str
    channels: NDArray[np.int64]
    images: NDArray[np.int64]
    values: NDArray[np.float32]
    ties: NDArray[np.int64]
    of: NDArray[np.int64]

    def __repr__(self) -> str:
        return told(self, f"{self.layer}:{few(self.channels.tolist())}", f"the weakest {self.images.shape[1]} images of each")

    def said(self, unit: int) -> str:
        """Return a sentence on the ties of a unit, by its place: "2,310 of 4,096 images tie at 0.", or "" where there is an order."""
        tied = [(int(count), float(value)) for count, value in zip(self.ties[unit], self.values[unit], strict=True) if count > 1]
        if not tied:
            return ""
        count, value = max(tied)
        rule = " Those shown are the first by the hash of their names." if count > (self.values[unit] == np.float32(value)).sum() else ""
        return f"{count:,} of {self.of[unit]:,} images tie at {value:.3g}.{rule}"

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each unit and image, weakest first: the id of the image, its value, and how many images share the value."""
        there = np.nonzero(self.images >= 0)
        return {
            **_listed(self, there),
            "value": self.values[there],
            "ties": self.ties[there],
        }


@dataclass(frozen=True, repr=False)
class UnitStatistics(Table):
    """How each unit of a layer answers to the images: of its maxima over space, one an image, before an activation that is flat above.

    `channels`: (unit,) their numbers; `count`: (unit,) images that were counted; `fires`: the share above 0, and `saturated`, the number at
    its ceiling, after the activation; `mean`, `least`, `largest`; `quantiles`: (unit,) by share.
    `histogram`: (unit, bin) counts, `edges`: (bin + 1,). `class_means`: (unit, class), NaN for none; None without labels.
    """

    layer: str
    channels: NDArray[np.int64]
    count: NDArray[np.int64]
    fires: NDArray[np.float64]
    saturated: NDArray[np.int64]
    mean: NDArray[np.float32]
    least: NDArray[np.float32]
    largest: NDArray[np.float32]
    quantiles: dict[float, NDArray[np.float32]]
    histogram: NDArray[np.int64]
    edges: NDArray[np.float64]
    class_means: NDArray[np.float32] | None

    def __repr__(self) -> str:
        return told(self, self.layer, counted(len(self.count), "unit"), f"{int(self.count.max(initial=0)):,} images")

    def percentiles(self, values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return for each unit the share of images, in percent, whose maximum lies below its value; NaN for no images or no value.

        `values`: (unit,), before an activation that is flat above. Exact to a bin of the histogram, in which values are taken as evenly
        spread.
        """
        rows, finite = np.arange(len(values)), np.nan_to_num(values)
        with np.errstate(over="ignore"):
            place = bins_of(finite.astype(np.float32))
        below = np.concatenate([np.zeros((len(values), 1), np.int64), np.cumsum(self.histogram, axis=1)], axis=1)[rows, place]
        low, high = np.maximum(self.edges[place], self.least), np.minimum(self.edges[place + 1], self.largest)
        with np.errstate(all="ignore"):
            share = np.where(high > low, np.clip((finite - low) / (high - low), 0, 1), 0.5)
            found = 100.0 * (below + share * self.histogram[rows, place]) / self.count
        found = np.where(finite <= self.least, 0.0, np.where(finite > self.largest, 100.0, found))
        return np.where((self.count == 0) | np.isnan(values), np.nan, found)

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each unit, in the order in which they were named: all but the histogram and the means of classes."""
        numbers = {name: getattr(self, name) for name in ("count", "fires", "saturated", "mean", "least", "largest")}
        units = [f"{self.layer}:{channel}" for channel in self.channels]
        return {"unit": units, **numbers, **{f"q{share:g}": values for share, values in self.quantiles.items()}}


def top_of(table: Columns, layer: str, wanted: NDArray[np.int64], shape: tuple[int, int]) -> TopUnits:
    """Return the strongest images of the wanted channels of a layer from its rows of the table; `shape`: (channels, k) of all."""
    place = table.numbers["channel"], table.numbers["rank"]

    def filled(name: str, missing: float, kind: Any) -> NDArray[Any]:
        array = np.full(shape, missing, kind)
        array[place] = table.numbers[name]
        return array[wanted]

    sides = [filled(name, 0, np.int64) for name in ("top", "left", "bottom", "right")]
    return TopUnits(
        layer,
        wanted,
        filled("image", -1, np.int64),
        filled("value", np.nan, np.float32),
        filled("before" if "before" in table.numbers else "value", np.nan, np.float32),
        filled("row", -1, np.int64),
        filled("column", -1, np.int64),
        np.stack(sides, axis=-1),
    )


def statistics_of(table: Columns, layer: str, wanted: NDArray[np.int64]) -> UnitStatistics:
    """Return the statistics of the wanted channels of a layer from its rows of the table."""
    numbers = {name: column[wanted] for name, column in table.numbers.items()}
    means = table.vectors.get("class_means")
    return UnitStatistics(
        layer=layer,
        channels=wanted,
        count=numbers["count"],
        fires=numbers["fires"] / np.maximum(numbers["count"], 1),
        saturated=numbers.get("saturated", np.zeros_like(numbers["count"])),
        mean=numbers["mean"],
        least=numbers["min"],
        largest=numbers["max"],
        quantiles={share: numbers[name] for name, share in SHARES.items()},
        histogram=table.vectors["histogram"][wanted].astype(np.int64),
        edges=bin_edges(),
        class_means=None if means is None else means[wanted],
    )


def _listed(units: TopUnits | WeakestUnits, there: tuple[NDArray[np.intp], ...]) -> dict[str, Any]:
    """Return the unit, rank and image of each entry `there`."""
    return {
        "unit": [f"{units.layer}:{channel}" for channel in units.channels[there[0]]],
        "rank": there[1],
        "image": units.images[there],
    }
