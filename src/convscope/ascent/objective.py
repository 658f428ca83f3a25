"""The objective as the network computes it: a number for each picture of a batch, from the values of some calls.

A batch shares a `Form`: which layers, and what is done with their values. Channels, directions and weights enter the compiled step as
tensors, so that all channels of a layer, and all differences of two, are one compilation.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..attribution.scores import called
from ..backend import engine, ops
from ..errors import UnitError
from ..expressions import Direction, Function, Objective, Term
from ..graph.calls import Call, Graph
from ..graph.kinds import Kind
from ..graph.saturation import ranking_call, seed_call
from ..graph.tensors import to_array
from ..network.addresses import channel_count, unit_call
from ..network.entering import network_input
from ..network.listing import field_and_stride
from ..network.network import Network
from ..network.targets import Target
from ..projection.seeds import seedable
from ..projection.slopes import require_slope
from ..units import Unit

FloatArray = NDArray[np.float32]
# A cell's side in receptive fields, and at least so many places.
CELL, LEAST_CELL = 0.5, 3.0
# How much of its value a picture loses by being just like its copies.
APART = 0.5
# What is taken from a channel's own value where only the others are meant: it then adds nothing to their exponentials.
FAR = 1e9


@dataclass(frozen=True)
class Form:
    """What the objectives of one compiled step have in common: their terms, in order, without weights and channels.

    `copies`: how many pictures, one after the other, climb on the same objective and are pushed apart.
    """

    terms: tuple[Term, ...]
    copies: int = 1


def form_of(objective: Objective, copies: int = 1) -> Form:
    """Return the form of an objective: all else about it is numbers."""
    terms = (replace(term, weight=1.0, channel=0 if _has_vector(term) else term.channel) for term in objective.terms)
    return Form(tuple(terms), copies)


def _has_vector(term: Term) -> bool:
    """Say whether a vector over the channels of its layer says what the term is: not of a whole layer, nor of a function."""
    return term.channel is not None and not isinstance(term.channel, Function)


@dataclass(frozen=True)
class Measure:
    """`measure(values, weights)` gives (picture,) from the outputs of `calls`: picture i climbs what row i of `weights` says.

    `weights` are those of `weights_of`, an input of the compiled step and no part of it. `any_count`: it does not read how many pictures
    there are, as a function of the user's may.
    """

    calls: tuple[Call, ...]
    measure: Callable[[Sequence[Any], Sequence[Any]], Any]
    any_count: bool = True


def weights_of(graph: Graph, objectives: Sequence[Objective]) -> list[FloatArray]:
    """Return what sets objectives of one form apart: (picture, term) weights, then for each term (picture, channel) vectors.

    A channel's vector is 1 there among zeros; a whole layer needs none, and has zeros, as has a function.
    """
    weights = [np.array([[term.weight for term in one.terms] for one in objectives], dtype=np.float32)]
    for place, first in enumerate(objectives[0].terms):
        count = channel_count(unit_call(graph, Unit(first.layer, 0))) if _has_vector(first) else 1
        weights.append(np.stack([_vector(one.terms[place], count) for one in objectives]))
    return weights


def _vector(term: Term, channels: int) -> FloatArray:
    if isinstance(term.channel, Direction):
        return np.array(term.channel.vector, dtype=np.float32)
    vector = np.zeros(channels, dtype=np.float32)
    if isinstance(term.channel, int):
        vector[term.channel] = 1.0
    return vector


def best_measure(graph: Graph, form: Form) -> Measure:
    """The mean, over cells of half a receptive field, of each term's largest value there before its activation; or one neuron's value.

    A ReLU that never fires has no gradient, nor has a sigmoid at its ceiling; the value before it always has one. Cells, because the mean
    of a whole map is a bad guide: a filter of the first layer is linear in the picture, and an even tint its best picture, while one that
    answers to something rare is best served by grey with a single motif. Each cell wants its own. A whole layer is taken after its
    activation, as DeepDream does.
    """
    return _measure(graph, form, _before(graph), lambda call: strongest_of_cells(cell_of(graph, call)))


def peak_measure(graph: Graph, form: Form) -> Measure:
    """Each term's largest value before its activation: what wakes a unit that only one place can wake."""
    return _measure(graph, form, _before(graph), lambda call: ops.max)


def paper_measure(graph: Graph, form: Form) -> Measure:
    """The sum of a unit's activations, exactly as the original report has it; a dead unit has no gradient here.

    Behind a sigmoid, as behind a softmax, it is the score that is climbed.
    """
    return _measure(graph, form, lambda call: ranking_call(graph, call) if call.kind is Kind.SIGMOID else call, lambda call: ops.sum)


def _before(graph: Graph) -> Callable[[Call], Call]:
    """Return what finds the call that is climbed for a unit: before everything that is flat, above or below."""
    return lambda call: graph.preactivation(ranking_call(graph, call))


def cell_of(graph: Graph, call: Call) -> float:
    """Return how many places of a call's map are half a receptive field; infinity where the field is the whole image."""
    field, stride = field_and_stride(graph, call, gates=False)
    return max(LEAST_CELL, field / stride * CELL) if field and stride else float("inf")


def strongest_of_cells(cell: float) -> Callable[..., Any]:
    """Return what reduces a map (picture, row, column) to the mean, over cells of about that side, of each one's largest value.

    There are at least two cells along an axis that has two places: a picture is more than one motif. The few places that cells do not
    divide are left out at the border; moves bring them in.
    """

    def reduced(values: Any, axis: tuple[int, ...]) -> Any:
        if len(axis) != 2:
            return ops.mean(values, axis=axis)
        rows, columns = values.shape[1:]
        high, wide = (max(1, min(round(min(cell, side)), side // 2)) for side in (rows, columns))
        tall, broad = rows // high, columns // wide
        top, left = (rows - tall * high) // 2, (columns - broad * wide) // 2
        inside = values[:, top : top + tall * high, left : left + broad * wide]
        return ops.mean(ops.max(ops.reshape(inside, (-1, tall, high, broad, wide)), axis=(2, 4)), axis=(1, 2))

    return reduced


def _measure(graph: Graph, form: Form, before: Callable[[Call], Call], over_space: Callable[[Call], Callable[..., Any]]) -> Measure:
    calls = [_climbed(graph, term, before) for term in form.terms]
    reductions = [over_space(own[0]) for own in calls]
    distinct = list({call.index: call for own in calls for call in own}.values())
    places = [[distinct.index(call) for call in own] for own in calls]

    def measure(values: Sequence[Any], weights: Sequence[Any]) -> Any:
        total: Any = 0.0
        for number, (own, term) in enumerate(zip(places, form.terms, strict=True)):
            amount = _reduced([values[place] for place in own], weights[number + 1], term, reductions[number])
            total += weights[0][:, number] * amount
        if form.copies == 1:
            return total
        # Likeness costs a share of the value, whatever its size. That share is a constant here: a picture must not gain by a smaller value.
        return total - APART * ops.abs(ops.stop_gradient(total)) * likeness(values[places[0][0]], form.copies)

    return Measure(tuple(distinct), measure, not any(isinstance(term.channel, Function) for term in form.terms))


def likeness(values: Any, copies: int) -> Any:
    """Return (picture,) the mean cosine between the Gram matrices of a picture's channels and of the other copies of the same unit.

    A Gram matrix says which channels go together, wherever they do (Olah et al. 2017, "Diversity").
    """
    positive = ops.relu(ops.cast(values, "float32"))
    flat = ops.reshape(positive, (-1, int(np.prod(positive.shape[1:-1])), positive.shape[-1]))
    grams = ops.reshape(ops.matmul(ops.transpose(flat, (0, 2, 1)), flat), (-1, copies, positive.shape[-1] ** 2))
    unit = grams / (ops.sqrt(ops.sum(grams * grams, axis=-1, keepdims=True)) + 1e-9)
    cosines = ops.matmul(unit, ops.transpose(unit, (0, 2, 1)))
    return ops.reshape((ops.sum(cosines, axis=-1) - 1.0) / (copies - 1), (-1,))


def _climbed(graph: Graph, term: Term, before: Callable[[Call], Call]) -> list[Call]:
    """Return the calls whose values a term is climbed by; of a function its layers and, after them, what comes before their activation."""
    calls = [unit_call(graph, Unit(layer, 0)) for layer in term.layers]
    if isinstance(term.channel, Function):
        sources = [before(call) for call in calls]
        return [*calls, *(source if source.shape == call.shape else call for source, call in zip(sources, calls, strict=True))]
    return [ranking_call(graph, call) if term.odds else before(call) if _has_vector(term) else call for call in calls]


def _reduced(values: Sequence[Any], vector: Any, term: Term, over_space: Callable[..., Any]) -> Any:
    """Return (picture,) from the values (picture, ..., channel) of a term's layers and each picture's vector."""
    values = [ops.cast(one, "float32") for one in values]
    if isinstance(term.channel, Function):
        return called(term.channel, _awake(values) if len(values) > len(term.layers) else values)
    own = values[0]
    if term.position is not None:
        own = own[:, term.position[0], term.position[1], :]
    one = _mapped(own, vector, term)
    space = tuple(range(1, len(one.shape)))
    if term.channel is None:
        return ops.mean(one, axis=space) if space else one
    return over_space(one, axis=space) if space else one


def _mapped(values: Any, vector: Any, term: Term) -> Any:
    """Return each place's number, (picture, ...): the product with the vector, a channel's log odds, or the mean square of all."""
    if term.channel is None:
        return ops.mean(values * values, axis=-1)
    for _ in values.shape[1:-1]:
        vector = ops.expand_dims(vector, 1)
    chosen = ops.sum(values * vector, axis=-1)
    return chosen - ops.logsumexp(values - FAR * vector, axis=-1) if term.odds else chosen


def _awake(values: Sequence[Any]) -> list[Any]:
    """Return values after an activation, the first half, with the gradient of those before it, the second: a ReLU that is silent has none,
    and a picture would never leave the noise.
    """
    half = len(values) // 2
    return [before + ops.stop_gradient(after - before) for after, before in zip(values[:half], values[half:], strict=True)]


def require_gradients(network: Network, targets: Sequence[Target], canvas: tuple[int, int]) -> None:
    """Raise UnitError for targets that no gradient of the picture reaches: no picture would ever change.

    A user's function is tried on the values of two pictures of noise. One that is the same for both may be flat only there, and passes.
    """
    graph, bundle = network.graph, network.bundle
    for call in scored_calls(graph, targets):
        require_slope(graph, call, canvas)
    noise = np.random.default_rng(0).uniform(size=(2, *canvas, bundle.channels)).astype(np.float32)
    for function in dict.fromkeys(term.channel for target in targets for term in target.terms if isinstance(term.channel, Function)):
        calls = [unit_call(graph, Unit(layer, 0)).index for layer in function.layers]
        values = [ops.cast(one, "float32") for one in graph.run(network_input(bundle, noise), calls)]
        gradients = []
        for place in range(len(values)):

            def summed(value: Any, place: int = place, function: Function = function, values: Sequence[Any] = values) -> tuple[Any, Any]:
                numbers = called(function, [*values[:place], value, *values[place + 1 :]])
                return ops.sum(numbers), numbers

            numbers, gradient = engine().value_and_gradient(summed)(values[place])
            gradients.append(to_array(gradient))
        if not any(gradient.any() for gradient in gradients) and np.ptp(to_array(numbers)) > 0:
            raise UnitError(
                f"The function of `{function}` has no gradient by the values of its layers: it rounds, compares or counts them. Write it "
                "with functions that are differentiable, such as ops.sigmoid for a comparison."
            )


def largest(graph: Graph, objectives: Sequence[Objective], entered: Any) -> FloatArray:
    """Return (2, picture) float32, what each objective amounts to on its own picture, and what says whether it is awake: the same, but of
    a class its score less the mean of the others.

    The objectives share a form; `entered` are their preprocessed pictures (picture, height, width, channel), which run forward together.
    Each term counts by its largest value over the places of its map, after the activation, or before one that is flat above (a whole layer
    by the mean square of its values), times its weight.
    """
    (factors, *vectors), places = weights_of(graph, objectives), range(len(objectives[0].terms))
    calls = [[tuple(_scored(graph, one.terms[place])) for one in objectives] for place in places]
    distinct = list({call.index: call for some in calls for own in some for call in own})
    values = dict(zip(distinct, map(to_array, graph.run(entered, distinct)), strict=True))
    found = np.zeros((2, len(objectives)))
    for place, term in enumerate(form_of(objectives[0]).terms):
        # Units that fall with the value before their activation are scored behind it, the others of their layer before.
        for own in dict.fromkeys(calls[place]):
            pictures = [number for number, some in enumerate(calls[place]) if some == own]
            vector = ops.convert_to_tensor(vectors[place][pictures])
            for row, contrast in enumerate((False, True)):
                is_seed = contrast and _has_vector(term) and not term.odds
                arrays = [seedable(graph, call, values[call.index]) if is_seed else values[call.index] for call in own]
                reduced = _reduced([ops.convert_to_tensor(array[pictures]) for array in arrays], vector, term, _highest)
                found[row, pictures] += factors[pictures, place].astype(np.float64) * to_array(reduced)
    return found.astype(np.float32)


def _highest(values: Any, axis: tuple[int, ...]) -> Any:
    """Return the largest value over the axes, NaN where one is NaN: JAX's own maximum passes NaN over on a CPU."""
    return ops.where(ops.any(ops.isnan(values), axis=axis), np.float32(np.nan), ops.max(values, axis=axis))


def scored_calls(graph: Graph, targets: Iterable[Target]) -> tuple[Call, ...]:
    """Return the calls in which targets are scored, each once."""
    return tuple(dict.fromkeys(call for target in targets for term in target.terms for call in _scored(graph, term)))


def _scored(graph: Graph, term: Term) -> list[Call]:
    """Return the calls in which a term is scored."""
    if isinstance(term.channel, int) and not term.odds:
        return [seed_call(graph, Unit(term.layer, term.channel))]
    calls = [unit_call(graph, Unit(layer, 0)) for layer in term.layers]
    return [ranking_call(graph, call) for call in calls] if term.odds else calls
