"""Activation maps: what each channel of a layer computes for an image."""

from typing import Annotated, Any

import numpy as np

from ..graph.finite import weight_notes
from ..graph.saturation import ranking
from ..graph.tensors import to_array
from ..method import Method, provenance
from ..models import as_bundle, names_classes
from ..network.addresses import channel_count
from ..network.entering import batch_for, network_input
from ..network.network import as_network
from ..options import Opt, Stop, Theme, check_options
from ..results import Activations
from .chunks import in_chunks

ORDERS = ("strongest", "index")
CHUNK = 8


def activations(
    model: Any,
    layer: str,
    images: Any,
    *,
    order: Annotated[str, Opt("Order of the channels.", choices=ORDERS)] = "strongest",
    most: Annotated[int | None, Opt("Number of channels to draw.", least=1)] = 64,
    theme: Theme = "light",
    stop: Stop = None,
) -> Activations:
    """Return the activation maps of `layer` for each image, all channels.

    `order` ("strongest" first, or by "index") and `most` (how many channels) change only the picture, as does `theme`, "light" or "dark".
    The order is that of the values before a flat activation. `stop`: end after this many images; an interrupted result records it.

    `.maps` is (image, height, width, channel) float32, or (image, channel) behind a dense layer: the layer's output, after its
    activation. Raises UnitError, ImageError.

    >>> convscope.activations(model, "block1_conv1", "cat.jpg").save("maps.png")
    """
    options = check_options(activations, locals())
    bundle = as_bundle(model, classes=names_classes(layer))
    graph = as_network(bundle).graph
    call = graph.find(layer)
    channel_count(call)
    batch = batch_for(bundle, images, [call])

    ranked = ranking(graph, call)
    targets = list(dict.fromkeys([call.index, *(one.index for one in ranked.calls)]))

    def maps_of(some: slice) -> tuple[Any, Any]:
        values = dict(zip(targets, graph.run(network_input(bundle, batch.pixels[some]), targets), strict=True))
        strengths = to_array(ranked.strengths(*(values[one.index] for one in ranked.calls)))
        return to_array(values[call.index]), strengths.reshape(len(strengths), -1, strengths.shape[-1]).max(axis=1)

    parts, stopped = in_chunks(len(batch.pixels), CHUNK, options.stop, maps_of, "computing maps")
    maps, strengths = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    parameters = {"layer": call.address} | options.recorded() | stopped
    labels = bundle.labels if bundle.labels and len(bundle.labels) == call.shape[-1] else None
    return Activations(
        provenance=provenance("activations", bundle, batch.inputs, parameters),
        notes=(*weight_notes(graph, [call]), *batch.notes),
        interrupted=bool(stopped),
        theme=theme,
        layer=call.address,
        maps=maps,
        images=batch.pixels[: len(maps)],
        image_names=batch.names[: len(maps)],
        order=order,
        most=options.most,
        labels=labels,
        strengths=None if ranked.is_own else strengths,
    )


METHOD = Method(
    name="activations",
    run=activations,
    explain=lambda network: "every layer below, after its activation",
    examples=("convscope activations block1_conv1 sample:cat", "convscope activations block5_conv3 photo.jpg --order index"),
)
