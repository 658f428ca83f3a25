"""Whether a call computes the same at every place of a map: if not, the map of a crop is not a part of the image's map."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..graph.calls import Call, Graph, refs_in
from ..graph.kinds import Kind
from .windows import POINTWISE

POOLINGS = frozenset({Kind.MAX_POOL, Kind.AVERAGE_POOL})


def is_invariant(graph: Graph, call: Call) -> bool:
    """Return whether `call` does the same wherever it stands, so that moving its input moves its output.

    Not so for weights, constants or second inputs that lie over rows and columns (PReLU without shared axes, a learned position added to
    the map), nor for statistics along them, nor for windows that divide the whole map. Of a class that is not Keras' own nobody knows,
    whatever it descends from.
    """
    if any(source.call not in graph.downstream for source in call.sources) or not _is_known(call.operation):
        return False
    if call.kind in POOLINGS and hasattr(call.operation, "output_size"):
        return False
    if call.kind not in POINTWISE and call.kind is not Kind.SOFTMAX:
        return True
    return _is_along_channels(call.operation) and all(_is_alike(shape) for shape in _shapes(call))


def _is_known(operation: Any) -> bool:
    """Say whether an operation is Keras' own, or a function, which stands under an activation's name."""
    return hasattr(operation, "__name__") or type(operation).__module__.startswith("keras.")


def _is_along_channels(operation: Any) -> bool:
    axis = getattr(operation, "axis", None)
    return set(axis if isinstance(axis, list | tuple) else [axis]) <= {-1, 3, None}


def _is_alike(shape: tuple[int, ...]) -> bool:
    """Say whether an array of that shape, broadcast over maps (rows, columns, channels), is the same in every row and column."""
    return all(side == 1 for side in shape[-3:-1])


def _shapes(call: Call) -> Iterator[tuple[int, ...]]:
    """Yield the shapes of what the call brings along: weights, the numbers of a rescaling, arrays among its arguments."""
    for weight in getattr(call.operation, "weights", ()):
        yield tuple(weight.shape)
    for name in ("scale", "offset"):
        yield np.shape(getattr(call.operation, name, 1.0))
    yield from _constants(call.arguments)


def _constants(structure: Any) -> Iterator[tuple[int, ...]]:
    if not refs_in(structure):
        yield tuple(structure.shape) if hasattr(structure, "shape") else np.shape(structure)
    elif isinstance(structure, list | tuple | dict):
        for part in structure.values() if isinstance(structure, dict) else structure:
            yield from _constants(part)
