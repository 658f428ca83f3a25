"""Places at the border of a map, where a unit sees padding beside the picture; and units that answer to it."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# A unit counts as strongest at the border if all images but one in nine are, and chance would do that less than once in a hundred.
ONE_IN, CHANCE = 9, 0.01


def at_border(places: NDArray[np.int64], fields: NDArray[np.int64], shape: Sequence[int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return (place,) whether a place lies in the outermost rows or columns of its map and its field reaches over the picture there.

    `places`: (place, 2) row and column, -1 where the layer has none; `fields`: (place, 4) as top, left, bottom, right in pixels, not
    clipped; `shape`: the map's (rows, columns), () for none; `size`: the picture's (height, width). Without padding no place is one.
    """
    if len(shape) != 2:
        return np.zeros(len(places), bool)
    first = (places == 0) & (fields[:, :2] < 0)
    last = (places == np.asarray(shape) - 1) & (fields[:, 2:] > np.asarray(size))
    border: NDArray[np.bool_] = (first | last).any(axis=1)
    return border


def mostly_at_border(border: NDArray[np.bool_], shape: Sequence[int]) -> bool:
    """Say whether nearly all of a unit's places are at the border of its map, (place,), and more than chance puts there.

    Chance: places drawn evenly from the map. Of a map of 7 x 7 half the places are at the border, and one of 4 x 4 proves nothing.
    """
    count, here = len(border), int(border.sum())
    if len(shape) != 2 or not here or count - here > count // ONE_IN:
        return False
    rows, columns = shape
    share = 1 - max(0, rows - 2) * max(0, columns - 2) / (rows * columns)
    by_chance = sum(math.comb(count, found) * share**found * (1 - share) ** (count - found) for found in range(here, count + 1))
    return by_chance < CHANCE
