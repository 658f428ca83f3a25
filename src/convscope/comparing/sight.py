"""What one of two networks computes of the images: means and maxima of all units of some layers, and its prediction."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import compiled, engine, ops
from ..graph.calls import Call
from ..graph.tensors import to_array
from ..images import Fit, ImageSet, ImageStream, Source, entering, stacks
from ..locality.receptive import receptive_field
from ..locality.shapes import call_shapes
from ..network.addresses import unit_call
from ..network.entering import fit_of, network_input
from ..network.features import averaged, classes_call, feature_call
from ..network.network import Network
from ..progress import track
from ..scanning.maxima import chosen_layers, peak
from ..units import Unit
from .cka import blocks

PIXELS_AT_ONCE = 16 * 224 * 224
MOST_AT_ONCE = 128
MOST_BYTES = 2**29  # of the maps of one block of images

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Sight:
    """A `network` and its `layers`, addresses in computing order, on the images that it read.

    `means`, `peaks` and `places`: by layer (image, channel): the mean over the map, the maximum, and where that is, row-major, -1 without
    a map. `probabilities`: (image, class), None where the network does not classify.
    """

    network: Network
    layers: tuple[str, ...]
    sources: tuple[Source, ...]
    inputs: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    means: Mapping[str, Floats]
    peaks: Mapping[str, Floats]
    places: Mapping[str, Ints]
    probabilities: Floats | None

    @cached_property
    def fit(self) -> Fit:
        """How images enter."""
        fit = fit_of(self.network.bundle)
        return Fit(fit.channels, fit.size)

    @property
    def predicted(self) -> Ints | None:
        """(image,) the strongest class, None where the network does not classify."""
        return None if self.probabilities is None else self.probabilities.argmax(axis=1)

    def pixels(self, image: int) -> Floats:
        """Return an image as it enters the network, (height, width, channel)."""
        return entering(self.sources[image], self.fit)[0]

    def patches(self, unit: Unit, count: int) -> list[Floats]:
        """Return what the unit sees of the images that excite it most, strongest first, (height, width, channel) each; fewer if few do."""
        peaks = self.peaks[unit.layer][:, unit.channel]
        order = [int(image) for image in np.argsort(-np.nan_to_num(peaks, nan=-np.inf), kind="stable")[:count] if peaks[image] > 0]
        call = unit_call(self.network.graph, unit)
        found = []
        for image in order:
            pixels, place = self.pixels(image), int(self.places[unit.layer][image, unit.channel])
            position = None if place < 0 else divmod(place, self._width(call))
            field = receptive_field(self.network.graph, call, position, self.fit.size).clipped(*self.fit.size)
            found.append(pixels[field.top : field.bottom, field.left : field.right])
        return found

    def _width(self, call: Call) -> int:
        return int(call_shapes(self.network.graph, call, self.fit.size)[call.index][2] or 1)

    def arguments(self, image: int, toward: int, against: int) -> tuple[str, Floats]:
        """Return which layer feeds the decision, and how much each of its units argues for one class against another, (channel,).

        That is the unit's activation times the slope of the difference of the two scores; with a linear head on pooled maps these add up
        to that difference, less the biases.
        """
        graph = self.network.graph
        featured, scored = feature_call(graph, None), graph.score(graph.calls[graph.outputs[0].call])
        steps, held = graph.behind(featured, scored)
        values = dict(zip(held, graph.values(network_input(self.network.bundle, self.pixels(image)[None]), held), strict=True))
        signal = np.zeros((1, int(scored.shape[-1] or 0)), np.float32)
        signal[0, toward], signal[0, against] = 1.0, -1.0
        _, pullback = engine().vjp(lambda value: graph.onward(values | {featured.index: value}, steps), [values[featured.index]])
        slope = to_array(pullback(ops.convert_to_tensor(signal))[0])[0]
        own = to_array(values[featured.index])[0]
        return featured.address, np.asarray((own * slope).reshape(-1, own.shape[-1]).sum(axis=0), np.float32)


def seen(network: Network, images: ImageSet, layers: Any, label: str) -> Sight:
    """Return what a network computes of the images, which are read once, a batch at a time. Raises UnitError, ImageError."""
    graph, fit = network.graph, fit_of(network.bundle)
    addresses = tuple(chosen_layers(network, layers))
    calls = [unit_call(graph, Unit(address, 0)) for address in addresses]
    classes = classes_call(graph)
    targets = list(dict.fromkeys([*(call.index for call in calls), *([] if classes is None else [classes.index])]))

    def forward(entered: Any) -> list[Any]:
        found = dict(zip(targets, graph.run(entered, targets), strict=True))
        peaks = [peak(found[call.index]) for call in calls]
        means = [ops.cast(averaged(found[call.index]), "float32") for call in calls]
        together = [means, [highest for highest, _ in peaks], [place for _, place in peaks]]
        return [ops.concatenate(parts, axis=1) for parts in together] + ([] if classes is None else [found[classes.index]])

    step, stream = compiled(forward), ImageStream(images, Fit(fit.channels, fit.size))
    parts: list[list[NDArray[Any]]] = []
    most = max(1, min(MOST_AT_ONCE, PIXELS_AT_ONCE // (fit.size[0] * fit.size[1])))
    for batch in stacks((image for image, _ in track(stream, label, len(stream))), most):
        full = batch[np.arange(most) % len(batch)]  # one size is one compilation
        parts.append([ops.convert_to_numpy(value)[: len(batch)] for value in step(network_input(network.bundle, full))])
    means, peaks, places, *scores = (np.concatenate(column) for column in zip(*parts, strict=True))
    ends = np.cumsum([int(call.shape[-1] or 0) for call in calls])[:-1]
    found = [dict(zip(addresses, np.split(table, ends, axis=1), strict=True)) for table in (means, peaks, places.astype(np.int64))]
    return Sight(
        network,
        addresses,
        tuple(stream.read),
        stream.inputs(),
        stream.notes(),
        means=found[0],
        peaks=found[1],
        places=found[2],
        probabilities=scores[0] if scores else None,
    )


def products_of_maps(sight: Sight, label: str) -> list[NDArray[np.float64]]:
    """Return for each layer the products of all pairs of images, by every number of its maps: (image, image) in float64.

    Two blocks of images are in memory at a time, so that each image runs forward once for every block before its own.
    """
    graph, count = sight.network.graph, len(sight.sources)
    targets = [unit_call(graph, Unit(address, 0)).index for address in sight.layers]
    step = compiled(lambda entered: graph.run(entered, targets))

    def maps(block: slice) -> list[Floats]:
        pixels = np.stack([sight.pixels(image) for image in range(block.start, block.stop)])
        return [to_array(value).reshape(len(pixels), -1) for value in step(network_input(sight.network.bundle, pixels))]

    size = sum(one.size * 4 for one in maps(slice(0, 1)))
    most = max(1, min(64, MOST_BYTES // size))
    found = [np.zeros((count, count)) for _ in targets]
    for block, others in track(list(blocks(count, most)), label):
        own = maps(block)
        for other in others:
            theirs = own if other == block else maps(other)
            for table, one, two in zip(found, own, theirs, strict=True):
                table[block, other] = one.astype(np.float64) @ two.astype(np.float64).T
                table[other, block] = table[block, other].T
    return found


def units_of(sight: Sight) -> Iterator[Unit]:
    """Yield all units of its layers, in order."""
    for layer in sight.layers:
        yield from (Unit(layer, channel) for channel in range(sight.peaks[layer].shape[1]))
