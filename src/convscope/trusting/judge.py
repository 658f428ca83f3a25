"""The judge of readability: images as the embedded SqueezeNet sees them, at four depths.

Which layers: the last of each two modules, `fire3_concat` to `fire9_concat`, each averaged over space. Units answer to colours and textures
as well as to things. Early layers tell the former apart and late ones the latter, and nobody knows beforehand of which kind a unit is.
Likeness over several layers of this very network follows human judgement well (Zhang et al. 2018). It was trained on ImageNet, so it is not
a stranger to other networks that were.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

from ..backend import compiled, resolve_precision
from ..graph.history import at_precision
from ..graph.tensors import to_array
from ..images.fitting import resized
from ..models import load
from ..network.entering import network_input
from ..network.features import averaged
from ..network.network import Network, as_network
from ..results import FloatArray
from .readability import Blocks

NAME = "squeezenet"
LAYERS = ("fire3_concat", "fire5_concat", "fire7_concat", "fire9_concat")
SIDE = 128  # pixels, to which all images are brought
AT_ONCE = 16


class Judge:
    """Sees images, and remembers by a number what it saw."""

    def __init__(self) -> None:
        self._network, self._seen = _sight()
        self._known: dict[int, tuple[FloatArray, ...]] = {}

    def lacks(self, images: Iterable[int]) -> list[int]:
        """Return those of the images, by number, that it has not seen yet."""
        return [image for image in dict.fromkeys(images) if image not in self._known]

    def look(self, numbers: Iterable[int], images: Iterable[FloatArray]) -> None:
        """Remember images (height, width, channel) in [0, 1] under their numbers."""
        waiting = list(zip(numbers, images, strict=True))
        for start in range(0, len(waiting), AT_ONCE):
            part = waiting[start : start + AT_ONCE]
            seen = self.see([image for _, image in part])
            for row, (number, _) in enumerate(part):
                self._known[number] = tuple(block[row] for block in seen)

    def of(self, images: Iterable[int]) -> Blocks:
        """Return what it saw of images that it remembers."""
        return tuple(np.stack(blocks) for blocks in zip(*(self._known[int(image)] for image in images), strict=True))

    def see(self, images: Iterable[FloatArray]) -> Blocks:
        """Return images (height, width, channel) in [0, 1] as vectors, (image, feature) of each of its layers."""
        pixels = np.stack([resized(_in_colour(image), (SIDE, SIDE)) for image in images])
        filled = np.concatenate([pixels, np.zeros((-len(pixels) % AT_ONCE, *pixels.shape[1:]), np.float32)])
        parts = [
            self._seen(network_input(self._network.bundle, filled[start : start + AT_ONCE])) for start in range(0, len(filled), AT_ONCE)
        ]
        return tuple(np.concatenate([to_array(part[layer]) for part in parts])[: len(pixels)] for layer in range(len(LAYERS)))


@cache
def _sight() -> tuple[Network, Callable[[Any], list[Any]]]:
    """Return the judge's network, and the function from what enters it to what it sees; one for a process, because compiling takes long."""
    network = as_network(load(NAME))
    graph = at_precision(network.graph, resolve_precision("auto"))
    targets = [network.graph.find(layer).index for layer in LAYERS]
    return network, compiled(lambda entered: [averaged(value) for value in graph.run(entered, targets)])


def _in_colour(image: FloatArray) -> FloatArray:
    """Return an image of three bands: grey ones three times the same, of many the first three, of two the first alone."""
    return image[..., :3] if image.shape[-1] >= 3 else np.repeat(image[..., :1], 3, axis=-1)
