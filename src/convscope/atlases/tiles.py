"""Pictures of units as tiles of one size, and the sheets that are cut from others."""

import io
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..render import site
from ..render.pixels import Bytes, scaled, unit_to_rgb
from ..render.signals import reduced, scales, signed_to_rgb
from ..results import CONTRAST, FloatArray, Patches

# The longer side of a tile at most, in pixels: on a wall, on the page of a unit, of an image.
WALL, DETAIL, IMAGE = 64, 64, 96
# What lies beyond an image, and a place without a picture: the grey of a projection's zero.
EMPTY = 128
# Smaller tiles are kept without loss: WebP blurs squares of 16 pixels, across the borders of tiles.
EXACT = 20
# The quality of WebP: of pictures that fill a page, of small ones beside each other; grey tiles show no colour that could bleed.
COLOUR, BESIDE, GREY = 60, 36, 60
WHITE = 255


def bands_of(channels: int) -> int:
    """Return how many bands the tiles of a network's images have: grey ones one, all others three."""
    return 1 if channels == 1 else 3


def shown(pixels: FloatArray) -> Bytes:
    """Return (..., height, width, channel) in [0, 1] as tiles show it: one band, or three; see `render.pixels.unit_to_rgb`."""
    return unit_to_rgb(pixels)[..., : bands_of(pixels.shape[-1])]


def fitted_size(size: tuple[int, int], most: int) -> tuple[int, int]:
    """Return the (width, height) of a picture of (height, width) whose longer side is at most so many pixels."""
    factor = min(1.0, most / max(size))
    return max(1, round(size[1] * factor)), max(1, round(size[0] * factor))


def side_of(window: tuple[int, int], most: int) -> int:
    """Return the side of the tiles of what a layer sees, in pixels, at most so many.

    What is just too small for WebP is kept twice as large, each pixel a square of four: half the bytes of tiles without loss.
    """
    longest = max(window)
    return 2 * longest if EXACT / 2 <= longest < EXACT else min(most, longest)


def blank(count: int, size: tuple[int, int], bands: int) -> Bytes:
    """Return so many empty tiles of (width, height)."""
    return np.full((count, size[1], size[0], bands), EMPTY, np.uint8)


def patch_tiles(patches: Patches, count: int, most: int) -> Bytes:
    """Return the strongest patches of a unit as (count, height, width, band), empty where there is none; beyond the border is empty."""
    size = fitted_size((patches.pixels.shape[1], patches.pixels.shape[2]), most)
    tiles = blank(count, size, bands_of(patches.pixels.shape[-1]))
    for place in (place for place in patches.places if place < count):
        top, left, bottom, right = patches.inside(place)
        window = np.full(patches.pixels.shape[1:], np.float32(EMPTY / WHITE))
        window[top:bottom, left:right] = patches.pixels[place, top:bottom, left:right]
        tiles[place] = small(shown(window), size)
    return tiles


def projection_tiles(patches: Patches, signals: FloatArray, count: int, most: int) -> Bytes:
    """Return projections of a unit's strongest patches as `patch_tiles` does; those of one unit share a scale."""
    size = fitted_size((signals.shape[1], signals.shape[2]), most)
    bands = bands_of(signals.shape[-1])
    tiles = blank(count, size, bands)
    places = [place for place in patches.places if place < count]
    smaller = [reduced(signals[place], size) for place in places]
    for place, signal, scale in zip(places, smaller, scales(smaller, CONTRAST) if smaller else [], strict=True):
        tiles[place] = signed_to_rgb(signal, scale)[..., :bands]
    return tiles


def small(pixels: Bytes, size: tuple[int, int]) -> Bytes:
    """Return a picture of one band or three at a smaller size of (width, height)."""
    bands = pixels.shape[-1]
    picture = scaled(pixels if bands == 3 else np.repeat(pixels, 3, axis=-1), *size)
    return picture[..., :bands]


def cut(content: bytes, tile: int, places: Sequence[int], bands: int) -> Bytes:
    """Return tiles (n, tile, tile, band) of a sheet again, by their places in it, row by row."""
    with Image.open(io.BytesIO(content)) as picture:
        pixels = np.asarray(picture.convert("RGB"))[..., :bands]
    columns = pixels.shape[1] // tile
    return np.stack([_cell(pixels, tile, *divmod(place, columns)) for place in places])


def _cell(pixels: Bytes, tile: int, row: int, column: int) -> Bytes:
    return pixels[row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]


def resized(tiles: Bytes, tile: int) -> Bytes:
    """Return square tiles as smaller ones."""
    if tiles.shape[1] == tile:
        return tiles
    return np.stack([small(one, (tile, tile)) for one in tiles])


def sheet(tiles: Bytes, tile: int, columns: int, quality: int = COLOUR) -> bytes:
    """Return tiles as the file of one sheet; `quality`: of colours."""
    coloured = tiles if tiles.shape[-1] == 3 or tile < EXACT else np.repeat(tiles, 3, axis=-1)  # grey alone would be kept without loss
    return site.sheet(coloured, tile, columns, exact=tile < EXACT, quality=GREY if tiles.shape[-1] == 1 else quality)


def blocks(count: int, size: int) -> Iterator[NDArray[np.int64]]:
    """Yield the numbers from 0 to before `count`, `size` at a time."""
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))
