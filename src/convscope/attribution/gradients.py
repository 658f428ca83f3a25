"""Scores of images and their slopes: by the pixels, on the part of the image that a unit depends on, or by the values of a layer."""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..graph.calls import Call
from ..graph.projector import Projector
from ..graph.rules import GRADIENT, Ruleset
from ..graph.tensors import to_array
from ..locality.cost import is_heavy
from ..locality.windows import Field
from ..network.entering import network_input
from ..network.network import Network
from ..projection.compiled import WORTH_COMPILING, batches, maps_of
from ..projection.driver import IMAGES_AT_ONCE, cut, project
from ..projection.plan import Plan, plan_for
from .scores import Placed, Score

FloatArray = NDArray[np.float32]
SCORED_AT_ONCE = 16  # images that only run forward


class Slope(NamedTuple):
    """The `score` of an image and its slope by the pixels: a `signal` (height, width, channel), RGB order, on a `window` of the image.

    Outside of the window it is zero. The slope is by the numbers that enter the network, after its preprocessing.
    """

    score: float
    window: Field
    signal: FloatArray


def placed(network: Network, scores: Sequence[Score], images: FloatArray) -> list[list[Placed]]:
    """Return (image, score) the scores at the places of each image (image, height, width, channel). Raises UnitError."""
    calls = list(dict.fromkeys(call for score in scores for call in score.calls))
    found = []
    for start in range(0, len(images), IMAGES_AT_ONCE):
        chunk = images[start : start + IMAGES_AT_ONCE]
        maps = dict(zip(calls, map(to_array, maps_of(network, network_input(network.bundle, chunk), calls)), strict=True))
        for row in range(len(chunk)):
            found.append([score.placed({call.index: maps[call][row] for call in score.calls}) for score in scores])
    return found


def slopes(network: Network, rows: Sequence[Placed], images: FloatArray, rules: Ruleset = GRADIENT) -> list[Slope]:
    """Return the slope of each score on its image, (row, height, width, channel) in [0, 1] or near it.

    Of single units only what they depend on is computed (see `projection.plan`).
    """
    seeds = [(number, seed._replace(image=number)) for number, one in enumerate(rows) if (seed := one.seed) is not None]
    found: dict[int, Slope] = {}
    if seeds:
        down = sorted(project(network, [seed for _, seed in seeds], images, rules), key=attrgetter("number"))
        found |= {seeds[one.number][0]: Slope(one.value * one.amount, one.window, one.signal) for one in down}
    left = [number for number in range(len(rows)) if number not in found]
    found |= dict(_whole(network, left, rows, images, rules))
    return [found[number] for number in range(len(rows))]


def _whole(
    network: Network, numbers: Sequence[int], rows: Sequence[Placed], images: FloatArray, rules: Ruleset
) -> Iterator[tuple[int, Slope]]:
    """Yield the slopes of scores that are made of several units, by their rows: one way down from each call, on whole images."""
    size = images.shape[1], images.shape[2]
    for calls, same in _by_calls(numbers, rows):
        heavy = any(is_heavy(network.graph, call, size) for call in calls)
        for batch, filled in _in_batches(same, IMAGES_AT_ONCE):
            entered = network_input(network.bundle, images[filled])
            projector = None if heavy else Projector(network.graph, entered, calls)
            values = maps_of(network, entered, calls) if projector is None else map(projector.value, calls)
            maps = dict(zip([call.index for call in calls], map(to_array, values), strict=True))
            own = [{index: one[row] for index, one in maps.items()} for row in range(len(filled))]
            signals = _stacked(calls, [rows[number].slopes(own[row]) for row, number in enumerate(filled)])
            if projector is None:
                down = _compiled_way(network, calls, rules)(entered, *map(ops.convert_to_tensor, signals))
            else:
                down = _way(projector, calls, signals, rules)
            pictures = network.bundle.preprocessing.to_rgb(to_array(down))
            for row, number in enumerate(batch):
                yield number, Slope(rows[number].value(own[row]), Field(0, 0, *size), pictures[row])


def _by_calls(numbers: Sequence[int], rows: Sequence[Placed]) -> Iterator[tuple[tuple[Call, ...], list[int]]]:
    """Yield the rows whose scores are computed from the same calls, together."""
    found: dict[tuple[Call, ...], list[int]] = {}
    for number in numbers:
        found.setdefault(rows[number].score.calls, []).append(number)
    yield from found.items()


def _in_batches(numbers: Sequence[int], most: int) -> Iterator[tuple[Sequence[int], list[int]]]:
    """Yield a few rows at a time, and the same filled up to one size with the first of them: each size may be a compilation."""
    for start in range(0, len(numbers), most):
        batch = numbers[start : start + most]
        full = most if len(numbers) > most else len(batch)
        yield batch, [batch[place % len(batch)] for place in range(full)]


def _stacked(calls: Sequence[Call], signals: Sequence[dict[int, FloatArray]]) -> list[FloatArray]:
    return [np.stack([one[call.index] for one in signals]) for call in calls]


def _way(projector: Projector, calls: Sequence[Call], signals: Sequence[Any], rules: Ruleset, to: Call | None = None) -> Any:
    """Return the sum of what comes down from each call."""
    parts = [projector.project(call, ops.convert_to_tensor(signal), rules, to) for call, signal in zip(calls, signals, strict=True)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _compiled_way(network: Network, calls: Sequence[Call], rules: Ruleset) -> Callable[..., Any]:
    def down(entered: Any, *signals: Any) -> Any:
        return _way(Projector(network.graph, entered, calls), calls, signals, rules)

    return network.compiled.get(("way", *(call.index for call in calls), rules), down)


class AtLayer(NamedTuple):
    """The `score` of an image, what a layer computed of it, `maps` (height, width, channel), and the `slopes` of the score by these."""

    score: float
    maps: FloatArray
    slopes: FloatArray


def at_layer(network: Network, rows: Sequence[Placed], images: FloatArray, layer: Call) -> list[AtLayer]:
    """Return the slope of each score by the values of a layer on its image; zero where the score does not depend on it."""
    found: dict[int, AtLayer] = {}
    for calls, same in _by_calls(range(len(rows)), rows):
        for start in range(0, len(same), IMAGES_AT_ONCE):
            batch = same[start : start + IMAGES_AT_ONCE]
            projector = Projector(network.graph, network_input(network.bundle, images[batch]), [*calls, layer])
            maps = {call.index: to_array(projector.value(call)) for call in calls}
            own = [{index: one[row] for index, one in maps.items()} for row in range(len(batch))]
            signals = _stacked(calls, [rows[number].slopes(own[row]) for row, number in enumerate(batch)])
            down, values = to_array(_way(projector, calls, signals, GRADIENT, layer)), to_array(projector.value(layer))
            found |= {number: AtLayer(rows[number].value(own[row]), values[row], down[row]) for row, number in enumerate(batch)}
    return [found[number] for number in range(len(rows))]


def scored(network: Network, one: Placed, images: FloatArray) -> FloatArray:
    """Return (image,) one score of each of many images, (image, height, width, channel), each at the same place.

    Of a unit that sees a part of the image, that part alone runs.
    """
    seed, size = one.seed, (images.shape[1], images.shape[2])
    if seed is not None and isinstance(seed.position, tuple):
        plan = plan_for(network, one.score.calls[0], size, GRADIENT, forward=False)
        if plan.part(seed.position) is not None:
            return _on_part(plan, seed.position, seed.unit.channel, images) * np.float32(seed.amount or 1.0)
    found = np.zeros(len(images), np.float32)
    for batch, filled in _in_batches(range(len(images)), SCORED_AT_ONCE):
        values = maps_of(network, network_input(network.bundle, images[filled]), one.score.calls)
        maps = dict(zip([call.index for call in one.score.calls], map(to_array, values), strict=True))
        for row, number in enumerate(batch):
            found[number] = one.value({index: value[row] for index, value in maps.items()})
    return found


def _on_part(plan: Plan, position: tuple[int, int], channel: int, images: FloatArray) -> FloatArray:
    """Return (image,) the values of a unit at a position, computed from the part of each image that it depends on."""
    parts, crop = plan.parts, plan.part(position)
    assert parts is not None and crop is not None

    def up(entered: Any, spots: Any) -> Any:
        given = {} if parts.place is None else {parts.place: spots}
        return Projector(parts.graph, entered, [parts.call], given).value(parts.call)

    many = len(images) >= WORTH_COMPILING
    step = plan.network.compiled.get(("up", plan.call.index, plan.size), up) if many else up
    found: list[FloatArray] = []
    for batch, filled in batches(range(len(images)), parts.size):
        entered = to_array(network_input(plan.network.bundle, images[list(filled)]))
        cropped = np.stack([cut(one, crop.window) for one in entered])
        spots = np.repeat(np.asarray([position], np.float32), len(filled), axis=0)
        values = to_array(step(ops.convert_to_tensor(cropped), ops.convert_to_tensor(spots)))
        found.append(values[(slice(0, len(batch)), *crop.position, channel)])
    return np.concatenate(found)
