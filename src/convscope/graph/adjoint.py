"""How units depend on what comes before them: a window of weights, carried down one call at a time, in NumPy.

Linear calls are carried exactly, by their own weights. What is not linear counts by a convention and leaves a remark; what cannot be
carried is left out, with a remark too. Which calls treat each number by itself is found by numbers, not by names (see `saturation`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .calls import Call, Graph, Ref
from .kinds import ACTIVATIONS, Kind
from .pooling import spans_of
from .saturation import GRID, curve_of
from .signals import FloatArray, IntArray, Mixed, Signal, Tap, moved
from .tensors import to_array

Shapes = Mapping[int, tuple[Any, ...]]
# What a step knows: the call, the signal at its output, the shapes of its sources and its own.
Step = Callable[[Call, Signal, list[tuple[Any, ...]], tuple[Any, ...]], "list[Signal | None] | None"]

# The conventions, and the sentences that say them; `{}` lists the layers.
OPEN = "Activations between count as open, with their rise from 0 to 1: {}."
CHOICE = "Where the largest of several values is taken, the pattern holds for each of them: {}."
GATE = "Gates count as 1: {}."
SCALE = "Normalizations by the image count as a scale of each channel: {}."
LEFT_OUT = "Paths through other layers are left out: {}."
# An activation is linear if it is so to rounding on numbers up to this one.
FARTHEST_LINEAR = 64.0
# With what factors the first source and the others count in a sum.
MERGES = {"Add": (1.0, 1.0), "Subtract": (1.0, -1.0), "Average": (1.0, 1.0), "Maximum": (1.0, 1.0), "Minimum": (1.0, 1.0)}


def carried(graph: Graph, call: Call, signal: Signal, shapes: Shapes) -> Iterator[tuple[Ref, Signal | None]]:
    """Yield for each source of a call the signal there, None where it is left out.

    `shapes`: of the outputs of all calls before, for one image.
    """
    before, after = [shapes[source.call] for source in call.sources], shapes[call.index]
    signal = quieted(call, signal)
    known = not any(source.output for source in call.sources) and all(len(shape) in (2, 4) for shape in (*before, after))
    step = STEPS.get(call.kind) or TYPES.get(call.layer_type)
    found = (step(call, signal, before, after) if known and step else None) or (_by_number(graph, call, signal) if known else None)
    for source, one in zip(call.sources, found or [None] * len(call.sources), strict=True):
        if source.call in graph.downstream and (found is None or one is not None):
            yield source, one


def quieted(call: Call, signal: Signal) -> Signal:
    """Return a signal at the output of a call without what would come from units that are silenced."""
    if not call.silent:
        return signal
    return signal.times(np.where(np.isin(np.arange(signal.values.shape[-1]), call.silent), np.float32(0), np.float32(1)))


def _by_number(graph: Graph, call: Call, signal: Signal) -> list[Signal | None] | None:
    """Carry through what treats each number by itself, by its slopes, and through what is so taken."""
    if len(call.sources) != 1 or call.shape != graph.calls[call.sources[0].call].shape:
        return None
    slopes, linear = _slopes(graph, call)
    if slopes is not None:
        scaled = signal if (slopes == 1).all() else signal.times(slopes)
        return [scaled if linear else scaled.noting(OPEN, call)]
    if call.kind in ACTIVATIONS:
        return [signal.noting(OPEN, call)]
    if call.kind in (Kind.NORMALIZATION, Kind.CONTRAST) or call.layer_type == "GroupNormalization":
        gamma = getattr(call.operation, "gamma", None)
        scale = np.ones(1, np.float32) if gamma is None else to_array(gamma).reshape(-1)
        return [signal.times(scale).noting(SCALE, call)] if scale.size in (1, signal.values.shape[-1]) else None
    return None


def _slopes(graph: Graph, call: Call) -> tuple[FloatArray | None, bool]:
    """Return by how much each channel rises, (channel,), and whether it is linear, from 0 to 1 if not; None for what mixes numbers."""
    key = "slopes", call.index
    if key not in graph.known:
        curve = curve_of(graph, graph.calls[call.sources[0].call], call)
        graph.known[key] = (None, False) if curve is None else _read(curve)
    found: tuple[FloatArray | None, bool] = graph.known[key]
    return found


def _read(curve: FloatArray) -> tuple[FloatArray, bool]:
    near = np.abs(GRID) <= FARTHEST_LINEAR
    places, values = GRID[near].astype(np.float64), curve[near].astype(np.float64)
    slopes = (values[-1] - values[0]) / (2 * FARTHEST_LINEAR)
    zero, one = values[np.flatnonzero(places == 0)[0]], values[np.flatnonzero(places == 1)[0]]
    with np.errstate(invalid="ignore"):
        linear = bool((np.abs(values - zero - slopes * places[:, None]) <= 1e-5 * np.abs(values).max(axis=0)).all())
    return (slopes if linear else one - zero).astype(np.float32), linear


def _is_of_keras(call: Call) -> bool:
    """Say whether a call computes what its weights say: a subclass may do anything with them, and so may a quantized layer."""
    operation = call.operation
    return type(operation).__module__.startswith("keras.") and getattr(operation, "quantization_mode", None) is None


def _convolution(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    layer: Any = call.operation
    if not _is_of_keras(call) or not hasattr(layer, "dilation_rate") or len(after) != 4 or len(call.sources) != 1:
        return None
    depthwise, channels = "Depthwise" in call.layer_type, int(before[0][-1])
    if "Separable" in call.layer_type:
        if not hasattr(layer, "pointwise_kernel"):
            return None
        signal, depthwise = signal.through(to_array(layer.pointwise_kernel)[0, 0]), True
    weights = next((one for name in ("depthwise_kernel", "kernel") if (one := getattr(layer, name, None)) is not None), None)
    kernel = to_array(call.arguments[0][1] if weights is None else weights)
    if kernel.shape[:3] == (1, 1, channels) and not depthwise and set(np.ravel(layer.strides).tolist()) == {1}:
        return [signal.through(kernel[0, 0])]
    signal = signal.dense()
    axes = [
        _windows(signal, axis, kernel.shape[axis], at(layer.strides, axis), at(layer.dilation_rate, axis), layer.padding, before[0], after)
        for axis in (0, 1)
    ]
    return [moved(signal, axes, channels, _by_channel(kernel) if depthwise else _in_groups(kernel, channels))]


def at(value: Any, axis: int) -> int:
    """Return what a setting of a layer is along an axis: one number for both, or a number for each."""
    return value if isinstance(value, int) else int(value[axis])


def _in_groups(kernel: FloatArray, channels: int) -> Mixed:
    """Return what mixes channels by a kernel (row, column, channel before within a group, channel) at a place of it."""
    within, after = kernel.shape[2:]
    groups = channels // within
    if groups == 1:
        return lambda part, row, column: part.through(kernel[row, column])
    shared = kernel.reshape(*kernel.shape[:2], within, groups, after // groups)

    def mixed(part: Signal, row: int, column: int) -> Signal:
        sides = part.values.shape[:3]
        values = np.einsum("uhwgo,cgo->uhwgc", part.values.reshape(*sides, groups, -1), shared[row, column], optimize=True)
        return replace(part, values=values.reshape(*sides, channels))

    return mixed


def _by_channel(kernel: FloatArray) -> Mixed:
    """Return what a depthwise kernel (row, column, channel, multiple) does at a place of it."""

    def mixed(part: Signal, row: int, column: int) -> Signal:
        parts = part.values.reshape(*part.values.shape[:3], *kernel.shape[2:])
        return replace(part, values=(parts * kernel[row, column]).sum(axis=-1))

    return mixed


def _places(signal: Signal, axis: int) -> IntArray:
    return np.arange(signal.values.shape[1 + axis]) + signal.corner[axis]


def _tap(signal: Signal, axis: int, kept: Any, places: Any, weights: Any, length: int) -> Tap:
    """Return a tap without what lies beyond the borders of a bounded signal's map, which is `length` long there."""
    inside = np.asarray(kept, bool) & ((places >= 0) & (places < length) if signal.bounded else True)
    kept = np.flatnonzero(inside)
    return Tap(kept, np.asarray(places)[kept], np.broadcast_to(np.asarray(weights, np.float32), inside.shape)[kept])


def _lead(reach: int, stride: int, padding: str, before: int, after: int) -> int:
    """Return how many places of padding precede a map."""
    return max((after - 1) * stride + reach - before, 0) // 2 if padding == "same" else 0


def _windows(
    signal: Signal, axis: int, size: int, stride: int, dilation: int, padding: str, before: Any, after: Any, *, mean: bool = False
) -> list[Tap]:
    """Return the taps of windows that move by a stride; of a `mean` each place weighs its share of those within the map."""
    length = before[1 + axis]
    first = _places(signal, axis) * stride - _lead((size - 1) * dilation + 1, stride, padding, length, after[1 + axis])
    every, shares = np.ones(len(first), bool), np.ones(len(first))
    if mean:
        within = np.clip(first + size, 0, length) - np.clip(first, 0, length)
        shares = 1 / (np.maximum(within, 1) if signal.bounded else np.full_like(first, size))
    return [_tap(signal, axis, every, first + place * dilation, shares, length) for place in range(size)]


def _transposed(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    layer: Any = call.operation
    if not _is_of_keras(call) or len(after) != 4 or len(call.sources) != 1 or getattr(layer, "output_padding", None) is not None:
        return None
    weights = getattr(layer, "kernel", None)
    kernel = np.swapaxes(to_array(call.arguments[0][1] if weights is None else weights), 2, 3)
    signal = signal.dense()
    lines = []
    for axis in (0, 1):
        size, stride, dilation = kernel.shape[axis], at(layer.strides, axis), at(layer.dilation_rate, axis)
        length = before[0][1 + axis]
        lead = _lead((size - 1) * dilation + 1, stride, layer.padding, after[1 + axis], length)
        far = [_places(signal, axis) + lead - place * dilation for place in range(size)]
        lines.append([_tap(signal, axis, one % stride == 0, one // stride, 1.0, length) for one in far])
    return [moved(signal, lines, int(before[0][-1]), _in_groups(kernel, int(before[0][-1])))]


def _dense(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    if not _is_of_keras(call) or call.layer_type != "Dense":
        return None
    return [signal.through(to_array(call.operation.kernel))]  # type: ignore[attr-defined]


def _average(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    layer: Any = call.operation
    if len(before[0]) != 4 or not (hasattr(layer, "pool_size") or hasattr(layer, "output_size")):
        return None
    signal, lines = signal.dense(), []
    for axis in (0, 1):
        length = before[0][1 + axis]
        if hasattr(layer, "output_size"):
            lines.append(_adaptive(signal, axis, length, after[1 + axis]))
        else:
            size, stride = at(layer.pool_size, axis), at(layer.strides or layer.pool_size, axis)
            lines.append(_windows(signal, axis, size, stride, 1, layer.padding, before[0], after, mean=True))
    return [moved(signal, lines, int(before[0][-1]))]


def _adaptive(signal: Signal, axis: int, length: int, outputs: int) -> list[Tap]:
    spans = np.asarray(spans_of(length, outputs))[np.clip(_places(signal, axis), 0, outputs - 1)]
    sizes = spans[:, 1] - spans[:, 0]
    return [_tap(signal, axis, place < sizes, spans[:, 0] + place, 1 / sizes, length) for place in range(sizes.max())]


def _global(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    axes = getattr(call.operation, "axis", (1, 2)) if call.layer_type == "Mean" else (1, 2)
    if len(before[0]) != 4 or not isinstance(axes, list | tuple) or sorted(axes) != [1, 2] or signal.sides != (1, 1):
        return None
    _, rows, columns, channels = before[0]
    values = np.broadcast_to(signal.values / np.float32(rows * columns), (len(signal.values), rows, columns, channels))
    return [Signal(values, bounded=True, remarks=signal.remarks)]


def _largest(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    """Hand on the places of a max pooling's output: each stands for a window, and begins at the middle of it."""
    layer: Any = call.operation
    if len(before[0]) != 4:
        return None
    if not hasattr(layer, "pool_size"):
        middle = before[0][1] // 2, before[0][2] // 2
        return [replace(signal, corner=middle).noting(CHOICE, call)] if signal.sides == (1, 1) else None
    corner, step = [], []
    for axis in (0, 1):
        size, stride = at(layer.pool_size, axis), at(layer.strides or layer.pool_size, axis)
        lead = _lead(size, stride, layer.padding, before[0][1 + axis], after[1 + axis])
        corner.append(signal.corner[axis] * stride - lead + (size - 1) // 2)
        step.append(signal.step[axis] * stride)
    found = replace(signal, corner=(corner[0], corner[1]), step=(step[0], step[1]))
    return [found.noting(CHOICE, call)]


def _shifted(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    layer: Any = call.operation
    if len(before[0]) != 4:
        return None
    cut = call.kind is Kind.CROPPING
    far = layer.cropping if cut else layer.padding
    signal, lines = signal.dense(), []
    for axis in (0, 1):
        places = _places(signal, axis) + (far[axis][0] if cut else -far[axis][0])
        lines.append([_tap(signal, axis, np.ones(len(places), bool), places, 1.0, before[0][1 + axis])])
    return [moved(signal, lines, int(before[0][-1]))]


def _upsampled(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    layer: Any = call.operation
    if len(before[0]) != 4 or getattr(layer, "interpolation", "nearest") not in ("nearest", "bilinear") or not _is_of_keras(call):
        return None
    signal, lines = signal.dense(), []
    for axis in (0, 1):
        size, length, places = at(layer.size, axis), before[0][1 + axis], _places(signal, axis)
        phases = [places % size == phase for phase in range(size)]
        if layer.interpolation == "nearest":
            lines.append([_tap(signal, axis, phase, places // size, 1.0, length) for phase in phases])
        else:
            lines.append(_bilinear(signal, axis, phases, (places + 0.5) / size - 0.5, length))
    return [moved(signal, lines, int(before[0][-1]))]


def _bilinear(signal: Signal, axis: int, phases: list[Any], between: Any, length: int) -> list[Tap]:
    """Return the taps of what lies `between` two places of the map before; beyond its borders there is only the last."""
    first = np.floor(between).astype(np.int64)
    share = between - first
    ends = (first, 1 - share), (first + 1, share)
    return [
        _tap(signal, axis, phase, np.clip(places, 0, length - 1) if signal.bounded else places, weights, length)
        for phase in phases
        for places, weights in ends
    ]


def _merged(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    if call.layer_type == "Concatenate":
        return _divided(call, signal, before, after)
    if call.layer_type not in MERGES or len(before) < 2 or any(len(one) != len(after) or one[-1] != after[-1] for one in before):
        return None
    first, others = MERGES[call.layer_type]
    if call.layer_type == "Average":
        first = others = 1 / len(before)
    found = [_broadcast(signal.times(others if place else first), shape, after) for place, shape in enumerate(before)]
    return [one.noting(CHOICE, call) if call.layer_type in ("Maximum", "Minimum") else one for one in found]


def _divided(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    if getattr(call.operation, "axis", None) not in (-1, len(after) - 1):
        return None
    ends = np.cumsum([int(shape[-1]) for shape in before])[:-1]
    return [replace(signal, values=part, picked=None) for part in np.split(signal.values, ends, axis=-1)]


def _broadcast(signal: Signal, shape: Any, after: Any) -> Signal:
    """Return the signal at a source that is one value along an axis where the output has more: the sum over it."""
    for axis in (1, 2):
        if len(shape) == 4 and shape[axis] == 1 < after[axis]:
            corner = (0, signal.corner[1]) if axis == 1 else (signal.corner[0], 0)
            signal = signal.dense()
            signal = replace(signal, values=signal.values.sum(axis=axis, keepdims=True), corner=corner, picked=None)
    return signal


def _gated(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    """Hand the signal on to the largest factor, of equals the first; the others are its gates."""
    if len(before) < 2:
        return None
    sizes = [int(np.prod(shape[1:])) for shape in before]
    main = sizes.index(max(sizes))
    if before[main] != after:
        return None
    return [signal.noting(GATE, call) if place == main else None for place in range(len(before))]


def _reshaped(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    """Carry between a map and the vector of its numbers, and between a vector and a map of one place."""
    if len(before[0]) == 4 and signal.sides == (1, 1) and int(np.prod(before[0][1:])) == int(np.prod(after[1:])) == signal.values.shape[-1]:
        values = signal.values.reshape(-1, *before[0][1:])
        return [Signal(values, bounded=True, remarks=signal.remarks)]
    if len(before[0]) == 2 and tuple(after[1:-1]) in ((), (1, 1)) and before[0][-1] == after[-1]:
        return [replace(signal, corner=(0, 0))]
    return None


def _permuted(call: Call, signal: Signal, before: list[Any], after: Any) -> list[Signal | None] | None:
    """Carry to the other order of the axes of a whole map."""
    layer: Any = call.operation
    axes = (0, *layer.dims) if hasattr(layer, "dims") else tuple(getattr(layer, "axes", None) or ())
    if sorted(axes) != [0, 1, 2, 3] or axes[0] != 0 or signal.values.shape[1:] != tuple(after[1:]) or signal.corner != (0, 0):
        return None
    return [Signal(signal.values.transpose(np.argsort(axes)), bounded=True, remarks=signal.remarks)]


STEPS: dict[Kind, Step] = {
    Kind.CONVOLUTION: _convolution,
    Kind.TRANSPOSED: _transposed,
    Kind.DENSE: _dense,
    Kind.AVERAGE_POOL: _average,
    Kind.GLOBAL_POOL: _global,
    Kind.MAX_POOL: _largest,
    Kind.PADDING: _shifted,
    Kind.CROPPING: _shifted,
    Kind.UPSAMPLING: _upsampled,
    Kind.MERGE: _merged,
    Kind.MULTIPLY: _gated,
}
TYPES: dict[str, Step] = {"Flatten": _reshaped, "Reshape": _reshaped, "Permute": _permuted, "Transpose": _permuted, "Mean": _global}
