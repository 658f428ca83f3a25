"""Real images beside synthetic ones: how strongly they excite a unit, and the patch that excites it most."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..graph.saturation import Ranking, ranking
from ..graph.tensors import to_array
from ..images import ImageStream, Source, as_image_set, entering
from ..locality.receptive import receptive_field
from ..models import ModelBundle
from ..network.addresses import channel_count, graph_of, unit_call
from ..network.entering import fit_of, network_input
from ..progress import track
from ..units import Unit

FloatArray = NDArray[np.float32]
BATCH = 8


@dataclass(frozen=True)
class Strongest:
    """For each channel of a layer its largest value over all images, (channel,), before an activation that is flat above, and in which
    image and (row, column) it was.
    """

    values: FloatArray
    images: NDArray[np.int64]
    places: NDArray[np.int64]


class RealImages:
    """Images that units are measured on, one pass a layer; memory does not grow with their number.

    `inputs`: for the provenance, once some layer was measured; `notes`: what was skipped.
    """

    def __init__(self, bundle: ModelBundle, images: Any) -> None:
        self._bundle, self._set = bundle, as_image_set(images)
        self._found: dict[str, Strongest] = {}
        self._read: list[Source] = []
        self.inputs: tuple[dict[str, Any], ...] = ()
        self.notes: tuple[str, ...] = ()

    def value(self, unit: Any) -> float:
        """Return the largest activation of a unit over the images; NaN for what is no whole channel."""
        if not isinstance(unit, Unit) or unit.position is not None:
            return float("nan")
        return float(self._layer(unit.layer).values[unit.channel])

    def patch(self, unit: Unit, canvas: tuple[int, int]) -> FloatArray:
        """Return the part, (height, width, channel) of `canvas`, of the image that excites a unit most, around the place where it does.

        What is beyond the image's border repeats its edge.
        """
        found, graph = self._layer(unit.layer), graph_of(self._bundle)
        pixels, _ = entering(self._read[found.images[unit.channel]], fit_of(self._bundle))
        row, column = (int(one) for one in found.places[unit.channel])
        size = pixels.shape[0], pixels.shape[1]
        field = receptive_field(graph, unit_call(graph, unit), None if row < 0 else (row, column), size)
        centre = (field.top + field.bottom) // 2, (field.left + field.right) // 2
        rows, columns = (
            np.clip(np.arange(side) + middle - side // 2, 0, whole - 1) for side, middle, whole in zip(canvas, centre, size, strict=True)
        )
        return np.ascontiguousarray(pixels[rows][:, columns])

    def _layer(self, layer: str) -> Strongest:
        if layer not in self._found:
            graph = graph_of(self._bundle)
            self._found[layer] = self._measured(ranking(graph, unit_call(graph, Unit(layer, 0))))
        return self._found[layer]

    def _measured(self, ranked: Ranking) -> Strongest:
        stream = ImageStream(self._set, fit_of(self._bundle))
        channels = channel_count(ranked.call)
        values, images = np.full(channels, -np.inf, np.float32), np.zeros(channels, np.int64)
        places = np.full((channels, 2), -1, np.int64)
        for first, batch in _batches(track((image for image, _ in stream), "measuring real images", len(self._set))):
            computed = graph_of(self._bundle).run(network_input(self._bundle, batch), [call.index for call in ranked.calls])
            found = to_array(ranked.strengths(*computed))
            flat = found.reshape(len(batch), -1, channels)
            for number, peak in enumerate(flat.max(axis=1), first):
                stronger = peak > values
                values[stronger], images[stronger] = peak[stronger], number
                if found.ndim == 4:
                    spots = flat[number - first].argmax(axis=0)[stronger]
                    places[stronger] = np.stack(np.divmod(spots, found.shape[2]), axis=1)
        self._read, self.inputs, self.notes = stream.read, stream.inputs(), stream.notes()
        return Strongest(values, images, places)


def _batches(pictures: Iterable[FloatArray]) -> Iterator[tuple[int, FloatArray]]:
    """Yield the number of the first of a few pictures of one size, and these."""
    waiting: list[FloatArray] = []
    first = 0
    for number, picture in enumerate(pictures):
        if waiting and (len(waiting) == BATCH or picture.shape != waiting[0].shape):
            yield first, np.stack(waiting)
            waiting, first = [], number
        waiting.append(picture)
    if waiting:
        yield first, np.stack(waiting)
