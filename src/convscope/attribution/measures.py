"""What deletion and insertion curves are drawn of: a probability where there is one, else the score as a share of the image's."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..graph.calls import Call
from ..graph.kinds import Kind
from ..graph.tensors import to_array
from ..network.entering import network_input
from ..network.network import Network
from ..projection.compiled import maps_of
from .gradients import SCORED_AT_ONCE, scored
from .scores import Placed

FloatArray = NDArray[np.float32]
PROBABILITY, SHARE, SCORE = "probability", "share of the image's score", "score"


class Measure(NamedTuple):
    """A number of each of some images (image, height, width, channel), and what it is called."""

    name: str
    of: Callable[[FloatArray], FloatArray]


def measure_of(network: Network, one: Placed, score: float) -> Measure:
    """Return what a score amounts to as its image changes: the probability of a class, or what is left of `score`, its own there."""
    unit, terms = one.score.target.unit, one.score.target.terms
    if unit is not None and (call := network.graph.find(unit.layer)).kind in (Kind.SOFTMAX, Kind.SIGMOID):
        spot: tuple[Any, ...] = (*(one.terms[0].position or ()), unit.channel)
        return Measure(PROBABILITY, lambda images: _values(network, call, spot, images))
    if len(terms) == 1 and terms[0].odds and terms[0].weight == 1:
        return Measure(PROBABILITY, lambda images: _sigmoid(scored(network, one, images)))
    if score > 0 and math.isfinite(score):
        return Measure(SHARE, lambda images: scored(network, one, images) / np.float32(score))
    return Measure(SCORE, lambda images: scored(network, one, images))


def _values(network: Network, call: Call, spot: tuple[Any, ...], images: FloatArray) -> FloatArray:
    found = []
    for start in range(0, len(images), SCORED_AT_ONCE):
        batch = images[start : start + SCORED_AT_ONCE]
        filled = np.concatenate([batch, np.repeat(batch[:1], SCORED_AT_ONCE - len(batch), axis=0)]) if start else batch
        values = to_array(maps_of(network, network_input(network.bundle, filled), [call])[0])
        found.append(values[(slice(0, len(batch)), *spot)])
    return np.concatenate(found)


def _sigmoid(values: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(values / 2)), np.float32)
