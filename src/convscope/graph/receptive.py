"""Receptive fields, by following the calls backward: which window of the input can change a unit.

Source: Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks"; here intervals are followed instead
of closed formulas, so branches, dilation, padding and cropping need no special case.
"""

from typing import Any, NamedTuple

from ..backend import keras
from .calls import Call, Graph, picked
from .kinds import ACTIVATIONS, Kind

POINTWISE = ACTIVATIONS | {Kind.NORMALIZATION, Kind.MERGE, Kind.MULTIPLY, Kind.IDENTITY} - {Kind.SOFTMAX}


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
        """Return the part of the window that lies on a picture of that size."""
        return Field(max(self.top, 0), max(self.left, 0), min(self.bottom, height), min(self.right, width))


def receptive_field(graph: Graph, call: Call, position: tuple[int, int] | None, size: tuple[int, int]) -> Field:
    """Return the input window that can change the unit of `call` at `position` for a picture of `size` (height, width).

    Exact for convolutions, pooling, padding and branches (their union); where the path meets an operation whose reach is not
    known, or `position` is None, the window is the whole image.
    """
    whole = Field(0, 0, *size)
    if position is None:
        return whole
    shapes = call_shapes(graph, call, size)
    fields: dict[int, Field] = {call.index: Field(position[0], position[1], position[0] + 1, position[1] + 1)}
    for current in reversed(graph.ancestors([call.index])):
        if current.index not in fields or current.kind is Kind.INPUT:
            continue
        for source in current.sources:
            step = _through(current, fields[current.index], shapes[source.call], shapes[current.index])
            if step is None:
                return whole
            known = fields.get(source.call, step)
            fields[source.call] = Field(*map(min, known[:2], step[:2]), *map(max, known[2:], step[2:]))
    return fields.get(graph.image_input, whole)


def call_shapes(graph: Graph, target: Call, size: tuple[int, int]) -> dict[int, tuple[int | None, ...]]:
    """Return the output shape of every call up to `target` for one picture of `size`, by Keras' own shape inference."""
    shapes: dict[int, Any] = {}
    image = graph.calls[graph.image_input]
    tensors: dict[int, Any] = {image.index: keras.KerasTensor((1, *size, image.shape[-1]), dtype="float32")}
    for call in graph.ancestors([target.index]):
        if call.kind is Kind.INPUT:
            tensors.setdefault(call.index, keras.KerasTensor((1, *call.shape[1:]), dtype="float32"))
        else:
            tensors[call.index] = call.inferred(*(picked(tensors[source.call], source) for source in call.sources))
        shapes[call.index] = tuple(tensors[call.index].shape) if hasattr(tensors[call.index], "shape") else ()
    return shapes


def _through(call: Call, field: Field, before: tuple[Any, ...], after: tuple[Any, ...]) -> Field | None:
    """Return the window of one source that a window of the call's output depends on; None for an unknown reach."""
    if len(before) != 4 or len(after) != 4:
        return None
    if call.kind in POINTWISE:
        return field if before[1:3] == after[1:3] else Field(0, 0, before[1], before[2])
    axis = _AXES.get(call.kind)
    if axis is None or _channels_first(call) or not hasattr(call.operation, "padding" if axis is not _cropping else "cropping"):
        return None
    top, bottom = axis(call.operation, 0, field.top, field.bottom, before[1], after[1])
    left, right = axis(call.operation, 1, field.left, field.right, before[2], after[2])
    return Field(top, left, bottom, right)


def _channels_first(call: Call) -> bool:
    return getattr(call.operation, "data_format", None) == "channels_first"


def _windowed(size: int, stride: int, dilation: int, padding: str, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
    reach = (size - 1) * dilation + 1
    lead = max((after - 1) * stride + reach - before, 0) // 2 if padding == "same" else 0
    return start * stride - lead, (stop - 1) * stride - lead + reach


def _convolution(layer: Any, axis: int, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
    sizes = layer.kernel_size, layer.strides, layer.dilation_rate
    size, stride, dilation = (value if isinstance(value, int) else value[axis] for value in sizes)
    return _windowed(size, stride, dilation, layer.padding, start, stop, before, after)


def _pooling(layer: Any, axis: int, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
    sizes = layer.pool_size, layer.strides or layer.pool_size
    size, stride = (value if isinstance(value, int) else value[axis] for value in sizes)
    return _windowed(size, stride, 1, layer.padding, start, stop, before, after)


def _padding(layer: Any, axis: int, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
    return start - layer.padding[axis][0], stop - layer.padding[axis][0]


def _cropping(layer: Any, axis: int, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
    return start + layer.cropping[axis][0], stop + layer.cropping[axis][0]


_AXES = {
    Kind.CONVOLUTION: _convolution,
    Kind.MAX_POOL: _pooling,
    Kind.AVERAGE_POOL: _pooling,
    Kind.PADDING: _padding,
    Kind.CROPPING: _cropping,
}
