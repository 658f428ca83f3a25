"""Layer-wise relevance propagation: rules that share a unit's value out among what it was made of (Bach et al. 2015).

A rule hands down what it receives: in a network without biases the relevance of the pixels sums to the value of the unit. Biases keep
their share. With z for what a layer computes, x for what it takes and R for the relevance of z:

- `Epsilon`: x times the gradient of z at R / z. Exact for whatever is linear, or grows as its input grows.
- `AlphaBeta`: the same of what adds to z, times alpha, less the same of what takes away from it, times beta.
- `Flat`: as if all that a place sees had counted alike.
"""

from dataclasses import dataclass
from typing import Any

from ..backend import engine, keras, ops
from .history import sharing_copy
from .rules import Exact, ForwardCall, Rule, largest

EPSILON = 1e-6


def stabilised(value: Any, epsilon: float) -> Any:
    """Return values moved away from zero by `epsilon`, so that they divide."""
    return value + ops.where(value < 0, -epsilon, epsilon)


@dataclass(frozen=True)
class Epsilon(Rule):
    """Share by what each input adds to the output: x · zᵀ(R / (z ± ε)) (Bach et al. 2015, equation 58)."""

    epsilon: float = EPSILON
    exact = Exact.CONE
    sloped = True

    def backward(self, record: ForwardCall, upstream: Any) -> list[Any]:
        several = isinstance(record.output, list)
        pairs = zip(upstream, record.output, strict=True) if several else [(upstream, record.output)]
        shares = [signal / stabilised(ops.cast(value, signal.dtype), self.epsilon) for signal, value in pairs]
        gradients = record.vjp(shares if several else shares[0])
        return [ops.cast(value, one.dtype) * one for value, one in zip(record.inputs, gradients, strict=True)]


@dataclass(frozen=True)
class GatedEpsilon(Epsilon):
    """As `Epsilon`, all to the largest factor of a product: gates decide how much, not what (Arras et al. 2017)."""

    exact = Exact.CONE

    def backward(self, record: ForwardCall, upstream: Any) -> list[Any]:
        signal = largest(record.inputs)
        return [one if index == signal else ops.zeros_like(one) for index, one in enumerate(super().backward(record, upstream))]


@dataclass(frozen=True)
class AlphaBeta(Rule):
    """Share what adds to the output and what takes away from it apart, `alpha` - `beta` = 1 (Bach et al. 2015, equation 60).

    Biases count with the terms of their sign. With `beta`, relevance is made or lost at a place whose terms all have one sign. What has
    no kernel of its own takes `Epsilon`.
    """

    alpha: float = 1.0
    beta: float = 0.0
    epsilon: float = EPSILON
    exact = Exact.CONE

    def backward(self, record: ForwardCall, upstream: Any) -> list[Any]:
        layer, (value,) = record.call.operation, record.inputs
        if not _has_kernel(layer):
            return Epsilon(self.epsilon).backward(record, upstream)
        adding = self._shared(layer, value, upstream, 1.0)
        return [self.alpha * adding - self.beta * self._shared(layer, value, upstream, -1.0) if self.beta else self.alpha * adding]

    def _shared(self, layer: Any, value: Any, upstream: Any, sign: float) -> Any:
        """Share `upstream` by the terms of one sign: the inputs of that sign times positive weights, the others times negative ones."""
        kernel, bias = _weights(layer)
        above, below = ops.relu(value), -ops.relu(-value)
        like, unlike = sign * ops.relu(sign * kernel), -sign * ops.relu(-sign * kernel)
        first, back = engine().vjp(_with(layer, like, None if bias is None else sign * ops.relu(sign * bias)), [above])
        second, back_unlike = engine().vjp(_with(layer, unlike, None), [below])
        share = upstream / stabilised(first + second, self.epsilon)
        return above * back(share)[0] + below * back_unlike(share)[0]


@dataclass(frozen=True)
class Flat(Rule):
    """Share evenly among all that a place sees, whatever it was and weighs (Lapuschkin et al. 2019); for a first layer.

    What has no kernel of its own takes `Epsilon`. At a border a place sees less, which zeros around a map would hide.
    """

    exact = Exact.CROP

    def backward(self, record: ForwardCall, upstream: Any) -> list[Any]:
        layer = record.call.operation
        if not _has_kernel(layer):
            return Epsilon().backward(record, upstream)
        seen, back = engine().vjp(_with(layer, ops.ones_like(_weights(layer)[0]), None), [ops.ones_like(record.inputs[0])])
        return [back(upstream / seen)[0]]


def _has_kernel(layer: Any) -> bool:
    """Say whether a layer computes, of one input, what its one kernel says and no more."""
    own = type(layer).__module__.startswith("keras.") and isinstance(layer, keras.layers.Layer)
    return own and getattr(layer, "kernel", None) is not None and not getattr(layer, "lora_enabled", False)


def _weights(layer: Any) -> tuple[Any, Any]:
    bias = getattr(layer, "bias", None)
    return ops.convert_to_tensor(layer.kernel), None if bias is None else ops.convert_to_tensor(bias)


def _with(layer: Any, kernel: Any, bias: Any) -> Any:
    """Return a layer that computes with another kernel and bias, none where that is None."""
    name = "_kernel" if "_kernel" in vars(layer) else "kernel"
    changes = {name: kernel, "bias": bias} | ({"use_bias": bias is not None} if hasattr(layer, "use_bias") else {})
    return sharing_copy(layer, **changes)
