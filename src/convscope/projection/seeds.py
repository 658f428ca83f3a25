"""Seeds: the signal placed at a unit before it is projected down."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnitError
from ..graph.calls import Call, Graph
from ..units import Unit

FloatArray = NDArray[np.float32]


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
        raise UnitError(f"`{unit.layer}` has maps of shape {maps.shape[1:]}; projections need rows and columns, or a dense layer.")
    one = maps[..., unit.channel]
    if unit.position is None:
        places = np.stack(np.unravel_index(one.reshape(len(one), -1).argmax(axis=1), one.shape[1:]), axis=1)
    elif unit.position[0] >= one.shape[1] or unit.position[1] >= one.shape[2]:
        raise UnitError(f"`{unit}` is outside the map of `{unit.layer}`, which has {one.shape[1]} rows and {one.shape[2]} columns here.")
    else:
        places = np.tile(np.asarray(unit.position), (len(one), 1))
    return places, one[np.arange(len(one)), places[:, 0], places[:, 1]]


def values_at(maps: FloatArray, unit: Unit, places: NDArray[np.int64]) -> FloatArray:
    """Return the unit's value at each image's place, (image,)."""
    index: tuple[Any, ...] = (np.arange(len(maps)), *places.T) if maps.ndim == 4 else (np.arange(len(maps)),)
    return np.asarray(maps[(*index, unit.channel)])


def seed_peaks(maps: FloatArray, unit: Unit, places: NDArray[np.int64], values: FloatArray) -> FloatArray:
    """Return a signal shaped like `maps`: zero but for `values` (image,) at each image's place."""
    signal = np.zeros_like(maps)
    index: tuple[Any, ...] = (np.arange(len(maps)), *places.T) if maps.ndim == 4 else (np.arange(len(maps)),)
    signal[(*index, unit.channel)] = values
    return signal


def seed_map(maps: FloatArray, unit: Unit) -> FloatArray:
    """Return a signal shaped like `maps`: the unit's whole map, every other channel zero."""
    signal = np.zeros_like(maps)
    signal[..., unit.channel] = maps[..., unit.channel]
    return signal
