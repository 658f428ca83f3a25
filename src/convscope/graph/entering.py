"""Pictures brought to a network: what decides their size, and the way in and out of its tensors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import failure, ops
from ..errors import ModelError
from ..hints import command
from ..images import Fit
from ..models import ModelBundle


def require_images(bundle: ModelBundle) -> None:
    """Raise ModelError for a network on sequences or volumes, of which only activations are drawn."""
    if not bundle.takes_images:
        sides = ", ".join("?" if side is None else str(side) for side in bundle.shape)
        raise ModelError(
            f"`{bundle.name}` takes ({sides}), not pictures (height, width, channels). Networks on sequences and volumes have activations: "
            f"{command('activations LAYER data.npy', 'convscope.activations(model, layer, array)')}; the other methods need pictures."
        )


def fit_of(bundle: ModelBundle) -> Fit:
    """Return how pictures are brought to this network. Raises ModelError for one that takes none."""
    require_images(bundle)
    return Fit(bundle.channels, bundle.size, keep_arrays=bundle.fixed_size is None)


def network_input(bundle: ModelBundle, pixels: NDArray[np.float32]) -> Any:
    """Return images in [0, 1] as the tensor that enters the network; sequences and volumes enter as they are."""
    entering = bundle.preprocessing.apply(pixels) if bundle.takes_images else pixels
    return ops.convert_to_tensor(np.ascontiguousarray(entering, dtype=np.float32))


def numpy(tensor: Any) -> NDArray[np.float32]:
    """Return a tensor as a float32 array."""
    try:
        return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))
    except Exception as error:  # JAX computes later than it is asked to
        raise failure(error, "The network cannot be computed") from error
