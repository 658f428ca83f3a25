"""What units are made of: from a layer down to the nearest layers below, everything between multiplied out.

Layers are handled whole, as matrices, in pieces of `MOST_NUMBERS`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..legible import legible
from ..results.circuits import Connection, Feed, UnitConnections, UnitFeeds
from ..units import Unit
from .adjoint import LEFT_OUT, Shapes, carried, quieted
from .calls import Call, Graph
from .kinds import ACTIVATIONS
from .signals import FloatArray, Signal

# From the address of a layer to how active each of its units is, (channel,).
Activity = Callable[[str], NDArray[np.floating]]
# Numbers of one signal at once: 64 MB.
MOST_NUMBERS = 2**24
MOST_NAMED = 3


@dataclass(frozen=True)
class Layers:
    """The layers of a graph between which paths are followed.

    `stops`: for the index of each call that holds the values of a layer's units its address, the input of images among them; `shapes`: of
    the outputs of all calls that they depend on, for one image.
    """

    graph: Graph
    stops: Mapping[int, str]
    shapes: Shapes

    def start(self, call: Call) -> Call:
        """Return the call before the units' own activation, which is what their inputs add up to."""
        while call.kind in ACTIVATIONS and len(call.sources) == 1:
            call = self.graph.calls[call.sources[0].call]
            if call.index in self.stops:
                break
        return call


@dataclass(frozen=True)
class Paths:
    """How some units depend on the nearest layers below: a signal at each, by address, the lowest first; and what to say of the way."""

    sources: Mapping[str, Signal]
    remarks: tuple[str, ...]
    units: int

    @np.errstate(invalid="ignore", over="ignore")
    def strengths(self, activity: Activity | None) -> FloatArray:
        """Return (unit, input) the sum of each pattern times the input's activity, all inputs of the first source, then of the next."""
        found = [np.zeros((self.units, 0), np.float32)]
        for layer, signal in self.sources.items():
            sums = signal.values.sum(axis=(1, 2))
            found.append(sums if activity is None else sums * _active(activity(layer)))
        return np.concatenate(found, axis=1)


def _active(values: NDArray[np.floating]) -> FloatArray:
    """Return how active units are, as weights: what was never above zero, or was not a number, is not active."""
    return np.asarray(np.nan_to_num(np.maximum(values, 0.0), nan=0.0, posinf=0.0), np.float32)


@np.errstate(invalid="ignore", over="ignore")  # of weights that are not finite
def paths(layers: Layers, call: Call, channels: NDArray[np.int64]) -> Paths:
    """Follow units of a call's layer down to the nearest stops below."""
    start = layers.start(call)
    waiting, sources = {start.index: quieted(call, _seed(layers, start, channels))}, {}
    remarks: set[tuple[str, str]] = set()
    while waiting:
        index = max(waiting)
        signal, one = waiting.pop(index), layers.graph.calls[index]
        if index in layers.stops and index != call.index:
            sources[layers.stops[index]] = quieted(one, signal)
            remarks |= signal.remarks
            continue
        for source, found in carried(layers.graph, one, signal, layers.shapes):
            if found is None:
                remarks |= {*signal.remarks, (LEFT_OUT, one.address)}
            else:
                waiting[source.call] = found if source.call not in waiting else waiting[source.call].plus(found)
    return Paths(dict(reversed(sources.items())), _sentences(layers.graph, remarks), len(channels))


def _seed(layers: Layers, start: Call, channels: NDArray[np.int64]) -> Signal:
    """Return units at the centre of their map."""
    shape = layers.shapes[start.index]
    values = np.zeros((len(channels), 1, 1, int(shape[-1])), np.float32)
    values[np.arange(len(channels)), 0, 0, channels] = 1
    centre = (int(shape[1]) // 2, int(shape[2]) // 2) if len(shape) == 4 else (0, 0)
    return Signal(values, centre, picked=channels)


def _sentences(graph: Graph, remarks: set[tuple[str, str]]) -> tuple[str, ...]:
    order = {call.address: call.index for call in graph.calls}
    found: dict[str, list[str]] = {}
    for convention, address in sorted(remarks, key=lambda one: (one[0], order[one[1]])):
        found.setdefault(convention, []).append(f"`{legible(address)}`")
    return tuple(convention.format(_listed(names)) for convention, names in found.items())


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def pieces(layers: Layers, call: Call) -> Iterator[tuple[NDArray[np.int64], Paths]]:
    """Yield the channels of a call's layer, in order, with their paths, as many at once as `MOST_NUMBERS` allows."""
    count = int(call.shape[-1] or 0)
    first = paths(layers, call, np.arange(1))
    largest = max((signal.values.size for signal in first.sources.values()), default=1)
    together = max(1, min(count, MOST_NUMBERS // largest))
    for begin in range(0, count, together):
        channels = np.arange(begin, min(begin + together, count))
        yield channels, first if count == 1 else paths(layers, call, channels)


def connections(layers: Layers, call: Call, address: str, activity: Activity | None, count: int) -> Iterator[UnitConnections]:
    """Yield what each unit of a layer is made of, in the order of channels: at most `count` inputs that excite, and that inhibit."""
    for channels, found in pieces(layers, call):
        inputs = [(layer, signal, channel) for layer, signal in found.sources.items() for channel in range(signal.values.shape[-1])]
        for unit, (channel, strengths) in enumerate(zip(channels.tolist(), found.strengths(activity), strict=True)):
            best = _strongest(strengths, count)
            made = [_connection(*inputs[place], unit, float(strengths[place])) for place in best]
            yield UnitConnections(Unit(address, channel), tuple(made), found.remarks)


def _strongest(strengths: FloatArray, count: int) -> list[int]:
    """Return where the largest above zero are, largest first, then the smallest below zero, smallest first; equals in order."""
    order = np.argsort(strengths, kind="stable")
    falling = np.argsort(-strengths, kind="stable")
    return [
        *(one for one in falling[:count].tolist() if strengths[one] > 0),
        *(one for one in order[:count].tolist() if strengths[one] < 0),
    ]


def _connection(layer: str, signal: Signal, channel: int, unit: int, strength: float) -> Connection:
    return Connection(Unit(layer, channel), strength, np.array(signal.values[unit, :, :, channel], np.float32), signal.step)


def feeds(
    layers: Layers, above: Sequence[tuple[str, Call]], wanted: Mapping[str, int], activity: Activity | None, count: int
) -> dict[str, tuple[UnitFeeds, ...]]:
    """Return what each unit of the `wanted` layers (address: channels) feeds among the units of the layers `above`, by layer."""
    best = {layer: _Best(channels, count) for layer, channels in wanted.items()}
    for address, call in above:
        for channels, found in pieces(layers, call):
            for layer, signal in found.sources.items():
                if layer in best:
                    strengths = Paths({layer: signal}, (), len(channels)).strengths(activity)
                    best[layer].take([Unit(address, channel) for channel in channels.tolist()], strengths.T)
    return {layer: one.feeds(layer) for layer, one in best.items()}


class _Best:
    """For each channel of a layer the units above that it excites and inhibits most, of those that were taken."""

    def __init__(self, channels: int, count: int) -> None:
        self.count = count
        self.targets: list[list[Feed]] = [[] for _ in range(channels)]

    def take(self, units: list[Unit], strengths: FloatArray) -> None:
        """Take more units above, with (channel, unit above) strengths."""
        for channel, row in enumerate(strengths):
            known = [*self.targets[channel], *(Feed(units[place], float(row[place])) for place in _strongest(row, self.count))]
            values = np.asarray([one.strength for one in known], np.float32)
            self.targets[channel] = [known[place] for place in _strongest(values, self.count)]

    def feeds(self, layer: str) -> tuple[UnitFeeds, ...]:
        """Return what each channel feeds, in order."""
        return tuple(UnitFeeds(Unit(layer, channel), tuple(known)) for channel, known in enumerate(self.targets))
