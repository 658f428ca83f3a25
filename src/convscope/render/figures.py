"""A sheet of pictures and words, and the only file that imports matplotlib.

Pictures are pasted pixel by pixel, so that what a sheet shows is what the arrays say; matplotlib sets the words over
them. Only its object interface is used: no pyplot, no rcParams, so a caller's own figures stay as they are.
"""

import functools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from PIL import Image

from ..legible import legible
from .pixels import Bytes
from .theme import Colour, Theme

DPI = 200
FONT = "DejaVu Sans"  # comes with matplotlib, so a picture is the same on every machine
LINE_HEIGHT = 1.32
ASCENT = 0.98
Align = Literal["left", "center", "right"]


@dataclass(frozen=True)
class Style:
    """How words look: size in points, the theme's colour they take, bold or not."""

    size: float
    tone: str = "ink"
    bold: bool = False

    def times(self, zoom: float) -> "Style":
        """Return the style `zoom` times as large."""
        return replace(self, size=self.size * zoom)

    @property
    def line(self) -> int:
        """Return the height of a line in pixels."""
        return round(self.size * DPI / 72 * LINE_HEIGHT)


TITLE = Style(10.5, bold=True)
SUBTITLE = Style(7.5, "muted")
LABEL = Style(7.5, bold=True)
DETAIL = Style(7, "muted")
NOTE = Style(6.5, "muted")
TINY = Style(5.5, "muted")


class Sheet:
    """A page of `width` x `height` pixels; all places are pixels from its top left corner."""

    def __init__(self, width: int, height: int, theme: Theme) -> None:
        self.theme = theme
        self.canvas: Bytes = np.full((height, width, 3), theme.page, np.uint8)
        self._words: list[tuple[float, float, str, Style, Align]] = []

    def paste(self, pixels: Bytes, left: int, top: int) -> None:
        """Lay a picture on the sheet; what would stick out is cut."""
        room = self.canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]]
        room[:] = pixels[: room.shape[0], : room.shape[1]]

    def fill(self, left: int, top: int, width: int, height: int, colour: Colour) -> None:
        """Fill a rectangle."""
        self.canvas[max(0, top) : top + height, max(0, left) : left + width] = colour

    def outline(self, box: tuple[int, int, int, int], colour: Colour, thick: int) -> None:
        """Draw the inner border of `box` (left, top, right, bottom), `thick` pixels wide."""
        left, top, right, bottom = box
        for x, y, width, height in (
            (left, top, right - left, thick),
            (left, bottom - thick, right - left, thick),
            (left, top, thick, bottom - top),
            (right - thick, top, thick, bottom - top),
        ):
            self.fill(x, y, width, height, colour)

    def text(self, left: float, top: float, words: str, style: Style, align: Align = "left") -> None:
        """Set one line of words, its line box from `top` on, its left, middle or right at `left`, as `align` says."""
        self._words.append((left, top, legible(words), style, align))

    def image(self) -> Image.Image:
        """Return the finished sheet."""
        height, width = self.canvas.shape[:2]
        # Matplotlib cuts inches times dpi to whole pixels: a hundredth more, or 29 pixels become 28.
        figure = Figure(figsize=((width + 0.01) / DPI, (height + 0.01) / DPI), dpi=DPI, frameon=False)
        renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
        drawn: Bytes = np.asarray(renderer.buffer_rgba())
        # Straight into the renderer's memory: figimage would resample ten megapixels to say the same, a second a time.
        drawn[..., :3], drawn[..., 3] = self.canvas, 255
        for left, top, words, style, align in self._words:
            baseline = top + style.size * DPI / 72 * ASCENT
            colour = tuple(part / 255 for part in getattr(self.theme, style.tone))
            place = {"x": left / width, "y": 1 - baseline / height, "ha": align, "va": "baseline"}
            figure.text(s=words, color=colour, fontproperties=_font(style), parse_math=False, usetex=False, **place)
        with _missing_glyphs_allowed():
            figure.draw(renderer)
        return Image.fromarray(drawn[..., :3].copy())


def width_of(words: str, style: Style) -> float:
    """Return how many pixels wide `words` are."""
    return _width(legible(words), style.size, style.bold)


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


@functools.lru_cache(maxsize=8192)
def _width(words: str, size: float, bold: bool) -> float:
    with _missing_glyphs_allowed():
        wide, _, _ = text_to_path.get_text_width_height_descent(words, _font(Style(size, bold=bold)), ismath=False)
    return float(wide) * DPI / 72 * 1.01


def _font(style: Style) -> FontProperties:
    return FontProperties(family=FONT, size=style.size, weight="bold" if style.bold else "normal")


@contextmanager
def _missing_glyphs_allowed() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield
