"""Projections from given places of given images, each as the window of the image that it can reach.

Where little of the network's work is for one unit, forward and backward run on its cone (`graph.cones`) or, in networks that have none, on
the crop that holds its receptive field (`graph.crops`), exactly.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..graph.addresses import channel_count, graph_of, unit_call
from ..graph.calls import Call
from ..graph.cones import Cones, cones_of
from ..graph.crops import Crop, Crops, crops_of
from ..graph.entering import network_input, numpy
from ..graph.pooling import own_will_do
from ..graph.projector import Projector
from ..graph.receptive import Field, receptive_field
from ..graph.rules import Rule, Ruleset
from ..models import ModelBundle
from ..units import Unit
from .compiling import kept

FloatArray = NDArray[np.float32]
# Images that run at once where they run whole, and pixels where they run as cones or crops.
CHUNK = 4
PIXELS_AT_ONCE = 224 * 224  # more are slower where they leave a processor's cache
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


def is_local(bundle: ModelBundle, call: Call, size: tuple[int, int], rules: Ruleset) -> bool:
    """Return whether single places of a call are projected on less than the whole image; `size` is (height, width)."""
    return _parts_of(bundle, call, size, rules) is not None


def project_places(bundle: ModelBundle, places: Sequence[Place], images: FloatArray, rules: Ruleset) -> list[Projected]:
    """Return the projection of each place; `images` are (image, height, width, channel) in [0, 1], as they enter the network.

    The seed is the unit's value at its place, 0 where that is negative. Places with small fields run as cones or crops, of one shape for
    their layer, many at once; of the others one forward pass serves all of an image.
    """
    graph, size = graph_of(bundle), (images.shape[1], images.shape[2])
    by_call: dict[int, list[int]] = {}
    for number, place in enumerate(places):
        by_call.setdefault(unit_call(graph, place.unit).index, []).append(number)
    found: dict[int, Projected] = {}
    left: list[int] = []
    for index, numbers in by_call.items():
        parts = _parts_of(bundle, graph.calls[index], size, rules)
        cut = {number: parts.at(position) for number in numbers if parts and (position := places[number].position) is not None}
        exact = {number: crop for number, crop in cut.items() if crop is not None}
        left.extend(number for number in numbers if number not in exact)
        if parts and exact:
            found.update(_on_parts(bundle, parts, exact, places, images, rules))
    found.update(_on_images(bundle, left, places, images, rules))
    return [found[number] for number in range(len(places))]


def _parts_of(bundle: ModelBundle, call: Call, size: tuple[int, int], rules: Ruleset) -> Cones | Crops | None:
    """Return what holds a unit's field and not much besides, kept with the network; None where the whole image is as cheap.

    Our own rules do at a place what they do whatever else is on the map; a stranger's may not.
    """
    if any(type(rule).__module__ != Rule.__module__ for _, rule in rules.rules):
        return None
    known: dict[Any, Cones | Crops | None] = bundle.memo.setdefault("parts", {})
    if (call.index, size) not in known:
        graph = graph_of(bundle)
        known[call.index, size] = cones_of(graph, call, size) or crops_of(graph, call, size)
    return known[call.index, size]


def _on_parts(
    bundle: ModelBundle, parts: Cones | Crops, cut: dict[int, Crop], places: Sequence[Place], images: FloatArray, rules: Ruleset
) -> Iterator[tuple[int, Projected]]:
    graph, size = graph_of(bundle), (images.shape[1], images.shape[2])
    call = unit_call(graph, places[next(iter(cut))].unit)
    entered = numpy(network_input(bundle, images))
    down = _downward(parts, rules)
    if len(cut) >= WORTH_COMPILING:
        down = kept(bundle, ("places", call.index, rules, size), down)
    for numbers, fill in _batches(list(cut), parts.size):
        pixels = np.stack([_window(entered[places[number].image], cut[number].window) for number in numbers])
        spots = np.asarray([places[number].position for number in numbers], np.float32)
        seeds = np.zeros((len(numbers), *parts.map_size, channel_count(call)), np.float32)
        for row, number in enumerate(numbers):
            seeds[(row, *cut[number].position, places[number].unit.channel)] = 1.0
        signals, values = down(*(ops.convert_to_tensor(one[fill]) for one in (pixels, seeds, spots)))
        pictures, amounts = bundle.preprocessing.to_rgb(numpy(signals)), numpy(values)
        for row, number in enumerate(numbers):
            window = cut[number].window
            field = receptive_field(graph, call, places[number].position, size).clipped(*size)
            inside = Field(field.top - window.top, field.left - window.left, field.bottom - window.top, field.right - window.left)
            yield number, Projected(field, _window(pictures[row], inside), float(amounts[row]))


def _batches(waiting: list[int], size: tuple[int, int]) -> Iterator[tuple[list[int], NDArray[np.int64]]]:
    """Yield what runs at once, and which rows of it, some twice: batches have few sizes, because each is a compilation."""
    most = max(1, min(MOST_AT_ONCE, PIXELS_AT_ONCE // (size[0] * size[1])))
    for start in range(0, len(waiting), most):
        numbers = waiting[start : start + most]
        rows = most if len(numbers) > most // 2 and len(waiting) > most else 1 << (len(numbers) - 1).bit_length()
        yield numbers, np.arange(min(rows, most)) % len(numbers)


def _downward(parts: Cones | Crops, rules: Ruleset) -> Callable[[Any, Any, Any], tuple[Any, Any]]:
    own_will_do()  # nothing can be tried while compiling

    def down(entered: Any, seeds: Any, spots: Any) -> tuple[Any, Any]:
        projector = Projector(parts.graph, entered, [parts.call], {} if parts.place is None else {parts.place: spots})
        values = ops.sum(projector.value(parts.call) * seeds, axis=(1, 2, 3))
        return projector.project(parts.call, seeds * ops.reshape(ops.relu(values), (-1, 1, 1, 1)), rules), values

    return down


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
                yield number, Projected(field, _window(down[chunk.index(places[number].image)], field), values[number])


def _turns(waiting: list[list[tuple[int, int]]]) -> Iterator[list[int]]:
    """Yield which signals go down together: at most one of each image, all from one call."""
    while any(waiting):
        call = next(one[0][1] for one in waiting if one)
        turn = [next(((number, index) for number, index in one if index == call), None) for one in waiting]
        for one, taken in zip(waiting, turn, strict=True):
            if taken is not None:
                one.remove(taken)
        yield [taken[0] for taken in turn if taken is not None]


def _window(picture: FloatArray, window: Field) -> FloatArray:
    """Return a window of a picture, zeros where it reaches over the border."""
    inside = window.clipped(*picture.shape[:2])
    if inside == window:
        return np.ascontiguousarray(picture[window.top : window.bottom, window.left : window.right])
    found = np.zeros((window.height, window.width, picture.shape[-1]), picture.dtype)
    rows, columns = (slice(inside[axis] - window[axis], inside[axis + 2] - window[axis]) for axis in (0, 1))
    found[rows, columns] = picture[inside.top : inside.bottom, inside.left : inside.right]
    return found
