"""What the network computes of an image, once, for all that a page asks about it; kept as long as there is room."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..errors import UnitError, closest
from ..graph.calls import Call
from ..graph.saturation import Ranking, ranking
from ..graph.tensors import to_array
from ..locality.shapes import check_size
from ..network.entering import fit_of, network_input
from ..network.features import classes_call
from ..network.listing import LayerInfo, matching
from ..network.network import Network, as_network
from ..scanning import Run
from ..units import Unit, parse
from .gallery import Gallery
from .shelf import Shelf

FloatArray = NDArray[np.float32]
# What the maps of images take that one looked at last, in bytes; those of VGG16 take 55 MiB an image.
ROOM = 2**29
# A page goes from layer to layer, and each has a way down with switches and one without.
MOST_COMPILED = 96
# A compilation takes as long as a few projections; whoever only passes through a layer need not wait for it.
PATIENCE = 3


@dataclass(frozen=True)
class Layer:
    """A layer that the page shows: `n` is its place among them, `ranked` by what its units are ranked."""

    n: int
    info: LayerInfo
    call: Call
    ranked: Ranking

    @property
    def address(self) -> str:
        """What the layer is called."""
        return self.info.address


@dataclass(frozen=True, eq=False)
class Seen:
    """An image that ran forward: its `pixels` (1, height, width, channel) and what calls computed of them, `maps`, by index.

    `peaks`: of each layer, (channel,) the largest value of each unit, before an activation that is flat above.
    """

    pixels: FloatArray
    maps: Mapping[int, FloatArray]
    peaks: Mapping[str, FloatArray]

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return self.pixels.nbytes + sum(one.nbytes for one in self.maps.values())

    def of(self, call: Call) -> FloatArray:
        """Return what a call computed: (height, width, channel), or (channel,)."""
        return self.maps[call.index][0]

    def order(self, layer: Layer) -> NDArray[np.int64]:
        """Return a layer's channels, strongest first; those that are not finite last."""
        return np.argsort(-np.nan_to_num(self.peaks[layer.address], nan=-np.inf, posinf=-np.inf), kind="stable")


class Sight:
    """A network that looks at images. `layers`: those that the page shows; `run`: a scan of it, where there is one."""

    def __init__(self, model: Any, images: Sequence[str] = (), *, layers: str = "all", run: Run | None = None) -> None:
        self.network = self._own(as_network(model))
        self.gallery, self.run = Gallery(images, fit_of(self.network.bundle), run), run
        graph = self.network.graph
        listed = [(info, graph.find(info.address)) for info in matching(self.network, layers) if _is_drawn(info, graph.find(info.address))]
        self.layers = tuple(Layer(n, info, call, ranking(graph, graph.score(call))) for n, (info, call) in enumerate(listed))
        self._by_address = {layer.address: layer for layer in self.layers}
        self._shelf: Shelf[Seen] = Shelf(ROOM)

    @staticmethod
    def _own(network: Network) -> Network:
        """Return a network of the page's own: what it compiles must not change the pictures that are written."""
        own = Network(network.bundle)
        own.compiled.most, own.compiled.patience = MOST_COMPILED, PATIENCE
        return own

    @contextlib.contextmanager
    def compiling(self) -> Iterator[None]:
        """Compile whatever runs inside the `with`: it will be asked for again."""
        self.network.compiled.patience = 0
        try:
            yield
        finally:
            self.network.compiled.patience = PATIENCE

    @cached_property
    def classes(self) -> Call | None:
        """The call whose values are the probabilities of classes, None where the network does not classify."""
        return classes_call(self.network.graph)

    @cached_property
    def targets(self) -> tuple[Call, ...]:
        """The calls that one forward pass computes."""
        calls = [call for layer in self.layers for call in (layer.call, *layer.ranked.calls)]
        return tuple(dict.fromkeys([*calls, *([self.classes] if self.classes is not None else [])]))

    def layer(self, address: str) -> Layer:
        """Return a layer by its address. Raises UnitError."""
        if address not in self._by_address:
            raise UnitError(f"No layer `{address}` on this page. {closest('its layers', address, self._by_address)}")
        return self._by_address[address]

    def unit(self, text: str) -> tuple[Layer, Unit]:
        """Return the unit that an address means, and its layer. Raises UnitError for several units, or none."""
        pattern = parse(text)
        layer, channels = self.layer(pattern.layer), pattern.channels
        if not isinstance(channels, tuple) or len(channels) != 1 or channels[0] >= layer.info.channels:
            raise UnitError(f"`{text}` is not one unit of `{layer.address}`. Expected a channel from 0 to {layer.info.channels - 1}.")
        return layer, Unit(layer.address, channels[0], pattern.position)

    def seen(self, image: str) -> Seen:
        """Return what the network computes of an image by its name. Raises ImageError."""
        known = self._shelf.get(image)
        if known is not None:
            return known
        seen = self.look(self.gallery.pixels(image))
        return self._shelf.put(image, seen, seen.size)

    def look(self, pixels: FloatArray) -> Seen:
        """Return what the network computes of the pixels (height, width, channel) of an image in [0, 1]. Raises ImageError."""
        graph, size = self.network.graph, (pixels.shape[0], pixels.shape[1])
        for call in self.targets[-1:]:
            check_size(graph, call, size)
        entered = network_input(self.network.bundle, pixels[None])
        values, peaks = self._forward(size)(entered)
        maps = {call.index: to_array(value) for call, value in zip(self.targets, values, strict=True)}
        return Seen(pixels[None], maps, {layer.address: to_array(peak)[0] for layer, peak in zip(self.layers, peaks, strict=True)})

    def _forward(self, size: tuple[int, int]) -> Any:
        """Return the function that runs an image forward, compiled."""
        graph, indices = self.network.graph, [call.index for call in self.targets]

        def forward(image: Any) -> tuple[list[Any], list[Any]]:
            values = graph.run(image, indices)
            by_call = dict(zip(indices, values, strict=True))
            strengths = [layer.ranked.strengths(*(by_call[call.index] for call in layer.ranked.calls)) for layer in self.layers]
            return values, [ops.max(one, axis=tuple(range(1, len(one.shape) - 1))) if len(one.shape) > 2 else one for one in strengths]

        return self.network.compiled.get(("look", size), forward)


def _is_drawn(info: LayerInfo, call: Call) -> bool:
    """Say whether a layer has maps with rows and columns, or one number a unit."""
    return len(call.shape) in (2, 4)
