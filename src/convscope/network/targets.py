"""From what a user writes to targets: units of a network, or expressions of several, with layers, channels and classes looked up once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NewType

import numpy as np

from ..array_files import ArrayFileError, read_array
from ..digests import array_digest
from ..errors import UnitError
from ..expressions import ARRAY, Direction, Function, Objective, Term, as_objective, is_address
from ..graph.calls import Graph
from ..hints import listing
from ..reach import user_path
from ..units import Unit
from .addresses import as_units, channel_count, unit_call
from .network import Network

# Where a bare layer needs a picture to start from.
DREAMING = "; or add --start PHOTO to dream the whole layer from a photograph"
# An objective with its layers, channels and classes looked up in a network: only `as_targets` makes one.
Target = NewType("Target", Objective)


def as_targets(network: Network, units: Any, *, start: bool = False, layers: str = DREAMING) -> tuple[Target, ...]:
    """Return what addresses, expressions, Units, Objectives or sequences of them mean, each once.

    `start` says that there is a picture to start from, without which a bare layer is not a target; `layers` ends the sentence that says
    so. Raises UnitError.
    """
    parts = [units] if isinstance(units, str | Unit | Objective) or not isinstance(units, Iterable) else list(units)
    targets = [target for part in parts for target in _targets(network, part, start, layers)]
    if not targets:
        raise UnitError(f"No unit or other objective. Expected an address such as `block4_conv2:17`; `{listing()}` lists the layers.")
    return tuple(dict.fromkeys(targets))


def recorded_as(targets: Iterable[Target]) -> tuple[Unit | Objective, ...]:
    """Return targets as a result names them: what is one unit as a Unit."""
    return tuple(target.unit or target for target in targets)


def array_inputs(targets: Sequence[Target]) -> tuple[dict[str, Any], ...]:
    """Return what the provenance records of the directions among the targets: the file of each, None if it has none, and its digest."""
    terms = [term for target in targets for term in target.terms]
    directions = dict.fromkeys(term.channel for term in terms if isinstance(term.channel, Direction))
    return tuple({"given": [one.path] if one.path else None, "count": 1, "digest": _digest(one.vector)} for one in directions)


def _targets(network: Network, given: Any, start: bool, layers: str) -> Iterable[Target]:
    """Return the targets that one part of the request means: several units only where it is a plain address."""
    if isinstance(given, str) and not _has_no_channels(given, start) and (is_address(given) or _is_class(network, given)):
        _refuse_bare_layer(network.graph, given, layers)
        return [Target(as_objective(unit)) for unit in as_units(network, given)]
    found = Objective(tuple(_terms(network, as_objective(given))))
    if not found.terms:
        raise UnitError(f"`{given}` has no effect: its terms cancel one another. Write an expression with a term left.")
    return [Target(found)]


def _has_no_channels(text: str, start: bool) -> bool:
    """Say whether a plain address names a direction, a place of a layer, or a layer to dream from a picture."""
    head, colon, tail = text.partition(":")
    return tail.partition("@")[0].strip().endswith(ARRAY) if colon else start or "@" in head


def _refuse_bare_layer(graph: Graph, text: str, instead: str) -> None:
    if ":" not in text:
        call = graph.find(text.strip())
        address, last = call.address, channel_count(call) - 1
        raise UnitError(
            f"`{text}` names a layer, not a unit of it. Write a channel, `{address}:0` to `{address}:{last}`, or `{address}:all`{instead}."
        )


def _is_class(network: Network, text: str) -> bool:
    """Say whether a text is the address of a class whose name looks like a sum."""
    name = text.partition(":")[2].strip().lower()
    return bool(name) and name in (label.lower() for label in network.bundle.labels or ())


def _terms(network: Network, wanted: Objective) -> Iterator[Term]:
    for term in wanted.terms:
        if isinstance(term.channel, str) and term.channel.endswith(ARRAY):
            term = replace(term, channel=_read(term.channel))
        if isinstance(term.channel, Function):
            layers = tuple(network.graph.find(layer).address for layer in term.layers)
            yield replace(term, layer=layers[0], channel=replace(term.channel, layers=layers))
            continue
        call = network.graph.find(term.layer)
        if isinstance(term.channel, int | str):
            unit = as_units(network, replace(term, weight=1.0, odds=False).address)[0]
            yield replace(term, layer=unit.layer, channel=unit.channel)
            continue
        count = channel_count(unit_call(network.graph, Unit(term.layer, 0)))
        if isinstance(term.channel, Direction) and len(term.channel.vector) != count:
            size = len(term.channel.vector)
            raise UnitError(
                f"The direction `{term.channel}` has {size} numbers, but `{call.address}` has {count} channels. Expected one "
                f"number for each."
            )
        as_units(network, Unit(term.layer, 0, term.position))
        yield replace(term, layer=call.address)


def _read(name: str) -> Direction:
    """Return the direction that an .npy file holds; raise UnitError that describes the file."""
    path = user_path(name)
    try:
        array = read_array(path)
    except (OSError, ArrayFileError) as error:
        fact = getattr(error, "strerror", None) or error
        raise UnitError(f"Cannot read the direction `{name}`: {fact}. Expected an .npy file with one number for each channel.") from error
    vector = np.squeeze(array)
    if vector.ndim != 1 or vector.dtype.kind not in "fiu" or not np.isfinite(vector).all() or not vector.any():
        raise UnitError(
            f"`{name}` holds an array of shape {array.shape}, type {array.dtype}. Expected finite numbers, one for each "
            f"channel, and not all 0."
        )
    return Direction(path.name, tuple(float(value) for value in vector), str(path.absolute()))


def _digest(vector: Sequence[float]) -> str:
    return array_digest(np.asarray(vector, dtype=np.float64))
