"""The classes of a map and their colours, in words above it."""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate

from .figures import shorten, width_of
from .sheet import Sheet, Style
from .theme import Colour

MOST_CLASSES = 48
LONGEST_NAME = 420
UNNAMED = "no label"


@dataclass(frozen=True)
class Legend:
    """`entries`: (left, top, words, colour or None for words alone)."""

    entries: tuple[tuple[int, int, str, Colour | None], ...]
    height: int

    def draw(self, sheet: Sheet, left: int, top: int, style: Style) -> None:
        """Set the legend with its left top corner there."""
        for x, y, words, colour in self.entries:
            _draw_entry(sheet, (left + x, top + y), words, colour, style)


def legend(amounts: Counter[str], shades: dict[str, Colour], width: int, style: Style) -> Legend:
    """Return the class names, numbers in them in their order; of more than 48 classes the largest 48.

    One line where they fit, else columns of one width, in which a name is found faster than in ragged lines.
    """
    largest = [name for name, _ in sorted(amounts.items(), key=lambda item: (-item[1], item[0]))[:MOST_CLASSES]]
    words: list[tuple[str, Colour | None]] = [
        (shorten(name or UNNAMED, style, LONGEST_NAME), shades[name]) for name in sorted(largest, key=natural)
    ]
    if len(amounts) > len(largest):
        words.append((f"and {len(amounts) - len(largest):,} more", None))
    widths = [round(width_of(name, style)) + 2 * style.line for name, _ in words]
    if sum(widths) <= width:
        places = [(left, 0) for left in accumulate(widths, initial=0)]
    else:
        columns = max(1, width // max(widths))
        step = width // columns
        places = [(index % columns * step, index // columns * round(style.line * 1.25)) for index in range(len(words))]
    entries = tuple((left, top, name, colour) for (left, top), (name, colour) in zip(places, words, strict=False))
    return Legend(entries, entries[-1][1] + round(style.line * 2.2) if entries else 0)


def natural(name: str) -> list[tuple[bool, int, str, str]]:
    """Return a key that sorts names with the numbers in them in their order, however long these are; no two names have the same."""
    parts = re.split(r"([0-9]+)", name.casefold())
    digits = [part.lstrip("0") if place % 2 else "" for place, part in enumerate(parts)]
    key = [(place % 2 == 1, len(digits[place]), digits[place], part) for place, part in enumerate(parts)]
    return [*key, (False, 0, "", name)]


def _draw_entry(sheet: Sheet, place: tuple[int, int], words: str, colour: Colour | None, style: Style) -> None:
    left, top = place
    size = round(style.line * 0.62)
    if colour is not None:
        sheet.fill(left, top + round(style.line * 0.19), size, size, colour)
        left += round(style.line * 0.9)
    sheet.text(left, top, words, style)
