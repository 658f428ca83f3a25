"""A unit's cone as a network of its own: the windows of all maps that the unit depends on, and nothing besides.

Each convolution computes only the places that the next one reads, so the maps shrink towards the unit; the projection comes down the same
way. The windows of all units of a layer have one shape. Where a window reaches over the border of its map, its values are set to zero
there, which is what the padding of a convolution is, and the signal with them.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..backend import ops
from ..graph.calls import Call, Graph, Ref, filled
from ..graph.history import sharing_copy
from ..graph.kinds import LINEAR, Kind
from ..graph.rules import Ruleset
from .cost import multiplications
from .crops import Crop
from .invariance import is_invariant
from .receptive import cone
from .shapes import call_shapes
from .windows import Field, through

# The share of the whole network's work up to which a cone is taken. Above it one forward pass that serves all units of an image is less.
# Where that pass is made in any case, only the way down is left to compare, and larger cones pay.
MAX_SHARE, MAX_SHARE_AFTER_FORWARD = 0.45, 0.7
# Of these the reach is known, but not that of a place: every other output reads one place more.
UNEVEN = frozenset({Kind.UPSAMPLING, Kind.TRANSPOSED})


class ConeWindow(NamedTuple):
    """What the `call` of a cone holds of the whole network's call `whole`: `field` for the unit at (0, 0), moving by `step` (rows, columns)
    with each place. It may reach over the border of its map, whose `sides` are (rows, columns).
    """

    call: int
    whole: int
    field: Field
    step: tuple[int, int]
    sides: tuple[int, int]

    def at(self, position: tuple[int, int]) -> Field:
        """Return the window for the unit at a position of the whole map."""
        down, right = position[0] * self.step[0], position[1] * self.step[1]
        return Field(self.field.top + down, self.field.left + right, self.field.bottom + down, self.field.right + right)

    def over(self, position: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return by how much it reaches over the border of its map: at the top, left, bottom and right."""
        top, left, bottom, right = self.at(position)
        return max(0, -top), max(0, -left), max(0, bottom - self.sides[0]), max(0, right - self.sides[1])


Border = tuple[tuple[int, int, int, int], ...]


class Cones(NamedTuple):
    """The cones of the units of one call: a `graph` that computes one, up to `call`, from its window of the image.

    `place` is the input call of the units' positions (n, 2). `windows` are those of all calls that the whole network has too. The first is
    the image's; the caller fills it with zeros over the border. `cost` is the share of the whole network's work.
    """

    graph: Graph
    call: Call
    place: int
    windows: tuple[ConeWindow, ...]
    cost: float

    def at(self, position: tuple[int, int]) -> Crop:
        """Return the window of the image that the unit at a position of the whole map sees; it is all that is left of the map."""
        return Crop(self.windows[0].at(position), (0, 0))

    def border(self, position: tuple[int, int]) -> Border:
        """Return by how much each window reaches over its map; cones that do so alike differ in what they read alone."""
        return tuple(window.over(position) for window in self.windows)

    def idle(self, rules: Ruleset) -> dict[int, tuple[int, ...]]:
        """Return the shape (rows, columns, channel) of what convolutions compute that the way down does not read, by their calls.

        A convolution sends a signal down the same way whatever it computed; a rule for it may look at that.
        """
        read = {window.call for window in self.read(rules)}
        calls = ((self.graph.calls[window.call], window.field) for window in self.windows[1:] if window.call not in read)
        return {
            call.index: (field.height, field.width, call.shape[-1] or 0)
            for call, field in calls
            if call.kind in LINEAR and rules.rule_for(call) is None
        }

    def read(self, rules: Ruleset) -> list[ConeWindow]:
        """Return the windows of the values that the way down reads; with these at hand no call need be computed again."""
        own = {window.call for window in self.windows}
        reading: set[int] = set()
        for call in reversed(self.graph.calls):
            if rules.reads(call) if call.index in own else call.index in reading:
                reading.update(source.call for source in call.sources)
        return [window for window in self.windows[1:] if window.call in reading]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the windows of the image."""
        return self.windows[0].field.height, self.windows[0].field.width

    @property
    def map_size(self) -> tuple[int, int]:
        """Rows and columns of the layer's map of such a window."""
        return 1, 1


def cones_of(graph: Graph, call: Call, size: tuple[int, int], most: float = MAX_SHARE) -> Cones | None:
    """Return the cones for the units of `call` on images of `size` (height, width); None where they cost more than `most` of the whole
    network's work, or are not exact.
    """
    shapes = call_shapes(graph, call, size)
    if len(shapes[call.index]) != 4 or call.index not in graph.downstream or call.index == graph.image_input:
        return None
    # Two units tell what all have in common: how large each window is, and by how much it moves from one unit to the next. Both may reach
    # over the border; what lies there is decided for each unit when it is computed (`_inside`).
    first, second = (cone(graph, call, position, size) for position in ((0, 0), (1, 1)))
    if first is None or second is None or graph.image_input not in first or not _are_even(first, second):
        return None
    ways = [one for one in graph.ancestors([call.index]) if one.index in first and one.index != graph.image_input]
    if not all(one.kind not in UNEVEN and is_invariant(graph, one) for one in ways):
        return None
    # Early maps dominate the work of a network, and in a cone they are windows; the maps near the unit shrink to a few places.
    cost = multiplications(ways, lambda index: first[index].height * first[index].width)
    cost /= multiplications(ways, lambda index: math.prod(side or 0 for side in shapes[index][1:3]))
    return _Builder(graph, shapes, first, second).built(ways, cost) if cost <= most else None


def _are_even(first: Mapping[int, Field], second: Mapping[int, Field]) -> bool:
    return all((one.height, one.width) == (second[index].height, second[index].width) for index, one in first.items())


class _Builder:
    """Collects the calls of a cone's graph. Every window is known for the units at (0, 0) and, to see how it moves, at (1, 1)."""

    def __init__(self, graph: Graph, shapes: Any, first: dict[int, Field], second: dict[int, Field]) -> None:
        self.graph, self.shapes, self.windows = graph, shapes, (first, second)
        image = dataclasses.replace(graph.calls[graph.image_input], index=0)
        place = Call(1, "place", lambda value: value, Kind.INPUT, ((), {}), "InputLayer", (None, 2))
        self.calls = [image, place]
        self.made = {graph.image_input: Ref(0)}
        # A convolution pads its input with zeros, but a window beyond the border holds what biases made of them. So whoever reads over the
        # border of a map reads a copy that is zero there. Around the image there are zeros already.
        self.masked = {graph.image_input: Ref(0)}

    def built(self, ways: list[Call], cost: float) -> Cones | None:
        for call in ways:
            operation = self._operation(call)
            if operation is None or any(self._cut(call, source) is None for source in call.sources):
                return None
            # What reading inserts comes before the call itself: calls stand in an order in which they can run.
            read = iter([self._read(call, source) for source in call.sources])
            self.made[call.index] = self._add(
                dataclasses.replace(call, operation=operation, arguments=filled(call.arguments, read), origin=call)
            )
        target = self.calls[-1]
        # A graph refuses inputs without a value, so the positions have one. Whoever projects gives the true ones.
        graph = Graph(self.graph.name, tuple(self.calls), (0, 1), (Ref(target.index),), 0, {1: [0.0, 0.0]})
        windows = tuple(self._window(whole, held) for whole, held in self.made.items())
        return Cones(graph, target, 1, windows, cost)

    def _window(self, whole: int, held: Ref) -> ConeWindow:
        rows, columns = self.shapes[whole][1:3]
        return ConeWindow(held.call, whole, self.windows[0][whole], self._step(whole), (rows, columns))

    def _add(self, call: Call) -> Ref:
        self.calls.append(dataclasses.replace(call, index=len(self.calls)))
        return Ref(len(self.calls) - 1)

    def _insert(self, call: Call, kind: Kind, operation: Callable[..., Any], *sources: Ref) -> Ref:
        return self._add(Call(0, call.address, operation, kind, (sources, {}), "", call.shape, inner=True))

    def _operation(self, call: Call) -> Any:
        """Return the operation without its padding, which the windows bring along; None where that is not the same."""
        if call.kind in (Kind.PADDING, Kind.CROPPING):
            return lambda value: value
        if call.kind in (Kind.MAX_POOL, Kind.AVERAGE_POOL) and any(self._reaches_over(call, source) for source in call.sources):
            return None  # a max pool pads with the least number, an average pool divides by fewer places: neither is a zero
        return sharing_copy(call.operation, padding="valid") if hasattr(call.operation, "padding") else call.operation

    def _cut(self, call: Call, source: Ref) -> tuple[int, int, int, int] | None:
        """Return which part of a source's window a call reads; None if not the same part at every place."""
        parts = set()
        for windows in self.windows:
            wanted = through(call, windows[call.index], self.shapes[source.call], self.shapes[call.index])
            held = windows[source.call]
            assert wanted is not None
            parts.add((wanted.top - held.top, wanted.left - held.left, wanted.bottom - held.top, wanted.right - held.left))
        # Where two branches join at different strides, neighbours read different parts. No fixed graph can do that.
        return parts.pop() if len(parts) == 1 else None

    def _read(self, call: Call, source: Ref) -> Ref:
        """Return what a call reads of a source: the part it needs, zero over the border where the call pads."""
        window, part = self.windows[0][source.call], self._cut(call, source)
        assert part is not None
        held = self._mask(source) if self._reaches_over(call, source) else self.made[source.call]
        if part == (0, 0, window.height, window.width):
            return held
        top, left, bottom, right = part
        return self._insert(call, Kind.CROPPING, lambda value: value[:, top:bottom, left:right], held)

    def _reaches_over(self, call: Call, source: Ref) -> bool:
        """Say whether some place of a call's map reads over the border of a source's map."""
        before, after = self.shapes[source.call], self.shapes[call.index]
        whole = through(call, Field(0, 0, *after[1:3]), before, after)
        assert whole is not None
        return whole != whole.clipped(*before[1:3])

    def _mask(self, source: Ref) -> Ref:
        if source.call not in self.masked:
            call = self.graph.calls[source.call]
            keep = _inside(self.windows[0][source.call], self._step(source.call), self.shapes[source.call][1:3])
            self.masked[source.call] = self._insert(call, Kind.OTHER, keep, self.made[source.call], Ref(1))
        return self.masked[source.call]

    def _step(self, index: int) -> tuple[int, int]:
        first, second = (windows[index] for windows in self.windows)
        return second.top - first.top, second.left - first.left


def _inside(window: Field, step: tuple[int, int], sides: tuple[int, int]) -> Callable[[Any, Any], Any]:
    """Return what sets a window's values to zero outside of its map."""

    def line(places: Any, axis: int) -> Any:
        at = places[:, axis : axis + 1] * step[axis] + ops.arange(window[axis], window[axis + 2], dtype="float32")[None]
        return ops.logical_and(at >= 0, at < sides[axis])

    def keep(value: Any, places: Any) -> Any:
        inside = ops.logical_and(line(places, 0)[:, :, None, None], line(places, 1)[:, None, :, None])
        return ops.where(inside, value, ops.zeros_like(value))

    return keep
