"""What is explained: the score of a unit, or of an expression of several, on an image, and its slope by the values of layers.

The place where a unit is strongest is found on the image itself, once. Whatever a method makes of the image (darker, noisy, covered) is
scored at that place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import engine, keras, ops
from ..errors import ConvscopeError, UnitError, first_sentence
from ..expressions import Direction, Function, Term
from ..graph.calls import Call, Graph
from ..graph.saturation import ranking_call
from ..graph.tensors import to_array
from ..network.addresses import unit_call
from ..network.targets import Target
from ..projection.seeds import Seed, seeded_call, slope_sign
from ..units import Unit

FloatArray = NDArray[np.float32]
Maps = Mapping[int, FloatArray]  # what calls computed of one image, by their indices: (height, width, channel) or (channel,)


@dataclass(frozen=True)
class Score:
    """A number of an image: the sum of the `terms` of a `target`, each from the values of its calls.

    A unit counts before an activation that is flat above, and before a softmax; of a map, its largest value.
    """

    graph: Graph
    target: Target

    @cached_property
    def own(self) -> tuple[tuple[Call, ...], ...]:
        """The calls of each term, in the order of the terms."""
        return tuple(_calls(self.graph, term) for term in self.target.terms)

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that it is computed from, each once."""
        return tuple(dict.fromkeys(call for calls in self.own for call in calls))

    def placed(self, maps: Maps) -> "Placed":
        """Return the same score at the places where the terms are strongest on an image. Raises UnitError."""
        pairs = zip(self.target.terms, self.own, strict=True)
        return Placed(self, tuple(_placed(self.graph, term, calls, maps) for term, calls in pairs))


@dataclass(frozen=True)
class Placed:
    """A score whose terms have their places on one image; `terms` as those of the target."""

    score: Score
    terms: tuple[Term, ...]

    @property
    def seed(self) -> Seed | None:
        """The seed whose projection under the rules of the gradient is the slope of the score; None where it is more than one unit."""
        unit = self.score.target.unit
        if unit is None:
            return None
        return Seed(replace(unit, position=None), 0, self.terms[0].position, amount=_sign(self.score.graph, self.terms[0]))

    def value(self, maps: Maps) -> float:
        """Return the score of an image, this one or one made of it."""
        return float(sum(term.weight * _value(self.score.graph, term, calls, maps) for term, calls in self._pairs()))

    def slopes(self, maps: Maps) -> dict[int, FloatArray]:
        """Return the slope of the score by the values of its calls, shaped like them."""
        found = {call.index: np.zeros_like(maps[call.index]) for call in self.score.calls}
        for term, calls in self._pairs():
            for call, slope in zip(calls, _slopes(self.score.graph, term, calls, maps), strict=True):
                found[call.index] += np.float32(term.weight) * slope
        return found

    def _pairs(self) -> list[tuple[Term, tuple[Call, ...]]]:
        return list(zip(self.terms, self.score.own, strict=True))


def _calls(graph: Graph, term: Term) -> tuple[Call, ...]:
    if isinstance(term.channel, int) and not term.odds:
        return (seeded_call(graph, Seed(Unit(term.layer, term.channel), 0, amount=_sign(graph, term))),)
    calls = [unit_call(graph, Unit(layer, 0)) for layer in term.layers]
    return tuple(ranking_call(graph, call) if term.odds else call for call in calls)


def _sign(graph: Graph, term: Term) -> float:
    """Return -1 for a unit that falls with the value before its activation, else 1."""
    return slope_sign(graph, Unit(term.layer, term.channel)) if isinstance(term.channel, int) and not term.odds else 1.0


def _placed(graph: Graph, term: Term, calls: Sequence[Call], maps: Maps) -> Term:
    """Return a term at the place of the map where it is strongest, the first of equal ones in row-major order, if it has no place yet."""
    if isinstance(term.channel, Function) or (term.channel is None and term.position is None):
        return term
    values = maps[calls[0].index]
    if values.ndim == 1:
        return term
    if values.ndim != 3:
        raise UnitError(f"`{term.layer}` has maps of shape {values.shape}, but saliency needs rows and columns, or a dense layer.")
    rows, columns = values.shape[:2]
    if term.position is None:
        amounts = np.apply_along_axis(_row_value, -1, values, term, _sign(graph, term))
        row, column = np.unravel_index(int(amounts.argmax()), (rows, columns))
        return replace(term, position=(int(row), int(column)))
    if not (term.position[0] < rows and term.position[1] < columns):
        raise UnitError(f"`{term.address}` is outside the map of `{term.layer}`, which has {rows} rows and {columns} columns here.")
    return term


def _vector(term: Term, channels: int) -> FloatArray:
    if isinstance(term.channel, Direction):
        return np.asarray(term.channel.vector, np.float32)
    vector = np.zeros(channels, np.float32)
    vector[int(term.channel)] = 1.0  # type: ignore[arg-type]
    return vector


def _row(term: Term, values: FloatArray) -> FloatArray:
    """Return the values of a term's layer at its place, (channel,)."""
    return values if values.ndim == 1 or term.position is None else values[term.position]


def _row_value(row: FloatArray, term: Term, sign: float) -> float:
    if isinstance(term.channel, Direction):
        return float(row @ _vector(term, len(row)))
    channel = int(term.channel)  # type: ignore[arg-type]
    return float(row[channel] - _log_sum(np.delete(row, channel))) if term.odds else float(row[channel] * sign)


def _log_sum(values: FloatArray) -> float:
    largest = float(values.max(initial=-np.inf))
    return largest + float(np.log(np.exp(values.astype(np.float64) - largest).sum())) if np.isfinite(largest) else largest


def _value(graph: Graph, term: Term, calls: Sequence[Call], maps: Maps) -> float:
    if isinstance(term.channel, Function):
        values = [ops.convert_to_tensor(maps[call.index][None]) for call in calls]
        return float(to_array(called(term.channel, values))[0])
    row = _row(term, maps[calls[0].index])
    return float(np.mean(row.astype(np.float64) ** 2)) if term.channel is None else _row_value(row, term, _sign(graph, term))


def _slopes(graph: Graph, term: Term, calls: Sequence[Call], maps: Maps) -> list[FloatArray]:
    """Return the slope of a term's value by the values of each of its calls."""
    if isinstance(term.channel, Function):
        return _function_slopes(term.channel, [maps[call.index] for call in calls])
    values = maps[calls[0].index]
    row = _row(term, values)
    if term.channel is None:
        slope = np.asarray(2 * row / row.size, np.float32)
    elif term.odds:
        kept = np.arange(len(row)) != int(term.channel)  # type: ignore[arg-type]
        slope = np.zeros_like(row)
        slope[kept] = -np.exp(row[kept] - _log_sum(row[kept]))
        slope[~kept] = 1.0
    else:
        slope = _vector(term, len(row)) * np.float32(_sign(graph, term))
    found = np.zeros_like(values)
    found[... if term.position is None else term.position] = slope
    return [found]


def _function_slopes(function: Function, values: Sequence[FloatArray]) -> list[FloatArray]:
    tensors = [ops.convert_to_tensor(one[None]) for one in values]
    _, pullback = engine().vjp(lambda *given: called(function, given), tensors)
    return [to_array(one)[0] for one in pullback(ops.ones((1,)))]


def called(function: Function, values: Sequence[Any]) -> Any:
    """Return what a user's function makes of the values of its layers, (picture,). Raises UnitError for anything else."""
    shapes = " and ".join(f"({', '.join(map(str, ('picture', *one.shape[1:])))})" for one in values)
    try:
        numbers = ops.convert_to_tensor(function.function(*values))
    except ConvscopeError:
        raise
    except Exception as error:
        raise UnitError(
            f"The function of `{function}` failed on values of shape {shapes}: {type(error).__name__}: {first_sentence(error)} Write it "
            "with keras.ops, for an array of each layer."
        ) from error
    if len(numbers.shape) != 1 or len({numbers.shape[0], values[0].shape[0]} - {None}) > 1:  # None: of any number of pictures
        raise UnitError(
            f"The function of `{function}` made shape {tuple(numbers.shape)} of values of shape {shapes}. Return one number for each "
            "picture, (picture,), such as the mean over all axes but the first."
        )
    dtype = keras.backend.standardize_dtype(numbers.dtype)
    if not keras.backend.is_float_dtype(dtype):
        raise UnitError(f"The function of `{function}` returned {dtype}, which has no gradient. Return floating-point numbers.")
    return ops.cast(numbers, "float32")
