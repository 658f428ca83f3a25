"""What a scan keeps of all images: top-k, histogram, moments, class means. Each has a `merge` that is exact, associative and commutative,
so that neither the order of the shards nor who computed them changes a bit of the result.

Arrays are by unit: all layers' channels one after the other. A value that is not finite is not counted; in class means it stands as 0.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..formats.bins import BINS, bin_edges, bins_of

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

LAST_IMAGE = 2**32 - 1
EMPTY = np.uint64(0)

# Sums in fixed point: fractions of 40 bits from 2^23 images fit into 64 bits. Values are cut at 2^52, where a float64 has no fraction left.
FRACTION_BITS = 40
MOST_WHOLE = float(2**52)
UNITS_AT_ONCE = 1024  # whose bins are counted together: 4 MiB
WHOLE = ("<i1", "<i2", "<i4", "<i8")  # kinds of whole numbers, the smallest first


@dataclass(frozen=True)
class Top:
    """The `k` strongest images of each unit, by value descending, then image ascending.

    `keys`: (unit, k) uint64, a value's rank among all floats in the upper half and the image counted from the end in the lower: one
    number that sorts as the two do; 0 where there are fewer images. `places`: (unit, k) int32, where in the map (row-major), else -1.
    """

    keys: NDArray[np.uint64]
    places: NDArray[np.int32]

    @classmethod
    def of(cls, values: Floats, places: NDArray[np.int32], images: Ints, k: int) -> "Top":
        """Return the top `k` of `values` (image, unit)."""
        return _strongest(_keys(values, images[:, None]).T, places.T, k)

    def merge(self, other: "Top") -> "Top":
        """Return the strongest of both."""
        keys = np.concatenate([self.keys, other.keys], axis=1)
        return _strongest(keys, np.concatenate([self.places, other.places], axis=1), self.keys.shape[1])

    @property
    def values(self) -> Floats:
        """(unit, k) float32, NaN where there are fewer images."""
        rank = (self.keys >> np.uint64(32)).astype(np.uint32)
        bits = np.where(rank >> 31, rank & np.uint32(0x7FFFFFFF), ~rank)
        return np.where(self.keys == EMPTY, np.float32(np.nan), bits.astype(np.uint32).view(np.float32))

    @property
    def images(self) -> Ints:
        """(unit, k) int64, -1 where there are fewer images."""
        return images_of(self.keys)


def images_of(keys: NDArray[np.uint64]) -> Ints:
    """Return the images in keys of a `Top`, -1 for none."""
    return np.where(keys == EMPTY, -1, LAST_IMAGE - (keys & np.uint64(LAST_IMAGE)).astype(np.int64))


def _keys(values: Floats, images: Ints) -> NDArray[np.uint64]:
    bits = (values + np.float32(0.0)).view(np.uint32)  # the sum makes -0 equal to 0
    # The bits of a float, read as a whole number, rise with positive values and fall with negative ones. Those are turned round, below.
    rank = np.where(bits >> 31, ~bits, bits | np.uint32(0x80000000)).astype(np.uint64)
    # Images count from the end, so that of equal values the earlier image has the larger key.
    return np.where(np.isfinite(values), (rank << np.uint64(32)) | (LAST_IMAGE - images).astype(np.uint64), EMPTY)


def _strongest(keys: NDArray[np.uint64], places: NDArray[np.int32], k: int) -> Top:
    if keys.shape[1] < k:
        more = ((0, 0), (0, k - keys.shape[1]))
        keys, places = np.pad(keys, more), np.pad(places, more, constant_values=-1)
    if keys.shape[1] > k:
        chosen = np.argpartition(keys, keys.shape[1] - k, axis=1)[:, keys.shape[1] - k :]
        keys, places = np.take_along_axis(keys, chosen, axis=1), np.take_along_axis(places, chosen, axis=1)
    order = np.argsort(keys, axis=1)[:, ::-1]
    keys, places = np.take_along_axis(keys, order, axis=1), np.take_along_axis(places, order, axis=1)
    return Top(keys, np.where(keys == EMPTY, np.int32(-1), places))


@dataclass(frozen=True)
class Histogram:
    """How many values lie in the bins of `formats.bins`, without the empty ones, unit by unit.

    `filled`: (unit,) uint16, how many bins of each unit hold any; `bins`: uint16, the numbers of those, rising; `counts`: uint32.
    """

    filled: NDArray[np.uint16]
    bins: NDArray[np.uint16]
    counts: NDArray[np.uint32]

    @classmethod
    def of(cls, values: Floats) -> "Histogram":
        """Return the histogram of `values` (image, unit)."""

        def dense(start: int, end: int) -> NDArray[np.uint32]:
            part, width = values[:, start:end], end - start
            # Each unit has bins of its own, one after the other. The last of all takes what is not finite, and is dropped.
            index = np.where(np.isfinite(part), bins_of(part) + np.arange(width) * BINS, width * BINS)
            return np.bincount(index.ravel(), minlength=width * BINS + 1)[:-1].astype(np.uint32)

        return cls._of_blocks(values.shape[1], dense)

    @classmethod
    def from_places(cls, units: int, places: Ints, counts: NDArray[np.uint32]) -> "Histogram":
        """Return the histogram of so many units with these counts at the places of (unit, bin), which rise."""
        return cls(np.bincount(places // BINS, minlength=units).astype(np.uint16), (places % BINS).astype(np.uint16), counts)

    @classmethod
    def _of_blocks(cls, units: int, dense: Callable[[int, int], NDArray[np.uint32]]) -> "Histogram":
        """Return what `dense` makes of units from one to before another, (unit x bin,), some at a time: few enough for a cache."""
        parts = []
        for start in range(0, units, UNITS_AT_ONCE):
            counts = dense(start, min(start + UNITS_AT_ONCE, units))
            places = np.flatnonzero(counts)
            parts.append(cls.from_places(len(counts) // BINS, places, counts[places]))
        return cls(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)))

    @property
    def dense(self) -> NDArray[np.uint32]:
        """(unit, bin) uint32, the counts of all bins."""
        return self._dense_of(np.append(0, np.cumsum(self.filled, dtype=np.int64)), 0, len(self.filled)).reshape(-1, BINS)

    def merge(self, other: "Histogram") -> "Histogram":
        """Return the sum."""
        starts = [np.append(0, np.cumsum(one.filled, dtype=np.int64)) for one in (self, other)]
        return self._of_blocks(
            len(self.filled), lambda first, end: self._dense_of(starts[0], first, end) + other._dense_of(starts[1], first, end)
        )

    def _dense_of(self, starts: Ints, first: int, end: int) -> NDArray[np.uint32]:
        counts = np.zeros((end - first) * BINS, np.uint32)
        here = slice(int(starts[first]), int(starts[end]))
        counts[np.repeat(np.arange(end - first) * BINS, self.filled[first:end]) + self.bins[here]] = self.counts[here]
        return counts


@dataclass(frozen=True)
class Sums:
    """Sums of float32 in fixed point: `whole` and `fraction` (in units of 2^-40) int64. Whole numbers add up the same in any order."""

    whole: Ints
    fraction: Ints

    @classmethod
    def of(cls, values: Floats) -> "Sums":
        """Return the sums of `values` (image, unit) over the images."""
        whole, fraction = cls._fixed(values)
        return cls(whole.sum(axis=0, dtype=np.int64), fraction.sum(axis=0, dtype=np.int64))

    @classmethod
    def by_group(cls, values: Floats, starts: Ints) -> "Sums":
        """Return the sums of `values` (image, unit) over each group of images, (group, unit): from one start to before the next."""
        if not len(starts):
            none = np.zeros((0, values.shape[1]), np.int64)
            return cls(none, none)
        return cls(*(np.add.reduceat(part.astype(np.int64), starts, axis=0) for part in cls._fixed(values)))

    @staticmethod
    def _fixed(values: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        known = np.where(np.isfinite(values), np.clip(values, -MOST_WHOLE, MOST_WHOLE), np.float32(0.0)).astype(np.float64)
        whole = np.floor(known)
        return whole, np.floor((known - whole) * 2.0**FRACTION_BITS)

    def merge(self, other: "Sums") -> "Sums":
        """Return the sum."""
        return Sums(self.whole + other.whole, self.fraction + other.fraction)

    def over(self, counts: Ints) -> Floats:
        """Return the means for these counts, NaN for none."""
        total = self.whole.astype(np.float64) + self.fraction * 2.0**-FRACTION_BITS
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(counts > 0, total / counts, np.nan), np.float32)


@dataclass(frozen=True)
class Moments:
    """`count` of images, `fires`: how many of them lie above 0, before and after an activation that is flat above, `saturated`: how many at
    its ceiling, int64; `least` and `largest` float32 (+-inf for none); their `sums`.
    """

    count: Ints
    fires: Ints
    saturated: Ints
    least: Floats
    largest: Floats
    sums: Sums

    @classmethod
    def of(cls, values: Floats, after: Floats | None = None, ceilings: Floats | float = np.inf) -> "Moments":
        """Return the moments of `values` (image, unit). What is saturated is seen in `after`, by default the same."""
        finite, after = np.isfinite(values), values if after is None else after
        return cls(
            finite.sum(axis=0, dtype=np.int64),
            (finite & (values > 0) & (after > 0)).sum(axis=0, dtype=np.int64),
            (finite & (after >= ceilings)).sum(axis=0, dtype=np.int64),
            # Adding 0 makes -0 equal to 0: which of the two is the least would depend on the order of the shards.
            np.where(finite, values, np.float32(np.inf)).min(axis=0, initial=np.float32(np.inf)) + np.float32(0.0),
            np.where(finite, values, np.float32(-np.inf)).max(axis=0, initial=np.float32(-np.inf)) + np.float32(0.0),
            Sums.of(values),
        )

    def merge(self, other: "Moments") -> "Moments":
        """Return the moments of both sets of images."""
        return Moments(
            self.count + other.count,
            self.fires + other.fires,
            self.saturated + other.saturated,
            np.minimum(self.least, other.least),
            np.maximum(self.largest, other.largest),
            self.sums.merge(other.sums),
        )


@dataclass(frozen=True)
class Classes:
    """`present`: (c,) the classes seen, rising; `counts`: (c,) their images; `sums`: of their values, (c, unit)."""

    present: Ints
    counts: Ints
    sums: Sums

    @classmethod
    def of(cls, values: Floats, classes: Ints) -> "Classes":
        """Return the sums of `values` (image, unit) by class; `classes` (image,) is -1 where it is not known."""
        order = np.argsort(classes, kind="stable")
        order = order[classes[order] >= 0]
        present, starts, counts = np.unique(classes[order], return_index=True, return_counts=True)
        return cls(present, counts.astype(np.int64), Sums.by_group(values[order], starts))

    def merge(self, other: "Classes") -> "Classes":
        """Return the sums over both sets of images."""
        present = np.union1d(self.present, other.present)
        counts = np.zeros(len(present), np.int64)
        whole, fraction = (np.zeros((len(present), self.sums.whole.shape[1]), np.int64) for _ in range(2))
        for part in (self, other):
            rows = np.searchsorted(present, part.present)
            counts[rows] += part.counts
            whole[rows] += part.sums.whole
            fraction[rows] += part.sums.fraction
        return Classes(present, counts, Sums(whole, fraction))


@dataclass(frozen=True)
class Statistics:
    """All of these for one set of images. `NAMES`: of the arrays that hold them."""

    NAMES: ClassVar[tuple[str, ...]] = (
        "keys",
        "places",
        "filled",
        "bins",
        "counts",
        "count",
        "fires",
        "saturated",
        "least",
        "largest",
        "whole",
        "fraction",
        "classes",
        "class_counts",
        "class_whole",
        "class_fraction",
    )

    top: Top
    histogram: Histogram
    moments: Moments
    classes: Classes

    @classmethod
    def of(
        cls,
        values: Floats,
        places: NDArray[np.int32],
        images: Ints,
        classes: Ints,
        k: int,
        after: Floats | None = None,
        ceilings: Floats | float = np.inf,
    ) -> "Statistics":
        """Return the statistics of `values` (image, unit), the maxima at `places`, of the images with these ids and classes.

        `after` and `ceilings`: as for `Moments.of`.
        """
        moments = Moments.of(values, after, ceilings)
        return cls(Top.of(values, places, images, k), Histogram.of(values), moments, Classes.of(values, classes))

    def merge(self, other: "Statistics") -> "Statistics":
        """Return the statistics of both sets of images, which share none."""
        return Statistics(*(getattr(self, one.name).merge(getattr(other, one.name)) for one in fields(self)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all of it as arrays by name, whole numbers in as few bytes as hold them."""
        moments, classes = self.moments, self.classes
        values: list[NDArray[Any]] = [
            *(self.top.keys, self.top.places, self.histogram.filled, self.histogram.bins, self.histogram.counts),
            *(moments.count, moments.fires, moments.saturated, moments.least, moments.largest, moments.sums.whole, moments.sums.fraction),
            *(classes.present, classes.counts, classes.sums.whole, classes.sums.fraction),
        ]
        return {
            name: one if one.dtype.kind == "f" or name == "keys" else _narrow(one) for name, one in zip(self.NAMES, values, strict=True)
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Statistics":
        """Return what `arrays` made, also before it counted what is saturated, and while a histogram's places were those of (unit, bin)."""
        found: dict[str, Any] = {name: one.astype(np.int64) if one.dtype.kind == "i" else one for name, one in arrays.items()}
        saturated = found["saturated"] if "saturated" in found else np.zeros_like(found["fires"])
        counts = found["counts"].astype(np.uint32)
        if "filled" in found:
            histogram = Histogram(found["filled"].astype(np.uint16), found["bins"].astype(np.uint16), counts)
        else:
            histogram = Histogram.from_places(len(found["count"]), found["bins"], counts)
        sums = Sums(found["whole"], found["fraction"])
        return cls(
            Top(found["keys"], found["places"].astype(np.int32)),
            histogram,
            Moments(found["count"], found["fires"], saturated, found["least"], found["largest"], sums),
            Classes(found["classes"], found["class_counts"], Sums(found["class_whole"], found["class_fraction"])),
        )


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """Return whole numbers in the first of these kinds that holds them all."""
    least, largest = (int(values.min()), int(values.max())) if values.size else (0, 0)
    return values.astype(next(kind for kind in WHOLE if np.iinfo(kind).min <= least and largest <= np.iinfo(kind).max), copy=False)


def quantiles(counts: NDArray[np.uint32], least: Floats, largest: Floats, shares: NDArray[np.float64]) -> Floats:
    """Return (unit, share): the value below which that share of a unit's images lies, NaN for a unit of no images.

    The middle of the bin of the image at that rank, so at most 1/32 away from its value (between 2^-16 and 2^16); never outside of what
    occurred.
    """
    edges = bin_edges()
    middles = ((edges[:-1] + edges[1:]) / 2).astype(np.float32)
    reached = counts.cumsum(axis=1, dtype=np.int64)
    total = reached[:, -1:]
    ranks = np.maximum(np.ceil(total * shares), 1)
    found = np.stack([(reached < rank[:, None]).sum(axis=1) for rank in ranks.T], axis=1)
    values = np.clip(middles[np.minimum(found, BINS - 1)], least[:, None], largest[:, None])
    return np.where(total > 0, values, np.float32(np.nan)).astype(np.float32)
