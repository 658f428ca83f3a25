"""What the sheets share: a heading above, notes below, rows of tiles in columns, grids, numbers as words."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..results import Result
from .figures import shorten, width_of, wrap
from .pixels import Bytes, fitting
from .sheet import DETAIL, LABEL, NOTE, SUBTITLE, TITLE, Sheet, Style
from .theme import Theme

MARGIN = 44
GAP = 14
MOST_ROWS = 1000
NARROWEST = 860
ASPECT = 1.25
INTERRUPTED = "Interrupted before the end. The picture shows the results so far."
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Key:
    """A scale of colours, (256, 3) uint8, with words at its `low` and its `high` end."""

    colours: Bytes
    low: str
    high: str


@dataclass(frozen=True)
class Heading:
    """The words above and below a sheet, and what its colours mean, if they mean something."""

    title: str
    subtitle: str = ""
    notes: tuple[str, ...] = ()
    key: Key | None = None


@dataclass(frozen=True)
class Tile:
    """One picture of a row, or `words` in its place; `frame` (left, top, right, bottom in [0, 1]) is marked on it."""

    pixels: Bytes | None = None
    frame: Box | None = None
    words: str = ""


@dataclass(frozen=True)
class Row:
    """Tiles side by side under a label and one line of detail."""

    label: str
    detail: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Block:
    """The measures of one row: `count` tiles of `side` x `height` pixels under their words."""

    count: int
    side: int
    height: int
    caption: int = field(default=LABEL.line + DETAIL.line + 6)

    @property
    def width(self) -> int:
        """Return the pixels from the first tile's left edge to the last one's right edge."""
        return self.count * self.side + (self.count - 1) * GAP

    @property
    def full_height(self) -> int:
        """Return the pixels from the label's top to the tiles' bottom."""
        return self.caption + self.height


def heading_notes(result: Result, *more: str) -> tuple[str, ...]:
    """Return the sentences under the sheet: the record's own, whether it was interrupted, `more`; each once."""
    ended = (INTERRUPTED,) if result.interrupted else ()
    return tuple(dict.fromkeys((*result.notes, *ended, *more)))


def model_name(result: Result) -> str:
    """Return what the provenance calls the network, or nothing."""
    return str(result.provenance.model.get("name") or "")


def number(value: float) -> str:
    """Return three significant digits, without an exponent where a reader needs none."""
    if not math.isfinite(value):
        return "not finite"
    if value == 0:
        return "0"
    size = abs(value)
    text = f"{value:.2e}" if size < 1e-3 or size >= 1e6 else f"{value:.{max(0, 2 - math.floor(math.log10(size)))}f}"
    return text.replace("-", "\N{MINUS SIGN}") if size >= 1e-3 else text


def open_sheet(width: int, height: int, heading: Heading, theme: Theme, zoom: float = 1.0) -> tuple[Sheet, int, int]:
    """Return a sheet with heading and notes, and the left and top of the room of `width` x `height` between them."""
    title, subtitle, note = TITLE.times(zoom), SUBTITLE.times(zoom), NOTE.times(zoom)
    margin = round(MARGIN * zoom)
    inner = max(width, round(NARROWEST * zoom))
    above = [(line, title) for line in wrap(heading.title, title, inner)]
    above += [(line, subtitle) for line in wrap(heading.subtitle, subtitle, inner)]
    below = [(line, note) for words in heading.notes for line in wrap(words, note, inner)]
    space = round(24 * zoom)
    top = margin + sum(style.line for _, style in above) + space
    keyed = 0 if heading.key is None else note.line + space
    bottom = sum(style.line for _, style in below) + (space if below else 0) + keyed
    sheet = Sheet(inner + 2 * margin, top + height + bottom + margin, theme, heading.title)
    sheet.subtitle, sheet.notes = heading.subtitle, heading.notes
    _lines(sheet, above, margin, margin)
    if heading.key is not None:
        _draw_key(sheet, heading.key, margin, top + height + space, note)
    _lines(sheet, below, margin, top + height + space + keyed)
    return sheet, margin, top


def _draw_key(sheet: Sheet, key: Key, left: int, top: int, style: Style) -> None:
    """Draw a scale of colours between its words."""
    sheet.text(left, top, key.low, style)
    left += round(width_of(key.low, style)) + GAP
    wide, tall = 10 * style.line, round(0.72 * style.line)
    bar = np.repeat(key.colours[np.linspace(0, 255, wide).round().astype(int)][None], tall, axis=0)
    sheet.paste(bar, left, top + (style.line - tall) // 2, edged=True)
    sheet.key = (left - 1, top + (style.line - tall) // 2 - 1, left + wide + 1, top + (style.line - tall) // 2 + tall + 1)
    sheet.text(left + wide + GAP, top, key.high, style)


def _lines(sheet: Sheet, lines: Iterable[tuple[str, Style]], left: int, top: int) -> None:
    for words, style in lines:
        sheet.text(left, top, words, style)
        top += style.line


def columns_of(count: int, ideal: float) -> int:
    """Return a number of columns near `ideal` that leaves few places of the last line empty: 8, not 9, for 64 tiles."""
    choices = range(max(1, math.floor(ideal * 0.8)), max(1, math.ceil(ideal * 1.25)) + 1)

    def cost(columns: int) -> float:
        empty = -count % columns
        return empty / columns + 2 * abs(math.log(columns / ideal))

    return min(choices, key=cost) if count > 1 else 1


def draw_rows(rows: Sequence[Row], names: tuple[str, ...], heading: Heading, theme: Theme, multiple: int = 1) -> Sheet:
    """Return the rows, in as many columns as make the sheet neither a ribbon nor a banner, the tiles' `names` above
    each.

    The number of columns is a multiple of `multiple`, so that rows that belong together stay in one line.
    """
    if len(rows) > MOST_ROWS:
        raise OutputError(
            f"A sheet of {len(rows)} rows (images times units) is too long; convscope draws at most {MOST_ROWS} rows. Take "
            f"fewer images or units."
        )
    block = _block(rows, len(names))
    gutter = 3 * GAP + 10
    columns = _columns(len(rows), block.width + gutter, block.full_height + 2 * GAP, multiple)
    lines = max(1, math.ceil(len(rows) / columns))
    header = DETAIL.line + GAP
    width = columns * block.width + (columns - 1) * gutter
    height = header + lines * block.full_height + (lines - 1) * 2 * GAP
    sheet, left, top = open_sheet(width, height, heading, theme)
    sheet.columns = names
    for column in range(columns):
        for place, name in enumerate(names):
            middle = left + column * (block.width + gutter) + place * (block.side + GAP) + block.side / 2
            sheet.text(middle, top, shorten(name, DETAIL, block.side), DETAIL, "center")
    for index, row in enumerate(rows):
        line, column = divmod(index, columns)
        x = left + column * (block.width + gutter)
        _draw_row(sheet, row, block, x, top + header + line * (block.full_height + 2 * GAP))
    return sheet


def _block(rows: Sequence[Row], count: int) -> Block:
    pictures = [tile.pixels for row in rows for tile in row.tiles[:1] if tile.pixels is not None]
    return Block(count, *room_for(len(rows) * count, pictures))


def room_for(tiles: int, pictures: Sequence[NDArray[Any]]) -> tuple[int, int]:
    """Return the (width, height) of the room that each of so many tiles has on a sheet of rows, where these are the first of the rows."""
    longest = max((max(picture.shape[:2]) for picture in pictures), default=256)
    largest = next((side for most, side in ((4, 380), (27, 280), (75, 212), (240, 160), (1500, 112)) if tiles <= most), 72)
    side = min(largest, max(224, 7 * longest))
    aspect = max((picture.shape[0] / picture.shape[1] for picture in pictures), default=1.0)
    return side, round(side * min(max(aspect, 0.4), 1.6))


def _columns(count: int, width: int, height: int, multiple: int) -> int:
    count = max(count, 1)
    choices = range(multiple, max(count, multiple) + 1, multiple)
    return min(choices, key=lambda columns: abs(math.log(columns * width / (math.ceil(count / columns) * height * ASPECT))))


def _draw_row(sheet: Sheet, row: Row, block: Block, left: int, top: int) -> None:
    sheet.text(left, top, shorten(row.label, LABEL, block.width), LABEL)
    sheet.text(left, top + LABEL.line, shorten(row.detail, DETAIL, block.width), DETAIL)
    box = (left, top + block.caption, left + block.width, top + block.full_height)
    sheet.panel(box, row.label, row.detail, *(tile.words for tile in row.tiles))
    for place, tile in enumerate(row.tiles):
        draw_tile(sheet, tile, left + place * (block.side + GAP), top + block.caption, (block.side, block.height))


def draw_tile(sheet: Sheet, tile: Tile, left: int, top: int, size: tuple[int, int]) -> None:
    """Set a tile into the middle of a box of `size` (width, height): its picture, or its words on a panel."""
    width, height = size
    if tile.pixels is None:
        sheet.fill(left, top, width, height, sheet.theme.panel)
        lines = wrap(tile.words, DETAIL, width - 2 * GAP)
        start = top + (height - len(lines) * DETAIL.line) / 2
        for step, words in enumerate(lines):
            sheet.text(left + width / 2, start + step * DETAIL.line, words, DETAIL, "center")
        return
    wide, tall = fitting(tile.pixels, width, height)
    left, top = left + (width - wide) // 2, top + (height - tall) // 2
    sheet.paste(tile.pixels, left, top, (wide, tall), edged=True)
    if tile.frame is not None:
        _mark(sheet, tile.frame, (left, top, wide, tall))


def _mark(sheet: Sheet, frame: Box, place: tuple[int, int, int, int]) -> None:
    """Draw a frame that shows on any picture: a bright line inside a dark one."""
    left, top, wide, tall = place
    corners = np.array(frame) * (wide, tall, wide, tall) + (left, top, left, top)
    x, y, right, bottom = (int(corner) for corner in np.rint(corners))
    right, bottom = max(right, x + 6), max(bottom, y + 6)
    limits = (max(left, x - 2), max(top, y - 2), min(left + wide, right + 2), min(top + tall, bottom + 2))
    sheet.outline(limits, (0, 0, 0), 5)
    sheet.outline((limits[0] + 1, limits[1] + 1, limits[2] - 1, limits[3] - 1), (255, 221, 51), 3)
