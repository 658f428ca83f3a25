"""One picture file -> one array in [0, 1]. Orientation, transparency, palettes, CMYK and 16 bits are settled here."""

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import ImageError

MOST_PIXELS = 100_000_000
GREY = 128
SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I")


def decode(data: bytes, name: str) -> NDArray[np.float32]:
    """Return the picture in an encoded file as (height, width, 1 or 3) float32 in [0, 1], upright, over mid-grey where transparent.

    Raises ImageError for what is no picture, is damaged, or would unpack to more than 100 million pixels.
    """
    if not data:
        raise ImageError(f"`{name}` is an empty file. Expected a picture such as JPEG or PNG.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Image.open(io.BytesIO(data))
            if picture.width * picture.height > MOST_PIXELS:
                raise ImageError(
                    f"`{name}` says it is {picture.width} x {picture.height} pixels; at most {MOST_PIXELS // 10**6} million are opened. "
                    "Make it smaller first."
                )
            return _as_array(ImageOps.exif_transpose(picture))
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"`{name}` is no picture that can be read. Expected JPEG, PNG, WebP, GIF, BMP or TIFF.") from error
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise ImageError(f"`{name}` is damaged or no picture: {error}. Expected JPEG, PNG, WebP, GIF, BMP or TIFF.") from error


def _as_array(picture: Any) -> NDArray[np.float32]:
    if picture.mode in SIXTEEN_BIT:
        values = np.asarray(picture, dtype=np.float32)
        return (values / max(65535.0, float(values.max())))[..., None]
    if picture.mode == "F":
        values = np.asarray(picture, dtype=np.float32)
        return np.clip(values / max(1.0, float(values.max())), 0.0, 1.0)[..., None]
    if picture.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in picture.info:
        over = Image.new("RGBA", picture.size, (GREY, GREY, GREY, 255))
        grey = picture.mode in ("LA", "La")
        picture = Image.alpha_composite(over, picture.convert("RGBA")).convert("L" if grey else "RGB")
    elif picture.mode in ("1", "L"):
        picture = picture.convert("L")
    else:
        picture = picture.convert("RGB")
    values = np.asarray(picture, dtype=np.float32) / np.float32(255.0)
    return values[..., None] if values.ndim == 2 else values
