"""Receptive fields, by following the calls backward: which window of the input can change a unit.

Source: Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks"; here intervals are followed instead
of closed formulas, so branches, dilation, padding and cropping need no special case.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backend import available_memory, keras
from ..errors import ExhaustedError, ImageError, ModelError, UnitError
from ..graph.calls import Call, Graph, naming, picked
from ..graph.kinds import ACTIVATIONS, Kind

BYTES_NOT_WORTH_ASKING = 2**28
LARGE_PICTURE = (2048, 2048)  # no network leaves nothing of that
POINTWISE = ACTIVATIONS | {Kind.NORMALIZATION, Kind.MERGE, Kind.MULTIPLY, Kind.IDENTITY}


class Field(NamedTuple):
    """A window of the input in pixels, ends exclusive; it may reach over the picture's border, where padding is."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Rows of the window."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns of the window."""
        return self.right - self.left

    def clipped(self, height: int, width: int) -> "Field":
        """Return the part of the window that lies on a picture of that size; empty where only padding is seen."""
        top, bottom = (min(max(edge, 0), height) for edge in (self.top, self.bottom))
        left, right = (min(max(edge, 0), width) for edge in (self.left, self.right))
        return Field(top, left, bottom, right)


def receptive_field(graph: Graph, call: Call, position: tuple[int, int] | None, size: tuple[int, int], *, gates: bool = True) -> Field:
    """Return the input window that can change the unit of `call` at `position` for a picture of `size` (height, width).

    Exact for convolutions and transposed ones, pooling, padding, cropping, upsampling by repetition, and branches (their union); at a
    border an upper bound, because padding on the way can stand where the window says picture. Where the path meets an operation whose
    reach is not known, or `position` is None, the window is the whole image. Without `gates`: see `cone`.
    """
    found = None if position is None else cone(graph, call, position, size, gates=gates)
    return Field(0, 0, *size) if found is None else found.get(graph.image_input, Field(0, 0, *size))


def cone(graph: Graph, call: Call, position: tuple[int, int], size: tuple[int, int], *, gates: bool = True) -> dict[int, Field] | None:
    """Return the window of every call's output that can change the unit of `call` at `position`, by the calls' indices.

    Windows may reach over the maps' borders, where padding is. None where the reach of an operation on the way is not known. Without
    `gates`, what is one value a channel for a whole map (squeeze and excitation) is passed over: it says how much, not where.
    """
    shapes = call_shapes(graph, call, size)
    fields: dict[int, Field] = {call.index: Field(position[0], position[1], position[0] + 1, position[1] + 1)}
    for current in reversed(graph.ancestors([call.index])):
        if current.index not in fields or current.kind is Kind.INPUT:
            continue
        for source in current.sources:
            if source.call not in graph.downstream or (not gates and _is_gate(shapes[source.call], shapes[current.index])):
                continue
            step = through(current, fields[current.index], shapes[source.call], shapes[current.index])
            if step is None:
                return None
            known = fields.get(source.call, step)
            fields[source.call] = Field(*map(min, known[:2], step[:2]), *map(max, known[2:], step[2:]))
    return fields


def receptive_fields(graph: Graph, places: Sequence[tuple[Call, tuple[int, int]]], size: tuple[int, int]) -> list[Field]:
    """Return what `receptive_field` does for each of many places, a call and a position there, in one way back over the graph.

    One place after another takes time with the square of the calls: half a minute for 2,000 layers.
    """
    whole = Field(0, 0, *size)
    shapes = shapes_up_to(graph, [call.index for call, _ in places], size)
    windows: dict[int, NDArray[np.int64]] = {}
    for number, (call, (row, column)) in enumerate(places):
        windows.setdefault(call.index, _nowhere(len(places)))[:, number] = row, column, row + 1, column + 1
    unknown = np.zeros(len(places), bool)
    for current in reversed(graph.ancestors(list(windows))):
        if current.kind is Kind.INPUT or current.index not in windows:
            continue
        window = windows.pop(current.index)
        there = window[0] < NOWHERE
        for source in current.sources:
            if source.call not in graph.downstream:
                continue
            step = through(current, Field(*window), shapes[source.call], shapes[current.index])
            if step is None:
                unknown |= there
                continue
            known = windows.setdefault(source.call, _nowhere(len(places)))
            for side, edge in enumerate(step):
                (np.minimum if side < 2 else np.maximum)(known[side], np.clip(edge, -FARTHEST, FARTHEST), out=known[side], where=there)
    found = windows.get(graph.image_input, _nowhere(len(places)))
    whole_ones = unknown | (found[0] == NOWHERE)
    return [whole if everything else Field(*map(int, found[:, number])) for number, everything in enumerate(whole_ones)]


# Windows end there: a chain of strides would leave what an integer of 64 bits can hold.
FARTHEST = 2**30
NOWHERE = 2**40


def _nowhere(count: int) -> NDArray[np.int64]:
    """Return empty windows, which the union with another leaves as the other."""
    return np.repeat(np.array([[NOWHERE], [NOWHERE], [-NOWHERE], [-NOWHERE]], np.int64), count, axis=1)


def _is_gate(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
    return before[1:3] == (1, 1) != after[1:3]


def check_size(graph: Graph, call: Call, size: tuple[int, int], position: tuple[int, int] | None = None) -> None:
    """Raise ImageError if a picture of `size` is too small for the way to `call`, UnitError if `position` is outside its map.

    Raises ExhaustedError where what some call computes for one picture does not fit into the memory there is.
    """
    try:
        shapes = call_shapes(graph, call, size)
    except ModelError as error:
        if _is_passable(graph, call, LARGE_PICTURE):
            raise _too_small(call, size) from error
        raise
    if any(0 in shape[1:] for shape in shapes.values()):
        raise _too_small(call, size)
    _check_room(graph, call, shapes, size)
    rows, columns = (side or 0 for side in (*shapes[call.index][1:-1], 0, 0)[:2])
    if position is not None and not (position[0] < rows and position[1] < columns):
        raise UnitError(
            f"@{position[0]},{position[1]} is outside the map of `{call.address}`, which has {rows} rows and {columns} columns here."
        )


def _is_passable(graph: Graph, call: Call, size: tuple[int, int]) -> bool:
    try:
        call_shapes(graph, call, size)
    except ModelError:
        return False
    return True


def _check_room(graph: Graph, call: Call, shapes: dict[int, tuple[int | None, ...]], size: tuple[int, int]) -> None:
    numbers = {index: math.prod(side or 1 for side in shape) for index, shape in shapes.items()}
    largest = max(shapes, key=lambda index: (graph.calls[index].kind is not Kind.INPUT, numbers[index]))
    passed = (numbers[index] + max((numbers[ref.call] for ref in graph.calls[index].sources), default=0) for index in shapes)
    if (needed := 4 * max(passed)) > BYTES_NOT_WORTH_ASKING and needed > (free := available_memory()):
        raise ExhaustedError(
            f"`{graph.calls[largest].address}`, on the way to `{call.address}`, would need {needed / 2**30:.1f} GB for one "
            f"image of {size[0]} x {size[1]} pixels, but {free / 2**30:.1f} GB are free. Use a smaller image, or end other programs."
        )


def _too_small(call: Call, size: tuple[int, int]) -> ImageError:
    return ImageError(
        f"An image of {size[0]} x {size[1]} pixels is too small: nothing is left of it on the way to `{call.address}`. Use a larger one."
    )


def call_shapes(graph: Graph, target: Call, size: tuple[int, int]) -> dict[int, tuple[int | None, ...]]:
    """Return the output shape of every call up to `target` for one picture of `size`, by Keras' own shape inference; () of several outputs.

    Raises ModelError that names the call without one.
    """
    return shapes_up_to(graph, [target.index], size)


def shapes_up_to(graph: Graph, targets: Sequence[int], size: tuple[int, int]) -> dict[int, tuple[int | None, ...]]:
    """Return what `call_shapes` does, for the calls of several indices together."""
    shapes: dict[int, Any] = {}
    image = graph.calls[graph.image_input]
    tensors = graph.inferred.setdefault(size, {image.index: keras.KerasTensor((1, *size, image.shape[-1]), dtype="float32")})
    for call in graph.ancestors(targets):
        if call.kind is Kind.INPUT:
            tensors.setdefault(call.index, keras.KerasTensor((1, *call.shape[1:]), dtype="float32"))
        elif call.index not in tensors:
            inputs = [picked(tensors[source.call], source) for source in call.sources]
            with naming(call, inputs):
                tensors[call.index] = call.inferred(*inputs)
        shapes[call.index] = tuple(tensors[call.index].shape) if hasattr(tensors[call.index], "shape") else ()
    return shapes


def through(call: Call, field: Field, before: tuple[Any, ...], after: tuple[Any, ...]) -> Field | None:
    """Return the window of one source that a window of the call's output depends on; None for an unknown reach."""
    if len(before) != 4 or len(after) != 4:
        return None
    if _is_pointwise(call):
        return field if before[1:3] == after[1:3] else Field(0, 0, before[1], before[2])
    axis, told = _AXES.get(call.kind, (None, ()))
    if axis is None or not any(hasattr(call.operation, one) for one in told) or not _is_plain(call):
        return None
    top, bottom = axis(call, 0, field.top, field.bottom, before[1], after[1])
    left, right = axis(call, 1, field.left, field.right, before[2], after[2])
    return Field(top, left, bottom, right)


def _is_pointwise(call: Call) -> bool:
    if call.kind is Kind.SOFTMAX or call.layer_type == "LayerNormalization":
        axis = getattr(call.operation, "axis", -1)
        return set(axis if isinstance(axis, list | tuple) else [axis]) <= {-1, 3}
    return call.kind in POINTWISE or (call.kind is Kind.DENSE and call.layer_type == "Dense")


def _is_plain(call: Call) -> bool:
    """Say whether the call has none of the options that `_AXES` does not follow; a second source is a computed kernel."""
    plain = {"data_format": (None, "channels_last"), "output_padding": (None,), "interpolation": ("nearest",)}
    return len(call.sources) == 1 and all(getattr(call.operation, name, values[0]) in values for name, values in plain.items())


def stride_of(call: Call, axis: int) -> float:
    """Return how many places of its input a step at a call's output is, along an axis; a half for what doubles the sides."""
    if call.kind is Kind.UPSAMPLING:
        return 1 / _at(call.operation.size, axis)  # type: ignore[attr-defined]
    if call.kind is Kind.TRANSPOSED:
        return 1 / _kernel(call, axis)[1]
    if call.kind is Kind.CONVOLUTION:
        return _kernel(call, axis)[1]
    if call.kind in (Kind.MAX_POOL, Kind.AVERAGE_POOL) and hasattr(call.operation, "pool_size"):
        return _window(call, axis)[1]
    return 1  # also of poolings whose windows divide the map


def window_of(call: Call, axis: int) -> tuple[int, int, int] | None:
    """Return size, stride and dilation of the windows that a call reads along an axis, None where it reads none of a fixed size."""
    if call.kind is Kind.CONVOLUTION:
        return _kernel(call, axis)
    if call.kind in (Kind.MAX_POOL, Kind.AVERAGE_POOL) and hasattr(call.operation, "pool_size"):
        return *_window(call, axis), 1
    return None


def lead_of(call: Call, axis: int, before: int, after: int) -> int:
    """Return how many places of padding precede a call's input along an axis; of a transposed convolution, what is cut off its output."""
    layer: Any = call.operation
    if call.kind is Kind.CONVOLUTION:
        size, stride, dilation = _kernel(call, axis)
        return _lead((size - 1) * dilation + 1, stride, layer.padding, before, after)
    if call.kind is Kind.TRANSPOSED:
        size, stride, dilation = _kernel(call, axis)
        return _lead((size - 1) * dilation + 1, stride, layer.padding, after, before)
    if call.kind in (Kind.MAX_POOL, Kind.AVERAGE_POOL) and hasattr(call.operation, "pool_size"):
        size, stride = _window(call, axis)
        return _lead(size, stride, layer.padding, before, after)
    return 0


def _at(value: Any, axis: int) -> int:
    return value if isinstance(value, int) else int(value[axis])


def _windowed(size: int, stride: int, dilation: int, padding: str, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
    reach = (size - 1) * dilation + 1
    lead = _lead(reach, stride, padding, before, after)
    return start * stride - lead, (stop - 1) * stride - lead + reach


def _lead(reach: int, stride: int, padding: str, before: int, after: int) -> int:
    """Return how many places of padding precede the input."""
    return max((after - 1) * stride + reach - before, 0) // 2 if padding == "same" else 0


def _kernel(call: Call, axis: int) -> tuple[int, int, int]:
    """Return a convolution's size, stride and dilation; of a `keras.ops.conv` only the kernel, its second argument, has the size."""
    layer: Any = call.operation
    sizes = layer.kernel_size if hasattr(layer, "kernel_size") else call.arguments[0][1].shape[:2]
    return _at(sizes, axis), _at(layer.strides, axis), _at(layer.dilation_rate, axis)


def _convolution(call: Call, axis: int, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
    layer: Any = call.operation
    return _windowed(*_kernel(call, axis), layer.padding, start, stop, before, after)


def _transposed(call: Call, axis: int, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
    """Return the inputs that write there: the outputs of the convolution turned round whose windows hold a place from start to stop."""
    layer: Any = call.operation
    size, stride, dilation = _kernel(call, axis)
    reach = (size - 1) * dilation + 1
    lead = _lead(reach, stride, layer.padding, after, before)
    return (start + lead - reach) // stride + 1, (stop - 1 + lead) // stride + 1


def _pooling(call: Call, axis: int, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
    layer: Any = call.operation
    if hasattr(layer, "output_size"):  # adaptive: the windows divide the map
        return start * before // after, -(-stop * before // after)
    return _windowed(*_window(call, axis), 1, layer.padding, start, stop, before, after)


def _window(call: Call, axis: int) -> tuple[int, int]:
    """Return a pooling's size and stride."""
    layer: Any = call.operation
    return _at(layer.pool_size, axis), _at(layer.strides or layer.pool_size, axis)


def _padding(call: Call, axis: int, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
    layer: Any = call.operation
    distance = layer.padding[axis][0]
    return start - distance, stop - distance


def _cropping(call: Call, axis: int, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
    layer: Any = call.operation
    distance = layer.cropping[axis][0]
    return start + distance, stop + distance


def _upsampling(call: Call, axis: int, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
    layer: Any = call.operation
    return start // layer.size[axis], (stop - 1) // layer.size[axis] + 1


# For each kind the function that follows one axis, and the attributes by one of which an operation shows that it is of Keras' make.
_AXES: dict[Kind, tuple[Callable[..., tuple[int, int]], tuple[str, ...]]] = {
    Kind.CONVOLUTION: (_convolution, ("dilation_rate",)),
    Kind.TRANSPOSED: (_transposed, ("dilation_rate",)),
    Kind.MAX_POOL: (_pooling, ("pool_size", "output_size")),
    Kind.AVERAGE_POOL: (_pooling, ("pool_size", "output_size")),
    Kind.PADDING: (_padding, ("padding",)),
    Kind.CROPPING: (_cropping, ("cropping",)),
    Kind.UPSAMPLING: (_upsampling, ("size",)),
}
