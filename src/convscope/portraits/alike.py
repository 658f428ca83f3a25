"""Which units of a network fire alike: on the same images, to the same degree."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..progress import working
from ..scanning import Run

MOST_HELD = 2**30  # bytes of profiles that are kept; of a larger network they are computed anew for each layer
ROWS, COLUMNS = 512, 8192  # units whose correlations are in memory at a time
FEWEST_IMAGES = 3  # any two images are perfectly correlated or not at all

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Alike:
    """The units of a network that fire most like each unit of a `layer`, most alike first, all (channel, k).

    `layers`: int64 numbers in the run's `layers`, and `channels` there, -1 where there are fewer; `correlations`: float32 in [-1, 1], NaN
    there.
    """

    layer: str
    layers: Ints
    channels: Ints
    correlations: Floats


def alike(run: Run, layers: Sequence[str] | None = None, count: int = 8) -> Iterator[Alike]:
    """Yield for each layer the `count` other units of all measured layers that are most alike to each of its units.

    Likeness is Pearson's correlation of log(1 + a) over the images of the run's sample, a the positive part of a unit's maximum. The
    logarithm keeps a few strong images from deciding alone. Units that are the same on all images (dead ones among them), or NaN or
    infinite on one, have no correlation: nothing is alike to them, and they are alike to nothing. Of equals the first in the order of the
    network comes first. `layers`: addresses, by default all. Raises UnitError, OptionError for a run without a sample.
    """
    profiles = _Profiles(run)
    for layer in run.layers if layers is None else layers:
        yield _alike(run, profiles, layer, count)


class _Profiles:
    """The units of a run as vectors of length 1 over its images, whose products are correlations; NaN for units that have none."""

    def __init__(self, run: Run) -> None:
        self._run, counts = run, [run.channels(layer) for layer in run.layers]
        self.firsts = np.cumsum([0, *counts])
        self._held: dict[str, Floats] | None = None
        if int(self.firsts[-1]) * len(run.sample_images) * 4 <= MOST_HELD:
            with working("reading the sample"):
                self._held = {layer: self._made(layer) for layer in run.layers}

    def of(self, layer: str) -> Floats:
        """Return (channel, image) of a layer."""
        return self._made(layer) if self._held is None else self._held[layer]

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """Yield all units in turn, as the number of the first and (unit, image): some layers together, or part of one."""
        waiting, first = list[Floats](), 0
        for layer in self._run.layers:
            profiles = self.of(layer)
            if sum(map(len, waiting)) + len(profiles) > COLUMNS and waiting:
                yield first, np.concatenate(waiting)
                first, waiting = first + sum(map(len, waiting)), []
            waiting.append(profiles)
        yield first, np.concatenate(waiting)

    def _made(self, layer: str) -> Floats:
        profiles = np.empty((self._run.channels(layer), len(self._run.sample_images)), np.float32)
        for start in range(0, len(profiles), ROWS):
            channels = np.arange(start, min(start + ROWS, len(profiles)))
            profiles[channels] = profiles_of(self._run.sample(layer, channels.tolist()).T)
        return profiles


def profiles_of(maxima: Floats) -> Floats:
    """Return units as vectors of length 1 over images, (unit, image), whose products are their correlations; NaN for those without any."""
    values = maxima.astype(np.float64)
    finite = np.isfinite(values).all(axis=1, keepdims=True)
    values = np.log1p(np.maximum(np.where(finite, values, 0.0), 0.0))
    varies = finite & (values.min(axis=1, keepdims=True) < values.max(axis=1, keepdims=True)) & (values.shape[1] >= FEWEST_IMAGES)
    values -= values.mean(axis=1, keepdims=True)
    lengths = np.sqrt(np.einsum("ui,ui->u", values, values))[:, None]
    return np.where(varies, values / np.where(varies, lengths, 1.0), np.nan).astype(np.float32)


def _alike(run: Run, profiles: _Profiles, layer: str, count: int) -> Alike:
    own, first = profiles.of(layer), int(profiles.firsts[run.layers.index(layer)])
    units = np.full((len(own), count), -1)
    correlations = np.full((len(own), count), np.nan, np.float32)
    for start, others in profiles.blocks():
        for row in range(0, len(own), ROWS):
            rows = slice(row, row + ROWS)
            products = own[rows] @ others.T
            itself = first + np.arange(len(own))[rows] - start
            here = (itself >= 0) & (itself < len(others))
            products[np.flatnonzero(here), itself[here]] = np.nan
            units[rows], correlations[rows] = _largest(units[rows], correlations[rows], start, products)
    place = np.searchsorted(profiles.firsts, units, side="right") - 1
    found = units >= 0
    channels = np.where(found, units - profiles.firsts[np.maximum(place, 0)], -1)
    return Alike(layer, np.where(found, place, -1), channels, np.clip(correlations, -1.0, 1.0))


def _largest(units: Ints, correlations: Floats, start: int, products: Floats) -> tuple[Ints, Floats]:
    """Return the units of the largest correlations, among those found before and the next ones, which begin at `start`."""
    count = units.shape[1]
    np.copyto(products, -np.inf, where=np.isnan(products))
    few = min(count, products.shape[1])
    chosen = np.argpartition(products, products.shape[1] - few, axis=1)[:, products.shape[1] - few :]
    units = np.concatenate([units, chosen + start], axis=1)
    values = np.concatenate([np.where(np.isnan(correlations), -np.inf, correlations), np.take_along_axis(products, chosen, axis=1)], axis=1)
    order = np.lexsort((units, -values), axis=1)[:, :count]
    units, values = np.take_along_axis(units, order, axis=1), np.take_along_axis(values, order, axis=1)
    known = values > -np.inf
    return np.where(known, units, -1), np.where(known, values, np.nan).astype(np.float32)
