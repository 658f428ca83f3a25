"""What convscope asks of a framework, in TensorFlow: see `protocol.Engine`."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from .protocol import Pullback

tf.get_logger().setLevel("ERROR")  # it warns of each new function; ours are few and known

FAST_POOLING = True
ANY_COUNT = True
LARGE = 2**18


def vjp(function: Callable[..., Any], inputs: Sequence[Any], *, lasting: bool = False, output: Any = None) -> tuple[Any, Pullback]:
    """Return function(*inputs) and its vector-Jacobian product; inputs that do not matter get zeros.

    `lasting`: this very function will be asked for again, so something may be kept with it. Outside of a graph, TensorFlow computes a
    convolution's gradient by its kernel too, whoever asks for it, which doubles the time; of large inputs the gradient is made a graph. A
    known `output` of these is not computed again; a graph leaves out by itself what nothing needs.
    """
    if lasting and tf.executing_eagerly() and sum(math.prod(value.shape) for value in inputs) >= LARGE:
        kept = vars(function)  # with the function itself, so that the graph lives as long as it does
        if kept.get("_gradient", (None,))[0] is not function:  # a shallow copy of a layer brings along what was kept of the layer
            kept["_gradient"] = function, _graph_gradient(function)
        gradient = kept["_gradient"][1]
        return function(*inputs) if output is None else output, lambda upstream: list(gradient(list(inputs), upstream))
    inputs = [tf.identity(value) for value in inputs]  # a tensor given twice is two inputs, each with its own share
    # Persistent, because many signals go down one forward pass. Weights are not watched: nobody asks for their gradients.
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        output = function(*inputs)

    def pullback(upstream: Any) -> list[Any]:
        pairs = zip(output, upstream, strict=True) if isinstance(output, list) else [(output, upstream)]
        reached = [(one, tf.cast(signal, one.dtype)) for one, signal in pairs if one.dtype.is_floating or one.dtype.is_complex]
        if not reached:  # through whole numbers TensorFlow would hand the signal on
            return [tf.zeros_like(value) for value in inputs]
        outputs, signals = (list(part) for part in zip(*reached, strict=True))
        return tape.gradient(outputs, inputs, output_gradients=signals, unconnected_gradients="zero")

    return output, pullback


def _graph_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    def gradient(inputs: list[Any], upstream: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            output = function(*inputs)
        return tape.gradient(output, inputs, output_gradients=upstream, unconnected_gradients="zero")

    return compiled(gradient)


def value_and_gradient(function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Differentiate a function that returns (scalar, extra) by its first argument: -> (extra, gradient)."""

    def differentiated(first: Any, *rest: Any) -> tuple[Any, Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(first)
            scalar, extra = function(first, *rest)
        return extra, tape.gradient(scalar, first, unconnected_gradients="zero")

    return differentiated


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as one graph."""
    return tf.function(function, autograph=False, reduce_retracing=True)


def lean(layer: Any, dtype: str) -> Callable[[Any], Any] | None:
    """Return what computes the same as `layer` at less cost, None where Keras' own is as good.

    Keras casts a convolution's weights to bfloat16 at every call; here that is done once, so they must not change while this is in use.
    """
    if dtype != "bfloat16" or type(layer) is not keras.layers.Conv2D or layer.data_format != "channels_last":
        return None
    kernel, bias = tf.cast(layer.kernel, tf.bfloat16), tf.cast(layer.bias, tf.bfloat16) if layer.use_bias else None

    def convolved(value: Any) -> Any:
        value = layer.convolution_op(tf.cast(value, tf.bfloat16), kernel)
        return value if bias is None else tf.nn.bias_add(value, bias)

    return convolved


def device() -> str:
    """Return "gpu" where TensorFlow sees one, else "cpu"."""
    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


def device_kind() -> str:
    """Return the name of the GPU that TensorFlow uses, else "cpu"."""
    gpus = tf.config.list_physical_devices("GPU")
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "gpu")) if gpus else "cpu"
