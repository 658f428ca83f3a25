"""PyTorch's spelling of the four things convscope asks of a framework."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from keras import ops

Pullback = Callable[[Any], list[Any]]


def vjp(function: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Any, Pullback]:
    """Return function(*inputs) and its vector-Jacobian product; inputs that do not matter get zeros."""
    with torch.enable_grad():
        leaves = [_leaf(ops.convert_to_tensor(value)) for value in inputs]
        output = function(*leaves)

    several = isinstance(output, list | tuple)

    def pullback(upstream: Any) -> list[Any]:
        pairs = zip(output, upstream, strict=True) if several else [(output, upstream)]
        reached = [(one, signal) for one, signal in pairs if one.requires_grad]
        if not reached:
            return [torch.zeros_like(leaf) for leaf in leaves]
        outputs, signals = zip(*reached, strict=True)
        smooth = [leaf for leaf in leaves if leaf.requires_grad]
        found = iter(torch.autograd.grad(outputs, smooth, signals, retain_graph=True, allow_unused=True))
        gradients = [next(found) if leaf.requires_grad else None for leaf in leaves]
        return [torch.zeros_like(leaf) if one is None else one for one, leaf in zip(gradients, leaves, strict=True)]

    return [one.detach() for one in output] if several else output.detach(), pullback


def _leaf(value: Any) -> Any:
    """Return a tensor to differentiate by; one of whole numbers or truth values has no gradient."""
    return value.detach().requires_grad_(value.is_floating_point())


def value_and_gradient(function: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    """Differentiate a function that returns (scalar, extra) by its first argument: -> (extra, gradient)."""

    def differentiated(first: Any, *rest: Any) -> tuple[Any, Any]:
        with torch.enable_grad():
            leaf = first.detach().requires_grad_(True)
            scalar, extra = function(leaf, *rest)
            (gradient,) = torch.autograd.grad(scalar, leaf)
        return extra.detach(), gradient

    return differentiated


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function as it is: PyTorch's own compiler wants a C++ compiler on the user's machine."""
    return function


def device() -> str:
    """Return "cuda" where PyTorch sees a GPU, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"
