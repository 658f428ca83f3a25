"""How much there is to compute on the way to a call, in multiplications: what decides which way of computing is worth its preparation."""

import math
from collections.abc import Callable, Sequence

from ..graph.calls import Call, Graph
from .shapes import call_shapes

# Making a call part of a compiled graph takes about as long as this many multiplications of a convolution, twice over.
WORK_PER_COMPILED_CALL = 2e8


def multiplications(calls: Sequence[Call], area: Callable[[int], int]) -> float:
    """Return the multiplications of some calls: each weight once for each place of the output, of which `area` says the number."""
    weights = {call.index: sum(math.prod(weight.shape) for weight in getattr(call.operation, "weights", ())) for call in calls}
    channels = {call.index: call.shape[-1] if call.shape else 1 for call in calls}  # one number, such as a map's maximum, has no shape
    return float(sum(area(call.index) * (weights[call.index] or channels[call.index] or 1) for call in calls))


def is_heavy(graph: Graph, call: Call, size: tuple[int, int]) -> bool:
    """Return whether images of `size` (height, width) cost so much on the way to `call` that compiling pays the first time already."""
    shapes = call_shapes(graph, call, size)
    calls = graph.steps([call.index])
    return multiplications(calls, lambda index: math.prod(side or 1 for side in shapes[index][1:-1])) > WORK_PER_COMPILED_CALL * len(calls)
