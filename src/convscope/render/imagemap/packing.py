"""Thumbnails -> texture pages: square pictures of 2048 pixels that hold many thumbnails, at several sizes."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..pixels import Bytes

PAGE = 2048  # the texture side that every WebGL2 device has
SIDES = (16, 32, 64, 128)
BLOCKS = {1: 1, 3: 8, 4: 16}  # JPEG compresses squares of 8 x 8 pixels, WebP of 16 x 16
TYPES = {1: "image/png", 3: "image/jpeg", 4: "image/webp"}
STEP = 255 / 28  # of 256 shades of grey, where few bytes matter more
AT_ONCE = 2**22  # bytes of thumbnails


@dataclass(frozen=True)
class Level:
    """Thumbnails of `side` pixels in cells of `pitch`, `columns` x `columns` of them on a page; `pages` pages for all images."""

    side: int
    pitch: int
    columns: int
    pages: int

    @property
    def most(self) -> int:
        """Return how many images a page holds."""
        return self.columns**2

    def name(self, page: int) -> str:
        """Return the name of a page, without an ending: its size and number."""
        return f"{self.side}-{page:04d}"


def channels_of(thumbnails: Bytes) -> int:
    """Return how many channels the pages have: 1 for grey, 3 for colours, 4 for colours with opacity, which are multiplied by it."""
    return 4 if thumbnails.shape[-1] in (2, 4) else 3 if is_colour(thumbnails) else 1


def levels(count: int, side: int, channels: int, *, compact: bool = False) -> tuple[Level, ...]:
    """Return the sizes at which `count` thumbnails of `side` pixels are stored, the smallest first.

    16, 32, 64 and 128 where they are smaller than the thumbnail, and last the thumbnail's own size: nothing is enlarged
    before the screen does it. Cells of colour pages are rounded up to whole blocks of JPEG or WebP, so that no block is shared.
    `compact`: the thumbnail's own size alone.
    """
    sides = [*(one for one in SIDES if one < side and not compact), side]
    block = BLOCKS[4 if compact and channels == 3 else channels]
    return tuple(_level(count, one, -(-one // block) * block) for one in sides)


def type_of(channels: int, *, compact: bool = False) -> str:
    """Return the type of the pages' pictures."""
    return TYPES[4 if compact else channels]


def _level(count: int, side: int, pitch: int) -> Level:
    columns = PAGE // pitch
    return Level(side, pitch, columns, max(1, -(-count // columns**2)))


def is_colour(thumbnails: Bytes) -> bool:
    """Return whether any of the (n, side, side, channels) thumbnails has a hue; reads in slices, until one is found."""
    if thumbnails.shape[-1] < 3:
        return False
    return any(int(np.ptp(block[..., :3].astype(np.int16), axis=-1).max(initial=0)) > 8 for block in _slices(thumbnails))


def ordered(thumbnails: Bytes, order: NDArray[np.intp], channels: int) -> Iterator[Bytes]:
    """Yield blocks of the thumbnails in the given order, with so many channels."""
    step = max(1, AT_ONCE // max(1, int(np.prod(thumbnails.shape[1:]))))
    for start in range(0, len(order), step):
        chosen = order[start : start + step]
        ascending = np.argsort(chosen)  # a file on disk is read in its own order
        block = np.empty((len(chosen), *thumbnails.shape[1:]), np.uint8)
        block[ascending] = thumbnails[chosen[ascending]]
        yield _multiplied(block) if channels == 4 else block[..., :channels]


def _multiplied(block: Bytes) -> Bytes:
    """Return grey or colours with opacity as colours that are multiplied by it, and their opacity."""
    opacity = block[..., -1:]
    colours = np.repeat(block[..., :-1], 3 // (block.shape[-1] - 1), axis=-1)
    return np.concatenate([(colours.astype(np.uint16) * opacity + 127) // 255, opacity], axis=-1).astype(np.uint8)


def _slices(thumbnails: Bytes) -> Iterator[Bytes]:
    step = max(1, AT_ONCE // max(1, int(np.prod(thumbnails.shape[1:]))))
    return (thumbnails[start : start + step] for start in range(0, len(thumbnails), step))


def shrink(block: Bytes, side: int) -> Bytes:
    """Return (n, from, from, channels) thumbnails at a smaller `side`: each pixel is the mean of the area it covers."""
    if block.shape[1] == side:
        return block
    if block.shape[1] == 2 * side:
        parts = block.astype(np.uint16)
        halved = parts[:, 0::2, 0::2] + parts[:, 1::2, 0::2] + parts[:, 0::2, 1::2] + parts[:, 1::2, 1::2]
        return ((halved + 2) >> 2).astype(np.uint8)
    weights = covering(block.shape[1], side)
    rows = np.tensordot(block.astype(np.float32), weights, axes=([1], [1]))  # image, column, channel, row
    both = np.tensordot(rows, weights, axes=([1], [1]))  # image, channel, row, column
    return np.rint(np.clip(both, 0, 255)).astype(np.uint8).transpose(0, 2, 3, 1)


def covering(source: int, side: int) -> NDArray[np.float32]:
    """Return (side, source): the share that each of `source` pixels has in each of `side` larger ones; rows sum to one."""
    edges = np.arange(side + 1) * (source / side)
    pixels = np.arange(source)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(shared, 0, None) * (side / source)).astype(np.float32)


class Packer:
    """Fills the pages of one level, block by block, and returns each as a picture file as soon as it is full."""

    def __init__(self, level: Level, channels: int, *, compact: bool = False) -> None:
        self.level, self.channels, self.compact = level, channels, compact
        self.page, self.count = 0, 0
        self.canvas = self._empty()

    def add(self, block: Bytes) -> Iterator[tuple[str, bytes]]:
        """Take the next thumbnails, (n, side, side, channels); yield (name, file) of the pages that they complete."""
        while len(block):
            room = self.level.most - self.count
            self._place(block[:room])
            block = block[room:]
            if self.count == self.level.most:
                yield self._finished()

    def close(self) -> Iterator[tuple[str, bytes]]:
        """Yield the last page, if it holds anything."""
        if self.count:
            yield self._finished()

    def _empty(self) -> Bytes:
        return np.zeros((self.level.columns, self.level.pitch, self.level.columns, self.level.pitch, self.channels), np.uint8)

    def _place(self, block: Bytes) -> None:
        gap = self.level.pitch - self.level.side
        padded = np.pad(block, ((0, 0), (0, gap), (0, gap), (0, 0)), mode="edge") if gap else block
        rows, columns = np.divmod(np.arange(self.count, self.count + len(block)), self.level.columns)
        self.canvas[rows, :, columns] = padded
        self.count += len(block)

    def _finished(self) -> tuple[str, bytes]:
        rows = -(-self.count // self.level.columns)
        width = self.level.columns * self.level.pitch
        picture = self.canvas[:rows].reshape(rows * self.level.pitch, width, -1)
        found = self.level.name(self.page), encode(picture, compact=self.compact)
        self.page, self.count, self.canvas = self.page + 1, 0, self._empty()
        return found


def encode(picture: Bytes, *, compact: bool = False) -> bytes:
    """Return a page as PNG if it is grey, as WebP if it has opacity, else as JPEG.

    Measured on pages of 2048 x 2048: Fashion-MNIST takes 2.2 MB without loss and 2.2 MB as JPEG of quality 92, whose
    ringing would show as haze where the background is left out. Crops of photographs take 7.6 MB without loss and 2 MB
    as JPEG; WebP takes 1.4 MB, but ten times as long to write and three times as long to open. `compact`: WebP
    for all; grey in 28 steps from black to white, then without loss: 0.43 MB for 2,000 images of Fashion-MNIST, not 0.79.
    """
    file = io.BytesIO()
    if compact and picture.shape[-1] < 4:
        grey = picture.shape[-1] == 1
        if grey:
            picture = np.rint(np.rint(picture[..., 0] / STEP) * STEP).astype(np.uint8)
        Image.fromarray(picture).save(file, "WEBP", lossless=grey, quality=100 if grey else 80, method=6 if grey else 4)
    elif picture.shape[-1] == 1:
        Image.fromarray(picture[..., 0]).save(file, "PNG", compress_level=4)
    elif picture.shape[-1] == 4:
        Image.fromarray(picture).save(file, "WEBP", quality=90, method=2, exact=True)
    else:
        Image.fromarray(picture).save(file, "JPEG", quality=90, subsampling=0)
    return file.getvalue()
