"""Arrays -> 8-bit RGB, (height, width, 3) uint8. Nothing here knows of figures."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from ..digests import hasher

Bytes = NDArray[np.uint8]
SMOOTH_FROM = 33


def unit_to_rgb(pixels: ArrayLike) -> Bytes:
    """Return values in [0, 1] as RGB; one channel becomes grey, two become the grey of their mean, of more the first
    three show. `results.bands_note` says so.

    Rounds to the nearest of 256 levels, so that multiples of 1/255 come back exactly. Values outside are clipped, NaN
    is black.
    """
    values = np.nan_to_num(np.asarray(pixels, np.float32))
    rgb: Bytes = np.rint(np.clip(as_three(values), 0, 1) * 255).astype(np.uint8)
    return rgb


def plain_picture(image: np.ndarray) -> Image.Image:
    """Return (height, width, channel) in [0, 1] as an 8-bit picture: one channel as grey, three as RGB.

    PNG has no other numbers of channels: of more than three the first three are kept, of two the mean.
    """
    rgb = unit_to_rgb(image)
    return Image.fromarray(np.ascontiguousarray(rgb[..., 0]) if image.shape[-1] == 1 else rgb)


def heat(values: ArrayLike, colours: Bytes, low: float, high: float) -> Bytes:
    """Return a (height, width) map in `colours`, a (256, 3) table, its first for `low` and its last for `high`."""
    span = high - low
    finite = np.nan_to_num(np.asarray(values, np.float64), nan=low, posinf=high, neginf=low)
    steps = np.zeros(finite.shape) if span <= 0 else np.clip((finite - low) / span, 0, 1)
    table: Bytes = colours[np.rint(steps * 255).astype(np.intp)]
    return table


def contrast(values: ArrayLike, percentile: float = 99.0) -> NDArray[np.float32]:
    """Return a map >= 0 stretched to [0, 1], `percentile` of its non-zero values at 1; a map of zeros stays zero."""
    magnitudes = np.nan_to_num(np.asarray(values, np.float32), posinf=0.0)
    scale = scale_of(magnitudes, percentile)
    return np.zeros_like(magnitudes) if scale == 0 else np.clip(magnitudes / scale, 0, 1)


def overlay(picture: Bytes, heated: Bytes, weight: NDArray[np.float32]) -> Bytes:
    """Return `heated` over a grey, dimmed `picture`; `weight` (height, width) in [0, 1] says how much of it."""
    grey = picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    share = weight[..., np.newaxis]
    mixed = 0.65 * grey[..., np.newaxis] * (1 - share) + heated * share
    mixed_bytes: Bytes = np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)
    return mixed_bytes


def fitting(pixels: Bytes, width: int, height: int) -> tuple[int, int]:
    """Return the largest (width, height) of the picture that fits into `width` x `height`, its aspect kept, at least one pixel each."""
    rows, columns = pixels.shape[:2]
    factor = min(width / columns, height / rows)
    return max(1, min(width, round(columns * factor))), max(1, min(height, round(rows * factor)))


def scaled(pixels: Bytes, width: int, height: int) -> Bytes:
    """Return the picture at that size."""
    if (width, height) == (pixels.shape[1], pixels.shape[0]):
        return pixels
    way = Image.Resampling.NEAREST if is_crisp(pixels, width, height) else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), way))


def is_crisp(pixels: Bytes, width: int, height: int) -> bool:
    """Say whether the pixels of a picture are seen where it is `width` x `height` large.

    Small pictures grow with their pixels visible, larger ones smoothly, because blur there is easier on the eye than blocks.
    """
    rows, columns = pixels.shape[:2]
    return max(rows, columns) < SMOOTH_FROM and (width > columns or height > rows)


def fit(pixels: Bytes, width: int, height: int) -> Bytes:
    """Return the picture as large as fits into `width` x `height`, its aspect kept."""
    return scaled(pixels, *fitting(pixels, width, height))


def digest(pixels: Bytes) -> bytes:
    """Return what tells a picture from all others."""
    return hasher(np.ascontiguousarray(pixels).tobytes(), salt=str(pixels.shape).encode()[:16]).digest()


def as_three(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return values of any number of channels as three: see `unit_to_rgb`."""
    if values.ndim == 2:
        values = values[..., np.newaxis]
    if values.shape[-1] < 3:
        values = values.mean(axis=-1, keepdims=True)
        return np.repeat(values, 3, axis=-1)
    return values[..., :3]


def scale_of(magnitudes: NDArray[np.float32], percentile: float) -> float:
    """Return so many percent of the magnitudes above zero, 0 where there is none.

    A projection is zero almost everywhere: over all values the percentile would be zero too.
    """
    present = magnitudes[magnitudes > 0]
    return float(np.percentile(present, percentile)) if present.size else 0.0


def kept_inside(field: Iterable[Any], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return a receptive field (top, left, bottom, right) kept inside an image of (height, width), at least one pixel large."""
    tall, wide = size
    top, left, bottom, right = map(int, field)
    top, left = min(max(top, 0), tall - 1), min(max(left, 0), wide - 1)
    return top, left, max(top + 1, min(bottom, tall)), max(left + 1, min(right, wide))
