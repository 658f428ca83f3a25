"""A picture with its provenance: JSON inside a PNG, an SVG or a PDF, and the same JSON in a sidecar beside it.

PNG: a tEXt or iTXt chunk `convscope`. SVG: an element `<metadata id="convscope">`. PDF: `/convscope` in the information dictionary.
"""

import html
import io
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ReplayError
from ..json_files import JsonError, parse_json, read_json
from .schemas import check_schema, release_of

SCHEMA = 1
KEY = "convscope"
SIDECAR = ".json"
COMPRESSION = 6
EXPECTED = "Expected a .png, .svg or .pdf written by convscope, or the .json beside it."
SVG_ENTRY = re.compile(rb'<metadata id="convscope">(.*?)</metadata>', re.DOTALL)
PDF_ENTRY = re.compile(rb"/convscope \(((?:[^\\()]|\\.)*)\)", re.DOTALL)
PDF_ESCAPE, PDF_ESCAPES = re.compile(r"\\(.)", re.DOTALL), {"n": "\n", "r": "\r"}


def as_text(provenance: Mapping[str, Any]) -> str:
    """Return a provenance as sorted JSON that says its schema."""
    return json.dumps({"schema": SCHEMA} | dict(provenance), indent=1, sort_keys=True, ensure_ascii=False)


def encoded(text: str) -> bytes:
    """Return text in UTF-8. A file name that is not Unicode holds lone surrogates: they become the escapes that JSON knows."""
    return text.encode("utf-8", "backslashreplace")


def sidecar(text: str) -> bytes:
    """Return the file beside a picture of this provenance."""
    return encoded(text + "\n")


def png(image: Any, text: str, dpi: float | None = None) -> bytes:
    """Return a PIL image as PNG with its provenance; `dpi`: its size on paper, None where nobody has decided it."""
    from PIL import PngImagePlugin  # records know this module, and need no pictures

    # Not compressed: Pillow and others refuse compressed text beyond a megabyte, and a map of many images has more.
    words = PngImagePlugin.PngInfo()
    words.add_text("Software", KEY)
    words.add_text(KEY, encoded(text).decode("utf-8"))
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=words, compress_level=COMPRESSION, **({} if dpi is None else {"dpi": (dpi, dpi)}))
    return file.getvalue()


def svg_entry(text: str) -> str:
    """Return the element that an SVG carries its provenance in."""
    return f'<metadata id="{KEY}">{html.escape(_ascii(text))}</metadata>'


def pdf_entries(text: str) -> dict[str, str]:
    """Return the entries of the information dictionary that a PDF carries its provenance in."""
    return {KEY: _ascii(text)}


def _ascii(text: str) -> str:
    """Return JSON text in ASCII, which every format holds."""
    return json.dumps(json.loads(encoded(text)), indent=1, sort_keys=True)


def read_pixels(path: Path) -> NDArray[np.float32]:
    """Return a written PNG as (height, width, channel) float32 in [0, 1], the exact values that were written."""
    from PIL import Image

    with Image.open(path) as image:
        pixels = np.asarray(image, dtype=np.float32) / np.float32(255.0)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def read_provenance(path: str | Path) -> dict[str, Any]:
    """Return what a written picture, or its JSON sidecar, says about how it was made; raise ReplayError."""
    path = Path(path)
    try:
        found = read_json(path) if path.suffix.lower() == SIDECAR else parse_json(_text_in(path))
    except JsonError as error:
        raise ReplayError(f"The provenance of `{path}` cannot be read: {error}. {EXPECTED}") from error
    except (OSError, ValueError) as error:
        raise ReplayError(f"Cannot read `{path}`: {(getattr(error, 'strerror', None) or str(error)).lower()}. {EXPECTED}") from error
    if not isinstance(found, dict) or not isinstance(found.get("method"), str):
        raise ReplayError(f"`{path}` does not say which method made it. {EXPECTED}")
    schema = found.get("schema")
    if type(schema) is not int:
        raise ReplayError(f"What `{path}` says about itself cannot be read: its schema {schema} is not a whole number. {EXPECTED}")
    check_schema(path, schema, SCHEMA, ReplayError, release=release_of(found))
    return found


def _text_in(path: Path) -> str:
    """Return what a picture says about itself as it stands in the file."""
    if path.exists() and not path.is_file():
        raise ReplayError(f"Cannot read `{path}`: it is a folder, a pipe or a device. {EXPECTED}")
    text = READERS.get(path.suffix.lower(), _text_in_png)(path)
    if not isinstance(text, str):
        raise ReplayError(
            f"`{path}` has no provenance: convscope did not write it, or another program saved it again. {EXPECTED} Its "
            f"sidecar may still exist: {path.with_suffix(SIDECAR)}"
        )
    return text


def _text_in_svg(path: Path) -> str | None:
    entry = SVG_ENTRY.search(path.read_bytes())
    return entry and html.unescape(entry[1].decode("ascii", "replace"))


def _text_in_pdf(path: Path) -> str | None:
    entries = PDF_ENTRY.findall(path.read_bytes())
    text = entries[-1].decode("ascii", "replace") if entries else None
    return text and PDF_ESCAPE.sub(lambda match: PDF_ESCAPES.get(match[1], match[1]), text)


def _text_in_png(path: Path) -> Any:
    from PIL import Image

    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.info.get(KEY)
    except OSError as error:
        raise ReplayError(f"Cannot read `{path}`: {(error.strerror or '').lower() or 'it is not a PNG'}. {EXPECTED}") from error
    except Image.DecompressionBombError as error:
        raise ReplayError(f"Cannot read `{path}`: it has too many pixels. {EXPECTED}") from error
    except Exception as error:  # Pillow raises whatever a damaged file makes it raise
        raise ReplayError(f"Cannot read `{path}`: it is a damaged PNG. {EXPECTED}") from error


READERS: dict[str, Callable[[Path], Any]] = {".svg": _text_in_svg, ".pdf": _text_in_pdf}
