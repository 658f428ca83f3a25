"""The way out of a framework's tensors."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..backend import failure, ops


def to_array(tensor: Any) -> NDArray[np.float32]:
    """Return a tensor as a float32 array."""
    try:
        return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")))
    except Exception as error:  # JAX computes later than it is asked to
        raise failure(error, "The network cannot be computed") from error
