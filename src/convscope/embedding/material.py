"""What a map is made of, whether a network computes it or a file holds it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from ..images import Pixels, Source, whole
from .storage import Stack

LARGEST_THUMBNAIL = 128
DOT = 16
BLOCK = 4096


@dataclass(frozen=True)
class Material:
    """`values`: (image, feature) floats. `thumbnails`: (image, side, side, channel) uint8, whole pictures. Either may be a memory map.

    `labels` and `predictions`: class names by image, or None. `probabilities`: (image,) of the predicted class, or None.
    `layer`: what the features are. `inputs`: for the provenance. `notes`: what was skipped. `network`: the digest of the one that a run
    was scanned with, and `preprocessing`: how its pictures entered; "" for features of a file. `model_name`: what it
    is called.
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
    model_name: str = ""


class Thumbnails:
    """Whole pictures on squares of `side` pixels, one after the other: grey, and with colours and opacity once one of them has them."""

    def __init__(self, count: int, side: int) -> None:
        self._count, self._side = count, side
        self._colours, self._clear = 1, False
        self._stack = Stack(count, (side, side, 1), np.uint8)

    def add(self, numbers: Pixels, source: Source, *, opaque: bool = False) -> None:
        """Append the thumbnail of a picture's numbers, (height, width, band). `opaque`: two and four bands are measurements."""
        made = whole(numbers, self._side, source.name, opaque=opaque)
        colours, clear = max(self._colours, 1 if made.shape[-1] < 3 else 3), self._clear or made.shape[-1] in (2, 4)
        if (colours, clear) != (self._colours, self._clear):
            self._colours, self._clear = colours, clear
            before, self._stack = self._stack.filled(), Stack(self._count, (self._side, self._side, colours + clear), np.uint8)
            for start in range(0, len(before), BLOCK):
                self._stack.extend(self._widened(before[start : start + BLOCK]))
        self._stack.extend(self._widened(made[np.newaxis]))

    def filled(self) -> NDArray[np.uint8]:
        """Return (image, side, side, channel): grey or colours, and last their opacity if there are two channels or four."""
        return self._stack.filled()

    def _widened(self, block: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return thumbnails with the channels that all have by now."""
        clear = block.shape[-1] in (2, 4)
        colours = block[..., : block.shape[-1] - clear]
        opacity = block[..., -1:] if clear else np.full_like(block[..., :1], 255)
        colours = np.repeat(colours, self._colours // colours.shape[-1], axis=-1)
        return np.concatenate([colours, opacity], axis=-1) if self._clear else colours


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
            f"The features of {len(odd)} of the {len(values)} images are NaN or infinite, first those of "
            f"`{material.names[odd[0]]}`. Expected finite numbers. Leave these images out. If all images are affected, name "
            f"an earlier layer with `layer`."
        )
