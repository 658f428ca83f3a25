"""What is climbed, as the network computes it: a number for each picture of a batch, from the values of some calls.

A batch shares a `Form`: which layers, and what is done with their values. Channels, directions and weights enter the compiled step as
tensors, so that all channels of a layer, and all differences of two, are one compilation.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backend import ops
from ...expressions import Direction, Objective, Term
from ...graph.addresses import channel_count, unit_call
from ...graph.calls import Call, Graph
from ...graph.entering import numpy
from ...units import Unit

FloatArray = NDArray[np.float32]
# What a weak place counts: enough for a gradient, too little to hold back what is strong elsewhere.
WEAK = 0.01
# What is taken from a channel's own value where only the others are meant: it then adds nothing to their exponentials.
FAR = 1e9


@dataclass(frozen=True)
class Form:
    """What the objectives of one compiled step have in common: each term's layer, position and kind, in their order."""

    terms: tuple[tuple[str, tuple[int, int] | None, str], ...]


def form_of(objective: Objective) -> Form:
    """Return the form of an objective: all else about it is numbers."""
    return Form(tuple((term.layer, term.position, _kind(term)) for term in objective.terms))


def _kind(term: Term) -> str:
    return "odds" if term.odds else "layer" if term.channel is None else "unit"


@dataclass(frozen=True)
class Measure:
    """`measure(values, weights)` gives (picture,) from the outputs of `calls`: picture i climbs what row i of `weights` says.

    `weights` are those of `weights_of`, an input of the compiled step and no part of it.
    """

    calls: tuple[Call, ...]
    measure: Callable[[Sequence[Any], Sequence[Any]], Any]


def weights_of(graph: Graph, objectives: Sequence[Objective]) -> list[FloatArray]:
    """Return what sets objectives of one form apart: (picture, term) weights, then for each term (picture, channel) vectors.

    A channel's vector is 1 there among zeros; a whole layer needs none, and has zeros.
    """
    found = [np.array([[term.weight for term in one.terms] for one in objectives], dtype=np.float32)]
    for place, first in enumerate(objectives[0].terms):
        count = channel_count(unit_call(graph, Unit(first.layer, 0)))
        found.append(np.stack([_vector(one.terms[place], count) for one in objectives]))
    return found


def _vector(term: Term, channels: int) -> FloatArray:
    if isinstance(term.channel, Direction):
        return np.array(term.channel.vector, dtype=np.float32)
    vector = np.zeros(channels, dtype=np.float32)
    if isinstance(term.channel, int):
        vector[term.channel] = 1.0
    return vector


def best_measure(graph: Graph, form: Form) -> Measure:
    """The mean of each term's map before its activation, weak places counted a hundredth; or one neuron's value.

    A ReLU that never fires has no gradient; the value before it always has one. Weak is what is negative and below the
    map's own mean: if all places counted in full, a filter of the first layer would be linear in the picture, and an
    even tint its best picture. A whole layer is taken after its activation, as DeepDream does.
    """
    return _measure(graph, form, graph.preactivation, mean_of_strong)


def paper_measure(graph: Graph, form: Form) -> Measure:
    """The sum of a unit's activations, exactly as the original report has it; a dead filter has no gradient here."""
    return _measure(graph, form, lambda call: call, ops.sum)


def mean_of_strong(values: Any, axis: tuple[int, ...]) -> Any:
    """Return the mean over `axis`, what is negative and below the mean counted a hundredth."""
    threshold = ops.stop_gradient(ops.minimum(ops.mean(values, axis=axis, keepdims=True), 0.0))
    return ops.mean(ops.leaky_relu(values - threshold, WEAK) + threshold, axis=axis)


def _measure(graph: Graph, form: Form, before: Callable[[Call], Call], over_space: Callable[..., Any]) -> Measure:
    calls = [_call(graph, layer, kind, before) for layer, _, kind in form.terms]
    distinct = list({call.index: call for call in calls}.values())
    places = [distinct.index(call) for call in calls]

    def measure(values: Sequence[Any], weights: Sequence[Any]) -> Any:
        total: Any = 0.0
        for number, (place, (_, position, kind)) in enumerate(zip(places, form.terms, strict=True)):
            total += weights[0][:, number] * _reduced(values[place], weights[number + 1], position, kind, over_space)
        return total

    return Measure(tuple(distinct), measure)


def _call(graph: Graph, layer: str, kind: str, before: Callable[[Call], Call]) -> Call:
    call = unit_call(graph, Unit(layer, 0))
    return before(call) if kind == "unit" else call


def _reduced(values: Any, vector: Any, position: tuple[int, int] | None, kind: str, over_space: Callable[..., Any]) -> Any:
    """Return (picture,) from a layer's values (picture, ..., channel) and each picture's vector."""
    values = ops.cast(values, "float32")
    if position is not None:
        values = values[:, position[0], position[1], :]
    one = mapped(values, vector, kind)
    space = tuple(range(1, len(one.shape)))
    if kind == "layer":
        return ops.mean(one, axis=space) if space else one
    return over_space(one, axis=space) if space else one


def mapped(values: Any, vector: Any, kind: str) -> Any:
    """Return each place's number, (picture, ...): the product with the vector, a channel's log odds, or the mean square of all."""
    if kind == "layer":
        return ops.mean(values * values, axis=-1)
    for _ in values.shape[1:-1]:
        vector = ops.expand_dims(vector, 1)
    chosen = ops.sum(values * vector, axis=-1)
    return chosen - ops.logsumexp(values - FAR * vector, axis=-1) if kind == "odds" else chosen


def largest(graph: Graph, objective: Objective, entered: Any) -> float:
    """Return what the objective amounts to on one preprocessed picture (1, height, width, channel), in float32.

    Each term counts by its largest value over the places of its map, after the activation (a whole layer by the mean square of its
    values), times its weight.
    """
    form, weights = form_of(objective), weights_of(graph, [objective])
    calls = [unit_call(graph, Unit(term.layer, 0)) for term in objective.terms]
    distinct = list({call.index: call for call in calls})
    values = dict(zip(distinct, graph.run(entered, distinct), strict=True))
    total = 0.0
    for number, (call, (_, position, kind)) in enumerate(zip(calls, form.terms, strict=True)):
        found = _reduced(values[call.index], ops.convert_to_tensor(weights[number + 1]), position, kind, ops.max)
        total += float(weights[0][0, number]) * float(numpy(found)[0])
    return total
