"""A sheet in parts: its pictures without words, and the words that belong to each, for pages that set them as text."""

from dataclasses import dataclass

from .pixels import Bytes
from .sheet import Sheet


@dataclass(frozen=True)
class Part:
    """The pictures of one unit, image or map side by side, (height, width, 4), transparent between them; `words`: its name, then what is
    said of it.
    """

    words: tuple[str, ...]
    pixels: Bytes


@dataclass(frozen=True)
class Spread:
    """A heading, its parts in order, and the sentences below. `columns` names the pictures of each part from left to right; it is empty
    where they are single.
    """

    title: str
    subtitle: str
    notes: tuple[str, ...]
    columns: tuple[str, ...]
    parts: tuple[Part, ...]


def spread(sheet: Sheet) -> Spread:
    """Return a sheet in parts."""
    from .figures import without_words

    canvas = without_words(sheet)
    boxes = ((panel.words, panel.box) for panel in sheet.panels)
    parts = tuple(Part(words, canvas[top:bottom, left:right].copy()) for words, (left, top, right, bottom) in boxes)
    return Spread(sheet.title, sheet.subtitle, sheet.notes, sheet.columns, parts)
