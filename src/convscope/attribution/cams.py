"""Class activation maps: a layer's maps weighed by the slope of a score, and stretched over the image.

Sources: Selvaraju et al. 2017 (Grad-CAM), Chattopadhay et al. 2018 (Grad-CAM++), Jiang et al. 2021 (LayerCAM).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnitError
from ..graph.calls import Call, Graph
from ..graph.kinds import ACTIVATIONS, Kind
from ..hints import listing
from ..legible import legible
from ..locality.shapes import shapes_up_to
from .scores import Score

FloatArray = NDArray[np.float32]
# What a layer's values pass without another weight: its map is taken after these.
AFTER = ACTIVATIONS | {Kind.NORMALIZATION, Kind.MERGE, Kind.IDENTITY}
TINY = 1e-7


def gradcam(maps: FloatArray, slopes: FloatArray) -> FloatArray:
    """Return (height, width), at least 0: the sum of the channels' maps, each weighed by the mean of its slope over the map."""
    return _positive(maps @ slopes.mean(axis=(0, 1)))


def gradcam_plus(maps: FloatArray, slopes: FloatArray) -> FloatArray:
    """Return (height, width), at least 0: as `gradcam`, with a weight for each place, where several things of a kind count equally.

    The paper's weights for a score that goes through an exponential: by powers of the slope.
    """
    square, cube = slopes**2, slopes**3
    below = 2 * square + cube * maps.sum(axis=(0, 1))
    shares = square / np.where(below == 0, TINY, below)
    return _positive(maps @ (shares * _positive(slopes)).sum(axis=(0, 1)))


def layercam(maps: FloatArray, slopes: FloatArray) -> FloatArray:
    """Return (height, width), at least 0: the sum of the channels' maps, each place weighed by its own slope where that is positive."""
    return _positive((maps * _positive(slopes)).sum(axis=-1))


CAMS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {"gradcam": gradcam, "gradcam++": gradcam_plus, "layercam": layercam}


def _positive(values: FloatArray) -> FloatArray:
    return np.maximum(values, 0).astype(np.float32)


def stretched(values: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return a map (height, width) over an image of that size: straight lines between the centres of its places, level at the border."""
    rows, columns = (_weights(*pair) for pair in zip(values.shape, size, strict=True))
    return (rows @ values @ columns.T).astype(np.float32)


def _weights(before: int, after: int) -> NDArray[np.float64]:
    """Return (after, before) how much each place counts for each pixel."""
    at = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    first = np.minimum(at.astype(int), max(0, before - 2))
    found = np.zeros((after, before))
    found[np.arange(after), first] += 1 - (at - first)
    if before > 1:
        found[np.arange(after), first + 1] += at - first
    return found


def cam_layer(graph: Graph, score: Score, layer: str | None, size: tuple[int, int]) -> Call:
    """Return the call whose maps are weighed: that of `layer`, or the last convolution on the way to the score on images of `size`.

    It is taken after its normalization, sum and activation. Raises UnitError for one that has no map or that the score does not depend on.
    """
    ways = [graph.ancestors([call.index])[:-1] for call in score.calls]
    own = {call.address for call in score.calls}  # the layers of the units themselves, a hidden linear part among them
    common = {index for index in set.intersection(*({call.index for call in way} for way in ways)) if graph.calls[index].address not in own}
    shapes = shapes_up_to(graph, [call.index for call in score.calls], size)
    if layer is not None:
        return _named(graph, graph.find(layer), common, shapes, score)
    below = [call for call in graph.calls if call.index in common and call.index in graph.downstream and _has_places(shapes[call.index])]
    last = next((call for call in reversed(below) if call.kind is Kind.CONVOLUTION), None)
    if last is None:
        raise UnitError(
            f"No convolution with a map lies below `{legible(str(score.target))}`. Class activation maps weigh the maps of a layer: name "
            f"one that has rows and columns, or use another method. `{listing()}` lists them."
        )
    for call in below:
        takes = [source.call for source in call.sources]
        if last.index in takes and call.kind in AFTER and shapes[call.index][1:3] == shapes[last.index][1:3]:
            last = call
    return last


def _named(graph: Graph, call: Call, common: set[int], shapes: dict[int, Any], score: Score) -> Call:
    if call.index not in common or call.index not in graph.downstream:
        raise UnitError(
            f"`{legible(str(score.target))}` does not depend on the output of `{legible(call.address)}`. Class activation maps weigh a "
            f"layer below. Name one of them, or leave `layer` out."
        )
    if not _has_places(shapes[call.index]):
        raise UnitError(f"`{legible(call.address)}` has no map of several places to weigh. Name a convolution or what follows one.")
    return call


def _has_places(shape: tuple[int | None, ...]) -> bool:
    return len(shape) == 4 and (shape[1] or 0) * (shape[2] or 0) > 1
