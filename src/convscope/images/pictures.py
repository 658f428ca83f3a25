"""One picture file -> one array in [0, 1]. Orientation, transparency, palettes, CMYK and 16 bits are settled here."""

import io
import threading
import warnings
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from ..errors import ImageError, UnreachableError

# The formats that are tried, whatever the file's name says. Others stay shut: for PostScript, Pillow would start Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000")
MOST_PIXELS = 100_000_000
MOST_BYTES = 2**29
GREY = 128
SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N", "I")
# A JPEG is decoded at a reduced scale only if what remains is still so many times larger than the network's input.
RESERVE = 2
# What Pillow says, in an OSError, where one of its decoders found no memory.
OUT_OF_MEMORY = "out of memory"
EXPECTED = "Expected JPEG, PNG, WebP, GIF, BMP or TIFF."


def decode(data: bytes, name: str, side: int | None = None) -> NDArray[np.float32]:
    """Return the picture in an encoded file as (height, width, 1 or 3) float32 in [0, 1], upright, over mid-grey where transparent.

    `side`: a JPEG of which both sides are at least four times as long is decoded at a half, a quarter or an eighth of its scale, the
    smallest that leaves twice as much; libjpeg then skips most of the work. Of several frames or pages it is the first. 16-bit colours
    are read as 8-bit. Colour profiles are not applied. Raises ImageError for what is no picture, is damaged, or would unpack to more
    than 100 million pixels; UnreachableError where memory ran out.
    """
    if not data:
        raise ImageError(f"`{name}` is an empty file. Expected a picture such as JPEG or PNG.")
    if len(data) > MOST_BYTES:
        raise ImageError(f"`{name}` has more than {MOST_BYTES // 2**20} MiB. Make it smaller first.")
    try:
        with _QUIET:
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            if picture.width * picture.height > MOST_PIXELS:
                raise ImageError(
                    f"`{name}` says it is {picture.width} x {picture.height} pixels; at most {MOST_PIXELS // 10**6} million are opened. "
                    "Make it smaller first."
                )
            if side is not None and picture.format in ("JPEG", "MPO"):
                picture.draft(None, (RESERVE * side, RESERVE * side))
            # Pillow takes every CMYK JPEG for Adobe's, which is stored inverted; those that do not say so are not.
            inverted = picture.format in ("JPEG", "MPO") and picture.mode == "CMYK" and "adobe" not in picture.info
            upright = ImageOps.exif_transpose(picture)
            return pixels_of(ImageChops.invert(upright) if inverted else upright)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"`{name}` is no picture that can be read. {EXPECTED}") from error
    except Exception as error:  # damaged pictures make Pillow raise almost anything, and one of them must not end a scan of a million
        said = str(error) or type(error).__name__
        if isinstance(error, MemoryError) or OUT_OF_MEMORY in said:
            raise UnreachableError(f"`{name}` cannot be read now: there is not enough memory. Free some, and try again.") from error
        raise ImageError(f"`{name}` is damaged or no picture: {said}. {EXPECTED}") from error


def pixels_of(picture: Any) -> NDArray[np.float32]:
    """Return a PIL image as (height, width, 1 or 3) float32 in [0, 1], over mid-grey where transparent."""
    if picture.mode in SIXTEEN_BIT:
        values = np.asarray(picture, dtype=np.float32)
        return np.clip(values / max(65535.0, float(values.max())), 0.0, 1.0)[..., None]
    if picture.mode == "F":
        values = np.asarray(picture, dtype=np.float32)
        if not np.isfinite(values).all():
            raise ValueError("it has values that are no numbers")
        return np.clip(values / max(1.0, float(values.max())), 0.0, 1.0)[..., None]
    if picture.mode in ("LA", "PA", "RGBA", "RGBa", "La") or "transparency" in picture.info:
        over = Image.new("RGBA", picture.size, (GREY, GREY, GREY, 255))
        grey = picture.mode in ("LA", "La", "L", "1")
        picture = Image.alpha_composite(over, picture.convert("RGBA")).convert("L" if grey else "RGB")
    elif picture.mode in ("1", "L"):
        picture = picture.convert("L")
    elif picture.mode == "LAB":
        picture = _from_lab(picture)
    else:
        picture = picture.convert("RGB")
    values = np.asarray(picture, dtype=np.float32) / np.float32(255.0)
    return values[..., None] if values.ndim == 2 else values


def _from_lab(picture: Any) -> Any:
    from PIL import ImageCms

    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(picture, *profiles, outputMode="RGB")


class _Quiet:
    """Keeps Pillow's warnings to itself while any thread decodes; `warnings.catch_warnings` alone would leave other filters behind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")
            self._inside += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._caught.__exit__(kind, error, trace)


_QUIET = _Quiet()
