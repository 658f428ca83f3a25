"""Rings of waves: those of about one frequency, in whatever direction, climb and are held together."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops


@dataclass(frozen=True, eq=False)
class Rings:
    """The rings of waves (height, width) of a frequency in cycles per pixel each: `number` (height x width,) says the ring of each.

    A ring is as wide as the waves of one period along the longer side are apart.
    """

    frequency: NDArray[np.float64]

    @property
    def number(self) -> NDArray[np.int32]:
        """The ring of each wave, (wave,), 0 for the constant."""
        return np.round(self.frequency.ravel() * max(self.frequency.shape)).astype(np.int32)

    def sums(self, values: Any) -> Any:
        """Return the sum over each ring, (picture, plane, ring), of values (picture, plane, height, width)."""
        waves, number = self.frequency.size, self.number
        flat = ops.transpose(ops.reshape(values, (-1, values.shape[1], waves)), (2, 0, 1))
        return ops.transpose(ops.segment_sum(flat, ops.convert_to_tensor(number), int(number.max()) + 1), (1, 2, 0))

    def spread(self, values: Any) -> Any:
        """Return the value of its ring for each wave: (picture, plane, height, width) from (picture, plane, ring)."""
        found = ops.take(values, ops.convert_to_tensor(self.number), axis=2)
        return ops.reshape(found, (-1, values.shape[1], *self.frequency.shape))

    def means(self, values: Any) -> Any:
        """Return for each wave the mean of its ring."""
        weight = (1.0 / np.maximum(np.bincount(self.number), 1)).astype(np.float32)
        return self.spread(ops.multiply(self.sums(values), weight))
