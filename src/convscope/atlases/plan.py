"""In which order an atlas is made: of each layer the most telling units first, and all layers in turn.

The order of a layer's units is found once, when the layer comes into the atlas, and recorded: its chunks stay what they are when images
are added, and what is made of them is found again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..scanning import UnitStatistics

# A unit that fires on fewer images than this is rare: its figures rest on few images.
RARE = 0.02
# A unit whose largest value is less than this share of its layer's median has all but no weights, and its picture is grey.
FAINT = 1e-4
# Of two units that are alike otherwise, the one whose class was not seen yet in the layer goes first.
AGAIN = 0.9


class Step(NamedTuple):
    """Some chunks of one layer, by its place among the layers: what is made without turning to another one."""

    layer: int
    chunks: range


def telling_order(statistics: UnitStatistics) -> tuple[int, ...]:
    """Return the channels of a layer, the most telling first, equals by channel.

    A unit tells most that fires on some images, prefers some classes, or is far above its median on some; one that fires on half of all
    images tells less, one that fires always or never, or faintly, nothing. Of each class the first units go before the others.
    """
    values = _telling(statistics)
    ranked = np.lexsort((np.arange(len(values)), -values))
    tops, seen = top_classes(statistics), Counter[int]()
    varied = np.empty_like(values)
    for channel in ranked:
        varied[channel] = values[channel] * AGAIN ** seen[int(tops[channel])]
        seen[int(tops[channel])] += 1
    return tuple(int(channel) for channel in np.lexsort((np.arange(len(values)), -varied)))


def _telling(statistics: UnitStatistics) -> NDArray[np.float64]:
    fires = statistics.fires
    sometimes = (1 - fires) * np.minimum(1, fires / RARE)
    sparse = 1 - np.clip(np.nan_to_num(statistics.quantiles[0.5] / np.maximum(statistics.quantiles[0.99], 1e-30)), 0, 1)
    awake = (statistics.count > 0) & (fires > 0)
    largest = np.where(awake, statistics.largest, np.nan)
    awake &= ~(largest < FAINT * np.nanmedian(largest)) if awake.any() else False
    return np.where(awake, sometimes + selectivity(statistics) + sparse, -1.0)


def selectivity(statistics: UnitStatistics) -> NDArray[np.float64]:
    """Return for each unit how far its best class stands out, 0 to 1: (best - mean of the others) / (best + mean of the others).

    Of the mean maxima by class, those below zero as zero (Morcos et al. 2018). 0 without labels.
    """
    if statistics.class_means is None or statistics.class_means.shape[1] < 2:
        return np.zeros(len(statistics.count))
    means = np.clip(np.nan_to_num(statistics.class_means.astype(np.float64)), 0, None)
    known = np.isfinite(statistics.class_means)
    best = means.max(axis=1)
    others = (means.sum(axis=1) - best) / np.maximum(known.sum(axis=1) - 1, 1)
    found: NDArray[np.float64] = np.where(best + others > 0, (best - others) / np.maximum(best + others, 1e-30), 0.0)
    return found


def top_classes(statistics: UnitStatistics) -> NDArray[np.int64]:
    """Return for each unit the number of the class with the largest mean maximum, -1 where there is none above zero."""
    means = statistics.class_means
    if means is None or not means.shape[1]:
        return np.full(len(statistics.count), -1)
    known = np.where(np.isfinite(means), means, -np.inf)
    return np.where(known.max(axis=1) > 0, known.argmax(axis=1), -1)


def chunks_of(order: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Return an order in chunks of so many units, the last perhaps smaller."""
    return [tuple(order[start : start + size]) for start in range(0, len(order), size)]


def steps(chunks: Sequence[int]) -> Iterator[Step]:
    """Yield the work on layers of so many chunks each: the first chunk of every layer, the next three, the next twelve, ...

    So every layer is seen early, and yet few turns are needed: what a turn compiles serves all of its chunks.
    """
    first, after = 0, 1
    while first < max(chunks, default=0):
        for layer, count in enumerate(chunks):
            if first < count:
                yield Step(layer, range(first, min(after, count)))
        first, after = after, 4 * after
