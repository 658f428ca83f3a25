"""The arrays that the measures take, of the units of one layer: from the network's maps and the images of a run, a batch at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import resolve_precision
from ..graph.history import at_precision
from ..graph.saturation import seed_call
from ..graph.tensors import to_array
from ..locality.shapes import call_shapes
from ..locality.windows import Field
from ..network.entering import network_input
from ..network.network import Network
from ..portraits.pictures import pictures_of
from ..progress import counting
from ..results import FloatArray
from ..scanning import Run, TopUnits
from ..units import Unit
from .paths import Profile, below, profile, ranked_by, windows
from .projected import Places, Position, places_of
from .settings import RANDOM_IMAGES, Settings

MAPS_AT_ONCE = 4  # images of 224 x 224 whose maps of all layers are in memory
IMAGE = 224 * 224


class Layer:
    """A layer of a run that is measured: the network below it, and the strongest images of its units."""

    def __init__(self, run: Run, network: Network, address: str, settings: Settings) -> None:
        self.run, self.network, self.address, self.settings = run, network, address, settings
        self.unreadable: dict[int, str] = {}

    @property
    def below(self) -> Sequence[Any]:
        """The calls of the layers below it that the path check goes through."""
        return self._below

    @cached_property
    def _below(self) -> list[Any]:
        return below(self.network, self.address)

    @cached_property
    def ranked_by(self) -> Any:
        """The call that says where a unit is strongest."""
        return ranked_by(self.network.graph, self.address)

    @cached_property
    def top(self) -> TopUnits:
        """The strongest images of all its units."""
        return self.run.top(self.address)

    def rng(self, channel: int | None = None) -> np.random.Generator:
        """Return what decides by chance for the layer, or for one of its units."""
        own = [] if channel is None else [channel]
        return np.random.default_rng([self.settings.seed, *self.address.encode(), *own])

    def strongest(self, channel: int) -> list[tuple[int, Position]]:
        """Return the images that excite a unit most, and where, as far as they excite it."""
        top, most = self.top, self.settings.effort.images
        fired = (top.images[channel] >= 0) & (top.values[channel] > 0) & (top.before[channel] > 0)
        return [(int(top.images[channel, rank]), self._position(channel, rank)) for rank in np.flatnonzero(fired)[:most]]

    def _position(self, channel: int, rank: int) -> Position:
        row, column = int(self.top.rows[channel, rank]), int(self.top.columns[channel, rank])
        return None if row < 0 else (row, column)

    def profiles(self, wanted: Mapping[int, Sequence[Position]]) -> dict[tuple[int, Position], Profile]:
        """Return the profiles of places on images of the run, by image and position; images that cannot be had are left out."""
        found: dict[tuple[int, Position], Profile] = {}
        numbers = list(wanted) if self.below else []
        with counting(f"comparing images at {self.address}", len(numbers)) as tell:
            for start in range(0, len(numbers), self._at_once(self.run.fit.size)):
                part = numbers[start : start + self._at_once(self.run.fit.size)]
                pictures = pictures_of(self.run).readable(self.run, part, self.unreadable)
                for image, maps in zip(pictures, self.maps(list(pictures.values())), strict=True):
                    for position in wanted[image]:
                        found[image, position] = profile(maps[:-1], self.windows(position, self.run.fit.size))
                tell(len(part))
        return found

    def random_places(self) -> dict[int, list[Position]]:
        """Return random images of the run, each with a random place on the layer's map."""
        rng, shape = self.rng(), self.run.shape(self.address)
        images = rng.choice(self.run.ids, min(RANDOM_IMAGES, len(self.run.ids)), replace=False)
        return {int(image): [(int(rng.integers(shape[0])), int(rng.integers(shape[1]))) if len(shape) == 2 else None] for image in images}

    def maps(self, images: Sequence[FloatArray]) -> Iterator[list[FloatArray]]:
        """Yield of each image (height, width, channel), all of one size, what the layers below compute, and last what ranks the units."""
        size = (images[0].shape[0], images[0].shape[1]) if images else (1, 1)
        rows = self._at_once(size)
        for start in range(0, len(images), rows):
            part = list(images[start : start + rows])
            filled = np.stack(part + part[:1] * (min(rows, len(images)) - len(part)))
            maps = list(map(to_array, self._forward(network_input(self.network.bundle, filled))))
            for row in range(len(part)):
                yield [values[row] for values in maps]

    def windows(self, position: Position, size: tuple[int, int]) -> list[Field | None]:
        """Return the parts of the maps of an image of `size` that a unit at a position depends on."""
        return self._windows(position, size)

    @cached_property
    def _windows(self) -> Callable[[Position, tuple[int, int]], list[Field | None]]:
        graph, calls, own = self.network.graph, self.below, self.ranked_by
        return lru_cache(4096)(lambda position, size: windows(graph, calls, own, position, size))

    @cached_property
    def _forward(self) -> Callable[[Any], list[Any]]:
        graph = at_precision(self.network.graph, resolve_precision("auto"))
        targets = [call.index for call in (*self.below, self.ranked_by)]
        compiled: Callable[[Any], list[Any]] = self.network.compiled.get(("trust", *targets), lambda image: graph.run(image, targets))
        return compiled

    def _at_once(self, size: tuple[int, int]) -> int:
        return max(1, min(64, MAPS_AT_ONCE * IMAGE // (size[0] * size[1])))

    def places(self, channels: Sequence[int], count: int) -> tuple[list[int], Places | None]:
        """Return places where units are strongest, up to `count` of each on as many images, and whose each is; None for no place."""
        wanted = [(channel, *place) for channel in channels for place in self.strongest(channel)[:count]]
        pictures = pictures_of(self.run).readable(self.run, (image for _, image, _ in wanted), self.unreadable)
        there = [one for one in wanted if one[1] in pictures]
        if not there:
            return [], None
        images = np.stack([pictures[image] for _, image, _ in there])
        call = seed_call(self.network.graph, Unit(self.address, there[0][0]))
        return [channel for channel, _, _ in there], places_of(self.network, call, images, [position for *_, position in there])

    def map_shape(self, size: tuple[int, int]) -> tuple[int, ...]:
        """Return the (rows, columns) of its map of an image of `size`, () where it has none."""
        return tuple(int(side or 0) for side in call_shapes(self.network.graph, self.ranked_by, size)[self.ranked_by.index][1:-1])


def position_of(values: NDArray[np.float32]) -> Position:
    """Return where a unit's map (height, width) is largest, the first of equal places; None for one number."""
    if values.ndim != 2:
        return None
    row, column = np.unravel_index(int(np.argmax(values)), values.shape)
    return int(row), int(column)
