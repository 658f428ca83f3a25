"""Which unit of another network fires most like each unit of this one, on the same images to the same degree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..portraits.alike import COLUMNS, ROWS, profiles_of
from ..units import Unit

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Matched:
    """For each of some `units` its best partner in the other network, None where it has none, and the `correlations`, NaN there."""

    units: tuple[Unit, ...]
    partners: tuple[Unit | None, ...]
    correlations: Floats


def matched(first: Mapping[str, Floats], second: Mapping[str, Floats]) -> tuple[Matched, Matched]:
    """Return the partners of the units of two networks, from their maxima by layer, (image, channel), on the same images.

    Likeness is Pearson's correlation of log(1 + a), a the positive part of a maximum, as between the units of one run. Units that are the
    same on all images have none. Of equals the first in the order of the network counts.
    """
    ours, theirs = _units(first), _units(second)
    profiles, others = (np.concatenate([profiles_of(one.T) for one in side.values()]) for side in (first, second))
    best, back = _Best(len(profiles)), _Best(len(others))
    for start in range(0, len(profiles), ROWS):
        rows = np.arange(start, min(start + ROWS, len(profiles)))
        for begin in range(0, len(others), COLUMNS):
            columns = np.arange(begin, min(begin + COLUMNS, len(others)))
            products = profiles[rows] @ others[columns].T
            np.copyto(products, -np.inf, where=np.isnan(products))
            best.take(rows, columns, products)
            back.take(columns, rows, products.T)
    return best.matched(ours, theirs), back.matched(theirs, ours)


def namesakes(first: Mapping[str, Floats], second: Mapping[str, Floats]) -> dict[Unit, float]:
    """Return how alike each unit is to the one of the same address in the other network, for layers as large in both; NaN: none."""
    found: dict[Unit, float] = {}
    for layer in first:
        if layer in second and first[layer].shape == second[layer].shape:
            pairs = np.einsum("ui,ui->u", profiles_of(first[layer].T), profiles_of(second[layer].T))
            found |= {Unit(layer, channel): float(np.clip(one, -1.0, 1.0)) for channel, one in enumerate(pairs)}
    return found


class _Best:
    """The largest correlation so far of each unit, and whose it is."""

    def __init__(self, count: int) -> None:
        self.which, self.values = np.full(count, -1), np.full(count, -np.inf, np.float32)

    def take(self, units: NDArray[np.int64], others: NDArray[np.int64], products: Floats) -> None:
        place = products.argmax(axis=1)
        values = products[np.arange(len(units)), place]
        larger = values > self.values[units]
        self.values[units[larger]], self.which[units[larger]] = values[larger], others[place[larger]]

    def matched(self, units: Sequence[Unit], others: Sequence[Unit]) -> Matched:
        there = np.isfinite(self.values)
        partners = tuple(others[which] if known else None for which, known in zip(self.which, there, strict=True))
        return Matched(tuple(units), partners, np.where(there, np.clip(self.values, -1.0, 1.0), np.nan).astype(np.float32))


def _units(maxima: Mapping[str, Floats]) -> list[Unit]:
    return [Unit(layer, channel) for layer, values in maxima.items() for channel in range(values.shape[1])]
