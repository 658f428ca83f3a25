"""Reach: how far a synthetic picture excites its unit, and how much of that is the doing of its border."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..graph.calls import Call, Graph
from ..locality.borders import at_border
from ..locality.receptive import receptive_fields


class Border(NamedTuple):
    """The `share` of a picture's positive activation at places of the map's border that see padding, and the share of places there.

    NaN for a unit without a map, or that nothing excites.
    """

    share: float
    even: float


def border_share(values: NDArray[np.float32], border: NDArray[np.bool_]) -> Border:
    """Return how much of a unit's activation (height, width) comes from places at the border, (height, width) of truth values."""
    positive = np.maximum(np.nan_to_num(values.astype(np.float64)), 0.0)
    total = float(positive.sum())
    return Border(float(positive[border].sum()) / total if total > 0 else float("nan"), float(border.mean()))


def border_places(graph: Graph, call: Call, shape: tuple[int, int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which places of a call's map of `shape` lie at its border and see padding, for pictures of `size` (height, width)."""
    places = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1).reshape(-1, 2)
    fields = receptive_fields(graph, [(call, (int(row), int(column))) for row, column in places], size)
    return at_border(places, np.asarray(fields, np.int64), shape, size).reshape(shape)
