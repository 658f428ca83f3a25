"""Lesions: units that are silenced on the way forward, whatever the image is.

A silenced unit is 0 where its layer's value leaves for the next layer that mixes channels: after its activation. Where the layer has none
of its own, its channel is followed through the batch normalization and the activation that alone take it, and is 0 behind each of them.
Elsewhere, such as before a sum of branches, the value itself is 0.
"""

import dataclasses
import re
from collections.abc import Iterable, Sequence

from ..errors import UnitError
from ..units import parse
from .calls import Call, Graph, no_units
from .kinds import ACTIVATIONS, Kind

PASSED = (ACTIVATIONS - {Kind.SOFTMAX}) | {Kind.IDENTITY}


def silenced(graph: Graph, without: Iterable[str]) -> Graph:
    """Return the graph with the units at these addresses silenced, the same one where there are none.

    All indices and addresses stay. Raises UnitError for what is not a unit, and for units of the output, after which nothing follows.
    """
    silent: dict[int, set[int]] = {}
    for text in without:
        pattern = parse(text)
        call = _found(graph, pattern.layer)
        channels = _channels(graph, call, pattern.channels)
        for one in way_out(graph, call):
            silent[one.index] = silent.get(one.index, set()) | channels
    if not silent:
        return graph
    calls = (dataclasses.replace(one, silent=tuple(sorted(silent.get(one.index, ())))) for one in graph.calls)
    return dataclasses.replace(graph, calls=tuple(calls))


def _found(graph: Graph, layer: str) -> Call:
    """As `Graph.find`. The command that the error recommends must not have the address that cannot be found."""
    try:
        return graph.find(layer)
    except UnitError as error:
        raise UnitError(re.sub(r" --without ('[^']*'|\S+)", "", str(error))) from None


def way_out(graph: Graph, call: Call) -> list[Call]:
    """Return the calls behind each of which a unit of `call` is 0 when it is silenced: its own, and those up to its activation."""
    way = [call]
    while way[-1].kind not in ACTIVATIONS:
        takers = takers_of(graph, way[-1])
        if len(takers) != 1 or not (takers[0].kind in PASSED or takers[0].layer_type == "BatchNormalization"):
            break
        way.append(takers[0])
    return way


def takers_of(graph: Graph, call: Call) -> list[Call]:
    """Return the calls that take the value of `call`."""
    return [one for one in graph.calls if call.index in [source.call for source in one.sources]]


def check_inside(graph: Graph, call: Call) -> None:
    """Raise UnitError for a call whose units nothing takes that mixes channels: the output, the classes, or what leads nowhere."""
    if graph.holds_classes(call) or not takers_of(graph, call):
        raise UnitError(
            f"`{call.address}` holds the network's output, after which nothing follows that could change. Expected units of a layer "
            "before it."
        )


def _channels(graph: Graph, call: Call, wanted: Sequence[int] | str | None) -> set[int]:
    if call.unfit:
        raise no_units(call, call.unfit)
    check_inside(graph, call)
    count = int(call.shape[-1] or 0) if len(call.shape) > 1 else 0
    channels = set(range(count)) if isinstance(wanted, str) else {int(channel) for channel in wanted or ()}
    outside = sorted(channel for channel in channels if channel >= count)
    if outside or not channels:
        raise UnitError(f"`{call.address}` has {count} channels, 0 to {count - 1}; received channel {outside[0] if outside else '?'}.")
    return channels
