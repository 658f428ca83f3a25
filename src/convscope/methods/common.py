"""What several methods need and none owns: images brought to its network."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..errors import ModelError
from ..graph.addresses import channel_count, graph_of
from ..graph.calls import Call
from ..graph.receptive import check_size
from ..images import Fit, ImageBatch, as_array_batch, as_batch
from ..models import ModelBundle
from ..units import Unit


def require_images(bundle: ModelBundle) -> None:
    """Raise ModelError for a network on sequences or volumes, of which only activations are drawn."""
    if not bundle.takes_images:
        sides = ", ".join("?" if side is None else str(side) for side in bundle.shape)
        raise ModelError(
            f"`{bundle.name}` takes ({sides}), no pictures (height, width, channels). Networks on sequences and volumes have activations: "
            f"convscope activations LAYER data.npy; the other methods need pictures."
        )


def fit_of(bundle: ModelBundle) -> Fit:
    """Return how pictures are brought to this network. Raises ModelError for one that takes none."""
    require_images(bundle)
    return Fit(bundle.channels, bundle.size, keep_arrays=bundle.fixed_size is None)


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


def network_input(bundle: ModelBundle, pixels: NDArray[np.float32]) -> Any:
    """Return images in [0, 1] as the tensor that enters the network."""
    return ops.convert_to_tensor(np.ascontiguousarray(bundle.preprocessing.apply(pixels), dtype=np.float32))


def numpy(tensor: Any) -> NDArray[np.float32]:
    """Return a tensor as a float32 array."""
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))
