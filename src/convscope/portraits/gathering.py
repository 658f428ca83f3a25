"""The strongest images of a few units, each cropped to what excited it, and what comes down from the very place that was measured."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..graph.rules import Ruleset
from ..graph.saturation import ranking, seed_call
from ..locality.borders import at_border, mostly_at_border
from ..network.network import Network
from ..progress import counting
from ..projection.driver import Projected, project
from ..projection.seeds import Seed
from ..results import FloatArray, Patches
from ..scanning import Run, TopUnits, UnitStatistics
from ..units import Unit
from .pictures import pictures_of

# Places that go down together: all nine of sixteen units. More would need more memory for their images.
PLACES_AT_ONCE = 144

Place = tuple[int, int]  # a unit, by its number among those that are gathered, and the rank of one of its images


@dataclass(frozen=True)
class Wanted:
    """What is wanted of each unit: `rulesets` by which its images are projected, the `projected` strongest of them, all where None, and
    whether the `pixels` of its patches.

    `scanned`: the units' values are those of the run, at the precision of its scan, wherever no image need run forward for more.
    """

    rulesets: tuple[Ruleset, ...] = ()
    projected: int | None = None
    pixels: bool = True
    scanned: bool = False


@dataclass(frozen=True)
class Gathered:
    """The windows of one unit: `pixels` (k, height, width, channel), and the same shape by each ruleset; (k, 0, 0, channel) of what was
    not wanted.
    """

    pixels: FloatArray
    projections: tuple[FloatArray, ...]


@dataclass(frozen=True)
class Chunk:
    """Some units of one layer with their strongest images. `longest`: (height, width) of what is shown of each, see `longest_field`."""

    run: Run
    network: Network
    units: tuple[Unit, ...]
    top: TopUnits
    statistics: UnitStatistics
    longest: tuple[int, int]

    @cached_property
    def fired(self) -> NDArray[np.bool_]:
        """(unit, k) which images excite the units at all."""
        return (self.top.images >= 0) & (self.top.values > 0) & (self.top.before > 0)

    @cached_property
    def windows(self) -> NDArray[np.int64]:
        """What is shown of each image, (unit, k, 4) in pixels as top, left, bottom, right: the receptive field there.

        All windows of a layer have one size. Where a field is as high or as wide as the image, that side of the image is shown whole.
        """
        windows = self.top.fields.copy()
        for axis, (side, whole) in enumerate(zip(self.longest, self.run.fit.size, strict=True)):
            windows[..., axis] = np.where((self.top.images < 0) | (side == whole), 0, windows[..., axis])
            windows[..., axis + 2] = windows[..., axis] + side
        return windows

    def gathered(self, wanted: Wanted, unreadable: dict[int, str]) -> list[Gathered]:
        """Return the windows of each unit; `unreadable` gets why images could not be had, by id.

        Raises ImageError if no image of the run can be had.
        """
        found = [self._rooms(wanted) for _ in self.units]
        places = [(int(unit), int(rank)) for unit, rank in zip(*np.nonzero(self.fired), strict=True)]
        if wanted.projected is not None and not wanted.pixels:
            places = [place for place in places if place[1] < wanted.projected]
        if not places or not (wanted.pixels or wanted.rulesets):
            return found
        self.run.check_pictures()
        named = f"{self.units[0].layer}:{self.units[0].channel}-{self.units[-1].channel}"
        with counting(f"projecting {named}", len(places) * max(1, len(wanted.rulesets))) as tell:
            for start in range(0, len(places), PLACES_AT_ONCE):
                part = places[start : start + PLACES_AT_ONCE]
                pictures = pictures_of(self.run).readable(self.run, (self._image(place) for place in part), unreadable)
                there = [place for place in part if self._image(place) in pictures]
                for place in there if wanted.pixels else ():
                    put(found[place[0]].pixels[place[1]], self.windows[place], pictures[self._image(place)], (0, 0))
                going = [place for place in there if wanted.projected is None or place[1] < wanted.projected]
                values = self._scanned(going) if wanted.scanned else {}
                for number, rules in enumerate(wanted.rulesets):
                    for place, one in self._projected(going, pictures, rules, values):
                        put(found[place[0]].projections[number][place[1]], self.windows[place], one.signal, one.window[:2])
                        values[place] = one.amount
                        tell(1)
        return found

    def patches(self, number: int, gathered: Gathered, unreadable: Container[int]) -> Patches:
        """Return the record of one of the units, by its number among them, with the projections by the first ruleset."""
        images, unit = self.top.images[number], self.units[number]
        known = [int(image) for image in images]
        positions = np.stack([self.top.rows[number], self.top.columns[number]], axis=-1)
        border = at_border(positions, self.top.fields[number], self.run.shape(unit.layer), self.run.fit.size) & (images >= 0)
        return Patches(
            unit=unit,
            images=images,
            names=tuple(self.run.name(image) if image >= 0 else "" for image in known),
            labels=tuple(self.run.label(image) if image >= 0 else None for image in known),
            values=self.top.values[number],
            before=self.top.before[number],
            positions=positions,
            fields=self.windows[number],
            pixels=gathered.pixels,
            projections=gathered.projections[0] if gathered.projections else self._room(0, 0),
            size=self.run.fit.size,
            missing=tuple(place for place, image in enumerate(known) if image in unreadable),
            saturated=int(self.statistics.saturated[number]) if unit.layer in (self.run.ranked or {}) else None,
            not_finite=len(self.run) - int(self.statistics.count[number]),
            border=border,
            padded=mostly_at_border(border[self.fired[number]], self.run.shape(unit.layer)),
        )

    def _image(self, place: Place) -> int:
        return int(self.top.images[place])

    def _rooms(self, wanted: Wanted) -> Gathered:
        pixels = self._room(*(self.longest if wanted.pixels else (0, 0)))
        return Gathered(pixels, tuple(self._room(*self.longest) for _ in wanted.rulesets))

    def _room(self, height: int, width: int) -> FloatArray:
        return np.zeros((self.top.images.shape[1], height, width, self.network.bundle.channels), np.float32)

    def _projected(
        self, places: Sequence[Place], pictures: Mapping[int, FloatArray], rules: Ruleset, values: Mapping[Place, float]
    ) -> Iterator[tuple[Place, Projected]]:
        """Yield of each place what comes down from it; `values`: those of the units there, as far as they are known."""
        if not places:
            return
        shown = list(dict.fromkeys(map(self._image, places)))
        number = {image: row for row, image in enumerate(shown)}
        seeds = [Seed(self.units[place[0]], number[self._image(place)], self._position(place), value=values.get(place)) for place in places]
        for one in project(self.network, seeds, np.stack([pictures[image] for image in shown]), rules):
            yield places[one.number], one

    def _scanned(self, places: Sequence[Place]) -> dict[Place, float]:
        """Return what the scan found at each place of what is seeded there."""
        graph = self.network.graph
        before = ranking(graph, graph.score(graph.find(self.units[0].layer))).before
        ranked = [seed_call(graph, unit) is before for unit in self.units]
        return {place: float((self.top.before if ranked[place[0]] else self.top.values)[place]) for place in places}

    def _position(self, place: Place) -> tuple[int, int] | None:
        row, column = int(self.top.rows[place]), int(self.top.columns[place])
        return None if row < 0 else (row, column)


def longest_field(run: Run, layer: str) -> tuple[int, int]:
    """Return the (height, width) of the largest receptive field among the strongest images of a layer, at most the image's.

    It is the image's where no image excites any unit.
    """
    fields = run.top(layer).fields
    height, width = (min(int((fields[..., axis + 2] - fields[..., axis]).max()) or whole, whole) for axis, whole in enumerate(run.fit.size))
    return height, width


def put(room: FloatArray, window: NDArray[np.int64], picture: FloatArray, corner: tuple[int, int]) -> None:
    """Copy into `room`, which is a window of an image, what `picture`, whose corner lies at `corner` of the image, has of it."""
    start = [max(int(side), edge) for side, edge in zip(window[:2], corner, strict=True)]
    stop = [min(int(side), edge + length) for side, edge, length in zip(window[2:], corner, picture.shape[:2], strict=True)]
    top, left = (first - int(side) for first, side in zip(start, window[:2], strict=True))
    part = picture[start[0] - corner[0] : stop[0] - corner[0], start[1] - corner[1] : stop[1] - corner[1]]
    room[top : top + part.shape[0], left : left + part.shape[1]] = part
