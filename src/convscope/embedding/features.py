"""Features: the network's values that the map is made of, in batches, with a thumbnail and the prediction of each image."""

import functools

import numpy as np
from numpy.typing import NDArray

from ..backend import compiled
from ..graph.calls import Call
from ..graph.kinds import Kind
from ..graph.tensors import to_array
from ..images import Fit, ImageSet, ImageStream, stacks
from ..models import ModelBundle
from ..network.entering import fit_of, network_input
from ..network.features import averaged
from ..network.network import as_network
from ..progress import track
from ..results import bands_note
from .material import LARGEST_THUMBNAIL, Material, Thumbnails
from .storage import Stack

PIXELS_AT_ONCE = 16 * 224 * 224
MOST_AT_ONCE = 256


def extract(bundle: ModelBundle, images: ImageSet, call: Call) -> Material:
    """Run all images forward to `call`, one batch in memory at a time; maps are averaged over space."""
    fit = fit_of(bundle)
    graph = as_network(bundle).graph
    output = graph.calls[graph.outputs[0].call]
    classifies = output.kind is Kind.SOFTMAX
    targets = [call.index, output.index] if classifies else [call.index]
    forward = compiled(lambda entered: [averaged(value) for value in graph.run(entered, targets)])
    thumbnails = Thumbnails(len(images), min(LARGEST_THUMBNAIL, *fit.size))
    seen = functools.partial(thumbnails.add, opaque=fit.channels not in (1, 3))
    stream = ImageStream(images, Fit(fit.channels, fit.size), seen)
    values: Stack | None = None
    predicted: list[NDArray[np.int64]] = []
    probabilities: list[NDArray[np.float32]] = []
    most = max(1, min(MOST_AT_ONCE, PIXELS_AT_ONCE // (fit.size[0] * fit.size[1])))
    for batch in stacks((image for image, _ in track(stream, "reading and computing", len(stream))), most):
        full = batch[np.arange(most) % len(batch)]  # the last batch is filled up, so that one compilation serves all
        found = [to_array(value)[: len(batch)] for value in forward(network_input(bundle, full))]
        values = values or Stack(len(images), found[0].shape[1:], np.float32)
        values.extend(found[0])
        if classifies:
            predicted.append(found[1].argmax(axis=-1))
            probabilities.append(found[1].max(axis=-1))
    assert values is not None
    labels = [source.label for source in stream.read]
    return Material(
        values=values.filled(),
        thumbnails=thumbnails.filled(),
        names=tuple(source.name for source in stream.read),
        labels=tuple(label or "" for label in labels) if any(labels) else None,
        predictions=tuple(bundle.label(int(index)) for index in np.concatenate(predicted)) if classifies else None,
        probabilities=np.concatenate(probabilities) if classifies else None,
        layer=call.address,
        inputs=stream.inputs(),
        notes=(*stream.notes(), *filter(None, [bands_note(fit.channels)])),
    )
