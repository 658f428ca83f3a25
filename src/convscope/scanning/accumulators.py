"""What a scan keeps of all images: top-k, histogram, moments, class means. Each has a `merge` that is exact, associative and commutative,
so that neither the order of the shards nor who computed them changes a bit of the result.

Arrays are by unit: all layers' channels one after the other. A value that is not finite is not counted; in class means it stands as 0.
"""

from dataclasses import dataclass, fields
from typing import Any

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
        images = LAST_IMAGE - (self.keys & np.uint64(LAST_IMAGE)).astype(np.int64)
        return np.where(self.keys == EMPTY, -1, images)


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
    """`counts`: (unit, bin) uint32, in the bins of `formats.bins`."""

    counts: NDArray[np.uint32]

    @classmethod
    def of(cls, values: Floats) -> "Histogram":
        """Return the histogram of `values` (image, unit)."""
        units = values.shape[1]
        counts = np.empty((units, BINS), np.uint32)
        for start in range(0, units, 1024):  # bincount needs 8 bytes a bin
            part = values[:, start : start + 1024]
            width = part.shape[1]
            # Each unit has bins of its own, one after the other. The last of all takes what is not finite, and is dropped.
            index = np.where(np.isfinite(part), bins_of(part) + np.arange(width) * BINS, width * BINS)
            counts[start : start + width] = np.bincount(index.ravel(), minlength=width * BINS + 1)[:-1].reshape(width, BINS)
        return cls(counts)

    def merge(self, other: "Histogram") -> "Histogram":
        """Return the sum."""
        return Histogram(self.counts + other.counts)


@dataclass(frozen=True)
class Sums:
    """Sums of float32 in fixed point: `whole` and `fraction` (in units of 2^-40) int64. Whole numbers add up the same in any order."""

    whole: Ints
    fraction: Ints

    @classmethod
    def of(cls, values: Floats) -> "Sums":
        """Return the sums of `values` (image, unit) over the images."""
        known = np.where(np.isfinite(values), np.clip(values, -MOST_WHOLE, MOST_WHOLE), np.float32(0.0)).astype(np.float64)
        whole = np.floor(known)
        fraction = np.floor((known - whole) * 2.0**FRACTION_BITS)
        return cls(whole.sum(axis=0, dtype=np.int64), fraction.sum(axis=0, dtype=np.int64))

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
        present = np.unique(classes[classes >= 0])
        parts = [Sums.of(values[classes == one]) for one in present]
        none = np.zeros((0, values.shape[1]), np.int64)
        return cls(
            present,
            np.asarray([np.count_nonzero(classes == one) for one in present], np.int64),
            Sums(np.stack([part.whole for part in parts]), np.stack([part.fraction for part in parts])) if parts else Sums(none, none),
        )

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
    """All of these for one set of images."""

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
        """Return all of it as arrays by name; the histogram as places and counts of what is not zero."""
        flat = self.histogram.counts.ravel()
        places = np.flatnonzero(flat)
        return {
            "keys": self.top.keys,
            "places": self.top.places,
            "bins": places,
            "counts": flat[places],
            "count": self.moments.count,
            "fires": self.moments.fires,
            "saturated": self.moments.saturated,
            "least": self.moments.least,
            "largest": self.moments.largest,
            "whole": self.moments.sums.whole,
            "fraction": self.moments.sums.fraction,
            "classes": self.classes.present,
            "class_counts": self.classes.counts,
            "class_whole": self.classes.sums.whole,
            "class_fraction": self.classes.sums.fraction,
        }

    @classmethod
    def from_arrays(cls, arrays: Any) -> "Statistics":
        """Return what `arrays` made, also before it counted what is saturated."""
        saturated = arrays["saturated"] if "saturated" in arrays else np.zeros_like(arrays["fires"])
        counts = np.zeros(len(arrays["count"]) * BINS, np.uint32)
        counts[arrays["bins"]] = arrays["counts"]
        sums = Sums(arrays["whole"], arrays["fraction"])
        return cls(
            Top(arrays["keys"], arrays["places"]),
            Histogram(counts.reshape(-1, BINS)),
            Moments(arrays["count"], arrays["fires"], saturated, arrays["least"], arrays["largest"], sums),
            Classes(arrays["classes"], arrays["class_counts"], Sums(arrays["class_whole"], arrays["class_fraction"])),
        )


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
