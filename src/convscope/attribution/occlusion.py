"""Occlusion: how much a score falls where a part of the image is covered (Zeiler & Fergus 2014, Figure 6)."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..locality.windows import Field

FloatArray = NDArray[np.float32]
# The side of a patch as a share of the receptive field's, and the step as a share of the patch.
PATCH, STEP = 5, 3
COVERED_AT_ONCE = 64


@dataclass(frozen=True)
class Patches:
    """Patches of `size` (height, width) every `step` (rows, columns) over a `field` of the image, the first at its corner.

    The last of a row or column may be cut off at the field's border: beyond it nothing counts.
    """

    field: Field
    size: tuple[int, int]
    step: tuple[int, int]

    def windows(self) -> list[Field]:
        """Return the windows that are covered, in row-major order."""
        rows, columns = (self._starts(axis) for axis in (0, 1))
        return [
            Field(top, left, min(top + self.size[0], self.field.bottom), min(left + self.size[1], self.field.right))
            for top, left in itertools.product(rows, columns)
        ]

    def _starts(self, axis: int) -> Sequence[int]:
        first, end = self.field[axis], self.field[axis + 2]
        steps = -(-max(0, end - first - self.size[axis]) // self.step[axis])
        return [first + place * self.step[axis] for place in range(steps + 1)]


def patches_over(field: Field, patch: int | None, step: int | None) -> Patches:
    """Return patches over the receptive field of a unit: a fifth of its sides, every third of a patch, unless the sides are given."""
    sides = [min(patch or max(1, round(side / PATCH)), side) for side in (field.height, field.width)]
    steps = [min(step or max(1, round(side / STEP)), side) for side in sides]
    return Patches(field, (sides[0], sides[1]), (steps[0], steps[1]))


def occluded(
    score: Callable[[FloatArray], FloatArray],
    image: FloatArray,
    cover: FloatArray,
    patches: Patches,
    tick: Callable[[float], None],
) -> FloatArray:
    """Return a map (height, width) of the patches' field: how much the score of an image falls, the mean over the patches on each pixel.

    `image`: (height, width, channel); `cover`: the image that shows where it is covered; `score`: of images (image, height, width,
    channel), the score of each. `tick` hears which share of the patches is done.
    """
    windows, field = patches.windows(), patches.field
    drops, times = np.zeros((field.height, field.width), np.float64), np.zeros((field.height, field.width), np.float64)
    whole = float(score(image[None])[0])
    for start in range(0, len(windows), COVERED_AT_ONCE):
        some = windows[start : start + COVERED_AT_ONCE]
        for window, value in zip(some, score(np.stack(list(_covered(image, cover, some)))), strict=True):
            inside = (slice(window.top - field.top, window.bottom - field.top), slice(window.left - field.left, window.right - field.left))
            drops[inside] += whole - float(value)
            times[inside] += 1
        tick(len(some) / len(windows))
    return (drops / np.maximum(times, 1)).astype(np.float32)


def _covered(image: FloatArray, cover: FloatArray, windows: Sequence[Field]) -> Iterator[FloatArray]:
    for window in windows:
        one, inside = image.copy(), (slice(window.top, window.bottom), slice(window.left, window.right))
        one[inside] = cover[inside]
        yield one
