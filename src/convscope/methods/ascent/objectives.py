"""What is climbed: a number for each picture of a batch, from the value of a call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...backend import ops
from ...graph.addresses import unit_call
from ...graph.calls import Call, Graph
from ...units import Unit

# What a weak place counts: enough for a gradient, too little to hold back what is strong elsewhere.
WEAK = 0.01


@dataclass(frozen=True)
class Objective:
    """`measure(values)` gives (picture,) from the output of `call`: picture i is climbed for unit i."""

    name: str
    call: Call
    measure: Callable[[Any], Any]


def mean_preactivation(graph: Graph, units: Sequence[Unit]) -> Objective:
    """The mean of each unit's map before its activation, weak places counted a hundredth; or one neuron's value.

    A ReLU that never fires has no gradient; the value before it always has one. Weak is what is negative and below the
    map's own mean: if all places counted in full, a filter of the first layer would be linear in the picture, and an
    even tint its best picture. The units share a layer.
    """
    call = graph.preactivation(unit_call(graph, units[0]))
    return Objective("mean pre-activation", call, _reducer(units, _mean_of_strong))


def _mean_of_strong(values: Any, axis: tuple[int, ...]) -> Any:
    threshold = ops.stop_gradient(ops.minimum(ops.mean(values, axis=axis, keepdims=True), 0.0))
    return ops.mean(ops.leaky_relu(values - threshold, WEAK) + threshold, axis=axis)


def sum_of_activations(graph: Graph, units: Sequence[Unit]) -> Objective:
    """The sum of each unit's activations, exactly as the original report has it; a dead filter has no gradient here."""
    return Objective("sum of activations", unit_call(graph, units[0]), _reducer(units, ops.sum))


def _reducer(units: Sequence[Unit], over_space: Callable[..., Any]) -> Callable[[Any], Any]:
    chosen = np.array([unit.channel for unit in units])
    position = units[0].position

    def measure(values: Any) -> Any:
        values = ops.cast(values, "float32")
        if position is not None:
            values = values[:, position[0], position[1], :]
        mask = ops.one_hot(chosen, values.shape[-1], dtype="float32")
        space = tuple(range(1, len(values.shape) - 1))
        return ops.sum((over_space(values, axis=space) if space else values) * mask, axis=-1)

    return measure
