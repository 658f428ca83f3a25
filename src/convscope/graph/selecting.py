"""Max pooling, concatenation and whatever else only chooses among values, once more on what comes before an activation that is flat above.

Of a map of ReLU6 a max pooling hands on ties. Both rise, so the pooled map is the activation of the pooled values before it, and these tell
images apart. The calls that compute them are added to the graph, hidden, and rank the units of the calls that they stand for.
"""

import dataclasses
from typing import Any

import numpy as np

from ..backend import ops
from .calls import Call, Graph, Ref, filled
from .kinds import LINEAR, Kind
from .saturation import Ranking, ranking
from .tensors import to_array

CHOOSING = frozenset({Kind.MAX_POOL, Kind.CROPPING, Kind.PADDING, Kind.UPSAMPLING})
HANDING_ON = (
    "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianNoise GaussianDropout AlphaDropout ActivityRegularization Identity"
).split()
# What is not flat above: its values need not be looked at.
RISING = LINEAR | {Kind.INPUT, Kind.NORMALIZATION, Kind.AVERAGE_POOL, Kind.GLOBAL_POOL}


def with_chosen(graph: Graph) -> Graph:
    """Return the graph with a hidden call for each that chooses among values of activations that are flat above; the same without any."""
    found: dict[int, Ranking] = {}
    for call in graph.calls:
        if call.index in graph.downstream and (parts := _parts(graph, call, found)):
            refs = iter([source if part is None else Ref(part.before.index) for source, part in zip(call.sources, parts, strict=True)])
            index = len(graph.calls) + len(found)
            twin = dataclasses.replace(call, index=index, arguments=filled(call.arguments, refs), inner=True)
            counts = [int(graph.calls[source.call].shape[-1] or 0) for source in call.sources]
            signs = [np.zeros(count, np.float32) if part is None else part.signs for count, part in zip(counts, parts, strict=True)]
            ends = [
                np.full(count, np.inf, np.float32) if part is None else part.ceilings for count, part in zip(counts, parts, strict=True)
            ]
            found[call.index] = Ranking(graph, call, twin, np.concatenate(signs), np.concatenate(ends), parts)
    if not found:
        return graph
    larger = dataclasses.replace(graph, calls=(*graph.calls, *(one.before for one in found.values())))
    larger.known.update({("ranking", index): dataclasses.replace(one, graph=larger) for index, one in found.items()})
    return larger


def _parts(graph: Graph, call: Call, found: dict[int, Ranking]) -> tuple[Ranking | None, ...]:
    """Return by what each source of a call that chooses is ranked, None for one by its own; nothing for any other call."""
    channels, several = call.shape[-1] if len(call.shape) > 1 else None, call.layer_type == "Concatenate"
    sources = [graph.calls[source.call] for source in call.sources]
    if not channels or any(source.output for source in call.sources) or not (several or chooses(call)):
        return ()
    if sum(one.shape[-1] or 0 for one in sources) != channels or (several and call.operation.axis not in (-1, len(call.shape) - 1)):  # type: ignore[attr-defined]
        return ()
    parts = tuple(found.get(one.index) or _flat(graph, one) for one in sources)
    if not any(parts) or (call.kind is Kind.PADDING and not all(part is not None and _is_zero_at_zero(part) for part in parts)):
        return ()
    return parts


def chooses(call: Call) -> bool:
    """Say whether a call returns numbers of its only source, or the zeros around them, and no others."""
    if len(call.sources) != 1:
        return False
    if call.kind is Kind.UPSAMPLING:
        return getattr(call.operation, "interpolation", "nearest") == "nearest"
    return call.kind in CHOOSING or call.layer_type in HANDING_ON


def _flat(graph: Graph, call: Call) -> Ranking | None:
    """Return by what the units of a call are ranked, if all rise with it and some are flat above."""
    if call.kind in RISING or _is_plain_relu(call):
        return None
    found = ranking(graph, call)
    return found if not found.is_own and (found.signs > 0).all() else None


def _is_plain_relu(call: Call) -> bool:
    """Say whether a call is the ReLU of most networks, which has no ceiling, so that it need not be tried."""
    operation: Any = getattr(call.operation, "activation", call.operation)
    name = getattr(operation, "__name__", type(operation).__name__)
    return name in ("relu", "ReLU", "Relu") and getattr(operation, "max_value", None) is None


def _is_zero_at_zero(part: Ranking) -> bool:
    """Say whether zeros before the activation are zeros after it."""
    return not to_array(part.values(ops.zeros((1, len(part.signs))))).any()
