"""What several methods need and none owns: a bundle from what a user gave, and images brought to its network."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import ops
from ..errors import ModelError
from ..images import Fit
from ..models import ModelBundle, load


def as_bundle(model: Any) -> ModelBundle:
    """Return a ModelBundle as it is; load a path, a name, None, or a Keras model in memory."""
    if isinstance(model, ModelBundle):
        return model
    if model is None or isinstance(model, str | Path) or hasattr(model, "layers"):
        return load(model)
    raise ModelError(f"Received {type(model).__name__} as a model. Expected what convscope.load returns, or a path or name for it.")


def fit_of(bundle: ModelBundle) -> Fit:
    """Return how pictures are brought to this network."""
    return Fit(bundle.channels, bundle.size, keep_arrays=bundle.fixed_size is None)


def network_input(bundle: ModelBundle, pixels: NDArray[np.float32]) -> Any:
    """Return images in [0, 1] as the tensor that enters the network."""
    return ops.convert_to_tensor(np.ascontiguousarray(bundle.preprocessing.apply(pixels), dtype=np.float32))


def numpy(tensor: Any) -> NDArray[np.float32]:
    """Return a tensor as a float32 array."""
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))
