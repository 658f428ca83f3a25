"""What a decoder left of a picture, as numbers of some rows at a time; and 16-bit colours, for which Pillow has no mode."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ImageOps

# How Pillow ends the names of 16-bit colours, of which it keeps the higher byte, and what makes it keep the lower one.
LOWER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
GREY_AND_OPACITY, AS_ONE_NUMBER = "LA;16B", "I;32B"
OPAQUE = 65535
TWELVE_BITS = np.float32(4095)


@dataclass(frozen=True)
class Unpacked:
    """A picture's numbers, (height, width, band): 1 grey, 2 grey and opacity, 3 colours, 4 colours and opacity, or more.

    `rows` makes them of some rows of what the decoder left, so that no second copy of a large picture arises.
    """

    shape: tuple[int, int, int]
    rows: Callable[[int, int], NDArray[Any]]

    @classmethod
    def of(cls, pictures: Sequence[Any], make: Callable[[list[Any]], NDArray[Any]]) -> "Unpacked":
        """Return the numbers that `make` makes of the same part of PIL images of one size."""
        wide, tall = pictures[0].size
        for picture in pictures:
            picture.load()

        def rows(first: int, end: int) -> NDArray[Any]:
            made = make([picture.crop((0, first, wide, end)) for picture in pictures])
            return made[..., np.newaxis] if made.ndim == 2 else made

        return cls((tall, wide, rows(0, 1).shape[-1]), rows)

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        """Return some of its rows."""
        first, end, _ = rows.indices(self.shape[0])
        return self.rows(first, end)


def of_twelve_bits(unpacked: Unpacked) -> Unpacked:
    """Return numbers whose white is 4095 as shares of it."""
    return Unpacked(unpacked.shape, lambda first, end: unpacked.rows(first, end).astype(np.float32) / TWELVE_BITS)


def grey(clear: Any) -> Callable[[Any], NDArray[np.uint16]]:
    """Return what makes an array of 16 bits of grey, with its opacity where the value `clear` is transparent."""

    def make(part: Any) -> NDArray[np.uint16]:
        values = np.asarray(part).astype(np.uint16)[..., np.newaxis]
        return _with_opacity(values, values != clear) if isinstance(clear, int) else values

    return make


def lower_bytes(picture: Any) -> list[Any]:
    """Return the tiles of a picture of 16-bit colours, so that Pillow reads the lower byte of each number; none for all others."""
    tiles = []
    for tile in picture.tile:
        whole = isinstance(tile[3], str)
        rawmode = tile[3] if whole else tile[3][0] if tile[3] else ""
        if picture.mode not in ("RGB", "RGBA") or not isinstance(rawmode, str) or rawmode[-4:-1] != ";16":
            return []
        lower = AS_ONE_NUMBER if rawmode == GREY_AND_OPACITY else rawmode[:-1] + LOWER[rawmode[-1]]
        arguments = lower if whole else (lower, *tile[3][1:])
        tiles.append(tile._replace(args=arguments) if hasattr(tile, "_replace") else (*tile[:3], arguments))
    return tiles


def upright(picture: Any, tiles: list[Any]) -> Any:
    """Return a picture that is not decoded yet by these tiles, upright."""
    picture.tile = tiles
    if tiles[0][3] == AS_ONE_NUMBER:
        picture._mode = "I"
    ImageOps.exif_transpose(picture, in_place=True)
    return picture


def unpacked(higher: Any, lower: Any, clear: Any) -> Unpacked:
    """Return 16-bit colours, which Pillow has no mode for, of two pictures: of the higher bytes, and of the lower ones.

    `clear`: the colour that is transparent, if any. Grey with opacity lies as one number of 32 bits in `lower` alone.
    """
    if lower.mode == "I":
        return Unpacked.of([lower], lambda parts: _halves(np.asarray(parts[0]).astype(np.uint32)))

    def joined(parts: list[Any]) -> NDArray[np.uint16]:
        high, low = (np.asarray(part).astype(np.uint16) for part in parts)
        values = high * np.uint16(256) + low
        return _with_opacity(values, (values != clear).any(axis=-1, keepdims=True)) if isinstance(clear, tuple) else values

    return Unpacked.of([higher, lower], joined)


def _halves(both: NDArray[np.uint32]) -> NDArray[np.uint16]:
    return np.stack([both >> 16, both & OPAQUE], axis=-1).astype(np.uint16)


def _with_opacity(values: NDArray[np.uint16], opaque: NDArray[np.bool_]) -> NDArray[np.uint16]:
    return np.concatenate([values, opaque * np.uint16(OPAQUE)], axis=-1)
