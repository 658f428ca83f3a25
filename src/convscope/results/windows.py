"""Signals that are zero but in a window of their image, kept as these windows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..legible import counted, told
from .record import FloatArray


@dataclass(frozen=True, repr=False)
class Windows:
    """A table (image, unit) of signals: `signals[image][unit]` is (height, width, channel) float32, signed, and zero outside.

    `corners`: (image, unit, 2) the row and column of its first pixel on the image; `size`: (height, width) of the images.

    A unit early in a network sees a hundredth of the image, and its windows take a hundredth of the memory of whole images.
    """

    signals: Sequence[Sequence[FloatArray]]
    corners: NDArray[np.int64]
    size: tuple[int, int]

    def __repr__(self) -> str:
        images, units = self.corners.shape[:2]
        return told(self, counted(images, "image"), counted(units, "unit"), f"on {self.size[0]} x {self.size[1]} pixels")

    def part(self, image: int, unit: int, field: Sequence[int] | None = None) -> FloatArray:
        """Return what a signal is on a part of its image (top, left, bottom, right; None: all of it), zero where its window is not."""
        top, left, bottom, right = field or (0, 0, *self.size)
        signal = self.signals[image][unit]
        first, second = (int(side) for side in self.corners[image, unit])
        height, width = signal.shape[:2]
        if (top, left, bottom, right) == (first, second, first + height, second + width):
            return signal
        found = np.zeros((bottom - top, right - left, signal.shape[-1]), np.float32)
        rows, columns = slice(max(top, first), min(bottom, first + height)), slice(max(left, second), min(right, second + width))
        if rows.start < rows.stop and columns.start < columns.stop:
            found[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = signal[
                rows.start - first : rows.stop - first, columns.start - second : columns.stop - second
            ]
        return found

    def array(self) -> FloatArray:
        """Return all of them on whole images: (image, unit, height, width, channel)."""
        images, units = self.corners.shape[:2]
        channels = self.signals[0][0].shape[-1]
        found = np.zeros((images, units, *self.size, channels), np.float32)
        for image, unit in np.ndindex(images, units):
            signal, (top, left) = self.signals[image][unit], self.corners[image, unit]
            found[image, unit, top : top + signal.shape[0], left : left + signal.shape[1]] = signal
        return found
