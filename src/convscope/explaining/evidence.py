"""The units of a layer that argue for a score and against it: activation times slope, where, and what came of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from ..attribution.cams import AFTER
from ..attribution.gradients import at_layer
from ..attribution.scores import Placed, Score
from ..errors import UnitError
from ..graph.calls import Call, Graph
from ..graph.kinds import ACTIVATIONS, Kind
from ..graph.rules import GRADIENT, Ruleset, deconvnet
from ..hints import listing
from ..legible import legible
from ..locality.receptive import receptive_field
from ..locality.shapes import shapes_up_to
from ..locality.windows import Field
from ..network.listing import matching
from ..network.network import Network
from ..projection.driver import cut, project
from ..projection.seeds import Seed
from ..results import Evidence, FloatArray, LayerEvidence
from ..units import Unit

# Layers that are explained if none are named: the last of each size of map, from the end.
LAYERS = 2
RULES: Ruleset = deconvnet()


def layers_of(network: Network, score: Score, patterns: str | None, size: tuple[int, int]) -> list[Call]:
    """Return the layers whose units are asked, from the last to the first: those that `patterns` mean, by default `LAYERS` of them.

    By default the dense layers below the score's own, and the last maps of each size, after normalization, sum and activation; none whose
    channels are the classes. Raises UnitError for layers that the score does not depend on.
    """
    graph = network.graph
    common = set.intersection(*({call.index for call in graph.ancestors([one.index])[:-1]} for one in score.calls)) & graph.downstream
    if patterns is not None:
        found = [graph.find(info.address) for info in matching(network, patterns)]
        odd = next((call for call in found if call.index not in common), None)
        if odd is not None:
            raise UnitError(
                f"`{legible(str(score.target))}` does not depend on the output of `{legible(odd.address)}`. Name layers below it: "
                f"`{listing()}` lists them."
            )
        return found[::-1]
    return _last_of_each_size(graph, common, shapes_up_to(graph, [call.index for call in score.calls], size))


def _last_of_each_size(graph: Graph, common: set[int], shapes: Mapping[int, tuple[int | None, ...]]) -> list[Call]:
    found: dict[tuple[int | None, ...], Call] = {}
    learned: set[tuple[int | None, ...]] = set()
    for call in graph.calls:
        if call.index not in common or graph.holds_classes(call) or call.kind is Kind.INPUT:
            continue
        sides = shapes[call.index][1:-1]
        if call.kind in (Kind.CONVOLUTION, Kind.TRANSPOSED, Kind.DENSE):
            learned.add(sides)
            found[sides] = call
        elif sides in learned and call.kind in AFTER and any(source.call == found[sides].index for source in call.sources):
            found[sides] = call
    chosen = sorted((call for call in found.values() if not call.inner), key=attrgetter("index"), reverse=True)
    return chosen[:LAYERS]


@dataclass(frozen=True)
class Ask:
    """A score of one image, (1, height, width, channel), whose evidence is asked for; `most` units for it and as many against."""

    network: Network
    image: FloatArray
    placed: Placed
    most: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image."""
        return self.image.shape[1], self.image.shape[2]


def evidence(ask: Ask, layer: Call) -> LayerEvidence:
    """Return the units of a layer that argue most, without what a run knows of them."""
    (at,) = at_layer(ask.network, [ask.placed], ask.image, layer)
    products = at.maps * at.slopes
    contributions = products.reshape(-1, products.shape[-1]).sum(axis=0, dtype=np.float64).astype(np.float32)
    order = np.argsort(-np.nan_to_num(contributions), kind="stable")
    pro = [int(channel) for channel in order[: ask.most] if contributions[channel] > 0]
    contra = [int(channel) for channel in order[::-1][: ask.most] if contributions[channel] < 0]
    spots = {channel: _spot(products[..., channel], contributions[channel]) for channel in (*pro, *contra)}
    found = dict(zip(spots, _evidences(ask, layer, at.maps, contributions, spots), strict=True))
    return LayerEvidence(
        layer=layer.address,
        contributions=contributions,
        pro=tuple(found[channel] for channel in pro),
        contra=tuple(found[channel] for channel in contra),
        exact=is_exact(ask.placed.score, layer),
    )


def is_exact(score: Score, layer: Call) -> bool:
    """Say whether all that comes between a layer and the score is linear, such as a mean over the map and a dense layer."""
    graph = score.graph
    below = {call.index for call in graph.ancestors([layer.index])}
    after = [call for call in graph.ancestors([call.index for call in score.calls]) if call.index not in below]
    behind = {layer.index}
    for call in after:
        if any(source.call in behind for source in call.sources):
            behind.add(call.index)
    # What comes to a sum from elsewhere would depend on the image too.
    joined = all(
        source.call in behind or source.call not in graph.downstream for call in after if call.index in behind for source in call.sources
    )
    return joined and GRADIENT.is_steady([call for call in after if call.index in behind])


def _spot(products: FloatArray, contribution: float) -> tuple[int, int] | None:
    """Return the place of a map where a unit contributes most in the direction of its contribution; None where it has no map."""
    if products.ndim != 2:
        return None
    row, column = np.unravel_index(int((products * np.sign(contribution)).argmax()), products.shape)
    return int(row), int(column)


def _evidences(
    ask: Ask, layer: Call, maps: FloatArray, contributions: FloatArray, spots: Mapping[int, tuple[int, int] | None]
) -> Iterator[Evidence]:
    units = [Unit(layer.address, channel) for channel in spots]
    seeds = [Seed(unit, 0, spots[unit.channel]) for unit in units]
    down = sorted(project(ask.network, seeds, ask.image, RULES), key=attrgetter("number"))
    whole = Field(0, 0, *ask.size)
    for unit, one in zip(units, down, strict=True):
        position = spots[unit.channel]
        seen = whole if position is None else receptive_field(ask.network.graph, layer, position, ask.size).clipped(*ask.size)
        inside = Field(seen.top - one.window.top, seen.left - one.window.left, seen.bottom - one.window.top, seen.right - one.window.left)
        yield Evidence(
            unit=unit,
            contribution=float(contributions[unit.channel]),
            value=float(maps[(*(position or ()), unit.channel)]),
            position=position,
            field=(seen.top, seen.left, seen.bottom, seen.right),
            fired=maps[..., unit.channel] if position is not None else np.zeros((0, 0), np.float32),
            projection=cut(one.signal, inside),
        )


def measured_unit(graph: Graph, unit: Unit, measured: Sequence[str]) -> Unit | None:
    """Return the unit of a measured layer whose values a unit hands on, through activations, concatenations and their like; None: none."""
    call, channel = graph.find(unit.layer), unit.channel
    while call.address not in measured:
        if call.layer_type == "Concatenate" and getattr(call.operation, "axis", -1) in (-1, len(call.shape) - 1):
            for source in call.sources:
                count = int(graph.calls[source.call].shape[-1] or 0)
                if channel < count:
                    call = graph.calls[source.call]
                    break
                channel -= count
            else:
                return None
        elif call.kind in ACTIVATIONS | {Kind.NORMALIZATION, Kind.IDENTITY} and len(call.sources) == 1:
            call = graph.calls[call.sources[0].call]
        else:
            return None
    return Unit(call.address, channel)


def with_strip(
    found: LayerEvidence, strips: Mapping[Unit, tuple[tuple[FloatArray, ...], tuple[str, ...]]], names: Mapping[Unit, str]
) -> LayerEvidence:
    """Return the same evidence with what a run knows of its units."""

    def known(one: Evidence) -> Evidence:
        strip, called = strips.get(one.unit, (one.strip, ()))
        return replace(one, strip=strip, strip_names=called, name=names.get(one.unit, ""))

    return replace(found, pro=tuple(map(known, found.pro)), contra=tuple(map(known, found.contra)))


Contributions = NDArray[np.float64]


def mean_contributions(several: Sequence[LayerEvidence], most: int) -> tuple[tuple[Unit, float], ...]:
    """Return the units of one layer whose mean contribution over several images is largest in magnitude."""
    mean: Contributions = np.mean([one.contributions for one in several], axis=0, dtype=np.float64)
    order = np.argsort(-np.abs(np.nan_to_num(mean)), kind="stable")[:most]
    return tuple((Unit(several[0].layer, int(channel)), float(mean[channel])) for channel in order if mean[channel])
