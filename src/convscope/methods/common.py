"""What several methods need and none owns: images brought to its network."""

from collections.abc import Iterable
from typing import Any

from ..graph.addresses import channel_count, graph_of
from ..graph.calls import Call
from ..graph.entering import fit_of, network_input, numpy, require_images
from ..graph.receptive import check_size
from ..images import ImageBatch, as_array_batch, as_batch
from ..models import ModelBundle
from ..units import Unit

__all__ = ["batch_for", "class_names", "fit_of", "network_input", "numpy", "require_images"]


def batch_for(bundle: ModelBundle, images: Any, calls: Iterable[Call]) -> ImageBatch:
    """Return images as one batch that enters the network; raise ImageError also where they are too small to reach `calls`.

    For a network on sequences or volumes these are arrays as they are.
    """
    if not bundle.takes_images:
        return as_array_batch(images, bundle.shape)
    batch = as_batch(images, fit_of(bundle))
    for call in {call.index: call for call in calls}.values():
        check_size(graph_of(bundle), call, batch.pixels.shape[1:3])
    return batch


def class_names(bundle: ModelBundle, units: Iterable[Unit]) -> dict[str, str]:
    """Return the class names of the output units among `units`, by address."""
    labels = bundle.labels or ()
    outputs = {output.call for output in graph_of(bundle).outputs}
    calls = {unit: graph_of(bundle).find(unit.layer) for unit in units}
    return {str(unit): labels[unit.channel] for unit, call in calls.items() if call.index in outputs and channel_count(call) == len(labels)}
