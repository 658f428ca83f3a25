"""Nodes of TensorFlow's graph that TensorFlow 2.0 to 2.3 saved as layers (TensorFlowOpLayer), said in `keras.ops`.

Such a layer holds a `node_def`, its operation with attributes, and `constants` by their place among the inputs.
"""

from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from ...backend import keras, ops
from ...errors import ModelError, closest
from .entries import Entry, shown
from .operators import number, reshaped, sliced

Node = Callable[..., Any]
TYPES = {"DT_INT32": "int32", "DT_INT64": "int64", "DT_UINT8": "uint8", "DT_BOOL": "bool"}  # of floats there is one here


def graph_operator_of(entry: Entry, batches: Collection[int] = ()) -> Node:
    """Return a function of the layer's tensors; raise ModelError that names the operation if it is not known.

    `batches`: sizes of the batch that the network's inputs fixed.
    """
    node = entry.config.get("node_def")
    operation = node.get("op") if isinstance(node, dict) else None
    if not isinstance(operation, str) or operation not in {*nodes(), "Reshape"}:
        raise ModelError(
            f"Layer `{entry.name}` is the TensorFlow operation {shown(operation)}, which convscope cannot compute. "
            f"{closest('those that convscope can compute', str(operation)[:80], nodes(), 3)} Rebuild that step with "
            f"keras.ops and save the model again."
        )
    attributes = {key: _attribute(value) for key, value in (node or {}).get("attr", {}).items()}
    constants = {int(place): value for place, value in (entry.config.get("constants") or {}).items()}

    def apply(tensors: Any) -> Any:
        given = list(tensors) if isinstance(tensors, list) else [tensors]
        for place in sorted(constants):
            given.insert(place, constants[place])
        if operation == "Reshape":
            return reshaped(given[0], given[1], batches)
        return nodes()[operation](attributes, *given)

    return apply


def _attribute(value: Any) -> Any:
    if "list" in value:
        return [int(one) for one in value["list"].get("i", ())]
    if "i" in value:
        return int(value["i"])
    return value.get("b", value.get("f", value.get("type")))


def _plain(operation: Node) -> Node:
    return lambda attributes, *tensors: operation(*(number(one) for one in tensors))


def _reduced(operation: Node) -> Node:
    def apply(attributes: Any, value: Any, axis: Any) -> Any:
        return operation(value, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=bool(attributes.get("keep_dims")))

    return apply


def _pack(attributes: Any, *values: Any) -> Any:
    if not any(hasattr(value, "shape") for value in values):
        return tuple(values)  # sides of a shape
    return ops.stack(list(values), axis=attributes.get("axis", 0))


def _strided(attributes: Any, value: Any, begin: Any, end: Any, strides: Any) -> Any:
    """Return a slice; each mask has a bit for every entry of it."""

    def masked(name: str, place: int) -> bool:
        return bool(attributes.get(f"{name}_mask", 0) >> place & 1)

    key: list[Any] = []
    for place in range(len(begin)):
        if masked("ellipsis", place):
            key.append(Ellipsis)
        elif masked("new_axis", place):
            key.append(None)
        elif masked("shrink_axis", place):
            key.append(begin[place])
        else:
            start, stop = (None if masked(name, place) else given[place] for name, given in (("begin", begin), ("end", end)))
            key.append(slice(start, stop, strides[place]))
    return value[key[0]] if isinstance(value, tuple) else sliced(value, key)


def _resized(interpolation: str) -> Node:
    def apply(attributes: Any, value: Any, size: Any) -> Any:
        if attributes.get("align_corners") or not attributes.get("half_pixel_centers"):
            raise ModelError("a resizing by the corners of pixels cannot be computed here. Rebuild that step with keras.ops.")
        return ops.image.resize(value, tuple(size), interpolation=interpolation, data_format="channels_last")

    return apply


@cache
def nodes() -> dict[str, Node]:
    """Return the functions of (attributes, *inputs) by TensorFlow's names for its nodes."""
    one_to_one = {
        "Add": ops.add,
        "AddV2": ops.add,
        "BiasAdd": ops.add,
        "Sub": ops.subtract,
        "Mul": ops.multiply,
        "RealDiv": ops.divide,
        "Maximum": ops.maximum,
        "Minimum": ops.minimum,
        "Pow": ops.power,
        "Relu": ops.relu,
        "Relu6": ops.relu6,
        "Elu": ops.elu,
        "Selu": ops.selu,
        "Softplus": ops.softplus,
        "Sigmoid": ops.sigmoid,
        "Tanh": ops.tanh,
        "Softmax": ops.softmax,
        "Neg": ops.negative,
        "Abs": ops.abs,
        "Exp": ops.exp,
        "Log": ops.log,
        "Sqrt": ops.sqrt,
        "Rsqrt": ops.rsqrt,
        "Square": ops.square,
        "Sign": ops.sign,
    }
    return {name: _plain(operation) for name, operation in one_to_one.items()} | {
        "Mean": _reduced(ops.mean),
        "Sum": _reduced(ops.sum),
        "Max": _reduced(ops.max),
        "Min": _reduced(ops.min),
        "LeakyRelu": lambda attributes, value: ops.leaky_relu(value, negative_slope=attributes.get("alpha", 0.2)),
        "ConcatV2": lambda attributes, *values: ops.concatenate(list(values[:-1]), axis=values[-1]),
        "Pack": _pack,
        "Split": lambda attributes, axis, value: ops.split(value, attributes["num_split"], axis=axis),
        "Shape": lambda attributes, value: tuple(value.shape),
        "StridedSlice": _strided,
        "Pad": lambda attributes, value, paddings: ops.pad(value, paddings),
        "PadV2": lambda attributes, value, paddings, fill: ops.pad(value, paddings, constant_values=fill),
        "Transpose": lambda attributes, value, axes: ops.transpose(value, axes=axes),
        "ExpandDims": lambda attributes, value, axis: ops.expand_dims(value, axis),
        "Squeeze": lambda attributes, value: ops.squeeze(value, axis=tuple(attributes.get("squeeze_dims") or ()) or None),
        "SpaceToDepth": lambda attributes, value: ops.space_to_depth(value, attributes["block_size"], data_format="channels_last"),
        "DepthToSpace": lambda attributes, value: ops.depth_to_space(value, attributes["block_size"], data_format="channels_last"),
        "ResizeBilinear": _resized("bilinear"),
        "ResizeNearestNeighbor": _resized("nearest"),
        "Identity": lambda attributes, value: keras.layers.Identity()(value),
        "StopGradient": lambda attributes, value: keras.layers.Identity()(value),
        "Cast": lambda attributes, value: ops.cast(value, TYPES.get(attributes.get("DstT"), "float32")),
    }
