"""The kernels of a layer as plain numbers, (unit, row, column, input), whatever kind of layer holds them."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnitError
from ..hints import listing
from .calls import Call, Graph, Ref
from .kinds import LINEAR, Kind
from .ranges import range_of
from .saturation import ends_of
from .signals import FloatArray
from .tensors import to_array

Numbers = NDArray[np.float64]
SEPARABLE = "A separable convolution has two kernels. Shown is their product, which is exact: nothing lies between them."


@dataclass(frozen=True)
class Kernels:
    """What the units of a layer weigh. `values`: (unit, row, column, input) float32; behind a flattened map as large as the map.

    `inputs`: (unit, input) int64, which channels of `source`, the call before, these are: not all in a depthwise or grouped layer. `bias`:
    (unit,) float32, 0 without one. `kind`: what the layer is, in words. `remarks`: sentences on what was done to the numbers.
    """

    values: FloatArray
    inputs: NDArray[np.int64]
    bias: FloatArray
    source: Call
    kind: str
    remarks: tuple[str, ...] = ()


def linear_call(graph: Graph, call: Call) -> Call:
    """Return the call that holds the kernel of a visible one: itself, or the hidden one before a fused activation. Raises UnitError."""
    while call.kind not in LINEAR:
        before = [graph.calls[source.call] for source in call.sources]
        if len(before) != 1 or before[0].address != call.address:
            near = next((one.address for one in reversed(graph.ancestors([call.index])) if one.kind in LINEAR), "")
            nearest = f" The nearest layer before it that has is `{near}`." if near else ""
            raise UnitError(f"`{call.address}` ({call.layer_type}) has no kernel.{nearest} List the layers with: {listing()}")
        call = before[0]
    return call


def kernels(graph: Graph, call: Call) -> Kernels:
    """Return the kernels of the layer of `call`. Raises UnitError for a layer without one, or with one that is not of rows and columns."""
    linear = linear_call(graph, call)
    layer: Any = linear.operation
    if getattr(layer, "quantization_mode", None) is not None:
        raise UnitError(f"`{call.address}` holds its weights quantized ({layer.quantization_mode}). Load the network as it was before.")
    source = graph.calls[linear.sources[0].call]
    if linear.kind is Kind.DENSE:
        source = _flattened(graph, source) or source
        found = _dense(linear, source)
    elif linear.kind is Kind.TRANSPOSED:
        found = _grouped(linear, source, np.swapaxes(_on_a_map(linear, _weights(linear, "kernel")), 2, 3))
    elif "Separable" in linear.layer_type:
        found = _separable(linear, source)
    elif "Depthwise" in linear.layer_type:
        found = _depthwise(linear, source, _on_a_map(linear, _weights(linear, "depthwise_kernel", "kernel")))
    else:
        found = _grouped(linear, source, _on_a_map(linear, _weights(linear, "kernel")))
    own = type(layer).__module__.startswith("keras.") or hasattr(layer, "__name__")
    foreign = () if own else (f"{linear.layer_type} is not one of Keras' own layers. What it computes with its kernel is not known.",)
    return Kernels(*found, source, _in_words(linear, found[0]), (*_remarks(linear), *foreign))


def sees_image(graph: Graph, call: Call) -> bool:
    """Say whether nothing but padding, or what treats each number by itself, lies between the image and a call's own step."""
    before = graph.calls[call.sources[0].call]
    while before.kind in (Kind.PADDING, Kind.CROPPING, Kind.IDENTITY) and len(before.sources) == 1:
        before = graph.calls[before.sources[0].call]
    return before.index == graph.image_input


def surely_dead(graph: Graph, call: Call, known: Kernels, range_of_image: tuple[float, float] | None) -> NDArray[np.bool_]:
    """Return (unit,) which units cannot come above zero before their ReLU, whatever the image is; none where no ReLU follows.

    Only weights are read, and between which numbers the inputs lie: those of the image in `range_of_image`, None where that is not known;
    behind a ReLU they are not negative, behind a ReLU6 between 0 and 6 (`ranges.range_of`). A batch normalization between the layer and its
    ReLU is multiplied in.
    """
    linear = linear_call(graph, call)
    scale, shift, rectified = _after(graph, linear, len(known.bias))
    if not rectified:
        return np.zeros(len(known.bias), bool)
    weights, bias = known.values.reshape(len(known.values), -1) * scale[:, None], known.bias * scale + shift
    low, high = range_of(graph, known.source, range_of_image)
    # A border is padded with zeros. An input without a weight counts for nothing, however large it may be.
    rising, falling = np.maximum(weights, 0), np.minimum(weights, 0)
    with np.errstate(invalid="ignore"):
        most = [np.where(part == 0, 0.0, part * end) for part, end in ((rising, max(0.0, high)), (falling, min(0.0, low)))]
    return np.asarray(bias + most[0].sum(axis=1) + most[1].sum(axis=1) <= 0)


def _after(graph: Graph, call: Call, count: int) -> tuple[Numbers, Numbers, bool]:
    """Return by what a batch normalization right after a layer scales and shifts its units, and whether an activation follows that turns
    all below zero into zero.
    """
    scale, shift = np.ones(count), np.zeros(count)
    for _ in range(3):
        takers = [one for one in graph.calls if call.index in [source.call for source in one.sources]]
        if len(takers) != 1:
            break
        before, call, layer = call, takers[0], takers[0].operation
        if ends_of(graph, before, call, (-math.inf, 0.0)) == (0.0, 0.0):
            return scale, shift, True
        if call.layer_type != "BatchNormalization" or not type(layer).__module__.startswith("keras."):
            break
        steps = _normalization(layer, count)
        scale, shift = scale * steps[0], shift * steps[0] + steps[1]
    return scale, shift, False


def _normalization(layer: Any, count: int) -> tuple[Numbers, Numbers]:
    mean, variance = (to_array(one).astype(np.float64) for one in (layer.moving_mean, layer.moving_variance))
    gamma = np.ones(count, np.float32) if layer.gamma is None else to_array(layer.gamma)
    beta = np.zeros(count, np.float32) if layer.beta is None else to_array(layer.beta)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return scale, beta - mean * scale


Found = tuple[FloatArray, NDArray[np.int64], FloatArray]


def _weights(call: Call, *names: str) -> FloatArray:
    """Return the kernel of a layer, or of an operation that takes it as an argument. Raises UnitError."""
    layer = call.operation
    found = next((one for name in names if (one := getattr(layer, name, None)) is not None), None)
    if found is None:
        constants = [one for one in (*call.arguments[0][1:], *call.arguments[1].values()) if not isinstance(one, Ref)]
        found = next((one for one in constants if len(getattr(one, "shape", ())) in (3, 4)), None)
    if found is None:
        raise UnitError(f"`{call.address}` ({call.layer_type}) keeps no kernel that convscope can read. Take it from the model.")
    return to_array(found)


def _on_a_map(call: Call, kernel: FloatArray) -> FloatArray:
    """Return a kernel with rows and columns: one of a sequence has one row. Raises UnitError for a volume's."""
    if kernel.ndim == 3:
        return kernel[None]
    if kernel.ndim != 4:
        raise UnitError(
            f"The kernels of `{call.address}` ({call.layer_type}) have {kernel.ndim - 2} axes. Expected rows and columns, or the length of "
            "a sequence. Take the numbers from the model."
        )
    return kernel


def _bias(call: Call, count: int) -> FloatArray:
    bias = getattr(call.operation, "bias", None)
    found = np.zeros(count, np.float32) if bias is None else to_array(bias).reshape(-1)
    return np.asarray(found if len(found) == count else np.zeros(count), np.float32)


def _grouped(call: Call, source: Call, kernel: FloatArray) -> Found:
    """Return a kernel (row, column, input within a group, unit): the units of a group see its inputs alone."""
    *_, within, units = kernel.shape
    groups = max(1, int(source.shape[-1] or within) // within)
    firsts = np.arange(units) // max(1, units // groups) * within
    return np.moveaxis(kernel, 3, 0), firsts[:, None] + np.arange(within)[None], _bias(call, units)


def _depthwise(call: Call, source: Call, kernel: FloatArray) -> Found:
    """Return a kernel (row, column, input, multiple): each unit sees one input."""
    rows, columns, inputs, multiple = kernel.shape
    values = kernel.reshape(rows, columns, inputs * multiple)
    return np.moveaxis(values, 2, 0)[..., None], (np.arange(inputs * multiple) // multiple)[:, None], _bias(call, inputs * multiple)


def _separable(call: Call, source: Call) -> Found:
    depth = _on_a_map(call, _weights(call, "depthwise_kernel"))
    point = to_array(call.operation.pointwise_kernel)  # type: ignore[attr-defined]
    inputs, multiple = depth.shape[2:]
    mixed = point.reshape(inputs, multiple, -1)
    values = np.einsum("yxcm,cmu->uyxc", depth, mixed, optimize=True)
    return values, np.tile(np.arange(inputs), (len(values), 1)), _bias(call, len(values))


def _dense(call: Call, source: Call) -> Found:
    if call.layer_type != "Dense" or not hasattr(call.operation, "kernel"):
        raise UnitError(f"`{call.address}` ({call.layer_type}) multiplies by more than a matrix. Expected Dense, or a convolution.")
    kernel = to_array(call.operation.kernel)
    sides = [int(side or 0) for side in source.shape[1:]]
    if len(sides) != 3 or math.prod(sides) != len(kernel):  # a vector, or a dense layer at each place of a map
        sides = [1, 1, len(kernel)]
    values = kernel.T.reshape(-1, *sides)
    return values, np.tile(np.arange(sides[2]), (len(values), 1)), _bias(call, len(values))


def _flattened(graph: Graph, source: Call) -> Call | None:
    """Return the call of the map whose numbers a vector holds, None where it is not a flattened map of known size."""
    while source.kind is Kind.IDENTITY and len(source.sources) == 1:
        source = graph.calls[source.sources[0].call]
    if source.layer_type != "Flatten" or getattr(source.operation, "data_format", "channels_last") != "channels_last":
        return None
    mapped = graph.calls[source.sources[0].call]
    return mapped if len(mapped.shape) == 4 and None not in mapped.shape[1:] else None


def _in_words(call: Call, values: FloatArray) -> str:
    rows, columns, inputs = values.shape[1:]
    return f"{call.layer_type}, kernels of {rows} \N{MULTIPLICATION SIGN} {columns} on {inputs} {'input' if inputs == 1 else 'inputs'}"


def _remarks(call: Call) -> Iterator[str]:
    layer: Any = call.operation
    if "Separable" in call.layer_type:
        yield SEPARABLE
    if call.kind is Kind.TRANSPOSED:
        yield "A transposed convolution lays its kernel down at each place of its input. Shown is what one input adds around its place."
    rate = np.ravel(getattr(layer, "dilation_rate", 1))
    if (rate > 1).any():
        yield f"Dilated: neighbours in a kernel are {' and '.join(dict.fromkeys(map(str, rate.tolist())))} places of the input apart."
    if call.kind is Kind.DENSE:
        return
    groups = int(getattr(layer, "groups", 1) or 1)
    if groups > 1 and "Depthwise" not in call.layer_type:
        yield f"Grouped: each unit sees one of {groups} groups of inputs."
