"""Which parts of a projection are compiled, and when that pays: heavy networks at once, light ones only for many parts."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from ..backend import ops
from ..graph.calls import Call
from ..graph.pooling import native_pooling_matches_ties
from ..graph.projector import Projector
from ..graph.rules import Ruleset
from ..locality.cost import is_heavy
from ..network.addresses import channel_count
from ..network.network import Network
from .plan import Plan

Item = TypeVar("Item")
# Compiling takes about as long as this many parts of a deep layer take without it. Only the parts of one call count: compiled code differs
# in the last digit, and a picture must not depend on what was made before it.
WORTH_COMPILING = 32
# More pixels at once are slower, where they leave a processor's cache.
PIXELS_PER_BATCH, MOST_PER_BATCH = 224 * 224, 256


def maps_of(network: Network, entered: Any, calls: Sequence[Call]) -> list[Any]:
    """Return what `calls` compute for a batch that enters the network (image, height, width, channel)."""
    graph, targets, size = network.graph, [call.index for call in calls], (entered.shape[1], entered.shape[2])
    if not any(is_heavy(graph, call, size) for call in calls):
        return graph.run(entered, targets)
    return list(network.compiled.get(("maps", *targets), lambda image: graph.run(image, targets))(entered))


def strongest_key(call: Call, rules: Ruleset) -> tuple[str, int, Ruleset]:
    """Return the key of what `strongest_projected` compiles."""
    return "down", call.index, rules


def strongest_projected(network: Network, call: Call, channel: int, rules: Ruleset) -> Callable[[Any], tuple[Any, Any]]:
    """Return the function that projects a channel from its strongest place and also returns the layer's output, in one go.

    A compiled step cannot stop to look where the unit is strongest, so it finds the place itself. As the seed takes its value, a negative
    one becomes zero; of equal ones the first place in row-major order.
    """
    native_pooling_matches_ties()  # nothing can be tried while compiling
    graph = network.graph
    rival, others = call.index in graph.rivals, channel_count(call) - 1

    def down(image: Any, weights: Any) -> tuple[Any, Any]:
        projector = Projector(graph, image, [call])
        maps = projector.value(call)
        own = ops.sum(ops.where(weights > 0, maps, 0.0), axis=-1)
        amounts = own - (ops.sum(maps, axis=-1) - own) / others if rival else own  # as `seedable` has it
        one = ops.reshape(amounts, (ops.shape(maps)[0], -1))
        here = ops.one_hot(ops.argmax(one, axis=1), one.shape[1], dtype=maps.dtype) * ops.relu(one)
        return projector.project(call, ops.reshape(here, (*ops.shape(maps)[:-1], 1)) * weights, rules), maps

    # The channel is an argument and not part of the graph, so that all channels of a layer are one compilation.
    weights = ops.one_hot(channel, channel_count(call), dtype="float32")
    compiled = network.compiled.get(strongest_key(call, rules), down)
    return lambda entered: compiled(entered, weights)


def projected_from(network: Network, call: Call, rules: Ruleset, *, slope: bool) -> Callable[[Any, Any], tuple[Any, Any, Any]]:
    """Return the compiled function that projects from one place of each image: of images and seeds, zero except for one number each.

    It returns the signals, the values there, and the amounts that go down. For a `slope` the number goes down as it is, elsewhere times
    the amount.
    """
    native_pooling_matches_ties()  # nothing can be tried while compiling
    graph = network.graph
    rival, others = call.index in graph.rivals, channel_count(call) - 1

    def down(image: Any, seeds: Any) -> tuple[Any, Any, Any]:
        projector = Projector(graph, image, [call])
        maps = projector.value(call)
        axes = tuple(range(1, len(maps.shape)))
        here = seeds != 0
        amounts = values = ops.sum(ops.where(here, maps, 0.0), axis=axes)
        if rival:  # as `seedable` has it
            every = ops.sum(ops.where(ops.any(here, axis=-1, keepdims=True), maps, 0.0), axis=axes)
            amounts = values - (every - values) / others
        signal = seeds if slope else seeds * ops.reshape(ops.relu(amounts), (-1, *[1] * len(axes)))
        return projector.project(call, signal, rules), values, amounts

    return network.compiled.get(("from", call.index, rules, slope), down)


def projected_on_parts(plan: Plan, count: int, *, slope: bool) -> Callable[..., tuple[Any, Any]]:
    """Return the function that projects from units on their parts of the image, compiled where `count` of them make that pay.

    It takes the parts (unit, height, width, channel), their seeds, zero except for one number each, and the units' positions on the whole
    map. Where these are known, it also takes the units' values, and the windows of a forward pass that the plan reads. It returns the
    signals and the values. For a `slope` the number goes down as it is, elsewhere times the unit's value.
    """
    native_pooling_matches_ties()  # nothing can be tried while compiling
    parts, rules, read = plan.parts, plan.rules, plan.read()
    assert parts is not None
    held, idle = [window.call for window in read or ()], plan.idle()

    def down(entered: Any, seeds: Any, spots: Any, values: Any = None, *known: Any) -> tuple[Any, Any]:
        given = {} if parts.place is None else {parts.place: spots}
        told = dict(zip(held, known, strict=True))
        # What only has a shape on the way down is zero.
        told |= {index: ops.zeros((ops.shape(entered)[0], *shape), dtype=entered.dtype) for index, shape in idle.items()}
        projector = Projector(parts.graph, entered, [parts.call], given, told)
        if values is None:  # no forward pass told them; a seed marks the one place and channel that is meant
            values = ops.sum(ops.where(seeds != 0, projector.value(parts.call), 0.0), axis=(1, 2, 3))
        signal = seeds if slope else seeds * ops.reshape(ops.relu(values), (-1, 1, 1, 1))
        return projector.project(parts.call, signal, rules), values

    key = "parts", plan.call.index, rules, plan.size, read is not None, slope, plan.unread
    pays = count >= WORTH_COMPILING or (read is not None and plan.heavy) or plan.network.compiled.pays_by_now(key)
    return plan.network.compiled.get(key, down) if pays else down


def most_at_once(size: tuple[int, int]) -> int:
    """Return how many parts of one size (height, width) run at once at most."""
    return max(1, min(MOST_PER_BATCH, PIXELS_PER_BATCH // (size[0] * size[1])))


def batches(waiting: Sequence[Item], size: tuple[int, int]) -> Iterator[tuple[Sequence[Item], Sequence[Item]]]:
    """Yield what runs at once of parts of one size (height, width), and the same filled up with its first ones.

    Few numbers of parts run at once, because each is a compilation.
    """
    most = most_at_once(size)
    for start in range(0, len(waiting), most):
        batch = waiting[start : start + most]
        rows = most if len(batch) > most // 2 and len(waiting) > most else 1 << (len(batch) - 1).bit_length()
        yield batch, [batch[row % len(batch)] for row in range(min(rows, most))]
