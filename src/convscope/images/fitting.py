"""The picture that enters the network: channels and size, decided in this one place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import ImageError

FloatArray = NDArray[np.float32]
LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class Fit:
    """How pictures are brought to the network: `channels`, and `size` (height, width): scaled to cover it, centre cropped.

    `keep_arrays`: arrays keep their own size where the network takes any.
    """

    channels: int
    size: tuple[int, int]
    keep_arrays: bool = False

    def apply(self, image: FloatArray, name: str, *, is_array: bool = False) -> FloatArray:
        """Return `image` (height, width, c) in [0, 1] as it enters the network. Raises ImageError for channels that do not fit."""
        image = self._with_channels(image, name)
        if is_array and self.keep_arrays:
            return image
        return resized(image, self.size)

    def _with_channels(self, image: FloatArray, name: str) -> FloatArray:
        received, wanted = image.shape[-1], self.channels
        if received == 4 and wanted in (1, 3):
            alpha = image[..., 3:]
            image, received = image[..., :3] * alpha + np.float32(0.5) * (1 - alpha), 3
        if received == wanted:
            return image
        if received == 1 and wanted == 3:
            return np.repeat(image, 3, axis=-1)
        if received == 3 and wanted == 1:
            return (image @ LUMINANCE)[..., None]
        raise ImageError(
            f"`{name}` has {received} channels; the network takes {wanted}. "
            f"Give an array (height, width, {wanted}) with values in [0, 1] or uint8."
        )


def resized(image: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return `image` scaled to cover `size` (height, width), centre cropped; bicubic with antialiasing."""
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    scale = max(height / image.shape[0], width / image.shape[1])
    # The part of the picture that ends in the crop, so that scaling and cropping are one resampling.
    # At most the picture: rounding may say a hair more, which Pillow refuses.
    rows, columns = min(height / scale, image.shape[0]), min(width / scale, image.shape[1])
    top, left = (image.shape[0] - rows) / 2, (image.shape[1] - columns) / 2
    box = (left, top, left + columns, top + rows)
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((width, height), Image.Resampling.BICUBIC, box=box))
        for plane in np.moveaxis(image, -1, 0)
    ]
    return np.clip(np.stack(planes, axis=-1), 0.0, 1.0).astype(np.float32)
