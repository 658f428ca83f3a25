"""What comes down from units at known places of images, by several rulesets at once: one forward pass, and batches of signals.

Each image is cut to the part that its unit depends on, where that is exact (`locality.crops`), and else stays whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..graph.calls import Call, Graph
from ..graph.projector import Projector
from ..graph.rules import GRADIENT, Ruleset, deconvnet
from ..graph.tensors import to_array
from ..locality.crops import Crop, crops_of
from ..locality.receptive import receptive_field
from ..locality.windows import Field
from ..network.entering import network_input
from ..network.network import Network
from ..projection.caveats import is_pooled
from ..projection.driver import cut
from ..results import FloatArray

PIXELS_AT_ONCE = 4 * 224 * 224
Position = tuple[int, int] | None


def rulesets(graph: Graph, call: Call) -> dict[str, Ruleset]:
    """Return the ways of projecting from a call that are measured: without max pooling switches change nothing."""
    pooled = is_pooled(graph.ancestors([call.index]))
    return {"switches": deconvnet()} | ({"spread": deconvnet("spread")} if pooled else {}) | {"gradient": GRADIENT}


@dataclass(frozen=True)
class Places:
    """Places on a call's map, one on each of some `images` (place, height, width, channel).

    `parts`: what the network sees of each, (height, width, channel); `spots`: where the place is on the map of that, None without a map;
    `fields`: the receptive fields in pixels of the images, all of one size; `corners`: where the parts begin.
    """

    images: FloatArray
    parts: tuple[FloatArray, ...]
    spots: tuple[Position, ...]
    fields: tuple[Field, ...]
    corners: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.parts)

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """(place, height, width) which pixels of the fields lie on the image."""
        ones = np.ones((*self.images.shape[1:3], 1), np.float32)
        return np.stack([cut(ones, field)[..., 0] > 0 for field in self.fields])

    def seen(self, place: int, signal: FloatArray) -> FloatArray:
        """Return what lies in the field of a place, (height, width, channel), of a signal on its part; zeros beyond the image."""
        (top, left), field = self.corners[place], self.fields[place]
        return cut(signal, Field(field.top - top, field.left - left, field.bottom - top, field.right - left))

    def batches(self) -> Iterator[list[int]]:
        """Yield the places whose parts run at once: of one size, and few enough for memory."""
        by_size: dict[tuple[int, ...], list[int]] = {}
        for place, part in enumerate(self.parts):
            by_size.setdefault(part.shape, []).append(place)
        for shape, places in by_size.items():
            rows = max(1, PIXELS_AT_ONCE // (shape[0] * shape[1]))
            yield from (places[start : start + rows] for start in range(0, len(places), rows))


def places_of(network: Network, call: Call, images: FloatArray, positions: Sequence[Position]) -> Places:
    """Return places on the map of a call, each cut to what its unit depends on; near a border, where no cut is exact, it is whole."""
    graph, size = network.graph, (images.shape[1], images.shape[2])
    crops = crops_of(graph, call, size)
    found = [None if crops is None or position is None else crops.at(position) for position in positions]
    whole = [Crop(Field(0, 0, *size), position or (0, 0)) if one is None else one for one, position in zip(found, positions, strict=True)]
    return Places(
        images,
        tuple(cut(image, one.window) for image, one in zip(images, whole, strict=True)),
        tuple(None if position is None else one.position for one, position in zip(whole, positions, strict=True)),
        tuple(receptive_field(graph, call, position, size) for position in positions),
        tuple((one.window.top, one.window.left) for one in whole),
    )


def projected(
    network: Network, graph: Graph, call: Call, places: Places, channels: Sequence[NDArray[np.int64]], rules: Mapping[str, Ruleset]
) -> dict[str, FloatArray]:
    """Return what comes down by each ruleset from channels at places, (channel, place, height, width, channel of the image) in the fields.

    `graph`: the network's, or one with other weights. `channels`: of each signal in turn, the channel at each place, -1 for none. A signal
    is 1 at its place, which decides its size alone.
    """
    shape = (len(channels), *places.inside.shape, places.images.shape[-1])
    found = {name: np.zeros(shape, np.float32) for name in rules}
    for batch in places.batches():
        projector = Projector(graph, network_input(network.bundle, np.stack([places.parts[place] for place in batch])), [call])
        for number, of_places in enumerate(channels):
            signal = np.zeros(tuple(projector.value(call).shape), np.float32)
            for row, place in enumerate(batch):
                if of_places[place] >= 0:
                    signal[(row, *(places.spots[place] or ()), int(of_places[place]))] = 1.0
            for name, ruleset in rules.items():
                down = network.bundle.preprocessing.to_rgb(to_array(projector.project(call, ops.convert_to_tensor(signal), ruleset)))
                for row, place in enumerate(batch):
                    found[name][number, place] = places.seen(place, down[row])
    return found


def values_at(network: Network, call: Call, places: Places) -> FloatArray:
    """Return what a call computes at places, (place, channel)."""
    found: dict[int, FloatArray] = {}
    for batch in places.batches():
        entered = network_input(network.bundle, np.stack([places.parts[place] for place in batch]))
        maps = to_array(network.graph.run(entered, [call.index])[0])
        found |= {place: maps[(row, *(places.spots[place] or ()))] for row, place in enumerate(batch)}
    return np.stack([found[place] for place in range(len(places))])
