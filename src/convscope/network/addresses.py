"""From what a user writes to units of a network: every address is checked here, near misses are suggested.

`network` is a Network; a bundle, too, as long as some room still hands one down.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import UnitError, closest
from ..graph.calls import Call, Graph, no_units
from ..hints import listing
from ..units import Unit, UnitPattern, parse
from .network import Network, as_network


def unit_call(graph: Graph, unit: Unit) -> Call:
    """Return the call whose output holds the unit's value: before a softmax, after any other activation."""
    return graph.score(graph.find(unit.layer))


def as_units(network: Any, units: Any) -> tuple[Unit, ...]:
    """Return the units that addresses, Units or sequences of them mean. Raises UnitError, suggesting near misses."""
    found = _units(as_network(network), units, whole_layers=False)
    if not found:
        raise UnitError(f"No unit. Expected an address such as `block4_conv2:17`; `{listing()}` lists the layers.")
    return found


def as_candidates(network: Any, units: Any) -> tuple[Unit, ...]:
    """As `as_units`, but a bare layer means all its units: what the strongest are chosen from."""
    return _units(as_network(network), units, whole_layers=True)


def _units(network: Network, units: Any, *, whole_layers: bool) -> tuple[Unit, ...]:
    found: list[Unit] = []
    for part in parts_of(units):
        found.extend([_checked(network, part)] if isinstance(part, Unit) else _resolved(network, part, whole_layers=whole_layers))
    return tuple(dict.fromkeys(found))


def parts_of(units: Any) -> list[str | Unit]:
    """Return a user's addresses and Units, one or any sequence of them. Raises UnitError for anything else."""
    parts = [units] if isinstance(units, str | Unit) or not isinstance(units, Iterable) else list(units)
    for part in parts:
        if not isinstance(part, str | Unit):
            raise UnitError(f"Received {part!r} as a unit. Expected an address such as `block4_conv2:17`, or several.")
    return parts


def _resolved(network: Network, text: str, *, whole_layers: bool) -> list[Unit]:
    pattern = parse(text)
    call = network.graph.find(pattern.layer)
    count = channel_count(call)
    if pattern.channels is None and not whole_layers:
        raise UnitError(f"`{text}` names a layer, not a unit of it. Write a channel, `{text}:0` to `{text}:{count - 1}`, or `{text}:all`.")
    if pattern.channels is None or pattern.channels == "all":
        channels: Iterable[int] = range(count)
    elif isinstance(pattern.channels, str):
        channels = [_class_index(network, call, pattern)]
    else:
        channels = pattern.channels
    return [_checked(network, Unit(call.address, channel, pattern.position)) for channel in channels]


def _class_index(network: Network, call: Call, pattern: UnitPattern) -> int:
    """Return the channel that a class name means. Raises UnitError for a name of no class, or of several."""
    wanted, labels = str(pattern.channels), network.bundle.labels or ()
    if not network.graph.holds_classes(call) or channel_count(call) != len(labels):
        raise UnitError(f"`{wanted}` in `{pattern.text}` is not a channel of `{call.address}`. {_instead(network.graph, call, labels)}")
    found = [index for index, name in enumerate(labels) if name == wanted] or [
        index for index, name in enumerate(labels) if _plain(name) == _plain(wanted)
    ]
    if not found:
        raise UnitError(
            f"`{wanted}` in `{pattern.text}` is not a class of `{network.bundle.name}`. {closest('its classes', wanted, labels)}"
        )
    if len(found) > 1:
        addresses = ", ".join(f"{call.address}:{index}" for index in found[:4])
        raise UnitError(f"`{wanted}` in `{pattern.text}` is the name of {len(found)} classes. Write one of {addresses}.")
    return found[0]


def _instead(graph: Graph, call: Call, labels: Sequence[str]) -> str:
    """Return the sentence that says what can be written behind a layer's colon."""
    count = channel_count(call)
    numbers = f"It has the channels 0 to {count - 1}."
    if not graph.holds_classes(call):
        return numbers
    if not labels:
        return f"{numbers} This model has no class names. Add them with --labels."
    return f"{numbers} The {len(labels)} class names do not match them."


def _plain(name: str) -> str:
    """Return a class name without what spellings differ in: case, and how accents are put together."""
    return unicodedata.normalize("NFC", name).casefold()


def _checked(network: Network, unit: Unit) -> Unit:
    call = network.graph.find(unit.layer)
    count = channel_count(call)
    if not 0 <= unit.channel < count:
        raise UnitError(f"`{call.address}` has {count} channels, 0 to {count - 1}; received channel {unit.channel}.")
    if unit.position is not None and len(call.shape) != 4:
        raise UnitError(f"`{call.address}` has no rows and columns, so `@{unit.position[0]},{unit.position[1]}` has no meaning there.")
    if unit.position is not None and min(unit.position) < 0:
        raise UnitError(f"`{unit}` has a negative position. Rows and columns count from 0.")
    return Unit(call.address, unit.channel, unit.position)


def channel_count(call: Call) -> int:
    """Return how many channels a call's output has; raise UnitError for a call without channels."""
    if call.unfit:
        raise no_units(call, call.unfit)
    if len(call.shape) < 2 or not call.shape[-1]:
        raise UnitError(
            f"`{call.address}` ({call.layer_type}, shape {call.shape}) has no channels. `{listing()}` lists the layers that have channels."
        )
    return int(call.shape[-1])


def class_names(network: Any, units: Iterable[Unit]) -> dict[str, str]:
    """Return the class names of the output units among `units`, by address."""
    network = as_network(network)
    graph, labels = network.graph, network.bundle.labels or ()
    outputs = {output.call for output in graph.outputs}
    calls = {unit: graph.find(unit.layer) for unit in units}
    return {str(unit): labels[unit.channel] for unit, call in calls.items() if call.index in outputs and channel_count(call) == len(labels)}
