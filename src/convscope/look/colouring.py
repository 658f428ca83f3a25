"""Pictures and maps on their way to a page: PNG as text, maps as small numbers that the page colours."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..render.pixels import Bytes, plain_picture
from ..render.site import column
from ..results import FloatArray

# The longer side of a map on a wall, in pixels.
TILE = 56


def png(picture: Bytes | Image.Image) -> str:
    """Return 8-bit colours (height, width, 3), or a picture, as an address that holds it."""
    file = io.BytesIO()
    shown = picture if isinstance(picture, Image.Image) else Image.fromarray(np.ascontiguousarray(picture))
    shown.save(file, "PNG", compress_level=1)  # it is read once, on this machine
    return encoded("png", file.getvalue())


def encoded(kind: str, data: bytes) -> str:
    """Return a file of a picture as an address that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def image_png(pixels: FloatArray) -> str:
    """Return an image (height, width, channel) in [0, 1] as an address that holds it."""
    return png(plain_picture(pixels))


def tiles(maps: FloatArray) -> dict[str, Any]:
    """Return maps (height, width, channel) as a record that the page colours, each on its own scale.

    `tiles`: (channel, height, width) bytes. Where no value is negative, 255 is the map's largest. Else 128 is zero, and 255 and 1 are the
    largest magnitude and the same below zero. `signed` says which. Maps with a side over 56 are reduced to it, each pixel a mean. What is
    not finite counts as zero.
    """
    small = _reduced(np.nan_to_num(maps, nan=0.0, posinf=0.0, neginf=0.0))
    signed = bool((small < 0).any())
    scale = np.abs(small).max(axis=(0, 1), initial=0)
    shares = small / np.where(scale > 0, scale, 1)
    values = as_bytes(shares, signed=signed)
    return {
        "height": int(values.shape[0]),
        "width": int(values.shape[1]),
        "signed": signed,
        "scale": column(scale.astype(np.float32)),
        "tiles": column(np.ascontiguousarray(np.moveaxis(values, -1, 0))),
    }


def as_bytes(shares: NDArray[np.floating[Any]], *, signed: bool) -> Bytes:
    """Return shares of a scale as bytes: 0 to 1 as 0 to 255, or signed ones around 128."""
    return np.rint(128 + 127 * shares if signed else 255 * shares).astype(np.uint8)


def _reduced(maps: FloatArray) -> FloatArray:
    height, width, channels = maps.shape
    longest = max(height, width)
    if longest <= TILE:
        return maps
    size = max(1, round(width * TILE / longest)), max(1, round(height * TILE / longest))
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(maps[..., one])).resize(size, Image.Resampling.BOX)) for one in range(channels)
    ]
    return np.stack(planes, axis=-1)
