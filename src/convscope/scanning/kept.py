"""The values of all units that a run keeps: on the images of its sample, or with `keep_maxima` on every image."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..formats.run_folder import Contents
from ..formats.sample_file import Codes, unpacked
from ..tables import Columns
from . import sample
from .accumulators import Ints
from .unit_tables import WeakestUnits

UNITS_AT_ONCE = 128  # whose values are sorted at a time


class KeptValues:
    """What `sample.npy` holds, by unit and image. `images`: the ids of all images whose values are kept, rising."""

    def __init__(self, contents: Contents, images: Columns, skipped: Columns, channels: Mapping[str, int]) -> None:
        """Raises ReplayError for a table of images that is not the manifest's."""
        self._contents, self._channels = contents, channels
        self._rows = contents.sample_rows(images)
        self._ids, self._names = np.asarray(images.numbers["image"], np.int64), images.texts["name"]
        self._skipped = skipped
        self.images: Ints = self._ids[self._rows >= 0]

    @cached_property
    def sampled(self) -> Ints:
        """The ids of the images of the sample, rising: those that the run would keep without `keep_maxima`."""
        if len(self.images) <= sample.MOST_SAMPLED:
            return self.images
        every = [*zip(self._ids.tolist(), self._names, strict=True)]
        every += zip(self._skipped.numbers["image"].tolist(), self._skipped.texts["name"], strict=True)
        listed = sorted((image, str(name)) for image, name in every if image >= 0)
        chosen = sample.sampled_images([name for _, name in listed])
        return np.intersect1d(self.images, np.asarray([image for image, _ in listed], np.int64)[chosen])

    def values(self, layer: str, wanted: Ints, images: Ints) -> NDArray[np.float32]:
        """Return the values of some channels of a layer on some of the images, (image, unit)."""
        layers = list(self._channels)
        first = sum(self._channels[one] for one in layers[: layers.index(layer)])
        low, high = int(wanted.min(initial=self._channels[layer])), int(wanted.max(initial=-1)) + 1
        rows = self._rows[np.searchsorted(self._ids, images)]
        return unpacked(self._codes[:, first + low : first + max(low, high)][rows][:, wanted - low])

    def weakest(self, layer: str, wanted: Ints, count: int) -> WeakestUnits:
        """Return the weakest images of units, equals by the hash of their names."""
        images = self.images[self._order]
        found = np.full((len(wanted), count), -1)
        values, ties = np.full(found.shape, np.nan, np.float32), np.zeros(found.shape, np.int64)
        of = np.zeros(len(wanted), np.int64)
        for start in range(0, len(wanted), UNITS_AT_ONCE):
            here = slice(start, start + UNITS_AT_ONCE)
            for unit, column in enumerate(np.ascontiguousarray(self.values(layer, wanted[here], images).T), start):
                finite = np.flatnonzero(np.isfinite(column))
                first = finite[np.argsort(column[finite], kind="stable")[:count]]
                of[unit], few = len(finite), len(first)
                found[unit, :few], values[unit, :few] = images[first], column[first]
                ties[unit, :few] = (column[finite, None] == column[first]).sum(axis=0)
        return WeakestUnits(layer, wanted, found, values, ties, of)

    @cached_property
    def _order(self) -> Ints:
        """The kept images, by their places, in the order of the hashes of their names."""
        return sample.by_hash([str(self._names[place]) for place in np.flatnonzero(self._rows >= 0)])

    @cached_property
    def _codes(self) -> Codes:
        return self._contents.sample(self._rows, sum(self._channels.values()))
