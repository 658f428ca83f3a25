"""Pictures in the terminal: the tiles of a sheet as large as the window allows, their words as text.

A terminal that shows pictures is sent them; any other is sent half blocks, two pixels a character, in the colours that it has. With
sixteen or none (NO_COLOR, TERM=dumb), or in a window that is too small, the words alone are printed, and the path.
"""

import shutil
import sys
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from PIL import Image
from rich.cells import cell_len, set_cell_size

from ..legible import legible
from ..method import Written
from ..render.writer import spread_of
from .graphics import Graphics, asked, sent
from .terminal import put_lines

# Lines of the window that are kept for the prompt, its toolbar, the title and the path; between tiles; the smallest of tiles.
KEPT_LINES, GAP, LEAST_COLUMNS, LEAST_LINES = 7, 2, 12, 3
MOST_COLUMNS = 100
TRUECOLOR, MANY, NONE = "truecolor", "256", ""
UPPER, LOWER = "\N{UPPER HALF BLOCK}", "\N{LOWER HALF BLOCK}"
OPAQUE = 128
SEPARATOR = " · "
FIRST_OF_CUBE = 16
MOST_WORDED = 8


@dataclass(frozen=True)
class Tiles:
    """A picture in parts: each a picture with its words; `title` and the names of the `columns` hold for all."""

    title: str
    columns: tuple[str, ...]
    parts: tuple[tuple[tuple[str, ...], Image.Image], ...]


@dataclass(frozen=True)
class Grid:
    """How tiles lie in a window: so many in a `line`, each so many `columns` and `rows` of characters large; `shown` of them have room."""

    line: int
    columns: int
    rows: int
    shown: int


class Screen:
    """The terminal as something to draw on. It is asked once what it can show; its size is asked for at each picture."""

    @cached_property
    def graphics(self) -> Graphics:
        """What the terminal understands beside text."""
        return asked()

    @cached_property
    def colours(self) -> str:
        """How many colours it has: TRUECOLOR, MANY or NONE."""
        return colours_of_terminal()

    def show(self, written: Written) -> None:
        """Draw what was written; where a picture cannot be seen, only its words."""
        size = shutil.get_terminal_size()
        tiles = tiles_of(written)
        text = drawn(tiles, size.columns, size.lines, self.colours, self.graphics) if self.colours or self.graphics.kind else ""
        if text or tiles.parts:
            put_lines(text or worded(tiles, size.columns))


def colours_of_terminal() -> str:
    """Return how many colours standard output has, as TERM, COLORTERM and NO_COLOR say it.

    Sixteen count as NONE: they make mud of a picture.
    """
    from rich.console import Console

    console = Console(file=sys.stdout)
    return str(console.color_system) if console.color_system in (TRUECOLOR, MANY) and not console.no_color else NONE


def tiles_of(written: Written) -> Tiles:
    """Return what was written in parts; of pieces that were there already, and of charts and maps, the first picture as it is."""
    spread = None if written.result is None else spread_of(written.result)
    if spread is not None:
        parts = tuple((part.words, Image.fromarray(part.pixels)) for part in spread.parts)
        return Tiles(spread.title, spread.columns, parts)
    if written.result is not None:
        picture = written.result.picture()
        name = ", ".join(written.result.legend(unit) for unit in getattr(written.result, "units", ())[:1])
    else:
        path = next((path for path in written.paths if path.suffix == ".png"), None)
        if path is None:
            return Tiles("", (), ())
        with Image.open(path) as opened:
            picture = opened.copy()
        name = path.stem
    return Tiles("", (), (((name,) if name else (), picture),))


def _apart(tiles: Tiles) -> Tiles:
    """Return a single row of pictures as tiles of their own, which the window can show larger; anything else as it is."""
    if len(tiles.parts) != 1 or len(tiles.columns) < 2:
        return tiles
    ((words, row),) = tiles.parts
    filled = np.asarray(row)[..., 3].any(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], filled, [False]]).astype(int))).reshape(-1, 2)
    if len(edges) != len(tiles.columns):
        return tiles
    pictures = (row.crop((int(left), 0, int(right), row.height)) for left, right in edges)
    cropped = (((name,), picture.crop(picture.getbbox())) for name, picture in zip(tiles.columns, pictures, strict=True))
    # Words that begin with a unit say all; the title of those that begin with an image says of which unit.
    named = words if ":" in words[0] else (tiles.title, *words)
    return Tiles(SEPARATOR.join(named), (), tuple(cropped))


def worded(tiles: Tiles, columns: int) -> str:
    """Return the words of a picture without the picture."""
    rows = [tiles.title, *(SEPARATOR.join(words) for words, _ in tiles.parts[:MOST_WORDED])]
    more = [f"and {len(tiles.parts) - MOST_WORDED} more in the picture"] if len(tiles.parts) > MOST_WORDED else []
    return "\n".join(cut(legible(row), columns - 1) for row in [*rows, *more] if row)


def _captions(tiles: Tiles, room: int) -> list[str]:
    """Return the words of each tile on one line; what they share, the layer of their units, is left out where they do not fit."""
    lines = [legible(SEPARATOR.join(words)) for words, _ in tiles.parts]
    shared = {line.partition(":")[0] for line in lines}
    if len(shared) == 1 and all(":" in line for line in lines) and any(cell_len(line) > room for line in lines):
        lines = [line[len(line.partition(":")[0]) :] for line in lines]
    return [set_cell_size(cut(line, room), room) for line in lines]


def drawn(tiles: Tiles, columns: int, lines: int, colours: str, graphics: Graphics | None = None) -> str:
    """Return tiles as text for a window of so many columns and lines, "" where it is too small."""
    graphics, tiles = graphics or Graphics(), _apart(tiles)
    grid = arranged(len(tiles.parts), _shape(tiles, graphics), columns - 1, lines - KEPT_LINES) if tiles.parts else None
    if grid is None:
        return ""
    text = [cut(tiles.title, columns - 1)] if tiles.title else []
    if len(tiles.columns) > 1:
        text.append(cut(" | ".join(tiles.columns), columns - 1))
    captions = _captions(tiles, grid.columns)
    for start in range(0, grid.shown, grid.line):
        parts = tiles.parts[start : min(start + grid.line, grid.shown)]
        text.append(_strip([picture for _, picture in parts], grid, colours, graphics))
        line = (" " * GAP).join(captions[start : start + len(parts)]).rstrip()
        text += [line] if line else []
    if grid.shown < len(tiles.parts):
        text.append(f"and {len(tiles.parts) - grid.shown} more in the picture")
    return "\n".join(text)


def _shape(tiles: Tiles, graphics: Graphics) -> float:
    """Return the lines that a tile takes for each of its columns."""
    wide, tall = (max(picture.size[axis] for _, picture in tiles.parts) for axis in (0, 1))
    cell = graphics.cell[0] / graphics.cell[1] if graphics.kind else 0.5
    return tall / wide * cell


def arranged(count: int, shape: float, columns: int, lines: int) -> Grid | None:
    """Return how so many tiles are as large as possible in a room of `columns` and `lines`; of too many the first. None: too small."""
    for shown in range(count, 0, -1):
        best: Grid | None = None
        for line in range(1, shown + 1):
            rows = lines // -(-shown // line) - 1  # one line for the words
            width = min((columns - (line - 1) * GAP) // line, int((rows + 0.49) / shape), MOST_COLUMNS)
            tall = max(1, round(width * shape))
            if width >= LEAST_COLUMNS and tall >= LEAST_LINES and (best is None or width > best.columns):
                best = Grid(line, width, min(tall, rows), shown)
        if best is not None:
            return best
    return None


def _strip(pictures: list[Image.Image], grid: Grid, colours: str, graphics: Graphics) -> str:
    """Return a line of tiles."""
    wide, tall = graphics.cell if graphics.kind else (1, 2)
    width, height = grid.columns * wide, grid.rows * tall
    gap = GAP * wide
    strip = Image.new("RGBA", (len(pictures) * (width + gap) - gap, height))
    for number, picture in enumerate(pictures):
        scale = min(width / picture.width, height / picture.height)
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        way = Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST
        strip.paste(picture.convert("RGBA").resize(size, way), (number * (width + gap), 0))
    if graphics.kind:
        return sent(strip, len(pictures) * (grid.columns + GAP) - GAP, grid.rows, graphics).removesuffix("\n")
    return half_blocks(strip, colours)


def half_blocks(picture: Image.Image, colours: str) -> str:
    """Return a picture of an even height as lines of half blocks; where it is transparent the terminal's own colour stays."""
    pixels = np.asarray(picture)
    codes = _codes(picture, colours)
    opaque = pixels[..., 3] >= OPAQUE
    lines = []
    for row in range(0, picture.height - 1, 2):
        before, cells = "", []
        for column in range(picture.width):
            above, below = opaque[row, column], opaque[row + 1, column]
            style = ";".join((codes[row][column][0] if above else codes[row + 1][column][0] if below else "39",
                              codes[row + 1][column][1] if above and below else "49"))  # fmt: skip
            cells.append((f"\x1b[{style}m" if style != before else "") + (UPPER if above else LOWER if below else " "))
            before = style
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)


def _codes(picture: Image.Image, colours: str) -> list[list[tuple[str, str]]]:
    """Return for each pixel the codes of its colour, in front and behind."""
    rgb = picture.convert("RGB")
    if colours == TRUECOLOR:
        table = np.asarray(rgb).tolist()
        return [[(f"38;2;{r};{g};{b}", f"48;2;{r};{g};{b}") for r, g, b in row] for row in table]
    numbers = np.asarray(rgb.quantize(palette=_palette(), dither=Image.Dither.NONE)).astype(int) + FIRST_OF_CUBE
    return [[(f"38;5;{number}", f"48;5;{number}") for number in row] for row in numbers.tolist()]


@cache
def _palette() -> Image.Image:
    """Return the colours of a terminal that has 256, without the 16 that themes change: a cube of six levels, then greys."""
    levels = [0, 95, 135, 175, 215, 255]
    cube = [(r, g, b) for r in levels for g in levels for b in levels]
    colours = [*cube, *((8 + 10 * step,) * 3 for step in range(24))]
    found = Image.new("P", (1, 1))
    found.putpalette([*np.ravel(colours).tolist(), *colours[-1] * FIRST_OF_CUBE])
    return found


def cut(words: str, room: int) -> str:
    """Return words that take at most so many columns, with an ellipsis where their end is left out."""
    return words if cell_len(words) <= room else set_cell_size(words, max(0, room - 1)) + "\N{HORIZONTAL ELLIPSIS}"
