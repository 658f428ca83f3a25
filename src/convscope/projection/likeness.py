"""How alike the projections of different units from one place are: what a deconvnet shows of the image, and not of the unit."""

from collections.abc import Sequence
from itertools import combinations
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from ..graph.rules import GRADIENT, Ruleset
from ..graph.saturation import seed_call
from ..graph.tensors import to_array
from ..network.entering import network_input
from ..network.network import Network
from ..results import FloatArray
from ..units import Unit
from .compiled import maps_of
from .driver import project
from .seeds import Seed, seedable

UNITS_PER_PLACE = 4  # those that are strongest there


class Likeness(NamedTuple):
    """The mean cosine between the projections of different units of a layer from one place, by `pairs` of them; and between gradients."""

    projections: float
    gradients: float
    pairs: int


def likeness(
    network: Network, layer: str, images: FloatArray, positions: Sequence[tuple[int, int] | None], rules: Ruleset
) -> Likeness | None:
    """Return how alike what comes down from one place is, for one place on each of `images` (image, height, width, channel).

    Of each place the four units of the layer that are strongest there are compared; None where no two are above zero.
    """
    graph, call = network.graph, seed_call(network.graph, Unit(layer, 0))
    maps = to_array(maps_of(network, network_input(network.bundle, images), [call])[0])
    amounts = seedable(graph, call, maps)
    places = []
    for image, position in enumerate(positions):
        here = amounts[(image, *(position or ()))]
        strongest = np.argsort(-here, kind="stable")[:UNITS_PER_PLACE]
        places.append([Seed(Unit(layer, int(channel)), image, position) for channel in strongest if here[channel] > 0])
    pairs = sum(len(seeds) * (len(seeds) - 1) // 2 for seeds in places)
    if not pairs:
        return None
    projections, gradients = (_mean_cosine(network, places, images, one) for one in (rules, GRADIENT))
    return Likeness(projections, gradients, pairs)


def _mean_cosine(network: Network, places: Sequence[Sequence[Seed]], images: FloatArray, rules: Ruleset) -> float:
    down = iter(sorted(project(network, [seed for seeds in places for seed in seeds], images, rules), key=attrgetter("number")))
    cosines = []
    for seeds in places:
        signals = [next(down).signal for _ in seeds]
        cosines += [cosine(one, other) for one, other in combinations(signals, 2)]
    return float(np.mean(cosines))


def cosine(one: FloatArray, other: FloatArray) -> float:
    """Return the cosine between two signals of one shape, 0 where one of them is zero."""
    first, second = (signal.astype(np.float64).ravel() for signal in (one, other))
    length = np.linalg.norm(first) * np.linalg.norm(second)
    return float(first @ second / length) if length > 0 else 0.0
