"""The measures of projections of units of one layer: other units at the same places, random weights, the images' own edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..graph.calls import Call
from ..graph.saturation import seed_call
from ..network.addresses import unit_call
from ..projection.driver import cut
from ..results import FloatArray
from ..units import Unit
from .dependence import floor, likeness_to_edges, likeness_to_others, mean, others_at, survival
from .gathering import Layer
from .projected import Places, projected, rulesets, values_at
from .randomised import Randomised, depths, first_index
from .similarity import edges


@dataclass(frozen=True)
class Projections:
    """The `numbers` of a unit's projections, and `curves` by the address of the lowest layer that is random."""

    numbers: dict[str, float]
    curves: dict[str, dict[str, float]]


class Projecting:
    """Measures the projections of units of a layer."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer

    @cached_property
    def _randomised(self) -> Randomised:
        return Randomised(self._layer.network.graph, self._layer.settings.seed)

    def of(self, channels: Sequence[int]) -> dict[int, Projections]:
        """Return the measures of some units by channel; those that no image excites are left out."""
        graph, by_call = self._layer.network.graph, dict[Call, list[int]]()
        for channel in channels:
            by_call.setdefault(seed_call(graph, Unit(self._layer.address, channel)), []).append(channel)
        return {channel: found for call, some in by_call.items() for channel, found in self._of(call, some).items()}

    def _of(self, call: Call, channels: Sequence[int]) -> dict[int, Projections]:
        owners, places = self._layer.places(channels, self._layer.settings.effort.places)
        if places is None:
            return {}
        network, rules, owned = self._layer.network, rulesets(self._layer.network.graph, call), np.asarray(owners)
        values, count = values_at(network, call, places), self._layer.settings.effort.others
        others = np.stack([others_at(values[row], owner, self._layer.rng(owner), count) for row, owner in enumerate(owners)])
        down = projected(network, network.graph, call, places, [owned, *others.T], rules)
        random = {
            depth.address: projected(network, self._randomised.since(first_index(network.graph, depth)), call, places, [owned], rules)
            for depth in depths(self._layer.below, unit_call(network.graph, Unit(self._layer.address, 0)))
        }
        found = {}
        for channel in dict.fromkeys(owners):
            rows = np.flatnonzero(owned == channel)
            ways = [_of_way(way, rows, down[way], {one: signals[way][0] for one, signals in random.items()}, places) for way in rules]
            numbers = {"places": float(len(rows)), "others": float((others[rows] >= 0).sum())}
            found[channel] = Projections(
                numbers | {name: value for one in ways for name, value in one.numbers.items()},
                {name: curve for one in ways for name, curve in one.curves.items()},
            )
        return found


def _of_way(way: str, rows: NDArray[np.int64], down: FloatArray, random: dict[str, FloatArray], places: Places) -> Projections:
    """Return the measures of one way of projecting, at the places of one unit.

    `down`: (1 + others, place, height, width, channel), the unit's own first; `random`: (place, ...) by the lowest random layer.
    """
    own, inside = down[0], places.inside
    survived = {depth: [survival(own[row], signals[row], inside[row]) for row in rows] for depth, signals in random.items()}
    deepest = list(random)[-1]
    floors = []
    for row in rows:
        apart = [other for other in range(len(own)) if not np.array_equal(places.images[other], places.images[row])]
        floors.append(floor(own[row], [random[deepest][other] for other in apart], [inside[other] for other in apart], inside[row]))
    likeness = np.concatenate([likeness_to_others(own[row], down[1:, row]) for row in rows])
    borders = [cut(edges(places.images[row]).astype(np.float32)[..., None], places.fields[row])[..., 0] for row in rows]
    alike = [likeness_to_edges(own[row], found, inside[row]) for row, found in zip(rows, borders, strict=True)]
    ranks, ssims = ({depth: mean([one[part] for one in ones]) for depth, ones in survived.items()} for part in (0, 1))
    return Projections(
        {f"rank_{way}": ranks[deepest], f"floor_{way}": mean(floors), f"like_{way}": mean(likeness), f"edges_{way}": mean(alike)},
        {f"ranks_{way}": ranks, f"ssims_{way}": ssims},
    )
