"""Curves over the layers of a network: drawn on a sheet, or as SVG for a page. Both from the same places.

Layers are steps and not a continuum, so a curve is a flight of steps, and a layer without a value a gap.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from .figures import shorten, width_of
from .sheet import NOTE, Sheet

LINE = 4
# What a series is drawn in, in order: tones of the theme, and classes of the page's style.
TONES = ("accent", "muted", "warning")


@dataclass(frozen=True)
class Curves:
    """`names` of the layers from the image upwards; `series`: name and a value for each layer, NaN for none.

    `marks`: values at which a line stands, with words.
    """

    names: tuple[str, ...]
    series: tuple[tuple[str, Sequence[float]], ...]
    marks: tuple[tuple[float, str], ...] = ()

    @property
    def span(self) -> tuple[float, float]:
        """The least and the largest value of the axis."""
        known = [value for _, values in self.series for value in values if math.isfinite(value)]
        ends = [*known, *(value for value, _ in self.marks)]
        low, high = min(ends, default=0.0), max(ends, default=1.0)
        room = 0.06 * (high - low or 1.0)
        return low - room, high + room

    @property
    def is_empty(self) -> bool:
        """Say whether there is nothing to draw."""
        return not any(math.isfinite(value) for _, values in self.series for value in values)

    def at(self, value: float) -> float:
        """Return how high a value lies on the axis, in [0, 1]."""
        low, high = self.span
        return (value - low) / (high - low)

    def steps(self, values: Sequence[float]) -> Iterator[tuple[float, float, float, float]]:
        """Yield the steps of a series as left, right, height and the height of the step before (NaN for none), all in [0, 1]."""
        wide, before = 1.0 / max(1, len(values)), math.nan
        for place, value in enumerate(values):
            if math.isfinite(value):
                yield place * wide, (place + 1) * wide, self.at(value), before
            before = self.at(value) if math.isfinite(value) else math.nan

    def draw(self, sheet: Sheet, place: tuple[int, int], size: tuple[int, int]) -> None:
        """Draw it with its left top corner at `place`, words inside `size` (width, height)."""
        theme, (left, top), (width, height) = sheet.theme, place, size
        above = NOTE.line * (1 + (len(self.series) > 1))
        tall = height - above - NOTE.line - 8
        bottom = top + above + tall
        if len(self.series) > 1:
            self._legend(sheet, left, top)
        for value, words in self.marks:
            y = bottom - round(tall * self.at(value))
            sheet.fill(left, y, width, 2, theme.line)
            sheet.text(left + width, y - NOTE.line, words, NOTE, "right")
        for tone, (_, values) in zip(TONES, self.series, strict=False):
            colour = getattr(theme, tone)
            for start, stop, high, before in self.steps(values):
                x, right, y = left + round(width * start), left + round(width * stop), bottom - round(tall * high)
                sheet.fill(x, y - LINE // 2, right - x, LINE, colour)
                if math.isfinite(before):
                    other = bottom - round(tall * before)
                    sheet.fill(x - LINE // 2, min(y, other) - LINE // 2, LINE, abs(y - other) + LINE, colour)
        sheet.fill(left, bottom, width, 2, theme.muted)
        half = width // 2 - 8
        sheet.text(left, bottom + 6, shorten(self.names[0], NOTE, half) if self.names else "", NOTE)
        if len(self.names) > 1:
            sheet.text(left + width, bottom + 6, shorten(self.names[-1], NOTE, half), NOTE, "right")

    def _legend(self, sheet: Sheet, left: int, top: int) -> None:
        for tone, (name, _) in zip(TONES, self.series, strict=False):
            sheet.fill(left, top + NOTE.line // 2 - 4, 18, 8, getattr(sheet.theme, tone))
            sheet.text(left + 24, top, name, NOTE)
            left += 24 + round(width_of(name, NOTE)) + 20

    def svg(self, title: str, width: int = 420, height: int = 230) -> str:
        """Return it as an SVG element that takes its colours from the page."""
        above, below = 8, 26
        wide, tall = width - 2, height - above - below
        bottom = above + tall
        parts = [f'<svg class="histogram curves" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title, quote=True)}">']
        for value, words in self.marks:
            y = bottom - tall * self.at(value)
            parts.append(f'<line class="rule" x1="0" x2="{wide}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="end" x="{wide}" y="{y - 4:.1f}">{escape(words)}</text>')
        for number, (name, values) in enumerate(self.series[: len(TONES)]):
            path = "".join(
                _move(*(wide * start, wide * stop, bottom - tall * high, before)) for start, stop, high, before in self.steps(values)
            )
            parts.append(f'<path class="curve tone{number}" d="{path}"><title>{escape(name)}</title></path>')
        parts.append(f'<line class="axis" x1="0" x2="{wide}" y1="{bottom}" y2="{bottom}"/>')
        if self.names:
            parts.append(f'<text x="0" y="{height - 8}">{escape(self.names[0])}</text>')
            parts.append(f'<text class="end" x="{wide}" y="{height - 8}">{escape(self.names[-1])}</text>')
        return "".join([*parts, "</svg>"])


def _move(left: float, right: float, y: float, before: float) -> str:
    """Return a step of a path; one after a gap begins anew."""
    return f"{'L' if math.isfinite(before) else 'M'}{left:.1f} {y:.1f}H{right:.1f}"
