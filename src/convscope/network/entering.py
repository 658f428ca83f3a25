"""How images enter a network: what decides their size, and the way into its tensors."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..errors import ModelError
from ..graph.calls import Call
from ..hints import command
from ..images import Fit, ImageBatch, as_array_batch, as_batch
from ..locality.shapes import check_size
from ..models import ModelBundle
from .network import as_network


def require_images(bundle: ModelBundle) -> None:
    """Raise ModelError for a network on sequences or volumes, of which only activations are drawn."""
    if not bundle.takes_images:
        sides = ", ".join("?" if side is None else str(side) for side in bundle.shape)
        raise ModelError(
            f"`{bundle.name}` takes ({sides}), not images (height, width, channels). Networks on sequences and volumes have "
            f"only activations: "
            f"{command('activations LAYER data.npy', 'convscope.activations(model, layer, array)')}. The other methods need images."
        )


def fit_of(bundle: ModelBundle) -> Fit:
    """Return how pictures are brought to this network. Raises ModelError for one that takes none."""
    require_images(bundle)
    return Fit(bundle.channels, bundle.size, keep_arrays=bundle.fixed_size is None)


def network_input(bundle: ModelBundle, pixels: NDArray[np.float32]) -> Any:
    """Return images in [0, 1] as the tensor that enters the network; sequences and volumes enter as they are."""
    entering = bundle.preprocessing.apply(pixels) if bundle.takes_images else pixels
    return ops.convert_to_tensor(np.ascontiguousarray(entering, dtype=np.float32))


def batch_for(bundle: ModelBundle, images: Any, calls: Iterable[Call]) -> ImageBatch:
    """Return images as one batch that enters the network; raise ImageError also where they are too small to reach `calls`.

    For a network on sequences or volumes these are arrays as they are.
    """
    if not bundle.takes_images:
        return as_array_batch(images, bundle.shape)
    calls = {call.index: call for call in calls}.values()
    if bundle.fixed_size is not None:  # before pictures of that size are made
        _check_sizes(bundle, calls, bundle.fixed_size)
    batch = as_batch(images, fit_of(bundle))
    _check_sizes(bundle, calls, batch.pixels.shape[1:3])
    return batch


def _check_sizes(bundle: ModelBundle, calls: Iterable[Call], size: Any) -> None:
    for call in calls:
        check_size(as_network(bundle).graph, call, size)
