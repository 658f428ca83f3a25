"""Plain weights: the kernels of a layer, their norms, and which units are dead, weak or duplicates. No image is needed."""

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from ..graph.finite import weight_notes
from ..graph.kernels import Kernels, kernels, linear_call, sees_image, surely_dead
from ..graph.signals import FloatArray
from ..method import Method, provenance
from ..models import ModelBundle, as_bundle, names_classes
from ..network.addresses import channel_count, class_names
from ..network.network import as_network
from ..options import Opt, Theme, check_options
from ..results.weights import FEWEST, WEAK, Weights
from ..units import Unit

ORDERS = ("index", "strongest")
ROWS = 512  # units whose kernels are compared at a time


def weights(
    model: Any,
    layer: str,
    *,
    order: Annotated[str, Opt("Order of the units: by index, or the longest kernel first.", choices=ORDERS)] = "index",
    most: Annotated[int, Opt("Number of units to draw.", least=1)] = 64,
    count: Annotated[int, Opt("Inputs of each unit to draw, those with the longest patterns.", least=1, most=32)] = 6,
    theme: Theme = "light",
) -> Weights:
    """Return the kernels of a layer, with their norms and biases, and say which units are dead, weak or duplicates.

    - `layer`: a convolution of any kind (transposed, depthwise, separable, dilated, grouped, 1 x 1, on a sequence), or a dense layer.
    - `order`, `most` and `count` (of inputs) change only the picture and what `--json` lists, as does `theme`, "light" or "dark".

    `.kernels` is (unit, row, column, input) float32. Of a layer on the image they are in RGB order, and drawn as colours around mid-grey.
    Elsewhere each unit's strongest inputs are drawn as patterns. `.dead` is what weights alone prove: the ReLU never opens, whatever the
    image is. A unit can be silent on your images for other reasons, which a scan tells. Raises UnitError for a layer without a kernel.

    >>> convscope.weights("vgg16", "block1_conv1").save("kernels.png")
    """
    options = check_options(weights, locals())
    bundle = as_bundle(model, classes=names_classes(layer))
    network = as_network(bundle)
    graph = network.graph
    call = graph.find(layer)
    channels = channel_count(call)
    known = kernels(graph, call)
    of_image = bundle.takes_images and sees_image(graph, linear_call(graph, call)) and known.inputs.shape[1] == bundle.channels
    values = np.asarray(bundle.preprocessing.to_rgb(known.values) if of_image else known.values)
    norms = np.sqrt(np.square(values, dtype=np.float32).sum(axis=(1, 2, 3)))
    nearest, likeness = _nearest(known)
    finite = norms[np.isfinite(norms)]
    return Weights(
        provenance=provenance("weights", bundle, (), {"layer": call.address} | options.recorded()),
        notes=(*known.remarks, *weight_notes(graph, [linear_call(graph, call)])),
        class_names=class_names(network, [Unit(call.address, channel) for channel in range(channels)]),
        theme=theme,
        layer=call.address,
        source=known.source.address,
        kind=known.kind,
        kernels=values,
        inputs=known.inputs[:, ::-1] if of_image and bundle.preprocessing.reverse else known.inputs,
        bias=known.bias,
        norms=norms,
        dead=surely_dead(graph, call, known, _range(bundle)),
        weak=norms < WEAK * float(np.median(finite) if len(finite) else 0.0),
        nearest=nearest,
        likeness=likeness,
        of_image=of_image,
        order=order,
        most=options.most,
        count=options.count,
    )


def _range(bundle: ModelBundle) -> tuple[float, float] | None:
    return bundle.value_range if bundle.takes_images else None


def _nearest(known: Kernels) -> tuple[NDArray[np.int64], FloatArray]:
    """Return for each unit the other one on the same inputs whose kernel has the largest cosine with its own, and that cosine."""
    count = len(known.values)
    flat = known.values.reshape(count, -1)
    nearest, likeness = np.full(count, -1), np.full(count, np.nan, np.float32)
    lengths = np.sqrt(np.square(flat).sum(axis=1))
    usable = np.isfinite(lengths) & (lengths > 0)
    if flat.shape[1] < FEWEST:
        return nearest, likeness
    group, first = known.inputs[:, 0], np.where(usable, lengths, 1.0)[:, None]
    unit = np.where(usable[:, None], flat, 0.0) / first
    for start in range(0, count, ROWS):
        rows = np.arange(start, min(start + ROWS, count))
        cosines = unit[rows] @ unit.T
        cosines[(group[rows][:, None] != group[None]) | ~usable[None] | ~usable[rows][:, None]] = -np.inf
        cosines[np.arange(len(rows)), rows] = -np.inf
        best = cosines.argmax(axis=1)
        values = cosines[np.arange(len(rows)), best]
        there = np.isfinite(values)
        nearest[rows[there]], likeness[rows[there]] = best[there], np.clip(values[there], -1.0, 1.0)
    return nearest, likeness


METHOD = Method(
    name="weights",
    run=weights,
    explain=lambda network: "kernels of convolutions and dense layers",
    examples=(
        "convscope weights block1_conv1                 # the first kernels, as colours",
        "convscope weights block4_conv2 --order strongest --count 8",
        "convscope weights conv1 -m squeezenet --json",
    ),
)
