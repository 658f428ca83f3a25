"""Projections from given places of given images, each as the window of the image that it can reach.

Where the receptive field is small, forward and backward run on the crop that holds it, exactly: see `graph.crops`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backend import engine, ops
from ..graph.addresses import graph_of, unit_call
from ..graph.calls import Call, Graph
from ..graph.crops import Crop, Crops, crops_of
from ..graph.entering import network_input, numpy
from ..graph.projector import Projector
from ..graph.receptive import Field, call_shapes, receptive_field
from ..graph.rules import Ruleset
from ..models import ModelBundle
from ..units import Unit

FloatArray = NDArray[np.float32]
# Images that run at once where they run whole, and pixels where they run as crops.
CHUNK = 4
PIXELS_AT_ONCE = 4 * 224 * 224
MOST_AT_ONCE = 256
# Compiling takes about as long as so many crops of a deep layer take without it.
WORTH_COMPILING = 32


class Place(NamedTuple):
    """A unit on one image, a number among those given, at a `position` of its map, None in a layer without one."""

    unit: Unit
    image: int
    position: tuple[int, int] | None


class Projected(NamedTuple):
    """The `field` on the image, the signal in it, (height, width, channel), RGB order, zero outside of it, and the unit's `value`."""

    field: Field
    signal: FloatArray
    value: float


def project_places(bundle: ModelBundle, places: Sequence[Place], images: FloatArray, rules: Ruleset) -> list[Projected]:
    """Return the projection of each place; `images` are (image, height, width, channel) in [0, 1], as they enter the network.

    The seed is the unit's value at its place, 0 where that is negative. Places with small fields run as crops of one shape for their
    layer, many at once; of the others one forward pass serves all of an image.
    """
    graph, size = graph_of(bundle), (images.shape[1], images.shape[2])
    by_call: dict[int, list[int]] = {}
    for number, place in enumerate(places):
        by_call.setdefault(unit_call(graph, place.unit).index, []).append(number)
    found: dict[int, Projected] = {}
    left: list[int] = []
    for index, numbers in by_call.items():
        crops = crops_of(graph, graph.calls[index], size)
        cut = {number: crops.at(position) for number in numbers if crops and (position := places[number].position) is not None}
        exact = {number: crop for number, crop in cut.items() if crop is not None}
        left.extend(number for number in numbers if number not in exact)
        if crops and exact:
            found.update(_on_crops(bundle, crops, exact, places, images, rules))
    found.update(_on_images(bundle, left, places, images, rules))
    return [found[number] for number in range(len(places))]


def _on_crops(
    bundle: ModelBundle, crops: Crops, cut: dict[int, Crop], places: Sequence[Place], images: FloatArray, rules: Ruleset
) -> Iterator[tuple[int, Projected]]:
    graph, call = crops.graph, crops.call
    shape = [side or 0 for side in call_shapes(graph, call, crops.size)[call.index][1:]]
    most = max(1, min(MOST_AT_ONCE, PIXELS_AT_ONCE // (crops.size[0] * crops.size[1])))
    down = _compiled(bundle, call, rules) if len(cut) >= WORTH_COMPILING else _downward(graph, call, rules)
    waiting = list(cut)
    for start in range(0, len(waiting), most):
        numbers = waiting[start : start + most]
        pixels = np.stack([_cut(images[places[number].image], cut[number].window) for number in numbers])
        seeds = np.zeros((len(numbers), *shape), np.float32)
        for row, number in enumerate(numbers):
            seeds[(row, *cut[number].position, places[number].unit.channel)] = 1.0
        fill = np.arange(most) % len(numbers) if len(cut) > most else np.arange(len(numbers))  # one shape is one compilation
        signals, values = down(network_input(bundle, pixels[fill]), ops.convert_to_tensor(seeds[fill]))
        pictures, amounts = bundle.preprocessing.to_rgb(numpy(signals)), numpy(values)
        for row, number in enumerate(numbers):
            window = cut[number].window
            field = receptive_field(graph, call, places[number].position, crops.whole).clipped(*crops.whole)
            inside = Field(field.top - window.top, field.left - window.left, field.bottom - window.top, field.right - window.left)
            yield number, Projected(field, _cut(pictures[row], inside), float(amounts[row]))


def _downward(graph: Graph, call: Call, rules: Ruleset) -> Callable[[Any, Any], tuple[Any, Any]]:
    def down(entered: Any, seeds: Any) -> tuple[Any, Any]:
        projector = Projector(graph, entered, [call])
        values = ops.sum(projector.value(call) * seeds, axis=(1, 2, 3))
        return projector.project(call, seeds * ops.reshape(ops.relu(values), (-1, 1, 1, 1)), rules), values

    return down


def _compiled(bundle: ModelBundle, call: Call, rules: Ruleset) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Return `_downward` compiled, kept with the network: the pages of a layer share it."""
    kept: dict[Any, Callable[[Any, Any], tuple[Any, Any]]] = bundle.memo.setdefault("projections", {})
    key = (call.index, rules)
    if key not in kept:
        kept.clear()  # it holds memory, and layers are looked at one after the other
        kept[key] = engine().compiled(_downward(graph_of(bundle), call, rules))
    return kept[key]


def _on_images(
    bundle: ModelBundle, wanted: Sequence[int], places: Sequence[Place], images: FloatArray, rules: Ruleset
) -> Iterator[tuple[int, Projected]]:
    """Signals of one image go down one after the other, those of different images at once."""
    graph, size = graph_of(bundle), (images.shape[1], images.shape[2])
    by_image: dict[int, list[int]] = {}
    for number in wanted:
        by_image.setdefault(places[number].image, []).append(number)
    shown = list(by_image)
    for start in range(0, len(shown), CHUNK):
        chunk = shown[start : start + CHUNK]
        calls = {number: unit_call(graph, places[number].unit) for image in chunk for number in by_image[image]}
        projector = Projector(graph, network_input(bundle, images[chunk]), list(calls.values()))
        maps = {call.index: numpy(projector.value(call)) for call in calls.values()}
        for turn in _turns([[(number, calls[number].index) for number in by_image[image]] for image in chunk]):
            call = calls[turn[0]]
            signal, values = np.zeros_like(maps[call.index]), {}
            for number in turn:
                unit, image, position = places[number]
                place = (chunk.index(image), *(position or ()), unit.channel)
                values[number] = float(maps[call.index][place])
                signal[place] = max(0.0, values[number])
            down = bundle.preprocessing.to_rgb(numpy(projector.project(call, ops.convert_to_tensor(signal), rules)))
            for number in turn:
                field = receptive_field(graph, call, places[number].position, size).clipped(*size)
                yield number, Projected(field, _cut(down[chunk.index(places[number].image)], field), values[number])


def _turns(waiting: list[list[tuple[int, int]]]) -> Iterator[list[int]]:
    """Yield which signals go down together: at most one of each image, all from one call."""
    while any(waiting):
        call = next(one[0][1] for one in waiting if one)
        turn = [next(((number, index) for number, index in one if index == call), None) for one in waiting]
        for one, taken in zip(waiting, turn, strict=True):
            if taken is not None:
                one.remove(taken)
        yield [taken[0] for taken in turn if taken is not None]


def _cut(picture: FloatArray, window: Field) -> FloatArray:
    return np.ascontiguousarray(picture[window.top : window.bottom, window.left : window.right])
