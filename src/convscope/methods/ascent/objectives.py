"""What is climbed: a number for each picture of a batch, from the value of a call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...backend import ops
from ...graph.addresses import unit_call
from ...graph.calls import Call, Graph
from ...units import Unit

# What a negative value counts: enough for a gradient, too little to hold back what is positive elsewhere.
LEAK = 0.1


@dataclass(frozen=True)
class Objective:
    """`measure(values)` gives (picture,) from the output of `call`: picture i is climbed for unit i."""

    name: str
    call: Call
    measure: Callable[[Any], Any]


def mean_preactivation(graph: Graph, units: Sequence[Unit]) -> Objective:
    """The mean of each unit's map before its activation, negative values counted a tenth (one neuron's value for a position).

    A ReLU that never fires has no gradient; the value before it always has one. Counting both signs in full would make a filter of
    the first layer linear in the picture, and an even tint its best picture. The units share a layer.
    """
    return Objective("mean pre-activation", graph.preactivation(unit_call(graph, units[0])), _reducer(units, _leaky_mean))


def _leaky_mean(values: Any, axis: tuple[int, ...]) -> Any:
    return ops.mean(ops.leaky_relu(values, LEAK), axis=axis)


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
        per_channel = over_space(values, axis=tuple(range(1, len(values.shape) - 1))) if len(values.shape) > 2 else values
        return ops.sum(per_channel * mask, axis=-1)

    return measure
