"""What is climbed: a number for each picture of a batch, from the value of a call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backend import ops
from ...graph.addresses import unit_call
from ...graph.calls import Call, Graph
from ...units import Unit

# What a weak place counts: enough for a gradient, too little to hold back what is strong elsewhere.
WEAK = 0.01


@dataclass(frozen=True)
class Objective:
    """`measure(values, weights)` gives (picture,) from the output of `call`: picture i is climbed along row i of `weights`.

    `weights` (picture, channel) is one channel's 1 among zeros, or any direction: an input of the compiled step and no part of it.
    """

    name: str
    call: Call
    measure: Callable[[Any, Any], Any]


def one_hot(units: Sequence[Unit], channels: int) -> NDArray[np.float32]:
    """Return the weights that pick each unit's channel, (unit, channel)."""
    weights = np.zeros((len(units), channels), dtype=np.float32)
    weights[np.arange(len(units)), [unit.channel for unit in units]] = 1.0
    return weights


def mean_preactivation(graph: Graph, unit: Unit) -> Objective:
    """The mean of a unit's map before its activation, weak places counted a hundredth; or one neuron's value.

    A ReLU that never fires has no gradient; the value before it always has one. Weak is what is negative and below the
    map's own mean: if all places counted in full, a filter of the first layer would be linear in the picture, and an
    even tint its best picture. `unit` stands for all of its layer.
    """
    call = graph.preactivation(unit_call(graph, unit))
    return Objective("mean pre-activation", call, _reducer(unit.position, _mean_of_strong))


def _mean_of_strong(values: Any, axis: tuple[int, ...]) -> Any:
    threshold = ops.stop_gradient(ops.minimum(ops.mean(values, axis=axis, keepdims=True), 0.0))
    return ops.mean(ops.leaky_relu(values - threshold, WEAK) + threshold, axis=axis)


def sum_of_activations(graph: Graph, unit: Unit) -> Objective:
    """The sum of a unit's activations, exactly as the original report has it; a dead filter has no gradient here."""
    return Objective("sum of activations", unit_call(graph, unit), _reducer(unit.position, ops.sum))


def _reducer(position: tuple[int, int] | None, over_space: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    def measure(values: Any, weights: Any) -> Any:
        values = ops.cast(values, "float32")
        if position is not None:
            values = values[:, position[0], position[1], :]
        space = tuple(range(1, len(values.shape) - 1))
        return ops.sum((over_space(values, axis=space) if space else values) * weights, axis=-1)

    return measure
