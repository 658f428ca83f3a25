"""The path check (Geirhos et al. 2024): do the layers below a unit treat its synthetic picture as they treat the images that excite it?

A picture can excite a unit along a path that no image takes, even one that was built to show nothing of what the unit does on images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..graph.calls import Call, Graph
from ..graph.saturation import ranking_call
from ..locality.receptive import cone
from ..locality.windows import Field
from ..network.addresses import unit_call
from ..network.listing import layers
from ..network.network import Network
from ..units import Unit
from .similarity import normalised, ranked

Profile = tuple[NDArray[np.float32], ...]  # of one picture: at each layer below the unit, each channel's maximum over the unit's field
LEAST_CHANNELS = 3  # of a layer whose ranks can be compared


@dataclass(frozen=True)
class PathCheck:
    """How a unit's synthetic picture is treated at each layer below it, all (layer,): rank correlations with the strongest images.

    `normalised`: 0 where random images lie, 1 where the strongest images lie among themselves, NaN where these two cannot be told apart.
    """

    synthetic: NDArray[np.float64]
    natural: NDArray[np.float64]
    random: NDArray[np.float64]

    @property
    def normalised(self) -> NDArray[np.float64]:
        """The curve."""
        return normalised(self.synthetic, self.natural, self.random)

    @property
    def late(self) -> float:
        """The mean of the curve over the last third of its layers, NaN where nothing can be told at any of them."""
        last = self.normalised[-max(1, round(len(self.synthetic) / 3)) :] if len(self.synthetic) else np.empty(0)
        known = last[np.isfinite(last)]
        return float(known.mean()) if len(known) else float("nan")


def path_check(synthetic: Profile, strongest: Sequence[Profile], random: Sequence[Profile]) -> PathCheck:
    """Return the path check of a picture, from its profile, those of the unit's strongest images and those of random images."""
    found = np.full((3, len(synthetic)), np.nan)
    pairs = np.triu_indices(len(strongest), 1)
    for layer, channels in enumerate(synthetic):
        if len(channels) < LEAST_CHANNELS or len(strongest) < 2 or not random:
            continue
        own, tops, others = (ranked(np.stack([one[layer] for one in some])) for some in ([synthetic], strongest, random))
        found[:, layer] = _mean(own @ tops.T), _mean((tops @ tops.T)[pairs]), _mean(others @ tops.T)
    return PathCheck(*found)


def _mean(correlations: NDArray[np.float64]) -> float:
    known = correlations[np.isfinite(correlations)]
    return float(known.mean()) if known.size else float("nan")


def below(network: Network, layer: str) -> list[Call]:
    """Return the calls whose channels are compared: what the layers that learn compute, before a unit of `layer`, in running order."""
    graph = network.graph
    own = unit_call(graph, Unit(layer, 0))
    before = {call.index for call in graph.ancestors([own.index])}
    calls = (graph.visible[info.address] for info in layers(network) if info.learns)
    return [call for call in calls if call.index in before and call.address != own.address and call.index in graph.downstream]


def ranked_by(graph: Graph, layer: str) -> Call:
    """Return the call whose largest value says where a unit of a layer is strongest."""
    return ranking_call(graph, unit_call(graph, Unit(layer, 0)))


def windows(graph: Graph, calls: Sequence[Call], unit: Call, position: tuple[int, int] | None, size: tuple[int, int]) -> list[Field | None]:
    """Return the part of each call's map that the unit at a position depends on; None for all of it."""
    fields = None if position is None else cone(graph, unit, position, size)
    return [None if fields is None else fields.get(call.index) for call in calls]


def profile(maps: Sequence[NDArray[np.float32]], fields: Sequence[Field | None]) -> Profile:
    """Return each channel's maximum over a field of each map (height, width, channel); of a layer without space its values."""
    return tuple(_largest(values, field) for values, field in zip(maps, fields, strict=True))


def _largest(values: NDArray[np.float32], field: Field | None) -> NDArray[np.float32]:
    if values.ndim == 3 and field is not None:
        inside = field.clipped(*values.shape[:2])
        part = values[inside.top : inside.bottom, inside.left : inside.right]
        values = part if part.size else values
    return np.asarray(values.reshape(-1, values.shape[-1]).max(axis=0))
