"""TensorFlow operations that TensorFlow 2 saved as layers (TFOpLambda, SlicingOpLambda), said in `keras.ops`.

A table from TensorFlow's exported name to a function with TensorFlow's own parameter names; an operation that is not in it is named in
the error. Sources: the API pages of TensorFlow 2.4 to 2.15.
"""

import math
from collections.abc import Callable, Collection
from functools import cache, partial
from typing import Any

import numpy as np

from ...backend import keras, ops
from ...errors import ModelError, closest
from .entries import Entry, shown

CLASSES = ("TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty")
Operator = Callable[..., Any]
HALVES = ("float16", "bfloat16", "float64")


def operator_of(entry: Entry, batches: Collection[int] = ()) -> Operator:
    """Return the function for an operator layer; raise ModelError that names the operation if it is not known.

    `batches`: sizes of the batch that the network's inputs fixed.
    """
    name = entry.config.get("function") or entry.config.get("method_name") or entry.config.get("attr_name")
    if not isinstance(name, str):
        raise ModelError(f"Layer `{entry.name}` is a {entry.class_name} that does not say its operation. Save the model with Keras 3.")
    plain = name.removeprefix("tf.")
    if plain.startswith("compat.v1.image.resize"):
        return _resize_of_version_1
    plain = plain.removeprefix("compat.v1.").removeprefix("raw_ops.")
    if plain == "reshape":
        return lambda tensor, shape, name=None: reshaped(tensor, shape, batches)
    if plain == "broadcast_to":
        return lambda input, shape, name=None: broadcast(input, shape, batches)
    known = operators()
    if plain not in known:
        raise ModelError(
            f"Layer `{entry.name}` is the TensorFlow operation {shown('tf.' + plain)}, which convscope cannot compute. "
            f"{closest('those that convscope can compute', plain, known, 3)} Rebuild that step with keras.ops and save the model again."
        )
    return known[plain]


def _binary(operation: Operator) -> Operator:
    def apply(x: Any, y: Any, name: str | None = None) -> Any:
        return operation(number(x), number(y))

    return apply


def _unary(operation: Operator, *names: str) -> Operator:
    """Return `operation` of one tensor, which TensorFlow calls x, features, input_tensor or one of `names`."""

    def apply(*args: Any, **kwargs: Any) -> Any:
        tensor = (
            args[0] if args else next(kwargs[key] for key in ("x", "features", "input_tensor", "input", "logits", *names) if key in kwargs)
        )
        return operation(tensor)

    return apply


def _reduction(operation: Operator) -> Operator:
    def apply(input_tensor: Any, axis: Any = None, keepdims: bool | None = False, name: str | None = None, **_: Any) -> Any:
        return operation(input_tensor, axis=tuple(axis) if isinstance(axis, list) else axis, keepdims=bool(keepdims))

    return apply


def number(value: Any) -> Any:
    """Return a constant from the file (a number or nested lists) as a float32 array, tensors as they are."""
    return np.asarray(value, dtype="float32") if isinstance(value, list) else value


def _cast(x: Any, dtype: str, name: str | None = None) -> Any:
    return ops.cast(x, "float32" if dtype in HALVES else dtype)


def reshaped(tensor: Any, shape: Any, batches: Collection[int] = ()) -> Any:
    """Return `tensor` in a shape whose first side is None or one of `batches` for the batch, which is free here, or given."""
    rest = tuple(shape[1:])
    batch = shape[0] is None or (shape[0] == -1 and -1 not in rest)
    if shape[0] in batches and tensor.shape[0] is None:
        sides = tensor.shape[1:]
        if -1 not in rest and None not in sides and math.prod(rest) != math.prod(sides):
            raise ModelError(
                f"it reshapes {tuple(tensor.shape)} to {shown(tuple(shape))}, which mixes images of one batch. Rebuild that step."
            )
        batch = True
    if batch:
        return keras.layers.Reshape(rest)(tensor)
    return ops.reshape(tensor, tuple(-1 if side is None else side for side in shape))


def broadcast(tensor: Any, shape: Any, batches: Collection[int] = ()) -> Any:
    """Return `tensor` repeated to a shape whose first side may be one of `batches` for the batch, which is free here."""
    if shape[0] in batches and tensor.shape[0] is None:
        return ops.add(tensor, np.zeros((1, *shape[1:]), dtype="float32"))
    return ops.broadcast_to(tensor, tuple(shape))


def _shape(input: Any, *_: Any, **__: Any) -> Any:
    """Return the shape as a tuple of numbers, None for the batch: operations on it are done here and now."""
    return tuple(input.shape)


def _concat(values: Any, axis: int, name: str | None = None) -> Any:
    return ops.concatenate(values, axis=axis)


def _stack(values: Any, axis: int = 0, name: str | None = None) -> Any:
    if not any(hasattr(value, "shape") for value in values):
        return tuple(values)  # sides of a shape
    return ops.stack(values, axis=axis)


def _split(value: Any, num_or_size_splits: Any, axis: int = 0, num: Any = None, name: str | None = None) -> Any:
    places = num_or_size_splits
    return ops.split(value, places if isinstance(places, int) else [int(one) for one in np.cumsum(places)[:-1]], axis=axis)


def _resize(
    images: Any,
    size: Any,
    method: str = "bilinear",
    preserve_aspect_ratio: bool = False,
    antialias: bool = False,
    align_corners: bool = False,
    name: str | None = None,
    **_: Any,
) -> Any:
    if preserve_aspect_ratio or align_corners:
        raise ModelError(
            "a resizing that keeps the aspect ratio or aligns corners cannot be computed here. Rebuild that step with keras.ops."
        )
    return ops.image.resize(images, tuple(size), interpolation=str(method), antialias=antialias, data_format="channels_last")


def _resize_of_version_1(images: Any, size: Any, **kwargs: Any) -> Any:
    """TensorFlow 1 took the corners of pixels for their centres, unless half_pixel_centers was set."""
    if not kwargs.pop("half_pixel_centers", False):
        raise ModelError(
            "a resizing as TensorFlow 1 did it, without half-pixel centres, cannot be computed here. Rebuild it with keras.ops."
        )
    return _resize(images, size, **kwargs)


def _channels_last(data_format: Any) -> None:
    if data_format not in (None, "NHWC", "channels_last"):
        raise ModelError(f"an operation in the format {shown(data_format)} cannot be computed here. Save the network channels last.")


def _pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: str | None = None) -> Any:
    extra = {"constant_values": constant_values} if mode.lower() == "constant" else {}
    return ops.pad(tensor, paddings, mode=mode.lower(), **extra)


def _pool(operation: Operator) -> Operator:
    def apply(input: Any, ksize: Any, strides: Any, padding: str, data_format: Any = None, name: str | None = None, **_: Any) -> Any:
        _channels_last(data_format)
        return operation(input, _window(ksize), _window(strides), padding=padding.lower(), data_format="channels_last")

    return apply


def _window(value: Any) -> tuple[int, int]:
    numbers = [value] * 2 if isinstance(value, int) else list(value)
    return tuple(numbers[1:3] if len(numbers) == 4 else (numbers * 2)[:2])  # type: ignore[return-value]


def _clip(t: Any, clip_value_min: float, clip_value_max: float, name: str | None = None) -> Any:
    return ops.clip(t, clip_value_min, clip_value_max)


def _getitem(tensor: Any, slice_spec: Any, name: str | None = None, **_: Any) -> Any:
    spec = slice_spec if isinstance(slice_spec, list) else [slice_spec]
    if isinstance(tensor, tuple):
        return tensor[spec[0]]
    return sliced(tensor, [Ellipsis if one in ("...", {"class_name": "__ellipsis__"}) else one for one in spec])


def sliced(tensor: Any, key: Any) -> Any:
    """Return tensor[key]; where a whole axis is turned round, by a flip, because PyTorch knows no negative step."""
    parts = list(key) if isinstance(key, list | tuple) else [key]
    kept: list[Any] = []
    turned: list[int] = []
    for place, part in enumerate(parts):
        reverse = isinstance(part, slice) and part.step == -1 and part.start is None and part.stop is None
        if reverse:
            turned.append(place - len(parts) if Ellipsis in parts[:place] else place)
        kept.append(slice(None) if reverse else part)
    if turned:
        tensor = ops.flip(tensor, axis=tuple(turned))
    return tensor if all(part == slice(None) or part is Ellipsis for part in kept) else tensor[tuple(kept)]


def _softmax(logits: Any, axis: int | None = -1, name: str | None = None) -> Any:
    return ops.softmax(logits, axis=-1 if axis is None else axis)


def _leaky(features: Any, alpha: float = 0.2, name: str | None = None) -> Any:
    return ops.leaky_relu(features, negative_slope=alpha)


def _gelu(features: Any, approximate: bool = False, name: str | None = None) -> Any:
    return ops.gelu(features, approximate=approximate)


def _transpose(a: Any, perm: Any = None, conjugate: bool = False, name: str | None = None) -> Any:
    return ops.transpose(a, axes=perm)


def _squeeze(input: Any, axis: Any = None, name: str | None = None) -> Any:
    return ops.squeeze(input, axis=tuple(axis) if isinstance(axis, list) else axis)


def _expand(input: Any, axis: int, name: str | None = None) -> Any:
    return ops.expand_dims(input, axis)


def _normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None) -> Any:
    return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=axis, keepdims=True), epsilon))


def _bias(value: Any, bias: Any, data_format: Any = None, name: str | None = None) -> Any:
    _channels_last(data_format)
    return value + number(bias)


def _blocks(operation: Operator) -> Operator:
    def apply(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Any:
        _channels_last(data_format)
        return operation(input, block_size, data_format="channels_last")

    return apply


def _sum_of(inputs: Any, name: str | None = None) -> Any:
    return sum(inputs[1:], start=inputs[0])


def _where(condition: Any, x: Any, y: Any, name: str | None = None) -> Any:
    return ops.where(condition, number(x), number(y))


def _matmul(a: Any, b: Any, transpose_a: bool = False, transpose_b: bool = False, name: str | None = None, **_: Any) -> Any:
    first, second = number(a), number(b)
    return ops.matmul(ops.swapaxes(first, -1, -2) if transpose_a else first, ops.swapaxes(second, -1, -2) if transpose_b else second)


def _kernel(operation: Operator) -> Operator:
    """Return a convolution by a kernel that is a constant of the graph."""

    def apply(input: Any, filters: Any = None, strides: Any = 1, padding: str = "SAME", name: str | None = None, **others: Any) -> Any:
        kernel = others.get("filter") if filters is None else filters
        _channels_last(others.get("data_format"))
        if not isinstance(padding, str):
            raise ModelError("a convolution with a padding of its own cannot be computed here. Rebuild that step with keras.ops.")
        steps, spread = _window(strides), _window(others.get("dilations") or others.get("rate") or 1)
        return operation(input, number(kernel), strides=steps, padding=padding.lower(), dilation_rate=spread, data_format="channels_last")

    return apply


def _flip(axis: int) -> Operator:
    return _unary(partial(ops.flip, axis=axis), "image")


def _grey(images: Any, name: str | None = None) -> Any:
    return ops.sum(images * np.asarray([0.2989, 0.587, 0.114], dtype="float32"), axis=-1, keepdims=True)


def _identity(operation_input: Any = None, *_: Any, **kwargs: Any) -> Any:
    tensor = operation_input if operation_input is not None else kwargs.get("input", kwargs.get("x"))
    return keras.layers.Identity()(tensor)


@cache
def operators() -> dict[str, Operator]:
    """Return the functions by TensorFlow's names for them."""
    return {
        **{name: _binary(ops.add) for name in ("__operators__.add", "math.add", "add")},
        **{name: _binary(ops.subtract) for name in ("__operators__.subtract", "math.subtract", "subtract")},
        **{name: _binary(ops.multiply) for name in ("__operators__.multiply", "math.multiply", "multiply")},
        **{name: _binary(ops.divide) for name in ("__operators__.truediv", "math.truediv", "math.divide", "divide", "realdiv")},
        **{name: _binary(ops.floor_divide) for name in ("math.floordiv", "floordiv")},
        **{name: _binary(ops.power) for name in ("math.pow", "pow")},
        **{name: _binary(ops.maximum) for name in ("math.maximum", "maximum")},
        **{name: _binary(ops.minimum) for name in ("math.minimum", "minimum")},
        "math.squared_difference": _binary(lambda x, y: ops.square(ops.subtract(x, y))),
        "nn.relu": _unary(ops.relu),
        "nn.relu6": _unary(ops.relu6),
        "nn.elu": _unary(ops.elu),
        "nn.selu": _unary(ops.selu),
        "nn.silu": _unary(ops.silu),
        "nn.swish": _unary(ops.silu),
        "nn.softplus": _unary(ops.softplus),
        "math.softplus": _unary(ops.softplus),
        "nn.softsign": _unary(ops.softsign),
        "nn.leaky_relu": _leaky,
        "nn.gelu": _gelu,
        "nn.softmax": _softmax,
        "nn.log_softmax": lambda logits, axis=-1, name=None: ops.log_softmax(logits, axis=-1 if axis is None else axis),
        **{name: _unary(ops.sigmoid) for name in ("nn.sigmoid", "math.sigmoid", "sigmoid")},
        **{name: _unary(ops.tanh) for name in ("nn.tanh", "math.tanh", "tanh")},
        **{name: _unary(ops.abs) for name in ("math.abs", "abs")},
        **{name: _unary(ops.exp) for name in ("math.exp", "exp")},
        **{name: _unary(ops.sqrt) for name in ("math.sqrt", "sqrt")},
        **{name: _unary(ops.square) for name in ("math.square", "square")},
        **{name: _unary(ops.negative) for name in ("math.negative", "negative", "__operators__.neg")},
        **{name: _unary(ops.sign) for name in ("math.sign", "sign")},
        "math.log": _unary(ops.log),
        "math.rsqrt": _unary(ops.rsqrt),
        "math.reciprocal": _unary(ops.reciprocal),
        "math.softsign": _unary(ops.softsign),
        **{name: _reduction(ops.mean) for name in ("math.reduce_mean", "reduce_mean")},
        **{name: _reduction(ops.sum) for name in ("math.reduce_sum", "reduce_sum")},
        **{name: _reduction(ops.max) for name in ("math.reduce_max", "reduce_max")},
        **{name: _reduction(ops.min) for name in ("math.reduce_min", "reduce_min")},
        **{name: _reduction(ops.std) for name in ("math.reduce_std",)},
        **{name: _reduction(ops.var) for name in ("math.reduce_variance",)},
        **dict.fromkeys(("squeeze",), _squeeze),
        "cast": _cast,
        "concat": _concat,
        "stack": _stack,
        "split": _split,
        "transpose": _transpose,
        "expand_dims": _expand,
        "pad": _pad,
        "clip_by_value": _clip,
        "image.resize": _resize,
        "nn.max_pool": _pool(ops.max_pool),
        "nn.max_pool2d": _pool(ops.max_pool),
        "nn.avg_pool": _pool(ops.average_pool),
        "nn.avg_pool2d": _pool(ops.average_pool),
        "nn.bias_add": _bias,
        "nn.l2_normalize": _normalize,
        "math.l2_normalize": _normalize,
        "nn.depth_to_space": _blocks(ops.depth_to_space),
        "nn.space_to_depth": _blocks(ops.space_to_depth),
        "math.add_n": _sum_of,
        "add_n": _sum_of,
        "where": _where,
        "zeros_like": _unary(ops.zeros_like),
        "ones_like": _unary(ops.ones_like),
        **{
            name: _binary(getattr(ops, name.rsplit(".", 1)[-1]))
            for name in ("math.greater", "math.less", "math.equal", "greater", "less", "equal")
        },
        **{
            f"math.{name}": _binary(getattr(ops, name))
            for name in ("greater_equal", "less_equal", "not_equal", "logical_and", "logical_or")
        },
        "shape": _shape,
        "linalg.matmul": _matmul,
        "matmul": _matmul,
        "__operators__.getitem": _getitem,
        "nn.conv2d": _kernel(ops.conv),
        "nn.depthwise_conv2d": _kernel(ops.depthwise_conv),
        "image.flip_left_right": _flip(-2),
        "image.flip_up_down": _flip(-3),
        "image.rgb_to_grayscale": _grey,
        "reverse": lambda tensor, axis, name=None: ops.flip(tensor, axis=tuple(axis) if isinstance(axis, list) else axis),
        "tile": lambda input, multiples, name=None: ops.tile(input, multiples),
        "repeat": lambda input, repeats, axis=None, name=None: ops.repeat(input, repeats, axis=axis),
        "roll": lambda input, shift, axis, name=None: ops.roll(input, shift, axis=axis),
        "nn.dropout": lambda x, *_, **__: _identity(x),
        "nn.crelu": lambda features, axis=-1, name=None: ops.relu(ops.concatenate([features, -features], axis=axis)),
        "math.divide_no_nan": _binary(ops.divide_no_nan),
        "math.floormod": _binary(ops.mod),
        "__operators__.floordiv": _binary(ops.floor_divide),
        **{name: _unary(getattr(ops, name.rsplit(".", 1)[-1])) for name in ("math.floor", "math.ceil", "round", "math.log1p", "math.erf")},
        **{name: _unary(getattr(ops, name.rsplit(".", 1)[-1])) for name in ("floor", "math.sin", "math.cos", "sin", "cos")},
        **{name: _reduction(ops.prod) for name in ("math.reduce_prod", "reduce_prod")},
        "math.reduce_logsumexp": _reduction(ops.logsumexp),
        "math.argmax": lambda input, axis=None, **_: ops.argmax(input, axis=axis),
        "identity": _identity,
        "stop_gradient": _identity,
        "convert_to_tensor": lambda value, *_, **__: _identity(value),
    }
