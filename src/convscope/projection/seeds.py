"""Seeds: what is projected, as data; where it lies on a unit's map, and the signal that stands there before it goes down."""

from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UnitError
from ..graph.calls import Call, Graph
from ..graph.saturation import ranking, seed_call
from ..units import Unit

FloatArray = NDArray[np.float32]


class Spot(Enum):
    """A position that only the forward pass tells.

    `STRONGEST`: where the unit is strongest, or its own position where its address has one. `MAP`: the whole map at once.
    """

    STRONGEST = "strongest"
    MAP = "map"


class Seed(NamedTuple):
    """A `unit` on an `image`, a number among those that are projected, at a `position` (row, column) of its map; None where it has no map.

    `amount`: None for the unit's own value, 0 where that is negative, because a deconvnet takes no negative seed. A number stands there
    as it is: 1 makes the projection under the gradient's rules the slope of the value. -1 is for a unit that falls with the value that is
    seeded (see `slope_sign`), and is strongest where that is least. `value`: the unit's own value there, where it is known. What goes down
    the same way whatever the image is needs no forward pass then.
    """

    unit: Unit
    image: int
    position: tuple[int, int] | Spot | None = Spot.STRONGEST
    amount: float | None = None
    value: float | None = None

    @property
    def is_known(self) -> bool:
        """Say whether no image is needed to tell what goes down, and from where."""
        return self.value is not None and self.amount is None and isinstance(self.position, tuple)


def seeded_call(graph: Graph, seed: Seed) -> Call:
    """Return the call on whose output the seed lies: before an activation that is flat above, which has no slope."""
    if seed.amount is None:
        return seed_call(graph, seed.unit)
    ranked = ranking(graph, graph.score(graph.find(seed.unit.layer)))
    return ranked.before if ranked.signs[seed.unit.channel] else ranked.call


def slope_sign(graph: Graph, unit: Unit) -> float:
    """Return -1 for a unit that falls with the value before its activation, else 1: the amount that makes a projection its slope."""
    return float(ranking(graph, graph.score(graph.find(unit.layer))).signs[unit.channel]) or 1.0


def seedable(graph: Graph, call: Call, maps: Any) -> Any:
    """Return from the values of `call`, (image, ..., channel), what its units are seeded with: these, but of rival classes (`Graph.rivals`)
    each score less the mean of the others, so that a constant added to all of them changes nothing.
    """
    if call.index not in graph.rivals:
        return maps
    others = maps.shape[-1] - 1
    return maps - (maps.sum(axis=-1, keepdims=True) - maps) / others


def peaks(maps: FloatArray, unit: Unit) -> tuple[NDArray[np.int64], FloatArray]:
    """Return where the unit is strongest in each image, (image, 2) row and column (-1 where the layer has none), and its value there.

    `maps` is the layer's output, (image, height, width, channel) or (image, channel). Equal values: the first in row-major order; a unit
    with a position is taken there. Raises UnitError.
    """
    if maps.ndim == 2:
        return np.full((len(maps), 2), -1), maps[:, unit.channel]
    if maps.ndim != 4:
        raise UnitError(f"`{unit.layer}` has maps of shape {maps.shape[1:]}, but projections need rows and columns, or a dense layer.")
    one = maps[..., unit.channel]
    if unit.position is None:
        places = np.stack(np.unravel_index(one.reshape(len(one), -1).argmax(axis=1), one.shape[1:]), axis=1)
    elif unit.position[0] >= one.shape[1] or unit.position[1] >= one.shape[2]:
        raise UnitError(f"`{unit}` is outside the map of `{unit.layer}`, which has {one.shape[1]} rows and {one.shape[2]} columns here.")
    else:
        places = np.tile(np.asarray(unit.position), (len(one), 1))
    return places, one[np.arange(len(one)), places[:, 0], places[:, 1]]


class Sown(NamedTuple):
    """A seed on its map: its `position`, None where there is no map, the `value` there, and the `amount` of it that goes down.

    Of a whole map: where the unit is strongest. An amount below 0 that comes from a value is not sent down.
    """

    position: tuple[int, int] | None
    value: float
    amount: float


def sown(graph: Graph, call: Call, seed: Seed, maps: FloatArray) -> Sown:
    """Return where a seed lies, from what `call` computed of its image: (height, width, channel) or (channel,). Raises UnitError."""
    # A score and a score less the mean of the others have different slopes. An amount asks for the first.
    amounts = seedable(graph, call, maps) if seed.amount is None else maps
    position = _strongest(seed, amounts) if isinstance(seed.position, Spot) else seed.position
    spot = (*(position or ()), seed.unit.channel)
    return Sown(position, float(maps[spot]), float(amounts[spot]) if seed.amount is None else seed.amount)


def _strongest(seed: Seed, amounts: FloatArray) -> tuple[int, int] | None:
    falling = seed.amount is not None and seed.amount < 0
    row, column = (int(side) for side in peaks(-amounts[None] if falling else amounts[None], seed.unit)[0][0])
    return None if row < 0 else (row, column)


def signal_of(graph: Graph, call: Call, seed: Seed, maps: FloatArray) -> FloatArray:
    """Return the signal that goes down from a seed, shaped like `maps` of its image: zero except for its amount (see `sown`)."""
    signal, channel = np.zeros_like(maps), seed.unit.channel
    if seed.position is Spot.MAP:
        signal[..., channel] = seedable(graph, call, maps)[..., channel]
    else:
        position, _, amount = sown(graph, call, seed, maps)
        signal[(*(position or ()), channel)] = np.maximum(amount, 0.0) if seed.amount is None else amount
    return signal
