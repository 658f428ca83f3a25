"""Names above the columns of a table of colours, which are wider than their columns: in lines by turns, with a hairline down to each."""

import math
from collections.abc import Sequence

from .figures import shorten, width_of
from .sheet import TINY, Sheet

MOST_LINES = 8
STEP = TINY.line + 2
ROOM = 8


def lines_for(names: Sequence[str], cell: int) -> int:
    """Return in how many lines the names stand, so that neighbours in a line do not run into one another."""
    longest = max((width_of(name, TINY) for name in names), default=0.0) + ROOM
    return max(1, min(MOST_LINES, len(names), math.ceil(longest / cell)))


def header_height(names: Sequence[str], cell: int) -> int:
    """Return the pixels that the names take above columns of this width."""
    return lines_for(names, cell) * STEP + ROOM


def overhang(names: Sequence[str], cell: int) -> int:
    """Return by how many pixels the names reach over the right edge of the last column."""
    ends = (column * cell + width_of(name, TINY) + ROOM for column, name in enumerate(names))
    return max(0, round(max(ends, default=0.0)) - len(names) * cell)


def names_of_columns(sheet: Sheet, names: Sequence[str], place: tuple[int, int, int], cell: int) -> None:
    """Set the names above columns that begin at `place` (left, top, height of the header)."""
    left, top, height = place
    lines = lines_for(names, cell)
    places = [top + height - (lines - column % lines) * STEP - ROOM // 2 for column in range(len(names))]
    for column, y in enumerate(places):
        sheet.fill(left + column * cell, y + 4, 1, top + height - y - 4, sheet.theme.line)
    for column, (name, y) in enumerate(zip(names, places, strict=True)):
        words = shorten(name, TINY, lines * cell - ROOM)
        # A hairline that comes down from a higher line passes behind the name.
        sheet.fill(left + column * cell + 3, y, round(width_of(words, TINY)) + 2, TINY.line, sheet.theme.page)
        sheet.text(left + column * cell + 4, y, words, TINY)
