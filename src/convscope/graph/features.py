"""Which layer's values stand for a whole image, and as what vector."""

from typing import Any

from ..backend import ops
from .calls import Call, Graph
from .kinds import Kind


def feature_call(graph: Graph, layer: str | None) -> Call:
    """Return the call whose output the map is made of: `layer`, or the last dense layer before the softmax.

    Where only the classifier is dense, that is its input (mostly a global average); where nothing is, the network's output.
    """
    if layer is not None:
        return graph.find(layer)
    output = graph.calls[graph.outputs[0].call]
    before = graph.score(output)
    dense = [call for call in graph.ancestors([output.index]) if call.kind is Kind.DENSE and call.index in graph.downstream]
    if not dense:
        return output
    if before is output:
        return _visible(graph, dense[-1])
    return _visible(graph, dense[-2]) if len(dense) > 1 else graph.calls[dense[-1].sources[0].call]


def _visible(graph: Graph, call: Call) -> Call:
    return graph.visible[call.address]


def averaged(value: Any) -> Any:
    """Return a layer's output as (image, feature): maps are averaged over space, in float32."""
    rank = len(value.shape)
    return ops.mean(ops.cast(value, "float32"), axis=tuple(range(1, rank - 1))) if rank > 2 else value
