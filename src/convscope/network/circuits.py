"""What the units of a network's layers are made of and what they feed: the door to `graph.connections`.

A layer is one that learns, as the scan takes them by default; its units' values are what the scan measures. Depthwise convolutions are
passed through: they do not mix channels. The lowest inputs are the channels of the image.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..graph import connections as circuits
from ..graph.calls import Call
from ..graph.connections import Activity, Layers
from ..graph.finite import weight_notes
from ..graph.tensors import to_array
from ..locality.shapes import shapes_up_to
from ..results.circuits import UnitConnections, UnitFeeds
from ..units import Unit
from .addresses import channel_count, unit_call
from .entering import fit_of
from .listing import layers as listed_layers
from .network import Network

COUNT = 5  # inputs that excite a unit most, and as many that inhibit it


def connections(
    network: Network, layer: str, activity: Activity | None = None, *, measured: Collection[str] | None = None, count: int = COUNT
) -> Iterator[UnitConnections]:
    """Yield what each unit of a layer is made of, in the order of channels.

    `activity`: from the address of a layer to how active each of its units is, (channel,), such as its mean maximum in a run: an input
    counts by it; None: patterns alone. `measured`: the addresses between which paths go; None: all that learn. `count`: how many inputs
    that excite it, and as many that inhibit it. Raises UnitError for a layer without channels, ModelError for a network without images.
    """
    call = unit_call(network.graph, Unit(layer, 0))
    channel_count(call)
    notes = weight_notes(network.graph, [call])
    between = _layers(network, _mixing(network, measured), call)
    for one in circuits.connections(between, call, layer, _of_units(network, activity), count):
        yield replace(one, remarks=(*one.remarks, *notes)) if notes else one


def feeds(
    network: Network, layer: str, activity: Activity | None = None, *, measured: Collection[str] | None = None, count: int = COUNT
) -> tuple[UnitFeeds, ...]:
    """Return which units above each unit of a layer excites and inhibits most, in the order of channels; as `connections`, turned round."""
    return all_feeds(network, [layer], activity, measured=measured, count=count)[layer]


def all_feeds(
    network: Network,
    layers: Collection[str] | None = None,
    activity: Activity | None = None,
    *,
    measured: Collection[str] | None = None,
    count: int = COUNT,
) -> Mapping[str, tuple[UnitFeeds, ...]]:
    """Return `feeds` of many layers together, by address; None: of all that are measured. Paths are followed once for all."""
    mixing = _mixing(network, measured)
    every = list(measured if measured is not None else _learning(network)) if layers is None else list(layers)
    above = [(address, unit_call(network.graph, Unit(address, 0))) for address in mixing]
    wanted = {address: channel_count(unit_call(network.graph, Unit(address, 0))) for address in every}
    found: dict[str, tuple[UnitFeeds, ...]] = {}
    plain = {address: channels for address, channels in wanted.items() if address in mixing}
    for group in (plain, {address: channels for address, channels in wanted.items() if address not in plain}):
        if group:
            between = _layers(network, [*mixing, *group], *(call for _, call in above))
            found |= circuits.feeds(between, above, group, _of_units(network, activity), count)
    return {address: found[address] for address in every}


def usual_values(network: Network, layer: str) -> NDArray[np.float32]:
    """Return what a layer's units usually are, (channel,): the mean that the batch normalization after it keeps of them; 0 without one."""
    call = unit_call(network.graph, Unit(layer, 0))
    after = [one for one in network.graph.calls if one.layer_type == "BatchNormalization" and one.sources[0].call == call.index]
    means = to_array(after[0].operation.moving_mean) if after else np.zeros(1, np.float32)  # type: ignore[attr-defined]
    return means if means.size == call.shape[-1] else np.zeros(channel_count(call), np.float32)


def _of_units(network: Network, activity: Activity | None) -> Activity | None:
    """Return how active inputs are, those of the image 1 each."""
    image = network.graph.calls[network.graph.image_input].address
    return activity and (lambda layer: np.ones(1, np.float32) if layer == image else activity(layer))


def _learning(network: Network) -> list[str]:
    return [info.address for info in listed_layers(network) if info.learns]


def _mixing(network: Network, measured: Collection[str] | None) -> list[str]:
    """Return the layers at which paths end: those that are measured, except depthwise convolutions."""
    return [address for address in (_learning(network) if measured is None else measured) if not _is_depthwise(network, address)]


def _is_depthwise(network: Network, address: str) -> bool:
    return "Depthwise" in unit_call(network.graph, Unit(address, 0)).layer_type


def _layers(network: Network, addresses: Collection[str], *targets: Call) -> Layers:
    graph = network.graph
    image = graph.calls[graph.image_input]
    stops = {image.index: image.address} | {unit_call(graph, Unit(address, 0)).index: address for address in addresses}
    return Layers(graph, stops, shapes_up_to(graph, [call.index for call in targets], fit_of(network.bundle).size))
