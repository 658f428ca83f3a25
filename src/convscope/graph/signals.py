"""What is carried down from units to their inputs: a window of weights on a map, and how it moves from one map to another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .calls import Call

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Signal:
    """How some units depend on the output of a call.

    `values`: (unit, row, column, channel) float32, of a vector with one row and column. `corner`: the row and column of the map where it
    begins, `step`: how many places of the map lie between two of its own. `bounded`: what lies beyond the map's borders counts for nothing,
    otherwise the map has no end. `picked`: (unit,) the channel where each unit is 1 and all else 0, None for other values. `remarks`:
    (convention, address of the layer).
    """

    values: FloatArray
    corner: tuple[int, int] = (0, 0)
    step: tuple[int, int] = (1, 1)
    bounded: bool = False
    picked: IntArray | None = None
    remarks: frozenset[tuple[str, str]] = frozenset()

    @property
    def sides(self) -> tuple[int, int]:
        """How many rows and columns of the map it covers."""
        _, rows, columns, _ = self.values.shape
        return (rows - 1) * self.step[0] + 1, (columns - 1) * self.step[1] + 1

    def noting(self, convention: str, call: Call) -> "Signal":
        """Return the same signal with one more remark."""
        return replace(self, remarks=self.remarks | {(convention, call.address)})

    def times(self, scale: FloatArray | float) -> "Signal":
        """Return the signal times a number, or one for each channel."""
        return replace(self, values=self.values * np.asarray(scale, np.float32), picked=None)

    def through(self, matrix: FloatArray) -> "Signal":
        """Return the signal before a matrix (channel before, channel) that mixes the channels of each place."""
        values = self.values @ matrix.T if self.picked is None else matrix.T[self.picked][:, None, None]
        return replace(self, values=np.ascontiguousarray(values, np.float32), picked=None)

    def dense(self) -> "Signal":
        """Return the same signal with a value for each place of the map, zeros between."""
        if self.step == (1, 1):
            return self
        spread = np.zeros((len(self.values), *self.sides, self.values.shape[-1]), np.float32)
        spread[:, :: self.step[0], :: self.step[1]] = self.values
        return replace(self, values=spread, step=(1, 1), picked=None)

    def plus(self, other: "Signal") -> "Signal":
        """Return the sum of two signals at the same call, on a window that holds both."""
        remarks, bounded = self.remarks | other.remarks, self.bounded or other.bounded
        if (self.corner, self.step, self.values.shape) == (other.corner, other.step, other.values.shape):
            return Signal(self.values + other.values, self.corner, self.step, bounded, remarks=remarks)
        both = self.dense(), other.dense()
        top, left = (min(one.corner[axis] for one in both) for axis in (0, 1))
        bottom, right = (max(one.corner[axis] + one.sides[axis] for one in both) for axis in (0, 1))
        total = np.zeros((len(self.values), bottom - top, right - left, self.values.shape[-1]), np.float32)
        for one in both:
            row, column = one.corner[0] - top, one.corner[1] - left
            total[:, row : row + one.sides[0], column : column + one.sides[1]] += one.values
        return Signal(total, (top, left), (1, 1), bounded, remarks=remarks)


class Tap(NamedTuple):
    """One place of a window along an axis: which rows of a signal (`kept`) reach which of the map before (`places`), with what weights."""

    kept: IntArray
    places: IntArray
    weights: FloatArray


Mixed = Callable[[Signal, int, int], Signal]


def moved(signal: Signal, axes: Sequence[Sequence[Tap]], channels: int, mixed: Mixed | None = None) -> Signal:
    """Return a signal on the map before: the sum over the taps of both axes, each mixed to `channels` by `mixed` (signal, row, column)."""
    rows, columns = axes
    reached = [[tap.places for tap in taps if len(tap.places)] for taps in axes]
    if not all(reached):
        return replace(signal, values=np.zeros((len(signal.values), 1, 1, channels), np.float32), picked=None)
    (top, bottom), (left, right) = ((min(map(np.min, one)), max(map(np.max, one)) + 1) for one in reached)
    total = np.zeros((len(signal.values), bottom - top, right - left, channels), np.float32)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            part = replace(signal, values=signal.values[:, row.kept[:, None], column.kept])
            values = (part if mixed is None else mixed(part, i, j)).values
            total[:, (row.places - top)[:, None], column.places - left] += values * (row.weights[:, None] * column.weights)[..., None]
    return Signal(total, (int(top), int(left)), (1, 1), signal.bounded, remarks=signal.remarks)
