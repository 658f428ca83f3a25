"""A histogram with a mark on it: drawn on a sheet, or as SVG for a page. Both from the same places."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from .figures import width_of
from .sheet import DETAIL, LABEL, NOTE, Sheet

TICKS = 5
ROOM = 1.04
# A mark so many times as far out as everything else would leave the bars a line: it stands at the edge, with an arrow.
FAR = 3.0


@dataclass(frozen=True)
class Histogram:
    """`edges` (bin + 1) and `counts` (bin); `mark`: a value that a line stands at, `words` beside it; `dots`: values below the axis, of
    which `axis` is the name.
    """

    edges: Sequence[float]
    counts: Sequence[int]
    mark: float | None = None
    words: str = ""
    dots: Sequence[float] = ()
    axis: str = ""

    @property
    def span(self) -> tuple[float, float]:
        """Return the least and the largest value of the axis: the bins and, if it is not far beyond, the mark, with a little room."""
        low, high = self._bars_and_dots
        if self.mark is not None and not self.beyond:
            low, high = min(low, self.mark), max(high, self.mark)
        return (low, low + (high - low) * ROOM) if high > low else (low, low + 1.0)

    @property
    def _bars_and_dots(self) -> tuple[float, float]:
        values = [float(self.edges[0]), float(self.edges[-1]), *self.dots]
        return min(values), max(values)

    @property
    def beyond(self) -> bool:
        """Say whether the mark is far beyond all else."""
        low, high = self._bars_and_dots
        return self.mark is not None and self.mark - low > FAR * (high - low)

    @property
    def said(self) -> str:
        """Return the words beside the mark."""
        return f"{self.words} \N{RIGHTWARDS ARROW}" if self.beyond else self.words

    def at(self, value: float) -> float:
        """Return where a value lies on the axis, in [0, 1]."""
        low, high = self.span
        return min((value - low) / (high - low), 1.0)

    @property
    def highest(self) -> int:
        """Return the largest count, at least 1."""
        return max(1, *(int(count) for count in self.counts))

    def bars(self) -> list[tuple[float, float, float]]:
        """Return left, right and height of each bar that is not empty, all in [0, 1]."""
        pairs = zip(self.edges, self.edges[1:], self.counts, strict=False)
        return [(self.at(low), self.at(high), count / self.highest) for low, high, count in pairs if count]

    def draw(self, sheet: Sheet, place: tuple[int, int], size: tuple[int, int]) -> None:
        """Draw it with its left top corner at `place`, axis and their numbers inside `size` (width, height)."""
        theme = sheet.theme
        indent = round(max(width_of(f"{tick:,.0f}", NOTE) for tick in whole_ticks(self.highest))) + 14
        left, top = place[0] + indent, place[1] + LABEL.line
        # An axis that is wider than its panel would reach over the margin of the page.
        said = [self.axis] if width_of(self.axis, NOTE) <= size[0] else self.axis.split(". ")
        width, height = size[0] - indent, size[1] - LABEL.line - (1 + len(said)) * NOTE.line - 30
        bottom = top + height
        for tick in whole_ticks(self.highest):
            y = bottom - round(height * tick / self.highest)
            sheet.fill(left, y, width, 1, theme.line)
            sheet.text(left - 12, y - NOTE.line * 0.55, f"{tick:,.0f}", NOTE, "right")
        for low, high, tall in self.bars():
            x, right = left + round(width * low), left + round(width * high)
            filled = max(2, round(height * tall))
            sheet.fill(x, bottom - filled, max(2, right - x - (2 if right - x > 6 else 0)), filled, theme.accent)
        sheet.fill(left, bottom, width, 2, theme.muted)
        for value in self.dots:
            sheet.fill(left + round(width * self.at(value)) - 2, bottom + 4, 4, 14, theme.ink)
        for tick in ticks(*self.span):
            sheet.text(left + width * self.at(tick), bottom + 22, f"{tick:g}", NOTE, "center")
        for line, words in enumerate(said, 1):
            sheet.text(left + width, bottom + 26 + line * NOTE.line, words, NOTE, "right")
        self._mark(sheet, (left, top, width, bottom))

    def _mark(self, sheet: Sheet, place: tuple[int, int, int, int]) -> None:
        if self.mark is None:
            return
        left, top, width, bottom = place
        x = left + round(width * self.at(self.mark))
        sheet.fill(x - 2, top - 4, 4, bottom - top + 4, sheet.theme.warning)
        on_right = x + width_of(self.said, DETAIL) < left + width
        shift = min(x, left + width) if on_right else max(x, left + round(width_of(self.said, DETAIL)))
        sheet.text(shift, top - 4 - DETAIL.line, self.said, DETAIL, "left" if on_right else "right")

    def svg(self, title: str, width: int = 640, height: int = 250) -> str:
        """Return it as an SVG element that takes its colours from the page."""
        indent, above, below = 52, 26, 50
        wide, tall = width - indent - 8, height - above - below
        bottom = above + tall
        parts = [f'<svg class="histogram" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title, quote=True)}">']
        for tick in whole_ticks(self.highest):
            y = bottom - tall * tick / self.highest
            parts.append(f'<line class="rule" x1="{indent}" x2="{indent + wide}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="end" x="{indent - 7}" y="{y + 4:.1f}">{tick:,.0f}</text>')
        for low, high, filled in self.bars():
            x, across = indent + wide * low, max(1.0, wide * (high - low) - 1)
            up = max(1.0, tall * filled)
            parts.append(f'<rect class="bar" x="{x:.1f}" y="{bottom - up:.1f}" width="{across:.1f}" height="{up:.1f}"/>')
        parts.append(f'<line class="axis" x1="{indent}" x2="{indent + wide}" y1="{bottom}" y2="{bottom}"/>')
        for value in self.dots:
            x = indent + wide * self.at(value)
            parts.append(f'<line class="dot" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom + 2}" y2="{bottom + 9}"/>')
        for tick in ticks(*self.span):
            parts.append(f'<text class="middle" x="{indent + wide * self.at(tick):.1f}" y="{bottom + 24}">{tick:g}</text>')
        parts.append(f'<text class="end" x="{indent + wide}" y="{bottom + 44}">{escape(self.axis)}</text>')
        if self.mark is not None:
            x, late = indent + wide * self.at(self.mark), self.at(self.mark) > 0.5
            parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{above - 6}" y2="{bottom}"/>')
            parts.append(f'<text class="{"end" if late else ""} said" x="{x:.1f}" y="{above - 11}">{escape(self.said)}</text>')
        return "".join([*parts, "</svg>"])


def ticks(low: float, high: float) -> list[float]:
    """Return about five round numbers from `low` to `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if raw <= power * factor * 1.0001)
    first = math.ceil(low / step - 1e-9)
    return [float(f"{place * step:.6g}") for place in range(first, math.floor(high / step + 1e-9) + 1)]


def whole_ticks(highest: int) -> list[float]:
    """Return about five round whole numbers from 0 to `highest`: counts have no halves."""
    return [tick for tick in ticks(0, highest) if tick == int(tick)]
