"""Projections from given places of given images, each as the window of the image that it can reach.

Where little of the network's work is for one unit, forward and backward run on its cone (`graph.cones`) or, in networks that have none, on
the crop that holds its receptive field (`graph.crops`), exactly. Where the whole image goes forward in any case, only the way down does.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..graph.calls import Call
from ..graph.pooling import native_pooling_matches_ties
from ..graph.projector import Projector
from ..graph.rules import Rule, Ruleset
from ..graph.saturation import seed_call
from ..graph.tensors import to_array
from ..locality.cones import WORTH, WORTH_AFTER_FORWARD, Cones, cones_of
from ..locality.cost import is_heavy
from ..locality.crops import Crop, Crops, crops_of
from ..locality.receptive import Field, receptive_field
from ..models import ModelBundle
from ..network.addresses import channel_count, graph_of
from ..network.entering import network_input
from ..network.network import as_network
from ..units import Unit
from .compiling import maps_of
from .seeds import peaks, seedable

FloatArray = NDArray[np.float32]
# Images that run at once where they run whole, and pixels where they run as cones or crops.
CHUNK = 4
PIXELS_AT_ONCE = 224 * 224  # more are slower where they leave a processor's cache
MOST_AT_ONCE = 256
# Compiling takes about as long as so many crops of a deep layer take without it. They are those of one call alone: what is compiled differs
# in the last digit, and a picture must not depend on what was made before it.
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
    """Return whether the strongest places of a call are projected on less than the whole image; `size` is (height, width)."""
    return _parts_of(bundle, call, size, rules, forward=True) is not None


def project_strongest(bundle: ModelBundle, units: Sequence[Unit], images: FloatArray, rules: Ruleset) -> Iterator[tuple[Place, Projected]]:
    """Yield the projection of each unit of each image from its strongest place, or from its own; all their layers are `is_local`.

    `images` are (image, height, width, channel) in [0, 1]. One forward pass finds the places, and leaves cones what their way down reads.
    """
    calls = {unit: seed_call(graph_of(bundle), unit) for unit in units}
    maps = _forward(bundle, list(dict.fromkeys(calls.values())), images, rules)
    for call in dict.fromkeys(calls.values()):
        spots = {unit: peaks(maps[call.index], unit)[0] for unit in units if calls[unit] is call}
        places = [Place(unit, image, (int(row), int(column))) for unit in spots for image, (row, column) in enumerate(spots[unit])]
        yield from zip(places, _Way(bundle, call, images, rules, maps).down(places), strict=True)


def project_places(bundle: ModelBundle, places: Sequence[Place], images: FloatArray, rules: Ruleset) -> list[Projected]:
    """Return the projection of each place; `images` are (image, height, width, channel) in [0, 1], as they enter the network.

    The seed is the unit's value at its place (see `seed_call` and `seedable`), 0 where that is negative. Places with small fields run as
    cones or crops, of one shape for their layer, many at once; of the others, and where there are many to an image, one forward pass serves
    all of an image.
    """
    graph, size = graph_of(bundle), (images.shape[1], images.shape[2])
    by_call: dict[Call, list[int]] = {}
    for number, place in enumerate(places):
        by_call.setdefault(seed_call(graph, place.unit), []).append(number)
    found: dict[int, Projected] = {}
    for call, numbers in by_call.items():
        parts, shown = _parts_of(bundle, call, size, rules, forward=True), sorted({places[number].image for number in numbers})
        forward = isinstance(parts, Cones) and len(numbers) * parts.cost > len(shown)
        at_once = CHUNK if forward else len(shown)
        for start in range(0, len(shown), at_once):
            chunk = shown[start : start + at_once]
            here = [number for number in numbers if places[number].image in chunk]
            maps = _forward(bundle, [call], images[chunk], rules) if forward else {}
            way = _Way(bundle, call, images[chunk], rules, maps)
            found.update(zip(here, way.down([places[one]._replace(image=chunk.index(places[one].image)) for one in here]), strict=True))
    return [found[number] for number in range(len(places))]


def _forward(bundle: ModelBundle, calls: Sequence[Call], images: FloatArray, rules: Ruleset) -> dict[int, FloatArray]:
    """Return what calls compute of images, what cones of their units read on the way down, and the image itself as it enters."""
    graph, size, entered = graph_of(bundle), (images.shape[1], images.shape[2]), network_input(bundle, images)
    parts = [_parts_of(bundle, call, size, rules, forward=True) for call in calls]
    read = {window.whole for one in parts if isinstance(one, Cones) for window in one.read(rules)}
    targets = sorted(read | {call.index for call in calls})
    found = maps_of(bundle, entered, [graph.calls[index] for index in targets])
    return {index: to_array(one) for index, one in zip([graph.image_input, *targets], [entered, *found], strict=True)}


def _parts_of(bundle: ModelBundle, call: Call, size: tuple[int, int], rules: Ruleset, *, forward: bool) -> Cones | Crops | None:
    """Return what holds a unit's field and not much besides, kept with the network; None where the whole image is as cheap.

    `forward`: the whole image goes forward in any case. Our own rules do at a place what they do whatever else is on the map; a stranger's
    may not.
    """
    if any(type(rule).__module__ != Rule.__module__ for _, rule in rules.rules) or call.index in graph_of(bundle).rivals:
        return None
    known = as_network(bundle).parts
    key = call.index, size, forward
    if key not in known:
        graph = graph_of(bundle)
        most = WORTH_AFTER_FORWARD if forward and is_heavy(graph, call, size) else WORTH
        known[key] = cones_of(graph, call, size, most) or crops_of(graph, call, size)
    return known[key]


@dataclass(frozen=True)
class _Way:
    """The way down from places of one call on some images; `maps` are what is known of their forward pass, see `_forward`."""

    bundle: ModelBundle
    call: Call
    images: FloatArray
    rules: Ruleset
    maps: Mapping[int, FloatArray]

    @property
    def size(self) -> tuple[int, int]:
        return self.images.shape[1], self.images.shape[2]

    def down(self, places: Sequence[Place]) -> list[Projected]:
        """Return the projection of each place, on parts where they are exact."""
        parts = _parts_of(self.bundle, self.call, self.size, self.rules, forward=bool(self.maps))
        cut = {number: parts.at(place.position) for number, place in enumerate(places) if parts and place.position is not None}
        exact = {number: crop for number, crop in cut.items() if crop is not None}
        found = dict(self._on_parts(parts, exact, places)) if parts and exact else {}
        found.update(self._on_images([number for number in range(len(places)) if number not in exact], places))
        return [found[number] for number in range(len(places))]

    def _on_parts(self, parts: Cones | Crops, cut: Mapping[int, Crop], places: Sequence[Place]) -> Iterator[tuple[int, Projected]]:
        graph, maps = graph_of(self.bundle), self.maps
        entered = maps[graph.image_input] if maps else to_array(network_input(self.bundle, self.images))
        read = parts.read(self.rules) if maps and isinstance(parts, Cones) else None
        down = self._compiled(_downward(parts, self.rules, [held.call for held in read or ()]), len(cut), known=read is not None)
        for numbers in _batches(list(cut), parts.size):
            here = [places[number] for number in numbers]
            seeds = np.zeros((len(numbers), *parts.map_size, channel_count(self.call)), np.float32)
            for row, number in enumerate(numbers):
                seeds[(row, *cut[number].position, places[number].unit.channel)] = 1.0
            given = [
                np.stack([_window(entered[places[number].image], cut[number].window) for number in numbers]),
                seeds,
                np.asarray([place.position for place in here], np.float32),
            ]
            if read is not None:
                given.append(np.asarray([maps[self.call.index][_spot(place)] for place in here]))
                for held in read:
                    given.append(np.stack([_window(maps[held.whole][place.image], held.at(place.position or (0, 0))) for place in here]))
            signals, values = down(*map(ops.convert_to_tensor, given))
            pictures, amounts = self.bundle.preprocessing.to_rgb(to_array(signals)), to_array(values)
            for row, number in enumerate(numbers):
                field, window = self._field(places[number]), cut[number].window
                inside = Field(field.top - window.top, field.left - window.left, field.bottom - window.top, field.right - window.left)
                yield number, Projected(field, _window(pictures[row], inside), float(amounts[row]))

    def _compiled(self, down: Callable[..., Any], count: int, *, known: bool) -> Callable[..., Any]:
        """Return `down` compiled where that pays."""
        key = "places", self.call.index, self.rules, self.size, known
        pays = count >= WORTH_COMPILING or (known and is_heavy(graph_of(self.bundle), self.call, self.size))
        return as_network(self.bundle).compiled.get(key, down) if pays else down

    def _on_images(self, wanted: Sequence[int], places: Sequence[Place]) -> Iterator[tuple[int, Projected]]:
        """Signals of one image go down one after the other, those of different images at once."""
        by_image: dict[int, list[int]] = {}
        for number in wanted:
            by_image.setdefault(places[number].image, []).append(number)
        shown = list(by_image)
        for start in range(0, len(shown), CHUNK):
            chunk = shown[start : start + CHUNK]
            projector = Projector(graph_of(self.bundle), network_input(self.bundle, self.images[chunk]), [self.call])
            maps = to_array(projector.value(self.call))
            amounts = seedable(projector.graph, self.call, maps)
            for turn in zip_longest(*(by_image[image] for image in chunk)):
                rows = {number: row for row, number in enumerate(turn) if number is not None}
                spots = {number: _spot(places[number]._replace(image=row)) for number, row in rows.items()}
                signal = np.zeros_like(maps)
                for spot in spots.values():
                    signal[spot] = max(0.0, amounts[spot])
                down = self.bundle.preprocessing.to_rgb(to_array(projector.project(self.call, ops.convert_to_tensor(signal), self.rules)))
                for number, row in rows.items():
                    field = self._field(places[number])
                    yield number, Projected(field, _window(down[row], field), float(maps[spots[number]]))

    def _field(self, place: Place) -> Field:
        return receptive_field(graph_of(self.bundle), self.call, place.position, self.size).clipped(*self.size)


def _spot(place: Place) -> tuple[int, ...]:
    """Return where the unit's value is among the maps of all images."""
    return (place.image, *(place.position or ()), place.unit.channel)


def _batches(waiting: list[int], size: tuple[int, int]) -> Iterator[list[int]]:
    """Yield what runs at once, some of it twice: batches have few sizes, because each is a compilation."""
    most = max(1, min(MOST_AT_ONCE, PIXELS_AT_ONCE // (size[0] * size[1])))
    for start in range(0, len(waiting), most):
        numbers = waiting[start : start + most]
        rows = most if len(numbers) > most // 2 and len(waiting) > most else 1 << (len(numbers) - 1).bit_length()
        yield [numbers[row % len(numbers)] for row in range(min(rows, most))]


def _downward(parts: Cones | Crops, rules: Ruleset, read: Sequence[int]) -> Callable[..., tuple[Any, Any]]:
    native_pooling_matches_ties()  # nothing can be tried while compiling

    def down(entered: Any, seeds: Any, spots: Any, values: Any = None, *known: Any) -> tuple[Any, Any]:
        given = {} if parts.place is None else {parts.place: spots}
        projector = Projector(parts.graph, entered, [parts.call], given, dict(zip(read, known, strict=True)))
        if values is None:
            values = ops.sum(ops.where(seeds > 0, projector.value(parts.call), 0.0), axis=(1, 2, 3))
        return projector.project(parts.call, seeds * ops.reshape(ops.relu(values), (-1, 1, 1, 1)), rules), values

    return down


def _window(picture: FloatArray, window: Field) -> FloatArray:
    """Return a window of a picture, zeros where it reaches over the border."""
    inside = window.clipped(*picture.shape[:2])
    if inside == window:
        return np.ascontiguousarray(picture[window.top : window.bottom, window.left : window.right])
    found = np.zeros((window.height, window.width, picture.shape[-1]), picture.dtype)
    rows, columns = (slice(inside[axis] - window[axis], inside[axis + 2] - window[axis]) for axis in (0, 1))
    found[rows, columns] = picture[inside.top : inside.bottom, inside.left : inside.right]
    return found
