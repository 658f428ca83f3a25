"""Features: the network's values that the map is made of, in batches, with a thumbnail and the prediction of each image."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backend import engine, ops
from ...graph.addresses import graph_of
from ...graph.calls import Call, Graph
from ...graph.kinds import Kind
from ...images import Fit, ImageSet, ImageStream
from ...images.fitting import resized
from ...models import ModelBundle
from ...progress import track
from ..common import fit_of, network_input, numpy

PIXELS_AT_ONCE = 16 * 224 * 224
MOST_AT_ONCE = 256
LARGEST_THUMBNAIL = 64


@dataclass(frozen=True)
class Features:
    """`values`: (image, feature) float32. `thumbnails`: (image, side, side, channel) uint8. `chosen`: index of the best class, or None."""

    values: NDArray[np.float32]
    thumbnails: NDArray[np.uint8]
    predicted: NDArray[np.int64] | None
    stream: ImageStream


def feature_call(graph: Graph, layer: str | None) -> Call:
    """Return the call whose output the map is made of: `layer`, or the last dense layer before the softmax.

    Where only the classifier is dense, that is its input (mostly a global average); where nothing is, the network's output.
    """
    if layer is not None:
        return graph.find(layer)
    output = graph.calls[graph.outputs[0].call]
    before = graph.score(output)
    dense = [call for call in graph.ancestors([output.index]) if call.kind is Kind.DENSE]
    if not dense:
        return output
    if before is output:
        return _visible(graph, dense[-1])
    return _visible(graph, dense[-2]) if len(dense) > 1 else graph.calls[dense[-1].sources[0].call]


def _visible(graph: Graph, call: Call) -> Call:
    return graph.visible[call.address]


def extract(bundle: ModelBundle, images: ImageSet, call: Call) -> Features:
    """Run all images forward to `call`, one batch in memory at a time; maps are averaged over space."""
    fit = fit_of(bundle)
    stream = ImageStream(images, Fit(fit.channels, fit.size))
    graph = graph_of(bundle)
    output = graph.calls[graph.outputs[0].call]
    targets = [call.index, output.index] if output.kind is Kind.SOFTMAX else [call.index]
    forward = engine().compiled(lambda entered: [_averaged(value) for value in graph.run(entered, targets)])
    values: list[NDArray[np.float32]] = []
    thumbnails: list[NDArray[np.uint8]] = []
    predicted: list[NDArray[np.int64]] = []
    most = max(1, min(MOST_AT_ONCE, PIXELS_AT_ONCE // (fit.size[0] * fit.size[1])))
    for batch in _batches(stream, most):
        full = batch[np.arange(most) % len(batch)]  # the last batch is filled up, so that one compilation serves all
        found = [numpy(value)[: len(batch)] for value in forward(network_input(bundle, full))]
        values.append(found[0])
        thumbnails.extend(_thumbnail(image) for image in batch)
        if len(found) > 1:
            predicted.append(found[1].argmax(axis=-1))
    best = np.concatenate(predicted) if predicted else None
    return Features(np.concatenate(values), np.stack(thumbnails), best, stream)


def _batches(stream: ImageStream, size: int) -> Any:
    tracked = iter(track(stream, "reading and computing", len(stream)))
    while batch := [image for image, _ in itertools.islice(tracked, size)]:
        yield np.stack(batch)


def _averaged(value: Any) -> Any:
    rank = len(value.shape)
    return ops.mean(ops.cast(value, "float32"), axis=tuple(range(1, rank - 1))) if rank > 2 else value


def _thumbnail(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    side = min(LARGEST_THUMBNAIL, *image.shape[:2])
    return np.round(resized(image, (side, side)) * 255.0).astype(np.uint8)
