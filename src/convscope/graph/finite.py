"""Weights that are NaN or infinite: which units they spoil, and the sentence that says so.

NaN stays NaN in arithmetic, and sums of infinities are NaN, but frameworks lose it: a maximum or a rectifier may turn it into 0 or the
least number, on one backend and not on another. So what such weights reach is followed through the graph and not read from values.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..legible import legible
from .calls import Call, Graph
from .kinds import LINEAR, Kind
from .saturation import ranking

MOST_NAMED = 3


def spoilt_units(graph: Graph, call: Call) -> NDArray[np.bool_]:
    """Return (channel,) which units of `call` NaN and infinite weights reach, all of one whose channels cannot be followed.

    What is infinite ends at an activation that is flat: of that it has the ceiling.
    """
    return _followed(graph, call, "NaN") | _followed(graph, call, "infinite")


def _followed(graph: Graph, call: Call, fault: str) -> NDArray[np.bool_]:
    reached: dict[int, NDArray[np.bool_]] = {}
    for one in graph.ancestors([call.index]):
        key = fault, one.index
        if key not in graph.known:
            spoilt = _reached(graph, one, [reached[source.call] for source in one.sources], fault)
            graph.known[key] = spoilt & ~np.isin(np.arange(len(spoilt)), one.silent)
        reached[one.index] = graph.known[key]
    return reached[call.index]


def weight_notes(graph: Graph, calls: Iterable[Call]) -> tuple[str, ...]:
    """Return a sentence on the NaN and infinite weights that `calls` depend on, none where all are finite."""
    before = graph.ancestors([call.index for call in calls])
    odd = list(dict.fromkeys(call.address for call in before if not _has_finite_weights(graph, call)))
    if not odd:
        return ()
    more = f" and {len(odd) - MOST_NAMED} more layers" if len(odd) > MOST_NAMED else ""
    named = ", ".join(f"`{legible(address)}`" for address in odd[:MOST_NAMED])
    return (f"Weights that are NaN or infinite: in {named}{more}. What depends on them is not finite, whatever number a framework shows.",)


def _has_finite_weights(graph: Graph, call: Call) -> bool:
    key = "finite weights", call.index
    if key not in graph.known:
        graph.known[key] = all(_is_finite(weight) for _, weight in _weights(call))
    return bool(graph.known[key])


def _reached(graph: Graph, call: Call, sources: list[NDArray[np.bool_]], fault: str) -> NDArray[np.bool_]:
    channels = int(call.shape[-1] or 1) if len(call.shape) > 1 else 1
    own = np.zeros(channels, bool)
    if not _has_finite_weights(graph, call):
        for name, weight in _weights(call):
            values = np.asarray(ops.convert_to_numpy(weight)).astype(np.float32)
            own |= _channels(np.isnan(values) if fault == "NaN" else np.isinf(values), name, channels, call)
    if not any(source.any() for source in sources) or (fault == "infinite" and not ranking(graph, call).is_own):
        return own
    if call.kind in LINEAR and "Depthwise" not in call.layer_type:
        return np.ones(channels, bool)
    if call.layer_type == "Concatenate" and sum(len(source) for source in sources) == channels:
        return own | np.concatenate(sources)
    if call.kind in (Kind.SOFTMAX, Kind.CONTRAST) or any(len(source) not in (1, channels) for source in sources):
        return np.ones(channels, bool)
    for source in sources:
        own = own | source
    return own


def _channels(odd: NDArray[np.bool_], name: str, channels: int, call: Call) -> NDArray[np.bool_]:
    """Return in which channels an array of weights is odd; its axis of channels is the last, of a transposed kernel the one before."""
    if call.kind is Kind.TRANSPOSED and "kernel" in name and odd.ndim > 2:
        odd = np.swapaxes(odd, -1, -2)
    if odd.ndim and odd.shape[-1] == channels:
        return np.asarray(odd.reshape(-1, channels).any(axis=0))
    if odd.ndim > 1 and odd.shape[-1] * odd.shape[-2] == channels:  # a depthwise kernel: inputs, then their multiples
        return np.asarray(odd.reshape(-1, channels).any(axis=0))
    return np.full(channels, odd.any())


def _weights(call: Call) -> list[tuple[str, Any]]:
    found = [] if call.kind is Kind.INPUT else list(getattr(call.operation, "weights", ()))
    return [(str(weight.name), weight) for weight in found if "seed" not in str(weight.name)]


def _is_finite(weight: Any) -> bool:
    array = np.asarray(ops.convert_to_numpy(weight))
    if array.dtype.kind in "iub":
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum(dtype=np.float32)) or np.isfinite(array.astype(np.float32)).all())
