"""A page of pictures, rectangles and words, laid out once; what is made of it (PNG, SVG, PDF) its painters decide."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ..legible import legible
from .pixels import Bytes
from .theme import Colour, Theme

DPI = 200  # what a style's points are drawn at
PRINT_DPI = 300  # what a sheet is printed at: its page is so many times smaller in inches than in pixels
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
    def pixels(self) -> float:
        """Return the size in pixels."""
        return self.size * DPI / 72

    @property
    def line(self) -> int:
        """Return the height of a line in pixels."""
        return round(self.pixels * LINE_HEIGHT)


TITLE = Style(10.5, bold=True)
SUBTITLE = Style(7.5, "muted")
LABEL = Style(7.5, bold=True)
DETAIL = Style(7, "muted")
NOTE = Style(6.5, "muted")
TINY = Style(5.5, "muted")


@dataclass(frozen=True)
class Picture:
    """`pixels`, shown `width` x `height` large with their left top corner there."""

    left: int
    top: int
    width: int
    height: int
    pixels: Bytes


@dataclass(frozen=True)
class Rectangle:
    """An area in one colour."""

    left: int
    top: int
    width: int
    height: int
    colour: Colour


@dataclass(frozen=True)
class Words:
    """One line of words; `left` is its left, middle or right, as `align` says, and `baseline` what its letters stand on."""

    left: float
    baseline: float
    text: str
    style: Style
    colour: Colour
    align: Align


@dataclass(frozen=True)
class Panel:
    """A part of a sheet that can stand by itself: the `box` (left, top, right, bottom) of its pictures, and their words, the name first,
    none of them shortened.
    """

    box: tuple[int, int, int, int]
    words: tuple[str, ...]


class Sheet:
    """A page of `width` x `height` pixels; all places are pixels from its top left corner.

    What is put on it later covers what lies there, and words lie above all else. Pixels are kept as they are, not copied. `title`: what
    a reader's program calls it. `panels` are its parts, where it has such; `columns` names the pictures in each of them from left to right,
    `subtitle` and `notes` hold for all. `key`: the box of a scale of colours, which belongs to no panel; the notes say it in words.
    """

    def __init__(self, width: int, height: int, theme: Theme, title: str = "") -> None:
        self.width, self.height, self.theme, self.title = width, height, theme, legible(title)
        self.words: list[Words] = []
        self.subtitle = ""
        self.notes: tuple[str, ...] = ()
        self.columns: tuple[str, ...] = ()
        self.panels: list[Panel] = []
        self.key: tuple[int, int, int, int] | None = None
        self._marks: list[Picture | Rectangle] = []

    def marks(self, *, bare: bool = False) -> Iterator[Picture | Rectangle]:
        """Yield what lies on the page, the lowest first: the page's own colour, unless it is `bare`, then pictures and rectangles."""
        if not bare:
            yield Rectangle(0, 0, self.width, self.height, self.theme.page)
        yield from self._marks

    def panel(self, box: tuple[int, int, int, int], *words: str) -> None:
        """Note that the pictures in a box, with their hairlines, belong together, and their words. Empty words are left out."""
        left, top, right, bottom = box
        self.panels.append(Panel((left - 1, top - 1, right + 1, bottom + 1), tuple(legible(one) for one in words if one)))

    def paste(self, pixels: Bytes, left: int, top: int, size: tuple[int, int] | None = None, *, edged: bool = False) -> None:
        """Lay a picture on the sheet, `size` (width, height) large or as large as it is; what would stick out is cut.

        With a hairline around it (`edged`) a white picture ends on a white page, and a black one on a dark page.
        """
        width, height = size or (pixels.shape[1], pixels.shape[0])
        if edged:
            self.fill(left - 1, top - 1, width + 2, height + 2, self.theme.line)
        self._marks.append(Picture(left, top, width, height, pixels))

    def fill(self, left: int, top: int, width: int, height: int, colour: Colour) -> None:
        """Fill a rectangle."""
        self._marks.append(Rectangle(left, top, width, height, colour))

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
        self.coloured(left, top, words, style, getattr(self.theme, style.tone), align)

    def coloured(self, left: float, top: float, words: str, style: Style, colour: Colour, align: Align = "left") -> None:
        """Set words in a colour of their own, for what stands on a picture."""
        self.words.append(Words(left, top + style.pixels * ASCENT, legible(words), style, colour, align))


def sheet_of(pixels: Bytes, theme: Theme, title: str = "") -> Sheet:
    """Return a page that is one picture, (height, width, 3), and nothing else."""
    sheet = Sheet(pixels.shape[1], pixels.shape[0], theme, title)
    sheet.paste(pixels, 0, 0)
    return sheet


def joined(*parts: str) -> str:
    """Return the parts that say something, a middle dot between them."""
    return " · ".join(part for part in parts if part)
