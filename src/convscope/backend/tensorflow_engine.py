"""TensorFlow's spelling of the five things convscope asks of a framework."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

tf.get_logger().setLevel("ERROR")  # it warns of each new function; ours are few and known

Pullback = Callable[[Any], list[Any]]


def vjp(function: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Any, Pullback]:
    """Return function(*inputs) and its vector-Jacobian product; inputs that do not matter get zeros."""
    inputs = [tf.identity(value) for value in inputs]  # a tensor given twice is two inputs, each with its own share
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(inputs)
        output = function(*inputs)

    def pullback(upstream: Any) -> list[Any]:
        return tape.gradient(output, inputs, output_gradients=upstream, unconnected_gradients="zero")

    return output, pullback


def value_and_gradient(function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Differentiate a function that returns (scalar, extra) by its first argument: -> (extra, gradient)."""

    def differentiated(first: Any, *rest: Any) -> tuple[Any, Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(first)
            scalar, extra = function(first, *rest)
        return extra, tape.gradient(scalar, first)

    return differentiated


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as one graph."""
    return tf.function(function, autograph=False, reduce_retracing=True)


def lean(layer: Any, dtype: str) -> Callable[[Any], Any] | None:
    """Return None: in a graph, Keras' layers cost what TensorFlow's own operations do."""
    return None


def device() -> str:
    """Return "gpu" where TensorFlow sees one, else "cpu"."""
    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"
