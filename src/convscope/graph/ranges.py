"""Between which numbers the values of a call lie, whatever the image is.

Activations are read by numbers, not by names: what treats each number by itself and only rises, or only falls, has its bounds at the ends
of what it takes.
"""

import math

from .calls import Call, Graph
from .kinds import LINEAR, Kind
from .saturation import ends_of
from .selecting import chooses

Range = tuple[float, float]
ANY: Range = (-math.inf, math.inf)
# What returns numbers between those that it takes: by kind, and by the names of layers.
BETWEEN = frozenset({Kind.AVERAGE_POOL, Kind.GLOBAL_POOL})
BETWEEN_TYPES = frozenset({"Average", "Maximum", "Minimum", "Concatenate", "Flatten", "Reshape", "Permute"})


def range_of(graph: Graph, call: Call, range_of_image: Range | None) -> Range:
    """Return the least and the largest number that a call can return for any image; infinite where nothing says so.

    `range_of_image`: of the numbers that enter the network, None where that is not known. The graph keeps the range: many ways may
    lead back to one call.
    """
    key = "range", call.index, range_of_image
    if key not in graph.known:
        graph.known[key] = _found(graph, call, range_of_image)
    found: Range = graph.known[key]
    return found


def _found(graph: Graph, call: Call, range_of_image: Range | None) -> Range:
    if call.index == graph.image_input:
        return range_of_image or ANY
    if call.kind in LINEAR or call.kind is Kind.INPUT or any(source.output for source in call.sources):
        return ANY
    taken = [range_of(graph, graph.calls[source.call], range_of_image) for source in call.sources]
    if call.kind is Kind.SOFTMAX and "log" not in call.layer_type.lower():
        return 0.0, 1.0
    if call.kind in BETWEEN or call.layer_type in BETWEEN_TYPES or chooses(call):
        least, largest = min(low for low, _ in taken), max(high for _, high in taken)
        return (min(0.0, least), max(0.0, largest)) if call.kind is Kind.PADDING else (least, largest)
    if call.layer_type == "Add":
        return sum(low for low, _ in taken), sum(high for _, high in taken)
    if call.kind is Kind.MULTIPLY:
        return _product(taken)
    return ends_of(graph, graph.calls[call.sources[0].call], call, taken[0]) if len(call.sources) == 1 else ANY


def _product(taken: list[Range]) -> Range:
    found = taken[0]
    for other in taken[1:]:
        corners = [0.0 if 0.0 in (one, two) else one * two for one in found for two in other]
        found = min(corners), max(corners)
    return found
