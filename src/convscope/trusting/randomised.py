"""Randomisation (Adebayo et al. 2018): the network with random weights from some layer upwards, as a graph of its own.

The user's model is only read: layers with random weights are copies that hold variables of their own.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backend import keras, ops
from ..graph.calls import Call, Graph
from ..graph.history import sharing_copy
from ..graph.kinds import Kind

MOST_DEPTHS = 6  # of which the unit's own layer alone and all layers are always two
KEPT = ("moving_", "seed")  # begins the name of what a layer counts or draws, and does not learn


class Randomised:
    """A graph whose weights become random, from above down. `kept`: the addresses of layers that keep theirs, as far as any was asked for.

    Kernels are drawn from a normal distribution of mean 0 and their own deviation; biases and scales are put into another order. What a
    layer draws depends on its address and `seed` alone, and is drawn once: a deeper randomisation has the same weights above. A layer keeps
    its weights where they lie in layers inside it.
    """

    def __init__(self, graph: Graph, seed: int = 0) -> None:
        self._graph, self._seed = graph, seed
        self._twins: dict[int, Call] = {}
        self.kept: dict[str, None] = {}

    def since(self, index: int) -> Graph:
        """Return the graph with random weights in all calls from an index on."""
        calls = (call if call.index < index else self._redrawn(call) for call in self._graph.calls)
        return dataclasses.replace(self._graph, calls=tuple(calls))

    def _redrawn(self, call: Call) -> Call:
        if call.kind is Kind.INPUT or not getattr(call.operation, "weights", ()):
            return call
        if call.index not in self._twins:
            changes = _drawn(call.operation, np.random.default_rng([self._seed, *call.address.encode()]))
            if not changes:
                self.kept[call.address] = None
            self._twins[call.index] = dataclasses.replace(call, operation=sharing_copy(call.operation, **changes)) if changes else call
        return self._twins[call.index]


def _drawn(layer: Any, rng: np.random.Generator) -> dict[str, Any]:
    """Return new variables for those of a layer, by the names of its attributes."""
    changes = {}
    for name, variable in vars(layer).items():
        if not isinstance(variable, keras.Variable) or str(variable.name).startswith(KEPT):
            continue
        values = np.asarray(ops.convert_to_numpy(variable.value)).astype(np.float32)
        drawn = rng.normal(0.0, values.std(), values.shape) if values.ndim > 1 else rng.permutation(values)
        changes[name] = keras.Variable(np.asarray(drawn, np.float32), dtype=variable.dtype, trainable=False, name=str(variable.name))
    return changes


def depths(calls: Sequence[Call], own: Call) -> list[Call]:
    """Return the layers down to which weights become random, from the unit's `own` to the lowest of `calls`, which come before it."""
    every = [*calls, own][::-1]
    places = np.unique(np.rint(np.linspace(0, len(every) - 1, min(MOST_DEPTHS, len(every)))).astype(int))
    return [every[place] for place in places]


def first_index(graph: Graph, call: Call) -> int:
    """Return the index of the first call of a layer: the linear one of a layer with a fused activation."""
    return min(one.index for one in graph.calls if one.address == call.address)
