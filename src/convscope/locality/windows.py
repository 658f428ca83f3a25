"""Windows of maps, and how each kind of call reads its input: what an interval of the output depends on, stride and padding.

Source: Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks"; here intervals are followed instead
of closed formulas, so branches, dilation, padding and cropping need no special case.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..graph.calls import Call
from ..graph.kinds import ACTIVATIONS, Kind

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
