"""Which layer's values stand for a whole image, and as what vector."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..backend import ops
from ..graph.calls import Call, Graph, Ref
from ..graph.kinds import ACTIVATIONS, LINEAR, Kind
from ..graph.saturation import is_by_number, ranking_call
from ..graph.tensors import to_array
from ..locality.shapes import call_shapes

FEWEST = 3  # features that a map of images can be drawn from
PROBE = 224  # the side of a picture where the network takes any
MOST_TRIED = 2**20  # numbers that an arrangement is tried on
POOLING = frozenset({Kind.GLOBAL_POOL, Kind.AVERAGE_POOL})


def classes_call(graph: Graph) -> Call | None:
    """Return the call whose values are the probabilities of classes, one an image; None for a network that does not end in such."""
    output = graph.calls[graph.outputs[0].call]
    return output if output.kind is Kind.SOFTMAX and len(output.shape) == 2 else None


def feature_call(graph: Graph, layer: str | None) -> Call:
    """Return the call whose output the map is made of: `layer`, or what feeds the network's last decision.

    That is a dense layer, with an activation or without, or a convolution of one pixel before or behind a global pooling. Of several heads
    it is what they share. A network that draws a picture (a U-Net, an autoencoder) decides nothing: its features are the
    innermost representation. Those of a network without a head are its output.
    """
    if layer is not None:
        return graph.find(layer)
    outputs = [graph.calls[output.call] for output in graph.outputs if output.call in graph.downstream]
    if not outputs:
        return graph.calls[graph.outputs[0].call]
    if (inner := _innermost(graph, outputs[0])) is not None:
        return _named(graph, inner)
    found = [_named(graph, graph.calls[_fed(graph, one).call]) for head in outputs for one in _decisions(graph, head)]
    distinct = list(dict.fromkeys(found))
    if len(distinct) > 1:
        shared = next((one for one in _narrows(graph, distinct) if _has_learned(graph, one)), None)
        return distinct[0] if shared is None else _named(graph, shared)
    return distinct[0] if distinct else graph.visible[outputs[0].address]


def feature_notes(graph: Graph, layer: str | None) -> tuple[str, ...]:
    """Return the notes on the features of `layer` (None: the default): that the network draws pictures, that features are few."""
    call, output = feature_call(graph, layer), graph.calls[graph.outputs[0].call]
    inner = layer is None and output.index in graph.downstream and _innermost(graph, output) is not None
    drawn = (f"The network makes an image, so its features come from inside it, from `{call.address}`.",) if inner else ()
    return (*drawn, *few_features(int(call.shape[-1] or 0)))


def scores_layer(graph: Graph) -> str | None:
    """Return the address of the layer whose values are the scores of classes, before any softmax; None where there are no classes."""
    output = graph.calls[graph.outputs[0].call]
    return ranking_call(graph, graph.score(output)).address if len(output.shape) == 2 else None


def few_features(count: int) -> tuple[str, ...]:
    """Return the sentence that goes with fewer features than a map can be drawn from."""
    if count >= FEWEST:
        return ()
    shown = "one feature, and a map of it is a line" if count == 1 else f"{count} features, and a map of them shows nothing else"
    return (f"There {'is' if count == 1 else 'are'} only {shown}. Name a layer with more, or look at the numbers directly.",)


def averaged(value: Any) -> Any:
    """Return a layer's output as (image, feature): maps are averaged over space, in float32."""
    rank = len(value.shape)
    return ops.mean(ops.cast(value, "float32"), axis=tuple(range(1, rank - 1))) if rank > 2 else value


def _decisions(graph: Graph, output: Call) -> Iterator[Call]:
    """Yield the layers that decide the output: only activations, poolings and arrangements come after them. Else yield none."""
    call, pooled, judged = output, False, output.kind in (Kind.SOFTMAX, Kind.SIGMOID)
    while True:
        if call.kind is Kind.DENSE or (call.kind is Kind.CONVOLUTION and _decides(graph, call, pooled, judged)):
            yield call
            return
        sources = [source for source in call.sources if source.call in graph.downstream]
        if call.kind is Kind.MERGE and len(sources) > 1:
            for source in sources:
                yield from _decisions(graph, graph.calls[source.call])
            return
        if len(sources) != 1 or not (call.kind in ACTIVATIONS | POOLING or _carries(graph, call)):
            return
        judged = judged or call.kind in (Kind.SOFTMAX, Kind.SIGMOID)
        pooled = pooled or call.kind in POOLING
        call = graph.calls[sources[0].call]


def _decides(graph: Graph, call: Call, pooled: bool, judged: bool) -> bool:
    """Say whether a convolution is a head: it sees one pixel (or all that is left), and its maps are scores and not features."""
    kernel = tuple(getattr(call.operation, "kernel_size", ()))
    shapes = call_shapes(graph, call, _size(graph)) if len(graph.calls[graph.image_input].shape) == 4 else {}
    before = tuple(shapes.get(call.sources[0].call, ()))[1:-1]
    whole = bool(kernel) and kernel == before
    rectified = any(one.kind is Kind.RELU and call.index in [source.call for source in one.sources] for one in graph.calls)
    return (set(kernel) == {1} or whole) and (judged or ((pooled or whole) and not rectified))


def _fed(graph: Graph, decision: Call) -> Ref:
    """Return what a decision takes, before dropout."""
    source = next(one for one in decision.sources if one.call in graph.downstream)
    while graph.calls[source.call].kind is Kind.IDENTITY and len(graph.calls[source.call].sources) == 1:
        source = graph.calls[source.call].sources[0]
    return source


def _carries(graph: Graph, call: Call) -> bool:
    """Say whether a call scales, shifts or arranges its values and mixes none, such as a temperature or a flattening. It is tried."""
    source = next(one for one in call.sources if one.call in graph.downstream)
    before = graph.calls[source.call]
    return call.kind is Kind.IDENTITY or is_by_number(graph, before, call) or _arranges(call, before.shape)


def _arranges(call: Call, shape: tuple[int | None, ...]) -> bool:
    """Say whether a call gives back the very numbers that it takes."""
    sides = [side or 2 for side in shape[1:]]
    if call.kind in LINEAR or len(call.sources) != 1 or math.prod(sides) > MOST_TRIED:
        return False
    numbers = np.arange(1, math.prod(sides) + 1, dtype=np.float32).reshape(1, *sides)
    try:
        return np.array_equal(np.sort(to_array(call(ops.convert_to_tensor(numbers))), axis=None), numbers.ravel())
    except Exception:  # it needs other sides than those that were made up for free ones
        return False


def _named(graph: Graph, call: Call) -> Call:
    """Return the call that a user can name."""
    return graph.visible[call.address]


def _narrows(graph: Graph, calls: Sequence[Call]) -> Iterator[Call]:
    """Yield the calls that every way from the picture to `calls` passes, nearest first."""
    waiting = {call.index for call in calls}
    while waiting:
        last = max(waiting)
        waiting.remove(last)
        if not waiting:
            yield graph.calls[last]
        waiting.update(source.call for source in graph.calls[last].sources if source.call in graph.downstream)


def _has_learned(graph: Graph, call: Call) -> bool:
    """Say whether a call comes after a convolution or a dense layer."""
    return any(one.kind in LINEAR for one in graph.ancestors([call.index]))


def _size(graph: Graph) -> tuple[int, int]:
    rows, columns = graph.calls[graph.image_input].shape[1:3]
    return rows or PROBE, columns or PROBE


def _innermost(graph: Graph, output: Call) -> Call | None:
    """Return the smallest representation in a network that draws a picture; None in one that does not.

    It is what all ways pass, where that is smaller than picture and output (the code of an autoencoder), else the last of the smallest maps
    (of a U-Net, whose ways pass it by), else what feeds the last convolution.
    """
    image = graph.calls[graph.image_input]
    if len(image.shape) != 4:
        return None
    shapes = call_shapes(graph, output, _size(graph))
    counts = {index: _count(shape) for index, shape in shapes.items()}
    neck = [call for call in _narrows(graph, [output]) if call.index != image.index and len(shapes[call.index]) in (2, 4)]
    maps = [call for call in graph.ancestors([output.index]) if len(shapes[call.index]) == 4]
    areas = {call.index: area for call in maps if (area := _count(shapes[call.index][:-1])) > 1 or not _is_pooled(graph, call)}
    grown = areas.get(output.index, 0) > min(areas.values())
    unfolded = len(shapes[output.index]) == 4 and any(len(shapes[call.index]) == 2 for call in neck)
    if not grown and not unfolded and counts[output.index] != counts[image.index]:
        return None
    least = min((counts[call.index] for call in neck if counts[call.index]), default=0)
    if 0 < least < min(counts[image.index], counts[output.index]):
        return next(call for call in reversed(neck) if counts[call.index] == least and not call.inner)
    smallest = min(areas.values())
    if grown:
        return [call for call in maps if areas.get(call.index) == smallest][-1]
    last = next((call for call in neck if call.kind in LINEAR), None)  # nowhere smaller: what the picture is made of at last
    return None if last is None else graph.calls[_fed(graph, last).call]


def _is_pooled(graph: Graph, call: Call) -> bool:
    """Say whether a global pooling comes before: maps of one place are then gates, which weigh channels and show nothing."""
    return any(one.kind is Kind.GLOBAL_POOL for one in graph.ancestors([call.index]))


def _count(shape: Sequence[int | None]) -> int:
    """Return how many numbers a shape holds for one image, 0 for one that is not known."""
    total = 1
    for side in shape[1:]:
        total *= side or 0
    return total if shape else 0
