"""The one road from seeds to the pixels: images run forward once, seeds go down, windows of the image come out.

Every way of projecting is here, and nothing else batches or compiles. Which one is taken is decided for each call by its plan (`plan`):
whole images go down a few at a time; a forward pass serves the cones of all units of a few images; seeds at known positions need no
forward pass and run as parts of their images, many at once; what does not depend on the image goes down once for all of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..graph.calls import Call
from ..graph.projector import Projector
from ..graph.rules import Ruleset
from ..graph.tensors import to_array
from ..locality.crops import Crop
from ..locality.shapes import call_shapes
from ..locality.windows import Field
from ..network.addresses import channel_count
from ..network.entering import network_input
from ..network.network import Network
from .compiled import (
    WORTH_COMPILING,
    batches,
    maps_of,
    most_at_once,
    projected_from,
    projected_on_parts,
    strongest_key,
    strongest_projected,
)
from .plan import Plan, plan_for
from .seeds import Seed, Spot, seeded_call, signal_of, sown

FloatArray = NDArray[np.float32]
# Images that run at once where they run whole: a projector holds the values of all their layers.
IMAGES_AT_ONCE = 4
NOTHING: Mapping[int, FloatArray] = {}


class Projected(NamedTuple):
    """What came down from the seed of that `number`: a `signal` (height, width, channel), RGB order, on a `window` of the image.

    It is zero outside of the window.

    `position`: where the seed lay on the unit's map. `field`: the receptive field there, which may reach over the image. `value`: what the
    seeded call computed there; `amount`: what of it is seeded (see `seedable`), before negative ones are taken for 0, or the seed's own.
    """

    number: int
    window: Field
    signal: FloatArray
    position: tuple[int, int] | None
    field: Field
    value: float
    amount: float


Numbered = tuple[int, Seed]
ByCall = dict[Call, list[Numbered]]


def project(
    network: Network, seeds: Sequence[Seed], images: FloatArray, rules: Ruleset, known: Mapping[int, FloatArray] = NOTHING
) -> Iterator[Projected]:
    """Yield the projection of each seed, in the order in which they are computed; `Projected.number` is that of its seed.

    `images` are (image, height, width, channel) in [0, 1], as they enter the network. What is yielded is not kept: memory depends on the
    layers of a few images, not on how many seeds there are. Other seeds change a signal only by rounding. `known`: what calls computed of
    all these images before, by index; where the way down only reads such maps, nothing runs forward again.

    Raises UnitError for a seed outside the map, and for layers that have no rows and columns; ModelError, ExhaustedError as `Projector`.
    """
    calls = _by_call(network, enumerate(seeds))
    drive = _Drive(network, images, rules, {call: len(numbered) for call, numbered in calls.items()}, known)
    whole: ByCall = {}
    after_forward: ByCall = {}
    alone: ByCall = {}
    steady: ByCall = {}
    for call, numbered in calls.items():
        plan = drive.plan(call)
        spots = {seed.position for _, seed in numbered}
        shown = {seed.image for _, seed in numbered}
        if plan.parts is None or Spot.MAP in spots:
            whole[call] = numbered
        elif plan.is_steady and all(seed.is_known for _, seed in numbered):
            steady[call] = numbered
        # Where a unit is strongest only a forward pass tells, and it serves the known positions of the call on the way.
        elif Spot.STRONGEST in spots or plan.serves(len(numbered), len(shown)):
            after_forward[call] = numbered
        else:
            alone[call] = numbered
    yield from drive.whole(whole)
    yield from drive.after_forward(after_forward)
    yield from drive.alone(alone)
    yield from drive.steady(steady)


def _by_call(network: Network, numbered: Iterable[Numbered]) -> ByCall:
    found: ByCall = {}
    for number, seed in numbered:
        found.setdefault(seeded_call(network.graph, seed), []).append((number, seed))
    return found


def _shown(calls: ByCall) -> list[int]:
    """Return the images that seeds lie on, in the order in which they are mentioned first."""
    return list(dict.fromkeys(seed.image for numbered in calls.values() for _, seed in numbered))


class _Entered(NamedTuple):
    """Images that entered the network: `pixels` (row, height, width, channel), and what calls computed of them where that is known."""

    pixels: FloatArray
    maps: Mapping[int, FloatArray]


class _Place(NamedTuple):
    """A seed with its number, the row of its image among those that entered, and its position."""

    number: int
    seed: Seed
    row: int
    position: tuple[int, int] | None

    @property
    def spot(self) -> tuple[int, ...]:
        """Where its value is on the maps of all rows."""
        return (self.row, *(self.position or ()), self.seed.unit.channel)


Cropped = tuple[_Place, Crop]


@dataclass(frozen=True)
class _Drive:
    """The ways down; each takes the seeds of some calls. `counts`: how many seeds each call has in all, which tells what is compiled.

    `known`: the maps of all images that need not be computed.
    """

    network: Network
    images: FloatArray
    rules: Ruleset
    counts: Mapping[Call, int]
    known: Mapping[int, FloatArray] = field(default_factory=dict)
    plans: dict[tuple[Call, bool], Plan] = field(default_factory=dict)

    def plan(self, call: Call, *, forward: bool = True) -> Plan:
        if (call, forward) not in self.plans:
            size = (self.images.shape[1], self.images.shape[2])
            self.plans[call, forward] = plan_for(self.network, call, size, self.rules, forward=forward)
        return self.plans[call, forward]

    def whole(self, calls: ByCall) -> Iterator[Projected]:
        """Project on whole images, a few at a time."""
        many = {call: numbered for call, numbered in calls.items() if self._pays(call, numbered)}
        for call, numbered in many.items():
            for slope in (False, True):
                yield from self._row_by_row(call, [one for one in numbered if (one[1].amount is not None) == slope], slope=slope)
        calls = {call: numbered for call, numbered in calls.items() if call not in many}
        shown = _shown(calls)
        for start in range(0, len(shown), IMAGES_AT_ONCE):
            chunk = shown[start : start + IMAGES_AT_ONCE]
            here = {call: some for call, numbered in calls.items() if (some := [one for one in numbered if one[1].image in chunk])}
            entered = network_input(self.network.bundle, self.images[chunk])
            one_step = self._one_step(here, chunk)
            if one_step is None:
                yield from self._by_turns(here, chunk, entered)
            else:
                ((call, numbered),) = here.items()
                down, maps = map(to_array, one_step(entered))
                yield from self._windows(call, {chunk.index(one[1].image): one for one in numbered}, down, maps)

    def _pays(self, call: Call, numbered: Sequence[Numbered]) -> bool:
        """Say whether the seeds of a call pay the compilation of their way, at positions that no forward pass need tell first."""
        return self.counts[call] >= WORTH_COMPILING and not any(isinstance(seed.position, Spot) for _, seed in numbered)

    def _row_by_row(self, call: Call, numbered: Sequence[Numbered], *, slope: bool) -> Iterator[Projected]:
        """Project each seed from an image of its own, in batches of one size and so one compilation."""
        plan, (height, width) = self.plan(call), self.images.shape[1:3]
        step = projected_from(self.network, call, self.rules, slope=slope)
        sides = call_shapes(self.network.graph, call, (height, width))[call.index][1:]
        fields = plan.fields([_known(seed) for _, seed in numbered])
        for start in range(0, len(numbered), IMAGES_AT_ONCE):
            batch = numbered[start : start + IMAGES_AT_ONCE]
            filled = [batch[row % len(batch)][1] for row in range(IMAGES_AT_ONCE)]
            marks = np.zeros((IMAGES_AT_ONCE, *(side or 0 for side in sides)), np.float32)
            for row, seed in enumerate(filled):
                marks[(row, *(_known(seed) or ()), seed.unit.channel)] = 1.0 if seed.amount is None else seed.amount
            entered = network_input(self.network.bundle, self.images[[seed.image for seed in filled]])
            down, values, amounts = map(to_array, step(entered, ops.convert_to_tensor(marks)))
            pictures = self.network.bundle.preprocessing.to_rgb(down)
            found = zip(batch, fields[start:], pictures, map(float, values), map(float, amounts), strict=False)
            for (number, seed), seen, picture, value, amount in found:
                window, amount = plan.window(seen), amount if seed.amount is None else seed.amount
                yield Projected(number, window, cut(picture, window), _known(seed), seen, value, amount)

    def _one_step(self, calls: ByCall, chunk: Sequence[int]) -> Callable[[Any], tuple[Any, Any]] | None:
        """Return the compiled way down from the strongest place of the only unit there is; None where there is more, or little to do."""
        # A graph of the way there and back follows one seed of each image. For several units it would run the way there again for each,
        # where `_by_turns` runs it once.
        call, numbered = next(iter(calls.items()))
        unit = numbered[0][1].unit
        alone = len(calls) == 1 and len(numbered) == len(chunk) and all(seed == Seed(unit, seed.image) for _, seed in numbered)
        if not (alone and unit.position is None):
            return None
        if not (self.plan(call).heavy or self.network.compiled.pays_by_now(strongest_key(call, self.rules))):
            return None
        return strongest_projected(self.network, call, unit.channel, self.rules)

    def _by_turns(self, calls: ByCall, chunk: Sequence[int], entered: Any) -> Iterator[Projected]:
        """One forward pass serves all seeds. Those of one image go down one after the other, those of different images at once."""
        graph = self.network.graph
        projector = Projector(graph, entered, list(calls))
        for call, numbered in calls.items():
            maps = to_array(projector.value(call))
            by_image = [[one for one in numbered if one[1].image == image] for image in chunk]
            # Rows of one batch are images of their own, so one seed of each goes down together; an image whose seeds are done sends zeros.
            for ones in zip_longest(*by_image):
                turn = {row: one for row, one in enumerate(ones) if one is not None}
                signal = np.zeros_like(maps)
                for row, (_, seed) in turn.items():
                    signal[row] = signal_of(graph, call, seed, maps[row])
                yield from self._windows(call, turn, to_array(projector.project(call, ops.convert_to_tensor(signal), self.rules)), maps)

    def _windows(self, call: Call, turn: Mapping[int, Numbered], down: FloatArray, maps: FloatArray) -> Iterator[Projected]:
        """Cut what came down whole images, of one seed a row, to the windows that it can lie in."""
        plan, pictures = self.plan(call), self.network.bundle.preprocessing.to_rgb(down)
        for row, (number, seed) in turn.items():
            position, value, amount = sown(self.network.graph, call, seed, maps[row])
            seen = plan.field(None if seed.position is Spot.MAP else position)
            window = plan.window(seen)
            yield Projected(number, window, cut(pictures[row], window), position, seen, value, amount)

    def after_forward(self, calls: ByCall) -> Iterator[Projected]:
        """Find where units are strongest in one forward pass of a few images, then go down from there on parts of them."""
        shown, plans = sorted(_shown(calls)), {call: self.plan(call) for call in calls}
        for start in range(0, len(shown), IMAGES_AT_ONCE):
            chunk = shown[start : start + IMAGES_AT_ONCE]
            entered = self._forward(list(plans.values()), chunk)
            for call, plan in plans.items():
                here = [(number, seed, chunk.index(seed.image)) for number, seed in calls[call] if seed.image in chunk]
                maps = entered.maps[call.index]
                places = [_Place(*one, sown(self.network.graph, call, one[1], maps[one[2]]).position) for one in here]
                yield from self._on_parts(plan, places, entered)

    def alone(self, calls: ByCall) -> Iterator[Projected]:
        """Project from known positions, each on a part of its image that runs forward by itself."""
        for call, numbered in calls.items():
            shown = sorted(_shown({call: numbered}))
            rows = {image: row for row, image in enumerate(shown)}
            entered = _Entered(to_array(network_input(self.network.bundle, self.images[shown])), {})
            places = [
                _Place(number, seed, rows[seed.image], seed.position)
                for number, seed in numbered
                if not isinstance(seed.position, Spot)  # those are never alone
            ]
            yield from self._on_parts(self.plan(call, forward=False), places, entered)

    def steady(self, calls: ByCall) -> Iterator[Projected]:
        """Project what no image changes once for all seeds of a unit that see the same of the border: a signal is as large as its value."""
        nothing = _Entered(np.zeros((1, *self.images.shape[1:]), np.float32), {})
        for call, numbered in calls.items():
            plan = self.plan(call, forward=False)._replace(unread=True)
            alike: dict[Any, list[_Place]] = {}
            for number, seed in numbered:
                position = (0, 0) if isinstance(seed.position, Spot) else seed.position or (0, 0)  # it is known, see `Seed.is_known`
                alike.setdefault((seed.unit.channel, plan.border(position)), []).append(_Place(number, seed, 0, position))
            groups = list(alike.values())
            firsts = [ones[0]._replace(number=group, seed=ones[0].seed._replace(amount=1.0)) for group, ones in enumerate(groups)]
            for first in self._on_parts(plan, firsts, nothing):
                for place in groups[first.number]:
                    seen, value = plan.field(place.position), place.seed.value or 0.0
                    signal = first.signal * np.float32(max(value, 0.0))
                    yield Projected(place.number, plan.window(seen), signal, place.position, seen, value, value)

    def _forward(self, plans: Sequence[Plan], chunk: list[int]) -> _Entered:
        """Run images forward, keeping what their calls compute and what cones of their units read on the way down."""
        graph, entered = self.network.graph, network_input(self.network.bundle, self.images[chunk])
        # The same pass computes what the cones read. Otherwise each cone would compute it for itself, which costs most.
        read = {window.whole for plan in plans for window in plan.read() or ()}
        targets = sorted(read | {plan.call.index for plan in plans})
        found = {index: self.known[index][chunk] for index in targets if index in self.known}
        missing = [index for index in targets if index not in found]
        maps = maps_of(self.network, entered, [graph.calls[index] for index in missing]) if missing else []
        return _Entered(to_array(entered), found | {index: to_array(one) for index, one in zip(missing, maps, strict=True)})

    def _on_parts(self, plan: Plan, places: Sequence[_Place], entered: _Entered) -> Iterator[Projected]:
        """Project on parts where these are exact, the others on whole images."""
        # No crop is exact for a few positions near the border: its padding would lie where the image continues.
        cropped = [(place, crop) for place in places if (crop := plan.part(place.position)) is not None]
        for slope in (False, True):
            some = [one for one in cropped if (one[0].seed.amount is not None) == slope]
            if some:
                yield from self._down(plan, some, entered, slope=slope)
        exact = {place.number for place, _ in cropped}
        left = [(place.number, place.seed._replace(position=place.position)) for place in places if place.number not in exact]
        if left:
            yield from self.whole({plan.call: left})

    def _down(self, plan: Plan, cropped: Sequence[Cropped], entered: _Entered, *, slope: bool) -> Iterator[Projected]:
        """Project from units of one call on their parts, many at once."""
        assert plan.parts is not None
        # Parts so large that each runs by itself are one compilation, however few of them an image has.
        count = self.counts[plan.call] if most_at_once(plan.parts.size) == 1 and not plan.unread else len(cropped)
        step = projected_on_parts(plan, count, slope=slope)
        for batch, filled in batches(cropped, plan.parts.size):
            down, values = map(to_array, step(*map(ops.convert_to_tensor, self._inputs(plan, filled, entered))))
            pictures = self.network.bundle.preprocessing.to_rgb(down)
            for (place, crop), picture, value in zip(batch, pictures, map(float, values), strict=False):
                # Parts of a layer have one shape, so they are larger than some fields and reach over the image at its border.
                seen = plan.field(place.position)
                window, corner = plan.window(seen), crop.window
                inside = Field(window.top - corner.top, window.left - corner.left, window.bottom - corner.top, window.right - corner.left)
                amount = value if place.seed.amount is None else place.seed.amount
                yield Projected(place.number, window, cut(picture, inside), place.position, seen, value, amount)

    def _inputs(self, plan: Plan, cropped: Sequence[Cropped], entered: _Entered) -> list[Any]:
        """Return what `projected_on_parts` takes; of a cone also what its way down reads, cut from the maps of the whole image."""
        assert plan.parts is not None
        seeds = np.zeros((len(cropped), *plan.parts.map_size, channel_count(plan.call)), np.float32)
        for row, (place, crop) in enumerate(cropped):
            seeds[(row, *crop.position, place.seed.unit.channel)] = 1.0 if place.seed.amount is None else place.seed.amount
        inputs = [
            np.stack([cut(entered.pixels[place.row], crop.window) for place, crop in cropped]),
            seeds,
            np.asarray([place.position for place, _ in cropped], np.float32),
        ]
        read = plan.read()
        if read is not None:
            inputs.append(np.asarray([entered.maps[plan.call.index][place.spot] for place, _ in cropped]))
            for held in read:
                maps = entered.maps[held.whole]
                inputs.append(np.stack([cut(maps[place.row], held.at(place.position or (0, 0))) for place, _ in cropped]))
        elif plan.unread:
            inputs.append(np.asarray([place.seed.value for place, _ in cropped], np.float32))
        return inputs


def _known(seed: Seed) -> tuple[int, int] | None:
    """Return the position of a seed where it is known; None where the layer has no map."""
    return None if isinstance(seed.position, Spot) else seed.position


def cut(picture: FloatArray, window: Field) -> FloatArray:
    """Return a copy of a window of a picture (height, width, channel), zeros where it reaches over the border."""
    inside = window.clipped(*picture.shape[:2])
    if inside == window:
        return picture[window.top : window.bottom, window.left : window.right].copy()  # a view would keep the whole picture in memory
    found = np.zeros((window.height, window.width, picture.shape[-1]), picture.dtype)
    rows, columns = (slice(inside[axis] - window[axis], inside[axis + 2] - window[axis]) for axis in (0, 1))
    found[rows, columns] = picture[inside.top : inside.bottom, inside.left : inside.right]
    return found
