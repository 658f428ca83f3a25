"""Data on the way to a page: records as scripts, columns of numbers as base64, many small pictures as one sheet.

A page from disk may not fetch files, but it may add scripts. Each hands one record to the page: `kit.take("name", {...});`.
"""

import base64
import io
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...json_files import as_json
from ..pixels import SMOOTH_FROM, Bytes

NAME = re.compile(r"[a-z0-9-]+")
# What the kit reads, in the order of preference; little-endian.
KINDS = ("u1", "i1", "u2", "i2", "u4", "i4", "f4")
QUALITY, EFFORT = 80, 6
EXACT_EFFORT = 4  # more takes a third longer without loss, for one per cent
SMALL = 64  # pixels: below it, a picture without loss may be the smaller one
WEBP, PNG = "webp", "png"


def data_file(name: str, payload: Mapping[str, Any]) -> bytes:
    """Return the script that hands `payload` to the page under `name`: JSON, NaN and infinities as null.

    Nothing in it is markup, whoever wrote the words: `<` and the two line separators that JavaScript knows are escaped.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"`{name}` is not a name of data: expected a-z, 0-9 and -.")
    text = as_json(payload).decode("utf-8").replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f'kit.take("{name}",{text});\n'.encode()


def column(values: NDArray[Any], kind: str = "") -> dict[str, Any]:
    """Return numbers in row-major order as a record that the page reads as a typed array: `{"type": "f4", "data": base64}`.

    Of numbers that are all the same only one is in `data`, and `count` says how many there are.
    `kind`: one of u1, i1, u2, i2, u4, i4, f4; without it the array's own kind, 64-bit integers as i4 and floats as f4. Raises ValueError
    for whole numbers that the kind does not hold.
    """
    values = np.asarray(values)
    if values.size > 1 and (values == values.flat[0]).all():
        return column(values.flat[:1], kind) | {"count": values.size}
    wanted = kind or _kind_of(values.dtype)
    if wanted not in KINDS:
        raise ValueError(f"`{wanted}` is not a kind of column: expected one of {', '.join(KINDS)}.")
    if wanted != "f4" and values.size:
        bounds = np.iinfo(wanted)
        if not (bounds.min <= values.min() and values.max() <= bounds.max):
            raise ValueError(f"Numbers from {values.min()} to {values.max()} do not fit into a column of {wanted}.")
    return {"type": wanted, "data": base64.b64encode(values.astype(f"<{wanted}").tobytes()).decode("ascii")}


def rising(values: NDArray[np.integer[Any]]) -> dict[str, Any]:
    """Return rising whole numbers as a column of their differences, most of which fit into a byte; the page adds them up again."""
    steps = np.diff(values, prepend=0)
    if steps.size and steps.min() < 0:
        raise ValueError("These numbers do not rise.")
    return column(narrow(steps)) | {"rises": True}


def narrow(values: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """Return whole numbers in the smallest kind of column that holds them all."""
    kinds = [np.dtype(kind) for kind in ("u1", "i1", "u2", "i2", "i4", "u4")]
    least, most = (values.min(), values.max()) if values.size else (0, 0)
    return values.astype(next(kind for kind in kinds if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max))


def _kind_of(dtype: np.dtype[Any]) -> str:
    if dtype.kind in "fb":
        return "f4" if dtype.kind == "f" else "u1"
    return "i4" if dtype.itemsize == 8 else f"{dtype.kind}{dtype.itemsize}"


def sheet(tiles: Bytes, tile: int, columns: int, *, ext: str = WEBP, exact: bool = False, quality: int = QUALITY) -> bytes:
    """Return (n, height, width, channels) uint8 as one picture of cells of `tile` pixels, `columns` in a row, row by row.

    Channels: 1 grey, 3 colours, 4 colours with opacity. Each tile is fitted into its cell and lies in its middle: enlarged, the
    pixels of a small one stay squares. Colours are WebP of `quality`, grey WebP without loss; below 64 pixels a colour
    sheet without loss is taken where it is smaller. `exact`: without loss, whatever it takes; `ext="png"`: PNG, which is without loss. The
    same tiles give the same bytes.
    """
    picture = Image.fromarray(_laid(_fitted(tiles, tile), columns))
    if ext == PNG:
        return _saved(picture, "PNG", optimize=True)
    without = (
        _saved(picture, "WEBP", lossless=True, quality=QUALITY, method=EXACT_EFFORT)
        if tiles.shape[-1] == 1 or exact or tile < SMALL
        else None
    )
    if without is not None and (exact or tiles.shape[-1] == 1):
        return without
    lossy = _saved(picture, "WEBP", quality=quality, method=EFFORT)
    return lossy if without is None or len(lossy) <= len(without) else without


def _fitted(tiles: Bytes, tile: int) -> Bytes:
    """Return the tiles in cells of `tile` pixels; a tile that is not square leaves room, which is clear, or black without opacity."""
    count, height, width, channels = tiles.shape
    if height == width == tile:
        return tiles
    scale = tile / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if size != (tile, tile) and channels == 3:
        tiles, channels = np.concatenate([tiles, np.full((count, height, width, 1), 255, np.uint8)], axis=-1), 4
    cells = np.zeros((count, tile, tile, channels), np.uint8)
    left, top = (tile - size[0]) // 2, (tile - size[1]) // 2
    for cell, one in zip(cells, tiles, strict=True):
        cell[top : top + size[1], left : left + size[0]] = _resized(one, size)
    return cells


def _resized(pixels: Bytes, size: tuple[int, int]) -> Bytes:
    height, width, channels = pixels.shape
    picture = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
    if size[0] > width and max(height, width) < SMOOTH_FROM:  # each pixel a square, with smooth edges
        whole = -(-size[0] // width)
        picture = picture.resize((whole * width, whole * height), Image.Resampling.NEAREST).resize(size, Image.Resampling.BOX)
    else:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(picture).reshape(size[1], size[0], channels)


def _laid(cells: Bytes, columns: int) -> Bytes:
    count, tile, _, channels = cells.shape
    rows = max(1, -(-count // columns))
    whole = np.zeros((rows * columns, tile, tile, channels), np.uint8)
    whole[:count] = cells
    laid = whole.reshape(rows, columns, tile, tile, channels).transpose(0, 2, 1, 3, 4).reshape(rows * tile, columns * tile, channels)
    return np.ascontiguousarray(laid[..., 0] if channels == 1 else laid)


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()
