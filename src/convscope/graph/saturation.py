"""Activations that are flat above, where many images tie, and the call before them, which ranks units.

ReLU6, sigmoid, tanh, a clip: many images reach the same ceiling, and only the value before it tells which one excites a unit most. Flat
activations are found by numbers, not by names: whatever lies between two calls and treats each number by itself is sampled as a curve.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..units import Unit
from .calls import Call, Graph, naming, picked
from .kinds import LINEAR, Kind
from .tensors import to_array

FloatArray = NDArray[np.float32]
# Where a curve is sampled: places per octave, of both signs, between these powers of two.
PER_OCTAVE, LEAST, LARGEST = 8, -12, 20
GRID = 2.0 ** np.arange(LEAST, LARGEST + 1 / PER_OCTAVE, 1 / PER_OCTAVE)
GRID = np.concatenate([-GRID[::-1], [0.0], GRID]).astype(np.float32)
# Flat: no rise over the last four octaves, beyond the rounding of a sum of numbers of that size.
FLAT = int(np.searchsorted(GRID, 2.0 ** (LARGEST - 4)))
ROUNDING, NEAR = 4 * np.float32(2.0**-23), np.float32(1e-6)
# Kinds that never treat each number by itself. Every other operation is tried.
MIXING = LINEAR | {Kind.INPUT, Kind.MAX_POOL, Kind.AVERAGE_POOL, Kind.GLOBAL_POOL, Kind.PADDING, Kind.CROPPING, Kind.UPSAMPLING}
FARTHEST = 16  # calls between a unit and the call that ranks it


@dataclass(frozen=True, eq=False)
class Ranking:
    """What ranks the units of `call`: the value of `before`, or their own.

    `signs`: (channel,) float32, 1 where the unit rises with the value before and is flat above, -1 where it falls with it and is flat
    below, 0 where its own value tells images apart. `ceilings`: (channel,) the value it never exceeds, infinity where `signs` is 0.
    `parts`: for a call that chooses among the values of others, the ranking of each of these (see `selecting`), channels after channels.
    """

    graph: Graph
    call: Call
    before: Call
    signs: FloatArray
    ceilings: FloatArray
    parts: "tuple[Ranking | None, ...]" = ()

    @property
    def is_own(self) -> bool:
        """Say whether all units are ranked by their own values."""
        return self.before is self.call

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls whose values `strengths` takes, in that order."""
        return (self.before,) if self.signs.all() else (self.before, self.call)

    def strengths(self, *values: Any) -> Any:
        """Return what ranks the units, shaped like the value of `call`, from the values of `calls`."""
        if self.is_own or (self.signs == 1).all():
            return values[0]
        signs = ops.cast(ops.convert_to_tensor(self.signs), values[0].dtype)
        signed = values[0] * signs
        return signed if len(values) == 1 else ops.where(signs == 0, values[1], signed)

    def values(self, strengths: Any) -> Any:
        """Return the units' own values (image, channel) for what ranks them, (image, channel), tensors of float32."""
        if self.is_own:
            return strengths
        if self.parts:
            return self._together(strengths)
        own = ops.convert_to_tensor(self.signs == 0)
        signs = ops.convert_to_tensor(np.where(self.signs < 0, -1, 1).astype(np.float32))
        return ops.where(own, strengths, _curve(self.graph, self.before, self.call, strengths * signs))

    def _together(self, strengths: Any) -> Any:
        """As `values`, each part by itself; one without a ranking is its own."""
        counts = [int(self.graph.calls[source.call].shape[-1] or 0) for source in self.call.sources]
        ends = np.cumsum([0, *counts])
        pieces = [strengths[:, start:stop] for start, stop in pairwise(ends)]
        values = [piece if part is None else part.values(piece) for part, piece in zip(self.parts, pieces, strict=True)]
        return ops.concatenate(values, axis=1)

    def one(self, channel: int, strengths: FloatArray) -> FloatArray:
        """Return a channel's own values (any,) for what ranks it, (any,)."""
        if self.is_own:
            return strengths
        every = np.repeat(np.asarray(strengths, np.float32)[:, None], len(self.signs), axis=1)
        return np.asarray(to_array(self.values(ops.convert_to_tensor(every)))[:, channel])


def ranking(graph: Graph, call: Call) -> Ranking:
    """Return what ranks the units of `call`, found once for a graph: the nearest call before everything that is flat above.

    Units need not agree: a batch normalization may turn some of them round.
    """
    key = "ranking", call.index
    if key not in graph.known:
        graph.known[key] = _found(graph, call)
    found: Ranking = graph.known[key]
    return found


def ranking_call(graph: Graph, call: Call) -> Call:
    """Return the call before `call` that ranks all its units, each rising with it; `call` itself if there is no such call."""
    found = ranking(graph, call)
    return found.before if (found.signs > 0).all() else call


def seed_call(graph: Graph, unit: Unit) -> Call:
    """Return the call whose value at a unit is seeded and projected: the one before an activation that is flat above, which has no slope.

    A unit that falls with the value before keeps its own: a deconvnet takes no negative seed.
    """
    found = ranking(graph, graph.score(graph.find(unit.layer)))
    return found.before if found.signs[unit.channel] > 0 else found.call


def own_values(graph: Graph, unit: Unit, values: FloatArray) -> FloatArray:
    """Return a unit's own values (any,) for those of its `seed_call`."""
    found = ranking(graph, graph.score(graph.find(unit.layer)))
    return found.one(unit.channel, values) if found.signs[unit.channel] > 0 else values


def _found(graph: Graph, call: Call) -> Ranking:
    channels = call.shape[-1] if len(call.shape) > 1 else None
    own = Ranking(graph, call, call, np.zeros(channels or 0, np.float32), np.full(channels or 0, np.inf, np.float32))
    if not channels or call.index not in graph.downstream:
        return own
    found = own
    for before in _befores(graph, call):
        curve = curve_of(graph, before, call)
        if curve is None:
            break
        here = curve if found.is_own else curve_of(graph, before, found.before)
        if here is None:
            break
        tied = _flat_signs(here * np.where(found.signs < 0, -1, 1)) != 0  # for these units the call found so far does not tell images apart
        signs = np.where(found.signs == 0, _flat_signs(curve), _monotone(curve)).astype(np.float32)
        if tied.any() and signs[found.signs != 0].all():
            found = Ranking(graph, call, before, signs, np.where(signs != 0, _ceilings(curve), np.inf).astype(np.float32))
    return found


def _befores(graph: Graph, call: Call) -> Iterator[Call]:
    """Yield the calls of one value, nearest first, on which alone `call` depends, as long as all between may be by the number."""
    open_calls = {call.index}
    for _ in range(FARTHEST):
        last = max(open_calls)
        if graph.calls[last].kind in MIXING:
            return
        sources = {source.call for source in graph.calls[last].sources if source.call in graph.downstream}
        if any(source.output for source in graph.calls[last].sources):
            return
        open_calls = (open_calls - {last}) | sources
        if len(open_calls) == 1 and (before := graph.calls[next(iter(open_calls))]).shape == call.shape:
            yield before


def curve_of(graph: Graph, before: Call, call: Call) -> FloatArray | None:
    """Return the values of `call`, (place, channel), where `before` is GRID; None where a number depends on its neighbours."""
    if not is_by_number(graph, before, call):
        return None
    places = np.repeat(GRID[:, None], int(call.shape[-1] or 0), axis=1)
    try:
        return to_array(_curve(graph, before, call, ops.convert_to_tensor(places)))
    except Exception:  # what does not compute on numbers of another shape depends on that shape
        return None


def ends_of(graph: Graph, before: Call, call: Call, taken: tuple[float, float]) -> tuple[float, float]:
    """Return the least and the largest value of `call` where those of `before` lie between two numbers, infinite where that is not known.

    It is known where each number depends only on the same number before, and only rises or only falls with it.
    """
    curve = None if call.kind in MIXING else curve_of(graph, before, call)
    if curve is None or not (slopes := _monotone(curve)).all():
        return -np.inf, np.inf
    # Beyond the grid a curve stays where it is flat, and may go anywhere else.
    inside = np.repeat(np.clip(taken, GRID[0], GRID[-1]).astype(np.float32)[:, None], curve.shape[1], axis=1)
    least, largest = to_array(_curve(graph, before, call, ops.convert_to_tensor(inside)))
    if taken[0] < GRID[0]:
        least = np.where((curve[: len(GRID) - FLAT] == curve[0]).all(axis=0), curve[0], -np.inf * slopes)
    if taken[1] > GRID[-1]:
        largest = np.where((curve[FLAT:] == curve[-1]).all(axis=0), curve[-1], np.inf * slopes)
    return float(np.minimum(least, largest).min()), float(np.maximum(least, largest).max())


def _curve(graph: Graph, before: Call, call: Call, values: Any) -> Any:
    """Return the values of `call` (place, channel) where `before` has `values` (place, channel), each place an image of one pixel."""
    pixels = ops.reshape(values, (-1, *[1] * (len(call.shape) - 2), values.shape[-1]))
    return ops.reshape(ops.cast(_run(graph, before, call, pixels), "float32"), (-1, values.shape[-1]))


def is_by_number(graph: Graph, before: Call, call: Call) -> bool:
    """Say whether each number of `call` depends only on the same number of `before` and on its channel. It is tried."""
    if call.shape != before.shape:
        return False
    try:
        return _treats_alike(graph, before, call)
    except Exception:  # what does not compute on numbers of another shape depends on that shape
        return False


def _treats_alike(graph: Graph, before: Call, call: Call) -> bool:
    sides, channels = [3] * (len(call.shape) - 2), int(call.shape[-1] or 0)
    rng = np.random.default_rng(0)
    one, other = (rng.normal(scale=3.0, size=(2, *sides, channels)).astype(np.float32) for _ in range(2))
    same = rng.random(one.shape) < 0.5
    given = (one, np.where(same, one, other), np.ones_like(one))
    found, again, even = (to_array(_run(graph, before, call, ops.convert_to_tensor(values))) for values in given)
    return found.shape == one.shape and _close(found[same], again[same]) and _close(even, even[(0,) * (even.ndim - 1)])


def _close(one: FloatArray, other: FloatArray) -> bool:
    """Say whether numbers are the same up to rounding, which may depend on their place in memory."""
    return bool(np.allclose(one, other, rtol=1e-5, atol=1e-6, equal_nan=True))


def _run(graph: Graph, before: Call, call: Call, value: Any) -> Any:
    """Return the value of `call` where `before` has this one."""
    values: dict[int, Any] = {before.index: value}
    for one in _between(graph, before, call):
        inputs = [picked(values[source.call], source) for source in one.sources]
        with naming(one, inputs):
            values[one.index] = one(*inputs)
    return values[call.index]


def _between(graph: Graph, before: Call, call: Call) -> Sequence[Call]:
    """Return the calls after `before` that `call` depends on, itself included, in running order."""
    needed = {call.index}
    for one in reversed(graph.calls[: call.index + 1]):
        if one.index in needed:
            needed.update(source.call for source in one.sources if source.call != before.index)
    return [one for one in graph.calls if one.index in needed]


def _rounding(curve: FloatArray) -> FloatArray:
    return np.asarray(ROUNDING * np.abs(GRID)[:, None] + NEAR * np.abs(curve), np.float32)


def _monotone(curve: FloatArray) -> FloatArray:
    """Return 1 for each channel whose curve never falls, -1 where it never rises, 0 where it does both, neither, or is not finite."""
    with np.errstate(invalid="ignore"):
        steps, rounding = np.diff(curve, axis=0), _rounding(curve)[1:]
        rises, falls = (steps > rounding).any(axis=0), (steps < -rounding).any(axis=0)
    finite = np.isfinite(curve).all(axis=0)
    return np.where(finite, rises.astype(np.float32) - falls.astype(np.float32), 0).astype(np.float32) * (rises != falls)


def _flat_signs(curve: FloatArray) -> FloatArray:
    """Return 1 for each channel whose curve rises and is flat at its upper end, -1 where it falls and is flat at its lower end, else 0."""
    signs = _monotone(curve)
    with np.errstate(invalid="ignore"):
        above = (np.abs(curve[FLAT:] - curve[-1]) <= _rounding(curve)[FLAT:]).all(axis=0)
        below = (np.abs(curve[: len(GRID) - FLAT] - curve[0]) <= _rounding(curve)[: len(GRID) - FLAT]).all(axis=0)
    return np.where(signs > 0, above * signs, below * signs).astype(np.float32)


def _ceilings(curve: FloatArray) -> FloatArray:
    """Return the highest value of each channel's curve; where far away rounding changes it a little, a little less than nearer to zero."""
    highest, near = curve.max(axis=0), curve[np.abs(GRID) <= 2.0**12].max(axis=0)
    rounded = (highest != near) & (highest - near < 0.01 * np.abs(near))
    return np.asarray(np.where(rounded, near - 1e-4 * np.abs(near), highest), np.float32)
