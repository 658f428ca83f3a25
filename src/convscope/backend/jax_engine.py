"""What convscope asks of a framework, in JAX: see `protocol.Engine`."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from .protocol import Pullback

FAST_POOLING = False
ANY_COUNT = False


def vjp(function: Callable[..., Any], inputs: Sequence[Any], *, lasting: bool = False, output: Any = None) -> tuple[Any, Pullback]:
    """Return function(*inputs) and its vector-Jacobian product; inputs that do not matter get zeros.

    `lasting`, that this very function will be asked for again, and an `output` that is known make no difference here.
    """
    values = [jnp.asarray(value) for value in inputs]
    smooth = [number for number, value in enumerate(values) if _is_smooth(value)]  # whole numbers have no gradient

    def smoothly(*given: Any) -> Any:
        told = dict(zip(smooth, given, strict=True))
        return function(*(told.get(number, value) for number, value in enumerate(values)))

    output, pull = jax.vjp(smoothly, *(values[number] for number in smooth))

    def pullback(upstream: Any) -> list[Any]:
        found = dict(zip(smooth, pull(jax.tree.map(_cotangent, output, upstream)), strict=True))
        return [found.get(number, jnp.zeros_like(value)) for number, value in enumerate(values)]

    return output, pullback


def _is_smooth(value: Any) -> bool:
    return bool(jnp.issubdtype(value.dtype, jnp.inexact))


def _cotangent(output: Any, signal: Any) -> Any:
    return jnp.asarray(signal, output.dtype) if _is_smooth(output) else np.zeros(output.shape, jax.dtypes.float0)


def value_and_gradient(function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Differentiate a function that returns (scalar, extra) by its first argument: -> (extra, gradient)."""

    def differentiated(first: Any, *rest: Any) -> tuple[Any, Any]:
        (_, extra), gradient = jax.value_and_grad(function, has_aux=True)(first, *rest)
        return extra, gradient

    return differentiated


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function compiled by XLA."""
    return jax.jit(function)


def lean(layer: Any, dtype: str) -> Callable[[Any], Any] | None:
    """Return what computes the same as `layer` at less cost, None where Keras' own is as good.

    On CPUs XLA's gradient of max pooling takes longer than the convolutions around it; windows that do not overlap have a simple one.
    """
    if type(layer) is not keras.layers.MaxPooling2D or layer.data_format != "channels_last":
        return None
    if layer.pool_size != (2, 2) or layer.strides != (2, 2) or layer.padding != "valid":
        return None
    return lambda value: _pooled_by_two(value[:, : value.shape[1] // 2 * 2, : value.shape[2] // 2 * 2])


def _quarters(value: Any) -> list[Any]:
    """Return the four places of each 2 x 2 window, in row-major order: (n · rows, columns, channels) each."""
    count, height, width, channels = value.shape
    # No copy: in memory the two pixels of a window's row are neighbours, so they are the two halves of one longer pixel.
    windows = jnp.reshape(value, (count * height // 2, 2, width // 2, 2 * channels))
    return [windows[:, 0, :, :channels], windows[:, 0, :, channels:], windows[:, 1, :, :channels], windows[:, 1, :, channels:]]


def _pooled(value: Any) -> Any:
    count, height, width, channels = value.shape
    first, second, third, fourth = _quarters(value)
    largest = jnp.maximum(jnp.maximum(first, second), jnp.maximum(third, fourth))
    return jnp.reshape(largest, (count, height // 2, width // 2, channels))


def _pooled_forward(value: Any) -> tuple[Any, Any]:
    output = _pooled(value)
    return output, (value, output)


def _pooled_backward(kept: tuple[Any, Any], upstream: Any) -> tuple[Any]:
    """Give each window's signal to its first maximum in row-major order."""
    value, output = kept
    places = _quarters(value)
    largest, left = (jnp.reshape(one, places[0].shape) for one in (output, upstream))
    shares = []
    for place in places[:3]:  # what no earlier place has taken is the last one's
        hit = place == largest
        shares.append(jnp.where(hit, left, 0))
        left = jnp.where(hit, 0, left)
    shares.append(left)
    rows = [jnp.concatenate(pair, axis=-1) for pair in (shares[:2], shares[2:])]
    return (jnp.reshape(jnp.stack(rows, axis=1), value.shape),)


_pooled_by_two = jax.custom_vjp(_pooled)
_pooled_by_two.defvjp(_pooled_forward, _pooled_backward)


def device() -> str:
    """Return the platform of JAX's default device: "cpu", "gpu" or "tpu"."""
    return jax.default_backend()


def device_kind() -> str:
    """Return what JAX calls the kind of its default device."""
    return jax.devices()[0].device_kind
