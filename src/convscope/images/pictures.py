"""One picture file -> its numbers. Orientation, opacity, palettes, CMYK and 16 bits are settled here, and what a picture may take."""

import contextlib
import io
import threading
import warnings
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageOps, UnidentifiedImageError

from ..errors import ImageError, UnreachableError
from ..legible import first_line
from . import deep, netpbm, tiff
from .deep import Unpacked
from .numbers import Pixels, check

# The formats that are tried, whatever the file's name says. Others stay shut: for PostScript, Pillow would start Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000")
MOST_PIXELS = 100_000_000
MOST_BYTES = 2**29
# What a picture may take once it is unpacked, and how many bytes a pixel then takes, decoders' own memory included.
MOST_UNPACKED = 2**29
USUAL_COST, DEEP_COST, COSTS = 4, 8, {"WEBP": 12, "JPEG2000": 16}
# Of pictures that take more bytes than that one is open at a time, however many threads read.
LARGE = 2**25
# A JPEG is decoded at a reduced scale only if what remains is still so many times larger than the network's input.
RESERVE = 2
# What Pillow says, in an OSError, where one of its decoders found no memory.
OUT_OF_MEMORY = "out of memory"
EXPECTED = "Expected JPEG, PNG, WebP, GIF, BMP or TIFF."


@contextlib.contextmanager
def decode(data: bytes, name: str, side: int | None = None) -> Iterator[Pixels]:
    """Yield the numbers of the picture in an encoded file, (height, width, band), upright; `numbers.brightness` says what they mean.

    `side`: a JPEG of which both sides are at least four times as long is decoded at a half, a quarter or an eighth of its scale, the
    smallest that leaves twice as much; libjpeg then skips most of the work. Of several frames or pages it is the first. Colour profiles
    are not applied. Large pictures are open one after the other. Raises ImageError for what is not a picture, is damaged, does not say
    what is white, or would unpack to more than 100 million pixels or 512 MiB; UnreachableError where memory ran out.
    """
    if not data:
        raise ImageError(f"`{name}` is an empty file. Expected an image such as JPEG or PNG.")
    if len(data) > MOST_BYTES:
        raise ImageError(f"`{name}` is larger than {MOST_BYTES // 2**20} MiB. Make it smaller first.")
    with contextlib.ExitStack() as opened:
        with _one_sentence(name):
            found = _decoded(data, name, side, opened)
        yield found


@contextlib.contextmanager
def room(size: int) -> Iterator[None]:
    """Wait, where so many bytes are unpacked, until no other picture as large is open: what one takes is bounded, not two."""
    with _ALONE if size > LARGE else contextlib.nullcontext():
        yield


def numbers_of(picture: Any, name: str) -> Pixels:
    """Return the numbers of a PIL image as `decode` does. Raises ImageError."""
    with _one_sentence(name):
        return _unpacked(picture.copy(), name, picture.format)


@contextlib.contextmanager
def _one_sentence(name: str) -> Iterator[None]:
    try:
        with _QUIET:
            yield
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError(f"`{name}` is not a readable image. {EXPECTED}") from error
    except Exception as error:  # damaged pictures make Pillow raise almost anything, and one of them must not end a scan of a million
        if isinstance(error, MemoryError) or OUT_OF_MEMORY in str(error):
            raise UnreachableError(f"`{name}` cannot be read now, because memory ran out. Free some memory and try again.") from error
        raise ImageError(f"`{name}` is damaged or not an image: {first_line(error)}. {EXPECTED}") from error


def _decoded(data: bytes, name: str, side: int | None, opened: contextlib.ExitStack) -> Pixels:
    layout = tiff.layout_of(data)
    found = netpbm.numbers_of(data, MOST_UNPACKED) if layout is None else tiff.numbers_of(layout, data, name, MOST_UNPACKED)
    if found is not None:
        check(found, name)
        return found
    picture = Image.open(io.BytesIO(data), formats=FORMATS)
    lower = deep.lower_bytes(picture)
    _check_size(picture, name, DEEP_COST if lower else COSTS.get(picture.format or "", USUAL_COST))
    if side is not None and picture.format in ("JPEG", "MPO"):
        picture.draft(None, (RESERVE * side, RESERVE * side))
    opened.enter_context(room(picture.width * picture.height * USUAL_COST))
    if lower:
        other = Image.open(io.BytesIO(data), formats=FORMATS)
        clear = picture.info.get("transparency")
        return deep.unpacked(deep.upright(picture, picture.tile), deep.upright(other, lower), clear)
    unpacked = _unpacked(picture, name, picture.format)
    return deep.of_twelve_bits(unpacked) if layout is not None and layout.bits == (12,) else unpacked


def _check_size(picture: Any, name: str, cost: int) -> None:
    most = min(MOST_PIXELS, MOST_UNPACKED // cost)
    if picture.width * picture.height > most:
        raise ImageError(
            f"`{name}` claims {picture.width} x {picture.height} pixels. convscope opens at most {most // 10**6} million of this format. "
            "Make it smaller first."
        )


def _unpacked(picture: Any, name: str, kind: str | None) -> Unpacked:
    """Return the numbers of a picture that was a file of this kind, and turn it upright: a copy would take its memory once more."""
    # Pillow takes every CMYK JPEG for Adobe's, which is stored inverted; those that do not say so are not.
    inverted = kind in ("JPEG", "MPO") and picture.mode == "CMYK" and "adobe" not in picture.info
    # Before Pillow 11 a PNG's 16 bits of grey came in 32.
    deep_grey = picture.mode.startswith("I;16") or (picture.mode == "I" and kind == "PNG")
    ImageOps.exif_transpose(picture, in_place=True)
    make = deep.grey(picture.info.get("transparency")) if deep_grey else _maker(picture)
    unpacked = Unpacked.of([picture], lambda parts: make(ImageChops.invert(parts[0]) if inverted else parts[0]))
    if unpacked[:1].dtype.kind in "fi":
        check(unpacked, name)
    return unpacked


def _maker(picture: Any) -> Callable[[Any], NDArray[Any]]:
    """Return what makes an array of numbers of a part of this picture."""
    mode, clear = picture.mode, picture.has_transparency_data
    if mode in ("I", "F", "RGBX") or (mode == "1" and not clear):
        return np.asarray
    if mode == "LAB":
        return _from_lab
    target = ("LA" if clear else "L") if mode in ("1", "L", "LA", "La") else ("RGBA" if clear else "RGB")
    return lambda part: np.asarray(part if mode == target else part.convert(target))


def _from_lab(part: Any) -> NDArray[Any]:
    from PIL import ImageCms

    profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return np.asarray(ImageCms.profileToProfile(part, *profiles, outputMode="RGB"))


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
_ALONE = threading.RLock()
