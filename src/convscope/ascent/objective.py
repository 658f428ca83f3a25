"""What is climbed: from what a user asks for to objectives of a network, and how the network computes them.

A batch shares a `Form`: which layers, and what is done with their values. Channels, directions and weights enter the compiled step as
tensors, so that all channels of a layer, and all differences of two, are one compilation.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NewType

import numpy as np
from numpy.typing import NDArray

from ..array_files import ArrayFileError, read_array
from ..backend import ops
from ..digests import array_digest
from ..errors import UnitError
from ..expressions import ARRAY, Direction, Objective, Term, as_objective, is_address
from ..graph.calls import Call, Graph
from ..graph.kinds import Kind
from ..graph.saturation import ranking_call, seed_call
from ..graph.tensors import to_array
from ..hints import listing
from ..network.addresses import as_units, channel_count, unit_call
from ..network.listing import field_and_stride
from ..network.network import Network
from ..projection.seeds import seedable
from ..reach import user_path
from ..units import Unit

# What is climbed, with its layers, channels and classes looked up in a network: only `as_targets` makes one.
Target = NewType("Target", Objective)


def as_targets(network: Network, given: Any, *, start: bool = False) -> tuple[Target, ...]:
    """Return what addresses, expressions, Units, Objectives or sequences of them mean, each once.

    `start` says that there is a picture to start from, without which a bare layer is no target. Raises UnitError.
    """
    parts = [given] if isinstance(given, str | Unit | Objective) else list(given)
    found = [target for part in parts for target in _targets(network, part, start)]
    if not found:
        raise UnitError(
            f"No unit was given, nor any other objective. Expected an address such as `block4_conv2:17`; `{listing()}` lists the layers."
        )
    return tuple(dict.fromkeys(found))


def recorded_as(targets: Iterable[Target]) -> tuple[Unit | Objective, ...]:
    """Return targets as a result names them: what is one unit as a Unit."""
    return tuple(target.unit or target for target in targets)


def array_inputs(targets: Sequence[Target]) -> tuple[dict[str, Any], ...]:
    """Return what the provenance records of the directions among the targets: the file of each, None if it has none, and its digest."""
    terms = [term for target in targets for term in target.terms]
    directions = dict.fromkeys(term.channel for term in terms if isinstance(term.channel, Direction))
    return tuple({"given": [one.path] if one.path else None, "count": 1, "digest": _digest(one.vector)} for one in directions)


def _targets(network: Network, given: Any, start: bool) -> Iterable[Target]:
    """Return the targets that one part of the request means: several units only where it is a plain address."""
    if isinstance(given, str) and not _has_no_channels(given, start) and (is_address(given) or _is_class(network, given)):
        _refuse_bare_layer(network.graph, given)
        return [Target(as_objective(unit)) for unit in as_units(network, given)]
    found = Objective(tuple(_terms(network, as_objective(given))))
    if not found.terms:
        raise UnitError(f"`{given}` is nothing to climb: its terms cancel one another. Write an expression with a term left.")
    return [Target(found)]


def _has_no_channels(text: str, start: bool) -> bool:
    """Say whether a plain address names a direction, a place of a layer, or a layer to dream from a picture."""
    head, colon, tail = text.partition(":")
    return tail.partition("@")[0].strip().endswith(ARRAY) if colon else start or "@" in head


def _refuse_bare_layer(graph: Graph, text: str) -> None:
    if ":" not in text:
        call = graph.find(text.strip())
        address, last = call.address, channel_count(call) - 1
        raise UnitError(
            f"`{text}` names a layer, not a unit of it. Write a channel, `{address}:0` to `{address}:{last}`, or `{address}:all`; or give "
            "--start PHOTO to dream the whole layer from a photograph."
        )


def _is_class(network: Network, text: str) -> bool:
    """Say whether a text is the address of a class whose name looks like a sum."""
    name = text.partition(":")[2].strip().lower()
    return bool(name) and name in (label.lower() for label in network.bundle.labels or ())


def _terms(network: Network, wanted: Objective) -> Iterator[Term]:
    for term in wanted.terms:
        if isinstance(term.channel, str) and term.channel.endswith(ARRAY):
            term = replace(term, channel=_read(term.channel))
        call = network.graph.find(term.layer)
        if isinstance(term.channel, int | str):
            unit = as_units(network, replace(term, weight=1.0, odds=False).address)[0]
            yield replace(term, layer=unit.layer, channel=unit.channel)
            continue
        count = channel_count(unit_call(network.graph, Unit(term.layer, 0)))
        if isinstance(term.channel, Direction) and len(term.channel.vector) != count:
            size = len(term.channel.vector)
            raise UnitError(
                f"The direction `{term.channel}` has {size} numbers; `{call.address}` has {count} channels. Give one number for each."
            )
        as_units(network, Unit(term.layer, 0, term.position))
        yield replace(term, layer=call.address)


def _read(name: str) -> Direction:
    """Return the direction that an .npy file holds; raise UnitError that says what was found."""
    path = user_path(name)
    try:
        array = read_array(path)
    except (OSError, ArrayFileError) as error:
        fact = getattr(error, "strerror", None) or error
        raise UnitError(f"Cannot read the direction `{name}`: {fact}. Expected an .npy file with one number for each channel.") from error
    vector = np.squeeze(array)
    if vector.ndim != 1 or vector.dtype.kind not in "fiu" or not np.isfinite(vector).all() or not vector.any():
        raise UnitError(
            f"`{name}` holds an array of shape {array.shape}, type {array.dtype}. Expected finite numbers, not all 0, one for each channel."
        )
    return Direction(path.name, tuple(float(value) for value in vector), str(path.absolute()))


def _digest(vector: Sequence[float]) -> str:
    return array_digest(np.asarray(vector, dtype=np.float64))


FloatArray = NDArray[np.float32]
# A cell's side in receptive fields, and at least so many places.
CELL, LEAST_CELL = 0.5, 3.0
# How much of its value a picture loses by being just like its copies.
APART = 0.5
# What is taken from a channel's own value where only the others are meant: it then adds nothing to their exponentials.
FAR = 1e9


@dataclass(frozen=True)
class Form:
    """What the objectives of one compiled step have in common: each term's layer, position and kind, in their order.

    `copies`: so many pictures, one after the other, climb for the same and are pushed apart.
    """

    terms: tuple[tuple[str, tuple[int, int] | None, str], ...]
    copies: int = 1


def form_of(objective: Objective, copies: int = 1) -> Form:
    """Return the form of an objective: all else about it is numbers."""
    return Form(tuple((term.layer, term.position, _kind(term)) for term in objective.terms), copies)


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
    """The sum of a unit's activations, exactly as the original report has it; a dead filter has no gradient here.

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
    calls = [_call(graph, layer, kind, before) for layer, _, kind in form.terms]
    reductions = [over_space(call) for call in calls]
    distinct = list({call.index: call for call in calls}.values())
    places = [distinct.index(call) for call in calls]

    def measure(values: Sequence[Any], weights: Sequence[Any]) -> Any:
        total: Any = 0.0
        for number, (place, (_, position, kind)) in enumerate(zip(places, form.terms, strict=True)):
            total += weights[0][:, number] * _reduced(values[place], weights[number + 1], position, kind, reductions[number])
        return total if form.copies == 1 else total - APART * ops.abs(ops.stop_gradient(total)) * likeness(values[places[0]], form.copies)

    return Measure(tuple(distinct), measure)


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


def _call(graph: Graph, layer: str, kind: str, before: Callable[[Call], Call]) -> Call:
    call = unit_call(graph, Unit(layer, 0))
    return before(call) if kind == "unit" else ranking_call(graph, call) if kind == "odds" else call


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


def largest(graph: Graph, objective: Objective, entered: Any) -> tuple[float, float]:
    """Return what the objective amounts to on one preprocessed picture (1, height, width, channel), in float32, and what says whether it
    is awake: the same, but of a class its score less the mean of the others.

    Each term counts by its largest value over the places of its map, after the activation, or before one that is flat above (a whole layer
    by the mean square of its values), times its weight.
    """
    form, weights = form_of(objective), weights_of(graph, [objective])
    calls = [_scored(graph, term) for term in objective.terms]
    distinct = list({call.index: call for call in calls})
    values = dict(zip(distinct, map(to_array, graph.run(entered, distinct)), strict=True))
    total = margin = 0.0
    for number, (call, (_, position, kind)) in enumerate(zip(calls, form.terms, strict=True)):
        for contrast in (False, True):
            one = seedable(graph, call, values[call.index]) if contrast and kind == "unit" else values[call.index]
            found = _reduced(ops.convert_to_tensor(one), ops.convert_to_tensor(weights[number + 1]), position, kind, ops.max)
            amount = float(weights[0][0, number]) * float(to_array(found)[0])
            total, margin = (total, margin + amount) if contrast else (total + amount, margin)
    return total, margin


def scored_calls(graph: Graph, targets: Iterable[Target]) -> tuple[Call, ...]:
    """Return the calls in which targets are scored, each once."""
    return tuple(dict.fromkeys(_scored(graph, term) for target in targets for term in target.terms))


def _scored(graph: Graph, term: Term) -> Call:
    """Return the call in which a term is scored."""
    if isinstance(term.channel, int) and not term.odds:
        return seed_call(graph, Unit(term.layer, term.channel))
    call = unit_call(graph, Unit(term.layer, 0))
    return ranking_call(graph, call) if term.odds else call
