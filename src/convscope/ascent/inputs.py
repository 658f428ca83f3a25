"""What a request brings in, as the network has it: the size of the pictures of its targets, one to start from, real images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, OptionError
from ..graph.calls import Graph
from ..images import Fit, ImageStream, Source, as_batch, as_image_set, entering, stacks
from ..locality.receptive import receptive_field
from ..locality.shapes import check_size
from ..network.addresses import unit_call
from ..network.entering import fit_of
from ..network.network import Network
from ..network.strongest import Strongest, layer_ranking, strongest_values
from ..network.targets import Target
from ..progress import track
from ..units import Unit

FloatArray = NDArray[np.float32]
Size = int | tuple[int, int] | None
# Half as much again as the receptive field, within these: below, a picture shows little; above, the fine texture repeats.
SMALLEST, LARGEST = 64, 192
# The longer side of a photograph to start from, where no size is given.
LONGEST = 320
IMAGES_PER_BATCH = 8


def canvas_of(network: Network, targets: Sequence[Target], size: Size, start: tuple[int, int] | None = None) -> tuple[int, int]:
    """Return the (height, width) of these targets' pictures; `start`: that of the picture they begin with.

    Raises OptionError for what the network or sense does not allow, ImageError and UnitError for a canvas too small to reach a unit.
    """
    canvas = _canvas(network, targets, size, start)
    for unit in _units_in(targets):
        check_size(network.graph, unit_call(network.graph, unit), canvas, unit.position)
    return canvas


def is_flat(graph: Graph, targets: Sequence[Target]) -> bool:
    """Say whether a dense layer or the like comes before one of the targets, or is one."""
    calls = [unit_call(graph, unit).index for unit in _units_in(targets)]
    return any(len(call.shape) != 4 for call in graph.ancestors(calls))


def has_one_size(network: Network, targets: Sequence[Target]) -> bool:
    """Say whether pictures of the targets have the size of the network's input, and no other."""
    return network.bundle.fixed_size is not None and is_flat(network.graph, targets)


def sees_all(graph: Graph, targets: Sequence[Target]) -> bool:
    """Say whether one of the targets has no map: a class, or another unit of which a picture has one value."""
    calls = [unit_call(graph, unit) for unit in _units_in(targets)]
    return any(len(call.shape) != 4 or call.shape[1:3] == (1, 1) for call in calls)


def _canvas(network: Network, targets: Sequence[Target], size: Size, start: tuple[int, int] | None) -> tuple[int, int]:
    fixed = network.bundle.fixed_size if is_flat(network.graph, targets) else None
    wanted = (size, size) if isinstance(size, int) else size
    if fixed is not None:
        if wanted is not None and wanted != fixed:
            raise OptionError(f"`size` is {size}, but a dense layer before these units fixes it to {fixed[0]} x {fixed[1]}.")
        return fixed
    if wanted is not None and not all(8 <= side <= 4096 for side in wanted):
        raise OptionError(f"`size` is {size}. Expected 8 to 4096 pixels.")
    if start is not None:
        return start  # read at `size` already
    if wanted is not None:
        return wanted
    side = max(_derived_side(network, unit) for unit in _units_in(targets))
    return side, side


def _units_in(targets: Sequence[Target]) -> list[Unit]:
    """Return a unit for each layer and position that the targets are made of: what decides the size of their pictures."""
    terms = [term for target in targets for term in target.terms]
    return list(dict.fromkeys(Unit(layer, 0, term.position) for term in terms for layer in term.layers))


def _derived_side(network: Network, unit: Unit) -> int:
    """Return half as much again as the receptive field, in steps of 32 pixels."""
    graph = network.graph
    call = unit_call(graph, unit)
    if len(call.shape) != 4:
        return network.bundle.size[0]
    field = receptive_field(graph, call, (0, 0), (LARGEST, LARGEST), gates=False)
    return int(min(max(-(-field.height * 3 // 2 // 32) * 32, SMALLEST), LARGEST))


Said = tuple[dict[str, Any], ...]


def start_of(network: Network, targets: Sequence[Target], start: Any, size: Size) -> tuple[NDArray[np.float32], Said]:
    """Return the picture to start from, (height, width, channel) in [0, 1] at its own shape, and what the provenance records of it.

    Its longer side is `size`, or at most LONGEST; a dense layer before the targets fixes it. Raises ImageError.
    """
    images = as_image_set(start)
    if len(images) != 1:
        raise ImageError(f"`start` means {len(images)} images. Name one image to start from.")
    fixed = network.bundle.fixed_size if is_flat(network.graph, targets) else None
    if fixed is None and isinstance(size, tuple):
        fixed = size
    if fixed is None:
        side = size if isinstance(size, int) else None
        image, _ = images.sources[0].read(side or LONGEST)
        longest = max(image.shape[:2])
        scale = (side or min(longest, LONGEST)) / longest
        fixed = max(8, round(image.shape[0] * scale)), max(8, round(image.shape[1] * scale))
    batch = as_batch(start, Fit(network.bundle.channels, fixed))
    return batch.pixels[0], batch.inputs


def said_of(given: Any) -> list[str] | str | None:
    """Return the text by which images can be asked for again; of arrays in memory a word that says why they cannot."""
    if given is None:
        return None
    again = as_image_set(given).given
    return "arrays in memory" if again is None else list(again)


class RealImages:
    """Images that units are measured on, one pass a layer; memory does not grow with their number.

    `inputs`: for the provenance, once some layer was measured; `notes`: what was skipped.
    """

    def __init__(self, network: Network, images: Any) -> None:
        self._network, self._set = network, as_image_set(images)
        self._fit = fit_of(network.bundle)
        self._found: dict[str, Strongest] = {}
        self._read: list[Source] = []
        self.inputs: tuple[dict[str, Any], ...] = ()
        self.notes: tuple[str, ...] = ()

    def value(self, target: Target) -> float:
        """Return the largest activation of a unit over the images; NaN for a target that is not a whole channel."""
        unit = target.unit
        if unit is None or unit.position is not None:
            return float("nan")
        return float(self._layer(unit.layer).values[unit.channel])

    def patch(self, unit: Unit, canvas: tuple[int, int]) -> FloatArray:
        """Return the part, (height, width, channel) of `canvas`, of the image that excites a unit most, around the place where it does.

        What is beyond the image's border repeats its edge.
        """
        strongest, graph = self._layer(unit.layer), self._network.graph
        pixels, _ = entering(self._read[strongest.images[unit.channel]], self._fit)
        row, column = (int(one) for one in strongest.positions[unit.channel])
        size = pixels.shape[0], pixels.shape[1]
        field = receptive_field(graph, unit_call(graph, unit), None if row < 0 else (row, column), size)
        centre = (field.top + field.bottom) // 2, (field.left + field.right) // 2
        rows, columns = (
            np.clip(np.arange(side) + middle - side // 2, 0, whole - 1) for side, middle, whole in zip(canvas, centre, size, strict=True)
        )
        return np.ascontiguousarray(pixels[rows][:, columns])

    def _layer(self, layer: str) -> Strongest:
        if layer not in self._found:
            stream = ImageStream(self._set, self._fit)
            pictures = track((image for image, _ in stream), "measuring real images", len(self._set))
            self._found |= strongest_values(self._network, {layer: layer_ranking(self._network, layer)}, stacks(pictures, IMAGES_PER_BATCH))
            self._read, self.inputs, self.notes = stream.read, stream.inputs(), stream.notes()
        return self._found[layer]
