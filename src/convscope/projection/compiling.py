"""Heavy networks run as one graph, made at the first call and kept with the network; light ones run call by call, without that wait."""

from collections.abc import Sequence
from typing import Any

from ..backend import ops
from ..graph.calls import Call
from ..graph.pooling import native_pooling_matches_ties
from ..graph.projector import Projector
from ..graph.rules import Ruleset
from ..locality.cost import is_heavy
from ..models import ModelBundle
from ..network.addresses import channel_count, graph_of
from ..network.network import as_network


def maps_of(bundle: ModelBundle, entered: Any, calls: Sequence[Call]) -> list[Any]:
    """Return what `calls` compute for a batch that enters the network (image, height, width, channel)."""
    graph, targets, size = graph_of(bundle), [call.index for call in calls], (entered.shape[1], entered.shape[2])
    if not any(is_heavy(graph, call, size) for call in calls):
        return graph.run(entered, targets)
    return list(as_network(bundle).compiled.get(("maps", *targets), lambda image: graph.run(image, targets))(entered))


def strongest_projected(bundle: ModelBundle, entered: Any, call: Call, channel: int, rules: Ruleset) -> tuple[Any, Any] | None:
    """Return a channel's projection from its strongest place, and the layer's output, in one go; None for a light network.

    As the seed takes its value, a negative one becomes zero; of equal ones the first place in row-major order.
    """
    graph = graph_of(bundle)
    if not is_heavy(graph, call, (entered.shape[1], entered.shape[2])):
        return None
    native_pooling_matches_ties()  # nothing can be tried while compiling

    rival, others = call.index in graph.rivals, channel_count(call) - 1

    def down(image: Any, weights: Any) -> tuple[Any, Any]:
        projector = Projector(graph, image, [call])
        maps = projector.value(call)
        own = ops.sum(ops.where(weights > 0, maps, 0.0), axis=-1)
        amounts = own - (ops.sum(maps, axis=-1) - own) / others if rival else own  # as `seedable` has it
        one = ops.reshape(amounts, (ops.shape(maps)[0], -1))
        here = ops.one_hot(ops.argmax(one, axis=1), one.shape[1], dtype=maps.dtype) * ops.relu(one)
        return projector.project(call, ops.reshape(here, (*ops.shape(maps)[:-1], 1)) * weights, rules), maps

    weights = ops.one_hot(channel, channel_count(call), dtype="float32")
    return as_network(bundle).compiled.get(("down", call.index, rules), down)(entered, weights)  # type: ignore[no-any-return]
