"""The values of a dense layer: the image, bars for the strongest neurons, a strip of all of them."""

from collections.abc import Sequence

import numpy as np

from ..results import FloatArray
from .figures import shorten, width_of
from .layout import GAP, Heading, Tile, draw_tile, number, open_sheet
from .pixels import Bytes, fitting
from .sheet import DETAIL, LABEL, NOTE, Sheet
from .theme import Theme

IMAGE_SIDE = 300
MOST_BARS = 40
WHEN_MANY = 20
BAR_ROOM = 560
STRIP_HEIGHT = 110


def draw_bars(values: FloatArray, chosen: list[int], picture: Bytes, heading: Heading, theme: Theme, labels: Sequence[str] | None) -> Sheet:
    """Return the sheet of one image; of more than 40 neurons bars for the 20 strongest, and a strip of all."""
    real, values = values, np.nan_to_num(values, posinf=0.0, neginf=0.0)
    many = len(chosen) > MOST_BARS
    listed = sorted(chosen, key=lambda channel: -values[channel])[:WHEN_MANY] if many else chosen
    words = [f"{channel}  {labels[channel]}" if labels and channel < len(labels) else str(channel) for channel in listed]
    room = min(420, max((round(width_of(word, DETAIL)) for word in words), default=0) + GAP)
    step = DETAIL.line + 8
    shown = fitting(picture, IMAGE_SIDE, IMAGE_SIDE)
    indent = IMAGE_SIDE + 3 * GAP
    height = max(step * len(listed), shown[1])
    extra = STRIP_HEIGHT + 2 * LABEL.line + 2 * GAP if many else 0
    width = indent + room + BAR_ROOM + 110
    sheet, left, top = open_sheet(width, height + extra, heading, theme)
    draw_tile(sheet, Tile(picture), left, top, shown)
    span = _span(values[listed])
    for place, (channel, word) in enumerate(zip(listed, words, strict=True)):
        y = top + place * step
        sheet.text(left + indent + room - GAP, y, shorten(word, DETAIL, room - GAP), DETAIL, "right")
        _bar(sheet, float(values[channel]), number(float(real[channel])), span, (left + indent + room, y, BAR_ROOM, step - 8))
    if many:
        _strip(sheet, values[sorted(chosen)], (left, top + height + 2 * GAP, width))
    return sheet


def _span(values: FloatArray) -> tuple[float, float]:
    low, high = min(0.0, float(values.min(initial=0.0))), max(0.0, float(values.max(initial=0.0)))
    return (low, high) if high > low else (0.0, 1.0)


def _bar(sheet: Sheet, value: float, words: str, span: tuple[float, float], place: tuple[int, int, int, int]) -> None:
    left, top, width, height = place
    low, high = span
    zero = left + round(width * -low / (high - low))
    end = left + round(width * (value - low) / (high - low))
    start = min(zero, end)
    sheet.fill(start, top + 1, max(2, abs(end - zero)), height, sheet.theme.accent if value > 0 else sheet.theme.line)
    sheet.text(max(zero, end) + 8, top, words, DETAIL)


def _strip(sheet: Sheet, values: FloatArray, place: tuple[int, int, int]) -> None:
    """Draw all values side by side, each column of pixels the largest magnitude of those that share it."""
    left, top, width = place
    low, high = _span(values)
    sheet.text(left, top, f"all {len(values):,} neurons, by index", NOTE)
    top += NOTE.line + 4
    sheet.fill(left, top, width, STRIP_HEIGHT, sheet.theme.panel)
    zero = top + round(STRIP_HEIGHT * high / (high - low))
    for x in range(width):
        start = x * len(values) // width
        part = values[start : max(start + 1, (x + 1) * len(values) // width)]
        value = float(part[np.argmax(np.abs(part))])
        end = top + round(STRIP_HEIGHT * (high - value) / (high - low))
        sheet.fill(left + x, min(zero, end), 1, max(1, abs(end - zero)), sheet.theme.accent)
    sheet.text(left, top + STRIP_HEIGHT + 2, f"{number(low)} to {number(high)}", NOTE)
