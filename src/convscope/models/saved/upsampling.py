"""UpSampling2D(interpolation="bilinear") of Keras 2.2 and 2.3, which resized as TensorFlow 1 did.

Place i of the result lay at i / size in the input, a pixel's corner taken for its centre; today it lies at (i + 0.5) / size - 0.5.
Source: `resize_images` of keras/backend/tensorflow_backend.py in 2.2.4 and 2.3.1.
"""

import re
from functools import cache
from typing import Any

from ...backend import keras, ops
from ...errors import ModelError
from .entries import Entry

MULTI_BACKEND = re.compile(r"2\.[0-3]\.\d+")
EITHER = ("2.1.6-tf", "2.2.4-tf")  # what TensorFlow 1.12 to 2.1 wrote; those before 1.14 took the corners


def samples_corners(entry: Entry, release: str, engine: str | None) -> bool:
    """Say whether Keras `release` on `engine` computed this layer by the corners of pixels; raise ModelError for Theano's own way."""
    if entry.class_name != "UpSampling2D" or entry.config.get("interpolation") != "bilinear" or not MULTI_BACKEND.fullmatch(release):
        return False
    if engine not in (None, "tensorflow"):
        raise ModelError(
            f"Layer `{entry.name}` is a bilinear UpSampling2D of Keras {release} on {engine}, whose numbers Keras 3 does not compute. "
            "Rebuild that step and save the model again."
        )
    return True


def note_of(entry: Entry, release: str) -> str | None:
    """Return a sentence where a release does not say which of the two ways was meant."""
    if entry.class_name != "UpSampling2D" or entry.config.get("interpolation") != "bilinear" or release not in EITHER:
        return None
    return (
        f"`{entry.name}`: bilinear upsampling as TensorFlow 1.14 and later computed it. Earlier releases began at the "
        f"corners of pixels, and the file does not say which it was"
    )


@cache
def corner_class() -> Any:
    """Return the layer; its name is Keras', since it is what a file calls so."""

    class UpSampling2D(keras.layers.UpSampling2D):  # type: ignore[misc]
        """Bilinear by the corners of pixels."""

        def call(self, inputs: Any) -> Any:
            rows = 2 if self.data_format == "channels_first" else 1
            for axis, times in zip((rows, rows + 1), self.size, strict=True):
                inputs = _stretched(inputs, axis, times)
            return inputs

    return UpSampling2D


def _stretched(value: Any, axis: int, times: int) -> Any:
    """Return `value` with an axis `times` as long: each place followed by the steps to the next, the last one kept."""
    size = ops.shape(value)[axis]
    following = ops.take(value, ops.minimum(ops.arange(size) + 1, size - 1), axis=axis)
    steps = ops.stack([value + (following - value) * (step / times) for step in range(times)], axis=axis + 1)
    shape = list(ops.shape(value))
    shape[axis] = size * times
    return ops.reshape(steps, shape)
