"""What a projection owes to its unit and what to the image: other units at the same place, random weights, the image's own edges.

Sources: Nie et al. 2018 (a deconvnet recovers the image, whatever the unit); Adebayo et al. 2018 (sanity checks by random weights).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..projection.likeness import cosine
from ..results import FloatArray
from .similarity import energy, spearman, structural

OTHERS = 10  # units that a projection is compared with
MOST_FLOORS = 8  # projections from other images that a floor is the mean of


def others_at(values: FloatArray, unit: int, rng: np.random.Generator, count: int = OTHERS) -> NDArray[np.int64]:
    """Return other channels that are above zero at a place, whose values are (channel,): chance decides among more than `count`.

    Those that follow where there are fewer are -1.
    """
    awake = np.flatnonzero(np.nan_to_num(values) > 0)
    awake = rng.permutation(awake[awake != unit])[:count]
    return np.concatenate([awake, np.full(count - len(awake), -1)])


def likeness_to_others(own: FloatArray, others: FloatArray) -> NDArray[np.float64]:
    """Return the cosines of a projection (height, width, channel) with those of other units from the same place (unit, ...).

    What is zero everywhere is left out: a unit that sends nothing down is like nothing.
    """
    if not own.any():
        return np.empty(0)
    return np.array([cosine(own, other) for other in others if other.any()])


def survival(own: FloatArray, random: FloatArray, inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the rank correlation of absolute values, and the structural similarity, of a projection and the one by random weights.

    Only pixels that lie on the image (`inside`, (height, width)) count.
    """
    first, second = energy(own), energy(random)
    box = np.ix_(np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0)))
    return spearman(first[inside], second[inside]), structural(first[box], second[box])


def floor(own: FloatArray, randoms: Sequence[FloatArray], insides: Sequence[NDArray[np.bool_]], inside: NDArray[np.bool_]) -> float:
    """Return the mean rank correlation of a projection with those by random weights from other images.

    Neither the weights nor the image are the same, so this is what the shape of a field alone gives: its middle counts more than its rim.
    """
    first, found = energy(own), []
    for random, there in zip(randoms[:MOST_FLOORS], insides, strict=False):
        both = inside & there
        if both.any():
            found.append(spearman(first[both], energy(random)[both]))
    return mean(found)


def likeness_to_edges(own: FloatArray, found: NDArray[np.floating], inside: NDArray[np.bool_]) -> float:
    """Return the rank correlation of a projection's energy with the edges `found` in the image, (height, width), on the same pixels."""
    return spearman(energy(own)[inside], found[inside])


def mean(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the mean of those values that are numbers, NaN where there are none."""
    known = np.asarray(values, np.float64)
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else float("nan")
