"""What several methods need and none owns: images brought to its network."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..images import Fit
from ..models import ModelBundle


def fit_of(bundle: ModelBundle) -> Fit:
    """Return how pictures are brought to this network."""
    return Fit(bundle.channels, bundle.size, keep_arrays=bundle.fixed_size is None)


def network_input(bundle: ModelBundle, pixels: NDArray[np.float32]) -> Any:
    """Return images in [0, 1] as the tensor that enters the network."""
    return ops.convert_to_tensor(np.ascontiguousarray(bundle.preprocessing.apply(pixels), dtype=np.float32))


def numpy(tensor: Any) -> NDArray[np.float32]:
    """Return a tensor as a float32 array."""
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))
