"""How alike the projections of different units from one place are: what a deconvnet shows of the image, and not of the unit."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ..graph.rules import GRADIENT, Ruleset
from ..graph.saturation import seed_call
from ..graph.tensors import to_array
from ..models import ModelBundle
from ..network.addresses import graph_of
from ..network.entering import network_input
from ..results import FloatArray
from ..units import Unit
from .compiling import maps_of
from .projecting import Place, project_places
from .seeds import seedable

# So many units at a place, those that are strongest there.
UNITS = 4


class Likeness(NamedTuple):
    """The mean cosine between the projections of different units of a layer from one place, by `pairs` of them; and between gradients."""

    projections: float
    gradients: float
    pairs: int


def likeness(
    bundle: ModelBundle, layer: str, images: FloatArray, positions: Sequence[tuple[int, int] | None], rules: Ruleset
) -> Likeness | None:
    """Return how alike what comes down from one place is, for one place on each of `images` (image, height, width, channel).

    Of each place the four units of the layer that are strongest there are compared; None where no two are above zero.
    """
    graph, call = graph_of(bundle), seed_call(graph_of(bundle), Unit(layer, 0))
    maps = to_array(maps_of(bundle, network_input(bundle, images), [call])[0])
    amounts = seedable(graph, call, maps)
    places = []
    for image, position in enumerate(positions):
        here = amounts[(image, *(position or ()))]
        strongest = np.argsort(-here, kind="stable")[:UNITS]
        places.append([Place(Unit(layer, int(channel)), image, position) for channel in strongest if here[channel] > 0])
    pairs = sum(len(units) * (len(units) - 1) // 2 for units in places)
    if not pairs:
        return None
    projections, gradients = (_mean_cosine(bundle, places, images, one) for one in (rules, GRADIENT))
    return Likeness(projections, gradients, pairs)


def _mean_cosine(bundle: ModelBundle, places: Sequence[Sequence[Place]], images: FloatArray, rules: Ruleset) -> float:
    down = iter(project_places(bundle, [one for units in places for one in units], images, rules))
    found = []
    for units in places:
        signals = [next(down).signal.astype(np.float64).ravel() for _ in units]
        norms = [np.linalg.norm(signal) for signal in signals]
        for one, other in combinations(range(len(units)), 2):
            length = norms[one] * norms[other]
            found.append(float(signals[one] @ signals[other] / length) if length > 0 else 0.0)
    return float(np.mean(found))
