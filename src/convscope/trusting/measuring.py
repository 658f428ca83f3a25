"""The five measures of units of one layer, chunk by chunk: what they share is computed once before."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network.listing import layers
from ..portraits.pictures import pictures_of
from ..progress import counting
from ..results import FloatArray
from ..results.trust import CURVES, NUMBERS, UnitTrust
from ..units import Unit
from .gathering import Layer, position_of
from .judge import Judge
from .paths import PathCheck, Profile, path_check, profile
from .projecting import Projecting, Projections
from .reaching import Border, border_places, border_share
from .readability import UNTOLD, Accuracy, Blocks, Choice, chosen, readable, readable_from
from .synthetic import FAST, Pictures

NAN = float("nan")
READ_AT_ONCE = 64
CONTRAST = 8  # synthetic pictures whose middle a picture is seen from


class Measuring:
    """The measures of some units of a layer: `of` returns those of a chunk of them. `asked`: the units of the layer that are asked for."""

    def __init__(self, layer: Layer, channels: Sequence[int], judge: Judge, asked: Sequence[int] = ()) -> None:
        self._layer, self._judge = layer, judge
        self._pictures = Pictures(layer.network, layer.address, layer.settings.synthetic, layer.settings.seed)
        self._projecting = Projecting(layer)
        self._channels, self._asked = frozenset(channels), tuple(asked or channels)
        self._strongest = {channel: layer.strongest(channel) for channel in channels}
        self._choices = self._chosen(channels)
        self._border = lru_cache(4)(lambda size: self._border_places(size))

    def of(self, channels: Sequence[int]) -> Iterator[UnitTrust]:
        """Yield the measures of some of the units."""
        address, settings = self._layer.address, self._layer.settings
        record = self._pictures.of([Unit(address, channel) for channel in channels])
        statistics = self._layer.run.units(address, channels)
        percentiles = statistics.percentiles(np.asarray(record.scores, np.float64))
        projections = self._projecting.of(channels) if settings.effort.projected is None else self._of_the_sample
        seen = self._judge.see(record.images)
        maps = self._layer.maps(list(record.images))
        for row, (channel, values) in enumerate(zip(channels, maps, strict=True)):
            path, border = self._on_picture(channel, values, record.images[row])
            numbers = dict.fromkeys(NUMBERS, NAN) | {
                "side": float(max(record.images.shape[1:3])),
                "score": float(record.scores[row]),
                "percentile": float(percentiles[row]),
            }
            numbers |= self._said(channel, path, border, self._readable(channel, tuple(block[row : row + 1] for block in seen)))
            found = UnitTrust(
                unit=Unit(address, channel),
                layers=self.layers,
                numbers=_in_single(numbers),
                curves=self._curves(path),
                synthetic=settings.synthetic,
                effort=settings.effort.name,
                seed=settings.seed,
            )
            more = projections.get(channel)
            yield (
                found
                if more is None
                else replace(
                    found,
                    numbers=_in_single(numbers | more.numbers),
                    curves={**found.curves, **{name: self._spread(curve) for name, curve in more.curves.items()}},
                )
            )

    def _said(self, channel: int, path: PathCheck, border: Border, readable: tuple[Accuracy, Accuracy]) -> dict[str, float]:
        """Return the numbers of a unit that need no projection, by name."""
        (natural, drawn), choice = readable, self._choices.get(channel)
        return {
            "images": float(len(self._strongest[channel])),
            "border": border.share,
            "border_even": border.even,
            "path": path.late,
            "places": 0.0,
            "natural": natural.share,
            "natural_error": natural.error,
            "drawn": drawn.share,
            "drawn_error": drawn.error,
            "pairs": float(natural.new),
            "tied": NAN if choice is None else choice.tied,
        }

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The addresses of all layers of the network that learn, through which curves go."""
        return layers_of(self._layer.network)

    @cached_property
    def _of_the_sample(self) -> dict[int, Projections]:
        """The measures of projections of a sample: of the units that are asked for and fire, some in even steps.

        All of the sample are measured together, even if the table has some already: each is compared with the images of the others.
        """
        fires = self._layer.run.units(self._layer.address).fires
        firing = np.array([channel for channel in self._asked if fires[channel] > 0], np.int64)
        count = min(self._layer.settings.effort.projected or len(firing), len(firing))
        places = np.unique(np.linspace(0, max(len(firing) - 1, 0), count).astype(int))
        sample = [int(channel) for channel in firing[places]] if len(firing) else []
        return self._projecting.of(sample) if self._channels.intersection(sample) else {}

    @cached_property
    def _random(self) -> dict[int, list[Any]]:
        return self._layer.random_places()

    @cached_property
    def _profiles(self) -> dict[Any, Profile]:
        wanted: dict[int, list[Any]] = {}
        for places in [*self._strongest.values(), [(image, one) for image, some in self._random.items() for one in some]]:
            for image, position in places:
                if position not in wanted.setdefault(image, []):
                    wanted[image].append(position)
        return self._layer.profiles(wanted)

    def _on_picture(self, channel: int, maps: Sequence[FloatArray], image: FloatArray) -> tuple[PathCheck, Border]:
        """Return the path check of a unit's synthetic picture, and what its border does, from the maps that it has."""
        values, size = maps[-1][..., channel], (image.shape[0], image.shape[1])
        synthetic = profile(maps[:-1], self._layer.windows(position_of(values), size))
        known = [self._profiles[place] for place in self._strongest[channel] if place in self._profiles]
        random = [self._profiles[image, one] for image, some in self._random.items() for one in some if (image, one) in self._profiles]
        border = border_share(values, self._border(size)) if values.ndim == 2 else Border(NAN, NAN)
        return path_check(synthetic, known, random), border

    def _border_places(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        rows, columns = self._layer.map_shape(size)
        return border_places(self._layer.network.graph, self._layer.ranked_by, (rows, columns), size)

    def _curves(self, path: PathCheck) -> dict[str, FloatArray]:
        own = {"paths": path.normalised, "path_synthetic": path.synthetic, "path_natural": path.natural, "path_random": path.random}
        addresses = [call.address for call in self._layer.below]
        empty = np.full(len(self.layers), np.nan, np.float32)
        return dict.fromkeys(CURVES, empty) | {
            name: self._spread(dict(zip(addresses, map(float, values), strict=True))) for name, values in own.items()
        }

    def _spread(self, values: dict[str, float]) -> FloatArray:
        """Return values by address as a curve through all layers."""
        return np.array([values.get(layer, NAN) for layer in self.layers], np.float32)

    def _chosen(self, channels: Sequence[int]) -> dict[int, Choice]:
        """Return which images judge each unit, and let the judge see them."""
        run = self._layer.run
        if not run.has_sample:
            return {}
        values = run.sample(self._layer.address, list(channels))
        found = {channel: chosen(values[:, place], self._layer.rng(channel)) for place, channel in enumerate(channels)}
        choices = {channel: choice for channel, choice in found.items() if choice is not None}
        images = self._judge.lacks(int(image) for choice in choices.values() for image in run.sample_images[choice.rows])
        with counting(f"judging images of {self._layer.address}", len(images)) as tell:
            for start in range(0, len(images), READ_AT_ONCE):
                part = images[start : start + READ_AT_ONCE]
                pictures = pictures_of(run).readable(run, part, self._layer.unreadable)
                self._judge.look(pictures, pictures.values())
                tell(len(part))
        return {
            channel: choice
            for channel, choice in choices.items()
            if not self._judge.lacks(int(image) for image in run.sample_images[choice.rows])
        }

    def _readable(self, channel: int, picture: Blocks) -> tuple[Accuracy, Accuracy]:
        choice = self._choices.get(channel)
        if choice is None:
            return UNTOLD, UNTOLD
        ids = self._layer.run.sample_images
        sides = [self._judge.of(ids[rows]) for rows in (choice.strong, choice.weak, choice.new_strong, choice.new_weak)]
        apart = [row for row, other in enumerate(self._contrast[0]) if other != channel]
        return readable(*sides), readable_from(picture, tuple(block[apart] for block in self._contrast[1]), *sides)

    @cached_property
    def _contrast(self) -> tuple[list[int], Blocks]:
        """Units of the layer in even steps, and what the judge sees of their pictures, small and fast ones: what all pictures share."""
        layer = self._layer
        channels = np.unique(np.linspace(0, layer.run.channels(layer.address) - 1, CONTRAST).astype(int)).tolist()
        pictures = Pictures(layer.network, layer.address, FAST, layer.settings.seed)
        return channels, self._judge.see(pictures.of([Unit(layer.address, channel) for channel in channels]).images)


def layers_of(network: Any) -> tuple[str, ...]:
    """Return the addresses of all layers of a network that learn, in running order."""
    return tuple(info.address for info in layers(network) if info.learns)


def _in_single(numbers: dict[str, float]) -> dict[str, float]:
    """Return numbers as the table holds them, so that a picture of them is the same whether they are read or were just measured."""
    return {name: float(np.float32(value)) for name, value in numbers.items()}
