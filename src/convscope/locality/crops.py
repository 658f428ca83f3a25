"""Crops on which a unit's value and projection are exactly those on the whole image, at the cost of its receptive field.

A unit's value depends only on the pixels of its field, and so does every value on the way there that it depends on, its cone. A crop
shows the network the same cone if every call does the same at all places, if its maps are those of the whole image, moved by whole
places, and if it ends at the image's border wherever the cone reaches over it: padding then stands where it stood. All crops of a layer
have one shape, so that they make batches.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import ImageError
from ..graph.calls import Call, Graph
from ..graph.kinds import Kind
from .invariance import is_invariant
from .receptive import cone
from .shapes import call_shapes, check_size
from .windows import Field, lead_of, stride_of

# The share of the image's area up to which a crop is taken. Above it one forward pass that serves all units of an image is less.
MAX_SHARE = 0.6
# How many steps more than its field a crop gets, where layers that cut off borders leave nothing of a smaller one.
MARGINS_IN_STEPS = (0, 1, 2, 4, 8)


class Crop(NamedTuple):
    """The window of the image, with zeros where it reaches over, and where on the layer's map of that window the unit is."""

    window: Field
    position: tuple[int, int]


@dataclass(frozen=True)
class Crops:
    """Crops of `size` (height, width) for the units of one call on images of `whole` size; their corners are multiples of `step`."""

    graph: Graph
    call: Call
    whole: tuple[int, int]
    size: tuple[int, int]
    step: tuple[int, int]
    place: None = None  # the positions need not be known, see `Cones`
    _shifts: dict[tuple[int, int], dict[int, tuple[int, int]] | None] = field(default_factory=dict, repr=False)

    @property
    def map_size(self) -> tuple[int, int]:
        """Rows and columns of the layer's map of such a crop."""
        shape = call_shapes(self.graph, self.call, self.size)[self.call.index]
        return _side(shape, 0), _side(shape, 1)

    def at(self, position: tuple[int, int]) -> Crop | None:
        """Return the crop for a unit at a position of the whole map; None where no crop is exact."""
        windows = cone(self.graph, self.call, position, self.whole)
        if windows is None:
            return None
        wanted = windows[self.graph.image_input].clipped(*self.whole)
        # Only corners at multiples of all strides keep the places of every map; the last crop ends where the image does, whose side less
        # the crop's is such a multiple too (`_side_of`).
        corner = tuple(
            min(start // step * step, whole - side)
            for start, step, whole, side in zip(wanted[:2], self.step, self.whole, self.size, strict=True)
        )
        origin = (corner[0], corner[1])
        if origin not in self._shifts:
            self._shifts[origin] = self._moved(origin)
        shifts = self._shifts[origin]
        if shifts is None or not self._holds(windows, shifts):
            return None
        down, right = shifts[self.call.index]
        window = Field(*origin, origin[0] + self.size[0], origin[1] + self.size[1])
        return Crop(window, (position[0] - down, position[1] - right))

    def _moved(self, origin: tuple[int, int]) -> dict[int, tuple[int, int]] | None:
        """Return by how many rows and columns each map of the crop is moved against that of the image; None if by no whole number."""
        full, part = (call_shapes(self.graph, self.call, size) for size in (self.whole, self.size))
        shifts = {self.graph.image_input: origin}
        for call in self.graph.ancestors([self.call.index]):
            if call.kind is Kind.INPUT or call.index not in self.graph.downstream:
                continue
            moves = {
                _moved(call, shifts[source.call], [(one[source.call], one[call.index]) for one in (full, part)])
                for source in call.sources
                if source.call in shifts
            }
            if len(moves) != 1 or None in moves:
                return None
            shifts[call.index] = moves.pop()  # type: ignore[assignment]
        return shifts

    def _holds(self, windows: dict[int, Field], shifts: dict[int, tuple[int, int]]) -> bool:
        """Say whether every map of the crop has its part of the cone, with the image's border wherever the cone reaches over it."""
        full, part = (call_shapes(self.graph, self.call, size) for size in (self.whole, self.size))
        for index, window in windows.items():
            for axis in (0, 1):
                start, stop = window[axis], window[axis + 2]
                first, length = shifts[index][axis], _side(part[index], axis)
                end = _side(full[index], axis)
                # At its own border a crop has padding, where the image has pixels. That is harmless beyond the cone, and right where both
                # borders are the same.
                if start < max(first, 0) and first != 0:
                    return False
                if stop > min(first + length, end) and first + length != end:
                    return False
        return True


def crops_of(graph: Graph, call: Call, size: tuple[int, int]) -> Crops | None:
    """Return the crops for the units of `call` on images of `size` (height, width); None where they would not pay, or are not exact."""
    shape = call_shapes(graph, call, size)[call.index]
    if len(shape) != 4 or call.index not in graph.downstream:
        return None
    middle = (_side(shape, 0) // 2, _side(shape, 1) // 2)
    windows = cone(graph, call, middle, size)
    if windows is None or not all(is_invariant(graph, graph.calls[index]) for index in windows if index != graph.image_input):
        return None
    field = windows[graph.image_input]
    steps = tuple(math.lcm(*_strides(graph, call, axis)) for axis in (0, 1))
    # Layers that cut borders off may leave nothing of a crop that is as small as the field.
    for margin in MARGINS_IN_STEPS:
        wanted = [side + margin * step for side, step in zip((field.height, field.width), steps, strict=True)]
        sides = [_side_of(*one) for one in zip(wanted, steps, size, strict=True)]
        if sides[0] * sides[1] > MAX_SHARE * size[0] * size[1]:
            return None
        crops = Crops(graph, call, size, (sides[0], sides[1]), (steps[0], steps[1]))
        if _is_passable(graph, call, crops.size) and crops.at(middle) is not None:
            return crops
    return None


def _is_passable(graph: Graph, call: Call, size: tuple[int, int]) -> bool:
    """Say whether something of a crop is left on the way, where layers cut off borders."""
    try:
        check_size(graph, call, size)
    except ImageError:
        return False
    return True


def _side_of(wanted: int, step: int, whole: int) -> int:
    """Return the least side that holds a field wherever it starts, and that leaves a multiple of `step` of the whole side."""
    needed = wanted + step - 1
    return min(needed + (whole - needed) % step, whole)


def _strides(graph: Graph, target: Call, axis: int) -> Iterator[int]:
    """Yield how many pixels a step on each map on the way is; less than one counts as one."""
    scales: dict[int, float] = {graph.image_input: 1.0}
    for call in graph.ancestors([target.index]):
        known = [scales[source.call] for source in call.sources if source.call in scales]
        if known:
            scales[call.index] = max(known) * stride_of(call, axis)
    yield from (max(1, round(scale)) for scale in scales.values())


def _moved(
    call: Call, shift: tuple[int, int], shapes: list[tuple[tuple[int | None, ...], tuple[int | None, ...]]]
) -> tuple[int, int] | None:
    """Return by how much a call's output is moved, from its input's; `shapes` are (before, after) on the image and on the crop."""
    if any(len(shape) != 4 for pair in shapes for shape in pair):
        return None
    found = []
    for axis in (0, 1):
        leads = [lead_of(call, axis, _side(before, axis), _side(after, axis)) for before, after in shapes]
        stride = stride_of(call, axis)
        # "same" padding depends on the side of the map, so the crop's may begin elsewhere than the image's.
        moved = (shift[axis] + leads[0] - leads[1]) / stride if stride >= 1 else shift[axis] / stride - leads[0] + leads[1]
        if moved != int(moved):
            return None
        found.append(int(moved))
    return found[0], found[1]


def _side(shape: tuple[int | None, ...], axis: int) -> int:
    side = shape[axis + 1]
    assert side is not None
    return side
