"""Sheets -> SVG: words as text in a font that comes with the file, pictures with their own pixels."""

import base64
import contextlib
import io
from collections.abc import Iterator
from html import escape

import numpy as np
from fontTools import subset
from PIL import Image

from .figures import FONT, exact_width, font_file
from .pixels import Bytes, digest, is_crisp
from .sheet import PRINT_DPI, Picture, Rectangle, Sheet, Words
from .theme import Colour

ANCHORS = {"left": "start", "center": "middle", "right": "end"}
# Where the font inside the file is not used, as by some editors: the same one on the system, then one of much the same shapes.
FAMILY = f"'{FONT}',Verdana,sans-serif"


def svg(sheet: Sheet, metadata: str) -> bytes:
    """Return a sheet as SVG, 300 pixels to the inch, with an element of metadata: the same sheet is the same bytes.

    Every line is as wide as on the PNG, in whatever font it is shown. A picture that the sheet has twice is in the file once.
    """
    size = " ".join(f'{name}="{side / PRINT_DPI:.4f}in"' for name, side in (("width", sheet.width), ("height", sheet.height)))
    pictures: dict[str, str] = {}
    drawn = "\n".join(_mark(mark, pictures) for mark in sheet.marks())
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {sheet.width} {sheet.height}">',
        f"<title>{escape(sheet.title)}</title>",
        metadata,
        f"<style>{''.join(_faces(sheet))}text{{font-family:{FAMILY};white-space:pre}}</style>",
        "<defs>",
        *pictures.values(),
        "</defs>",
        drawn,
        *(_words(words) for words in sheet.words),
        "</svg>\n",
    ]
    return "\n".join(lines).encode("utf-8")


def _mark(mark: Picture | Rectangle, pictures: dict[str, str]) -> str:
    """Return a mark's element; the first time that a picture is met, it goes among the `pictures` too."""
    if isinstance(mark, Rectangle):
        return f'<rect x="{mark.left}" y="{mark.top}" width="{mark.width}" height="{mark.height}" fill="{_hex(mark.colour)}"/>'
    height, width = mark.pixels.shape[:2]
    crisp = is_crisp(mark.pixels, mark.width, mark.height)
    name = f"{'crisp' if crisp else 'smooth'}-{digest(mark.pixels).hex()}"
    if name not in pictures:
        rendering = ' style="image-rendering:pixelated"' if crisp else ""
        pictures[name] = f'<image id="{name}" width="{width}" height="{height}"{rendering} href="{_data(mark.pixels)}"/>'
    scale = f"scale({mark.width / width:.6g} {mark.height / height:.6g})"
    return f'<use href="#{name}" transform="translate({mark.left} {mark.top}) {scale}"/>'


def _words(words: Words) -> str:
    bold = ' font-weight="bold"' if words.style.bold else ""
    width = exact_width(words)
    stretch = f' textLength="{width:.2f}" lengthAdjust="spacingAndGlyphs"' if width > 0 else ""
    place = f'x="{words.left:.2f}" y="{words.baseline:.2f}" font-size="{words.style.pixels:.2f}"'
    return f'<text {place} fill="{_hex(words.colour)}" text-anchor="{ANCHORS[words.align]}"{bold}{stretch}>{escape(words.text)}</text>'


def _faces(sheet: Sheet) -> Iterator[str]:
    """Yield the rules that bring the letters of the sheet with it, of each weight those that occur."""
    for bold in (False, True):
        letters = "".join(sorted({letter for words in sheet.words if words.style.bold == bold for letter in words.text}))
        if letters:
            data = base64.b64encode(_subset(font_file(bold), letters)).decode("ascii")
            weight = "bold" if bold else "normal"
            yield f"@font-face{{font-family:'{FONT}';font-weight:{weight};src:url(data:font/woff;base64,{data})}}"


def _subset(path: str, letters: str) -> bytes:
    """Return a font with these letters alone, as WOFF."""
    settings = subset.Options(flavor="woff", recalc_timestamp=False, hinting=False, notdef_outline=True)
    settings.drop_tables += ["FFTM"]  # of the font's editor; fontTools would say aloud that it drops it
    file, font = io.BytesIO(), subset.load_font(path, settings)
    with contextlib.closing(font):
        chosen = subset.Subsetter(settings)
        chosen.populate(text=letters)
        chosen.subset(font)
        subset.save_font(font, file, settings)
    return file.getvalue()


def _data(pixels: Bytes) -> str:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)
