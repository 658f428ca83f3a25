"""JAX's spelling of the four things convscope asks of a framework."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

Pullback = Callable[[Any], list[Any]]


def vjp(function: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Any, Pullback]:
    """Return function(*inputs) and its vector-Jacobian product; inputs that do not matter get zeros."""
    output, pull = jax.vjp(function, *(jnp.asarray(value) for value in inputs))
    return output, lambda upstream: list(pull(upstream))


def value_and_gradient(function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Differentiate a function that returns (scalar, extra) by its first argument: -> (extra, gradient)."""

    def differentiated(first: Any, *rest: Any) -> tuple[Any, Any]:
        (_, extra), gradient = jax.value_and_grad(function, has_aux=True)(first, *rest)
        return extra, gradient

    return differentiated


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function compiled by XLA."""
    return jax.jit(function)


def device() -> str:
    """Return the platform of JAX's default device: "cpu", "gpu" or "tpu"."""
    return jax.default_backend()
