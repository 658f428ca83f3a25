"""What a map is made of, whether a network computes it or a file holds it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ImageError
from ...images.fitting import resized

LARGEST_THUMBNAIL = 128
DOT = 16
BLOCK = 4096


@dataclass(frozen=True)
class Material:
    """`values`: (image, feature) floats. `thumbnails`: (image, side, side, channel) uint8. Either may be a memory map.

    `labels` and `predictions`: class names by image, or None. `probabilities`: (image,) of the predicted class, or None.
    `layer`: what the features are. `inputs`: for the provenance. `notes`: what was skipped. `network`: the digest of the one that a run
    was scanned with, and `preprocessing`: how its pictures entered; "" for features of a file.
    """

    values: NDArray[np.floating[Any]]
    thumbnails: NDArray[np.uint8]
    names: tuple[str, ...]
    labels: tuple[str, ...] | None
    predictions: tuple[str, ...] | None
    probabilities: NDArray[np.float32] | None
    layer: str
    inputs: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()
    network: str = ""
    preprocessing: str = ""


def thumbnail(image: NDArray[np.float32], side: int) -> NDArray[np.uint8]:
    """Return an image (height, width, channel) in [0, 1] as a square of `side` pixels, cropped at its middle."""
    return np.round(resized(image, (side, side)) * 255.0).astype(np.uint8)


def dots(count: int) -> NDArray[np.uint8]:
    """Return a white disc on black for each image whose picture is not known; all are one array in memory."""
    away = np.hypot(*np.meshgrid(*[np.arange(DOT) - (DOT - 1) / 2] * 2))
    disc = np.clip((DOT / 2 - 1.5 - away + 0.5) * 255, 0, 255).astype(np.uint8)
    return np.broadcast_to(disc[..., np.newaxis], (count, DOT, DOT, 1))


def check_finite(material: Material) -> None:
    """Raise ImageError for features that are NaN or infinite, which are not near to anything."""
    values, odd = material.values, list[int]()
    for start in range(0, len(values), BLOCK):  # perhaps a memory map
        odd.extend(start + np.flatnonzero(~np.isfinite(values[start : start + BLOCK]).all(axis=1)))
    if odd:
        raise ImageError(
            f"The features of {len(odd)} of the {len(values)} images are NaN or infinite, those of `{material.names[odd[0]]}` first. "
            "Expected finite numbers. Leave these images out; where all are affected, the layer itself is: name an earlier one by `layer`."
        )
