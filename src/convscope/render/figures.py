"""Sheets -> pictures, the widths of words, colour maps: the file that imports matplotlib, except its PDF, which `pdf` does.

Pictures are pasted pixel by pixel, so that what a sheet shows is what the arrays say; matplotlib sets the words over
them. Only its object interface is used: no pyplot, no rcParams, so a caller's own figures stay as they are.
"""

import functools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.textpath import text_to_path
from PIL import Image

from ..legible import legible
from .pixels import Bytes, scaled
from .sheet import DPI, Picture, Rectangle, Sheet, Style, Words
from .theme import Colour

FONT = "DejaVu Sans"  # comes with matplotlib, so a picture is the same on every machine
MORE = 1.01  # what a line of words takes may differ by a hair from its parts


def raster(sheet: Sheet) -> Image.Image:
    """Return a sheet as a picture of its own size."""
    # Matplotlib cuts inches times dpi to whole pixels: a hundredth more, or 29 pixels become 28.
    figure = Figure(figsize=((sheet.width + 0.01) / DPI, (sheet.height + 0.01) / DPI), dpi=DPI, frameon=False)
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    drawn: Bytes = np.asarray(renderer.buffer_rgba())
    # Straight into the renderer's memory: figimage would resample ten megapixels to say the same, a second a time.
    canvas = drawn[..., :3]
    drawn[..., 3] = 255
    for mark in sheet.marks():
        _paint(canvas, mark)
    for words in sheet.words:
        place: dict[str, Any] = {"x": words.left / sheet.width, "y": 1 - words.baseline / sheet.height, "ha": words.align, "va": "baseline"}
        face = font(words.style.size, words.style.bold)
        figure.text(s=words.text, color=shares(words.colour), fontproperties=face, parse_math=False, usetex=False, **place)
    with missing_glyphs_allowed():
        figure.draw(renderer)
    return Image.fromarray(canvas.copy())


def without_words(sheet: Sheet) -> Bytes:
    """Return the pictures of a sheet, (height, width, 4), without its words; where none lies it is transparent."""
    canvas: Bytes = np.zeros((sheet.height, sheet.width, 4), np.uint8)
    for mark in sheet.marks(bare=True):
        _paint(canvas[..., :3], mark)
        canvas[max(0, mark.top) : max(0, mark.top + mark.height), max(0, mark.left) : max(0, mark.left + mark.width), 3] = 255
    return canvas


def _paint(canvas: Bytes, mark: Picture | Rectangle) -> None:
    left, top = max(0, mark.left), max(0, mark.top)
    room = canvas[top : max(0, mark.top + mark.height), left : max(0, mark.left + mark.width)]
    if isinstance(mark, Rectangle):
        room[:] = mark.colour
    elif room.size:
        shown = scaled(mark.pixels, mark.width, mark.height)[top - mark.top :, left - mark.left :]
        room[:] = shown[: room.shape[0], : room.shape[1]]


def width_of(words: str, style: Style) -> float:
    """Return how many pixels wide `words` are."""
    return _width(legible(words), style.size, style.bold) * MORE


def font_file(bold: bool) -> str:
    """Return the path of the font that words are set in."""
    return findfont(font(10, bold))


def shorten(words: str, style: Style, room: float) -> str:
    """Return `words` if they fit into `room` pixels, else their beginning and an ellipsis."""
    words = legible(words)
    if width_of(words, style) <= room:
        return words
    fits, fails = 0, len(words)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        short = width_of(words[:middle].rstrip() + "…", style) <= room
        fits, fails = (middle, fails) if short else (fits, middle)
    return words[:fits].rstrip() + "…"


def wrap(words: str, style: Style, room: float) -> list[str]:
    """Return `words` in lines of at most `room` pixels; a single word that is longer is shortened."""
    lines: list[str] = []
    for word in legible(words).split():
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(joined, style) <= room:
            lines[-1] = joined
        else:
            lines.append(word)
    return [shorten(line, style, room) for line in lines]


@functools.cache
def colours(name: str) -> Bytes:
    """Return matplotlib's colour map `name` as a (256, 3) table."""
    table = matplotlib.colormaps[name](np.arange(256), bytes=True)
    return np.asarray(table, np.uint8)[:, :3]


def exact_width(words: Words) -> float:
    """Return how many pixels wide a line of words is, without the room that `width_of` leaves."""
    return _width(words.text, words.style.size, words.style.bold)


@functools.lru_cache(maxsize=8192)
def _width(words: str, size: float, bold: bool) -> float:
    with missing_glyphs_allowed():
        wide, _, _ = text_to_path.get_text_width_height_descent(words, font(size, bold), ismath=False)
    return float(wide) * DPI / 72


def font(size: float, bold: bool) -> FontProperties:
    """Return the font of words."""
    return FontProperties(family=FONT, size=size, weight="bold" if bold else "normal")


def shares(colour: Colour) -> tuple[float, ...]:
    """Return a colour as matplotlib has it."""
    return tuple(part / 255 for part in colour)


@contextmanager
def missing_glyphs_allowed() -> Iterator[None]:
    """Draw an empty box for a letter that the font lacks, and say nothing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield
