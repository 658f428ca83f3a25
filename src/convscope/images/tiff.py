"""TIFFs whose numbers Pillow has no mode for: many bands, floats of any length, black and white exchanged."""

import io
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from ..errors import ImageError
from .numbers import check_kind

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BIG = 43
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES = 256, 257, 258, 259, 262, 274, 277
STRIPS, STRIP_ROWS, STRIP_BYTES, PLANAR, PREDICTOR = 273, 278, 279, 284, 317
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, EXTRA, FORMAT, FILL = 322, 323, 324, 325, 338, 339, 266
KINDS = {1: "u", 2: "i", 3: "f"}
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
NONE, DEFLATE, OLD_DEFLATE, PACKBITS = 1, 8, 32946, 32773
SAVE = "Save its numbers with numpy.save as (height, width, band)."
# Photometric interpretation, bits and extra bands of whole numbers that Pillow hands over as they are.
EXACT = {
    *((kind, (bits,), ()) for kind in (WHITE_IS_ZERO, BLACK_IS_ZERO) for bits in (1, 2, 4, 8)),
    *((BLACK_IS_ZERO, (bits,), ()) for bits in (12, 16)),
    *((BLACK_IS_ZERO, (8, 8), (extra,)) for extra in (1, 2)),
    *((RGB, (bits,) * 3, ()) for bits in (8, 16)),
    *((RGB, (bits,) * 4, extra) for bits in (8, 16) for extra in ((), (1,), (2,))),
}  # fmt: skip
EXACT_FLOATS = ((32,),)


@dataclass(frozen=True)
class Layout:
    """What the tags say: `bits` of each band, `kind` of number ("u", "i", "f"), and the tags themselves."""

    tags: Any
    width: int
    height: int
    bits: tuple[int, ...]
    kind: str
    photometric: int
    extra: tuple[int, ...]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its numbers, in the byte order of the file. Raises ValueError for bits that make no type."""
        try:
            return np.dtype(f"{'<' if self.tags.prefix == b'II' else '>'}{self.kind}{self.bits[0] // 8 if self.bits[0] % 8 == 0 else 0}")
        except TypeError as error:
            raise ValueError(f"numbers of {self.bits[0]} bits") from error


def layout_of(data: bytes) -> Layout | None:
    """Return what the tags of a TIFF's first page say, None for what is not a TIFF. Raises almost anything for a damaged one."""
    if data[:4] not in STARTS:
        return None
    tags = TiffImagePlugin.ImageFileDirectory_v2(data[:16] if BIG in data[2:4] else data[:8])
    file = io.BytesIO(data)
    file.seek(tags.next)
    tags.load(file)
    samples = int(tags.get(SAMPLES, 1))
    bits = _several(tags.get(BITS, (1,)))
    formats = set(_several(tags.get(FORMAT, (1,))))
    if not 1 <= samples <= 65535 or len(formats) != 1:
        raise ValueError("bands of different kinds")
    bits = bits * samples if len(bits) == 1 else bits[:samples]
    kind = KINDS.get(int(formats.pop()), "")
    return Layout(tags, int(tags[WIDTH]), int(tags[HEIGHT]), bits, kind, int(tags.get(PHOTOMETRIC, 0)), _several(tags.get(EXTRA, ())))


def numbers_of(layout: Layout, data: bytes, name: str, most: int) -> NDArray[Any] | None:
    """Return the numbers of a TIFF, (height, width, band), upright; None for one whose numbers Pillow hands over as they are.

    Raises ImageError for numbers that do not say what is white, before any is unpacked, and for what neither reads; ValueError for what
    is damaged or would take more than `most` bytes.
    """
    # Of 16-bit colours whose bands lie one after the other Pillow keeps 8.
    apart = len(layout.bits) > 1 and layout.bits[0] > 8 and int(layout.tags.get(PLANAR, 1)) == 2
    if layout.photometric > RGB or (layout.kind == "u" and not apart and (layout.photometric, layout.bits, layout.extra) in EXACT):
        return None
    if len(set(layout.bits)) != 1 or not layout.kind:
        raise ImageError(f"`{name}` is a TIFF whose bands hold different or unknown kinds of numbers. {SAVE}")
    check_kind(layout.dtype, name)
    packing = int(layout.tags.get(COMPRESSION, NONE))
    if packing not in (NONE, DEFLATE, OLD_DEFLATE, PACKBITS) or int(layout.tags.get(FILL, 1)) != 1:
        if layout.kind == "f" and layout.bits in EXACT_FLOATS and layout.photometric == BLACK_IS_ZERO:
            return None
        kind = f"{len(layout.bits)} band{'s' * (len(layout.bits) > 1)} of {layout.dtype.newbyteorder('=').name}"
        raise ImageError(f"`{name}` is a TIFF of {kind}, packed by a method other than deflate, which convscope cannot read. {SAVE}")
    if layout.width * layout.height * len(layout.bits) * layout.dtype.itemsize > most or min(layout.width, layout.height) < 1:
        raise ValueError(f"{layout.width} x {layout.height} pixels of {len(layout.bits)} bands")
    numbers = _unpacked(layout, data)
    if layout.photometric == WHITE_IS_ZERO:
        numbers = (np.iinfo(numbers.dtype).max if layout.kind == "u" else numbers.dtype.type(1)) - numbers
    return _upright(numbers, int(layout.tags.get(ORIENTATION, 1)))


def _several(value: Any) -> tuple[int, ...]:
    return tuple(int(one) for one in value) if isinstance(value, tuple) else (int(value),)


def _unpacked(layout: Layout, data: bytes) -> NDArray[Any]:
    tags, bands = layout.tags, len(layout.bits)
    tiled = TILES in tags
    wide = int(tags[TILE_WIDTH]) if tiled else layout.width
    tall = int(tags[TILE_HEIGHT]) if tiled else min(int(tags.get(STRIP_ROWS, layout.height)), layout.height)
    if not (0 < wide <= 2 * layout.width + 4096 and 0 < tall <= 2 * layout.height + 4096):
        raise ValueError(f"pieces of {wide} x {tall} pixels")
    planes = bands if int(tags.get(PLANAR, 1)) == 2 else 1
    starts, lengths = _several(tags[TILES if tiled else STRIPS]), _several(tags[TILE_BYTES if tiled else STRIP_BYTES])
    across, down = math.ceil(layout.width / wide), math.ceil(layout.height / tall)
    if len(starts) < across * down * planes or len(lengths) < len(starts):
        raise ValueError(f"{len(starts)} pieces, but {across * down * planes} are needed")
    numbers = np.zeros((layout.height, layout.width, bands), layout.dtype)
    for piece, (plane, row, column) in enumerate(_places(planes, down, across)):
        top, left = row * tall, column * wide
        rows = tall if tiled else min(tall, layout.height - top)
        part = _piece(layout, data[starts[piece] :][: lengths[piece]], (rows, wide, bands // planes))
        room = numbers[top : top + rows, left : left + wide, plane if planes > 1 else slice(None)]
        room[...] = part[: room.shape[0], : room.shape[1], 0] if planes > 1 else part[: room.shape[0], : room.shape[1]]
    return numbers


def _places(planes: int, down: int, across: int) -> Iterator[tuple[int, int, int]]:
    return ((plane, row, column) for plane in range(planes) for row in range(down) for column in range(across))


def _piece(layout: Layout, packed: bytes, shape: tuple[int, int, int]) -> NDArray[Any]:
    size = math.prod(shape) * layout.dtype.itemsize
    packing = int(layout.tags.get(COMPRESSION, NONE))
    if packing == PACKBITS:
        packed = _from_packbits(packed, size)
    elif packing != NONE:
        packed = zlib.decompressobj().decompress(packed, size)
    if len(packed) < size:
        raise ValueError("it is cut off")
    predictor = int(layout.tags.get(PREDICTOR, 1)) if packing not in (NONE, PACKBITS) else 1
    if predictor == 3 and layout.kind == "f":
        return _from_float_differences(packed[:size], shape, layout.dtype)
    numbers = np.frombuffer(packed, layout.dtype, math.prod(shape)).reshape(shape)
    if predictor == 2:
        whole = numbers.view(f"{layout.dtype.byteorder}u{layout.dtype.itemsize}")
        return np.cumsum(whole, axis=1, dtype=whole.dtype.newbyteorder("=")).view(layout.dtype.newbyteorder("="))
    if predictor != 1:
        raise ValueError(f"a predictor {predictor}")
    return numbers


def _from_float_differences(data: bytes, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return floats of which each row stores first all highest bytes, then all next ones, as differences from the pixel before."""
    rows, wide, bands = shape
    differences = np.frombuffer(data, np.uint8).reshape(rows, dtype.itemsize * wide, bands)
    stored = np.cumsum(differences, axis=1, dtype=np.uint8).reshape(rows, dtype.itemsize, wide * bands)
    return np.ascontiguousarray(np.moveaxis(stored, 1, 2)).view(f">f{dtype.itemsize}").reshape(shape)


def _from_packbits(data: bytes, size: int) -> bytes:
    found, place = bytearray(), 0
    while place < len(data) and len(found) < size:
        count = data[place]
        if count < 128:
            found += data[place + 1 : place + 2 + count]
            place += 2 + count
        elif count > 128:
            found += data[place + 1 : place + 2] * (257 - count)
            place += 2
        else:
            place += 1
    return bytes(found)


def _upright(numbers: NDArray[Any], orientation: int) -> NDArray[Any]:
    if orientation in (5, 6, 7, 8):
        numbers = numbers.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return numbers[::rows, ::columns]
