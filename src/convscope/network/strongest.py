"""The strongest value of each unit of some layers over many images, and where it was."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..graph.saturation import Ranking, ranking
from ..graph.tensors import to_array
from ..units import Unit
from .addresses import channel_count, unit_call
from .entering import network_input
from .network import Network

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Strongest:
    """For each channel of a layer its largest value over all images, (channel,), before an activation that is flat above (`Ranking`).

    `images`: in which image it was, the first of equal ones; `positions`: (channel, 2) row and column there, -1 where the layer has none.
    A value that is not a number counts for nothing.
    """

    values: FloatArray
    images: NDArray[np.int64]
    positions: NDArray[np.int64]


def layer_ranking(network: Network, layer: str) -> Ranking:
    """Return by what the units of a layer are ranked."""
    return ranking(network.graph, unit_call(network.graph, Unit(layer, 0)))


def strongest_values(network: Network, rankings: Mapping[str, Ranking], batches: Iterable[FloatArray]) -> dict[str, Strongest]:
    """Return the strongest values of layers, ranked as they say, over all images of the batches (image, height, width, channel).

    Memory does not grow with the number of images.
    """
    best = {layer: _nothing(channel_count(one.call)) for layer, one in rankings.items()}
    targets = list(dict.fromkeys(call.index for one in rankings.values() for call in one.calls))
    first = 0
    for batch in batches:
        computed = dict(zip(targets, network.graph.run(network_input(network.bundle, batch), targets), strict=True))
        for layer, one in rankings.items():
            _take(best[layer], to_array(one.strengths(*(computed[call.index] for call in one.calls))), first)
        first += len(batch)
    return best


def strongest_units(network: Network, units: Sequence[Unit], batches: Iterable[FloatArray], count: int) -> tuple[Unit, ...]:
    """Return the `count` units whose largest activation over all images is largest, strongest first; equals by the value before it."""
    rankings = {layer: layer_ranking(network, layer) for layer in dict.fromkeys(unit.layer for unit in units)}
    best = {layer: one.values for layer, one in strongest_values(network, rankings, batches).items()}
    own = {layer: to_array(one.values(ops.convert_to_tensor(best[layer][None])))[0] for layer, one in rankings.items()}
    ranked = sorted(units, key=lambda unit: (-float(own[unit.layer][unit.channel]), -float(best[unit.layer][unit.channel])))
    return tuple(ranked[:count])


def _nothing(channels: int) -> Strongest:
    return Strongest(np.full(channels, -np.inf, np.float32), np.zeros(channels, np.int64), np.full((channels, 2), -1, np.int64))


def _take(best: Strongest, strengths: FloatArray, first: int) -> None:
    """Take the values of a batch into the strongest ones; `first` is the number of its first image."""
    flat = strengths.reshape(len(strengths), -1, strengths.shape[-1])
    for number, image in enumerate(flat):
        peaks = image.max(axis=0)
        stronger = peaks > best.values
        best.values[stronger], best.images[stronger] = peaks[stronger], first + number
        if strengths.ndim == 4:
            spots = image.argmax(axis=0)[stronger]
            best.positions[stronger] = np.stack(np.divmod(spots, strengths.shape[2]), axis=1)
