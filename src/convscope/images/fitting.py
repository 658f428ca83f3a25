"""The picture that enters the network: channels and size, decided in this one place."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import ImageError
from .deep import Unpacked
from .numbers import BLOCK, Pixels, brightness

FloatArray = NDArray[np.float32]
GREY = np.float32(128 / 255)
# Bands of an array (height, width, c) that is one image; with more, it is a stack of grey ones.
MOST_OF_ONE = 4
SHOWN = 3
# How far bicubic resampling reaches, in pixels of what it makes or is made of, whichever are larger.
SUPPORT = 2
LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class Fit:
    """How pictures are brought to the network: `channels`, and `size` (height, width): scaled to cover it, centre cropped.

    `keep_arrays`: arrays keep their own size where the network takes any.
    """

    channels: int
    size: tuple[int, int]
    keep_arrays: bool = False

    def apply(self, image: Pixels, name: str, *, is_array: bool = False) -> FloatArray:
        """Return the numbers of an image (height, width, band) as they enter the network, in [0, 1].

        Two and four bands are grey and colours with opacity, over mid-grey, unless the network takes as many. Raises ImageError for
        bands that do not fit.
        """
        self._check(image.shape[-1], name)
        height, width = image.shape[:2]
        if (is_array and self.keep_arrays) or (height, width) == self.size:
            return self._fitting(image[:])
        top, left, rows, columns = covering((height, width), self.size)
        if height * width * image.shape[-1] <= BLOCK:
            return resized(self._fitting(image[:]), self.size)
        # Some rows at a time, so that a large picture is never held as floats; those that the middle is made of alone.
        reach = SUPPORT * max(1.0, rows / self.size[0]) + 1
        first, end = max(0, math.floor(top - reach)), min(height, math.ceil(top + rows + reach))
        step = max(1, BLOCK // (width * image.shape[-1]))
        parts = (self._fitting(image[start : min(start + step, end)]) for start in range(first, end, step))
        narrow = np.concatenate([_sampled(part, (len(part), self.size[1]), (left, 0, left + columns, len(part))) for part in parts])
        return _clipped(_sampled(narrow, self.size, (0, top - first, self.size[1], top - first + rows)))

    def _check(self, received: int, name: str) -> None:
        wanted = self.channels
        if received != wanted and not (wanted in (1, 3) and received in (1, 2, 3, 4)):
            stack = "1, " if wanted > MOST_OF_ONE else ""
            raise ImageError(
                f"`{name}` has {received} channels, but the network takes {wanted}. "
                f"Pass an array ({stack}height, width, {wanted}) with values in [0, 1], uint8 or uint16."
            )

    def _fitting(self, numbers: NDArray[Any]) -> FloatArray:
        """Return numbers as brightness, with the channels that the network takes."""
        image = brightness(numbers)
        if image.shape[-1] == self.channels:
            return image
        image = over_grey(image)
        if image.shape[-1] == 1 and self.channels == 3:
            return np.repeat(image, 3, axis=-1)
        return (image @ LUMINANCE)[..., np.newaxis] if image.shape[-1] == 3 and self.channels == 1 else image


def whole(image: Pixels, side: int, name: str, *, opaque: bool = False) -> NDArray[np.uint8]:
    """Return a picture as a thumbnail (side, side, c): whole, its aspect kept, in the middle of a square that is transparent around it.

    c is 1 or 3, and one more for opacity where the picture does not fill the square or is transparent itself. Of more than four bands the
    first three are shown. `opaque`: two and four bands are measurements, not colours with opacity.
    """
    rows, columns, bands = image.shape
    longest = max(rows, columns)
    size = max(1, round(rows * side / longest)), max(1, round(columns * side / longest))
    clear = bands in (2, MOST_OF_ONE) and not opaque
    channels = 1 if bands < SHOWN else SHOWN
    shown = Fit(channels, size).apply(image if clear or bands in (1, SHOWN) else _as_shown(image), name)
    opacity = Fit(bands, size).apply(image, name)[..., -1:] if clear else np.ones((*size, 1), np.float32)
    if clear:  # the colours themselves, not over grey
        shown = np.clip((shown - GREY * (1 - opacity)) / np.maximum(opacity, 1 / 255), 0, 1)
    if size == (side, side) and opacity.min() >= 1:
        return np.round(shown * 255).astype(np.uint8)
    square = np.zeros((side, side, channels + 1), np.uint8)
    top, left = (side - size[0]) // 2, (side - size[1]) // 2
    square[top : top + size[0], left : left + size[1]] = np.round(np.concatenate([shown, opacity], axis=-1) * 255)
    return square


def _as_shown(image: Pixels) -> Pixels:
    """Return of two bands their mean, of more than three the first three."""
    rows, columns, bands = image.shape
    if bands > SHOWN:
        return Unpacked((rows, columns, SHOWN), lambda first, end: image[first:end][..., :SHOWN])
    return Unpacked((rows, columns, 1), lambda first, end: brightness(image[first:end]).mean(axis=-1, keepdims=True))


def over_grey(image: FloatArray) -> FloatArray:
    """Return an image (height, width, c) in [0, 1] without its opacity, which is the last of two or four bands, over mid-grey."""
    if image.shape[-1] not in (2, 4):
        return image
    opacity = image[..., -1:]
    return image[..., :-1] * opacity + GREY * (1 - opacity)


def covering(shape: tuple[int, int], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return the part of an image (height, width) that ends in the middle crop of `size`: top, left, rows, columns."""
    height, width = size
    scale = max(height / shape[0], width / shape[1])
    # At most the picture: rounding may say a hair more, which Pillow refuses.
    rows, columns = min(height / scale, shape[0]), min(width / scale, shape[1])
    return (shape[0] - rows) / 2, (shape[1] - columns) / 2, rows, columns


def resized(image: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return `image` scaled to cover `size` (height, width), centre cropped; bicubic with antialiasing, in one resampling."""
    if image.shape[:2] == size:
        return image
    top, left, rows, columns = covering(image.shape[:2], size)
    return _clipped(_sampled(image, size, (left, top, left + columns, top + rows)))


def _sampled(image: FloatArray, size: tuple[int, int], box: tuple[float, float, float, float]) -> FloatArray:
    """Return the part `box` (left, top, right, bottom) of an image at `size` (height, width)."""
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size[::-1], Image.Resampling.BICUBIC, box=box))
        for plane in np.moveaxis(image, -1, 0)
    ]
    return np.stack(planes, axis=-1)


def _clipped(image: FloatArray) -> FloatArray:
    return np.clip(image, 0.0, 1.0).astype(np.float32)
