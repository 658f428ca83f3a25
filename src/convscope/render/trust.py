"""How far pictures can be trusted -> one sheet: for each unit its numbers with their words, the path check, and the random weights.

Of many units the sheet shows each number over all of them, and the mean curves.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..legible import counted
from ..results.trust import CONTRADICTED, DOUBTFUL, SCALES, SUPPORTED, UNTOLD, WORDS, Figure, Tally, Trust, UnitTrust
from .curves import Curves
from .figures import shorten
from .layout import GAP, Heading, heading_notes, model_name, number, open_sheet
from .sheet import DETAIL, LABEL, NOTE, Sheet, joined
from .theme import Theme, theme_of

WIDTH, PANEL, SPACE = 2286, 460, 3 * GAP  # of a block, as wide as a dossier, and of each curve
TABLE_WIDTH = WIDTH - 2 * (PANEL + SPACE)
CAPTION = LABEL.line + DETAIL.line + 10
ROW = DETAIL.line + 8
LEAST_ROWS = 10  # a panel's height: curves need room where a table is short
MOST_UNITS = 16  # that are drawn one by one
TONE = {SUPPORTED: "accent", DOUBTFUL: "muted", CONTRADICTED: "warning", UNTOLD: "line"}
SYNTHETIC = {"best": "of `ascend`", "paper": "by the loss of the original report", "fast": "small and fast"}
OVER = "median and quartiles; how many are " + " / ".join(WORDS)


@dataclass(frozen=True)
class Line:
    """A row of the table: a number's name, its value in words, what it is compared with, and its words, each with the share of units."""

    name: str
    value: str
    beside: str
    words: Mapping[str, float]

    @property
    def said(self) -> str:
        """The word of one unit; of several how many deserve each."""
        return next(iter(self.words), "")


def draw(result: Trust, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `trust.png`."""
    return {"trust.png": sheet(result, theme_of(result, theme))}


def sheet(result: Trust, theme: Theme) -> Sheet:
    """Return the sheet: a block for each unit, or one for all where they are many."""
    many = len(result.units) > MOST_UNITS
    blocks = [tallied(result)] if many else [(lines(one), path_curves(one), random_curves(one)) for one in result.units]
    heights = [CAPTION + block_height(rows) for rows, *_ in blocks]
    page, left, top = open_sheet(WIDTH, sum(heights) + SPACE * (len(blocks) - 1), heading(result), theme)
    for number_, (block, height) in enumerate(zip(blocks, heights, strict=True)):
        unit = None if many else result.units[number_]
        title = counted(len(result.units), "unit") if unit is None else result.legend(unit.unit)
        detail = OVER if unit is None else f"synthetic picture {SYNTHETIC.get(unit.synthetic, '')}"
        draw_block(page, (left, top), (title, detail), *block)
        page.panel((left, top, left + WIDTH, top + height), title, *(f"{one.name}: {one.value}, {one.said}" for one in block[0]))
        top += height + SPACE
    return page


def heading(result: Trust) -> Heading:
    """Return title, subtitle and notes: what each number means, and how it was made."""
    layers = list(dict.fromkeys(one.unit.layer for one in result.units))
    one = len(result.units) == 1
    title = f"Trust: {result.legend(result.units[0].unit) if one else ', '.join(layers)}"
    subtitle = joined(
        model_name(result), result.dataset, counted(result.images, "image"), "" if one else counted(len(result.units), "unit")
    )
    return Heading(title, subtitle, heading_notes(result, *meanings(result.units)))


def meanings(units: Sequence[UnitTrust]) -> tuple[str, ...]:
    """Return a sentence for each kind of number that the units have."""
    used = dict.fromkeys(figure.scale for one in units for figure in one.figures())
    return tuple(f"{SCALES[scale].name}: {SCALES[scale].meaning}" for scale in used)


def lines(unit: UnitTrust) -> list[Line]:
    """Return the rows of a unit's table."""
    return [Line(one.name, value_words(one), beside_words(one), {one.word: 1.0}) for one in unit.figures()]


def value_words(one: Figure) -> str:
    """Return a value with its standard error."""
    if math.isnan(one.value):
        return "\N{EN DASH}"
    error = "" if math.isnan(one.error) else f" \N{PLUS-MINUS SIGN} {one.error:.2f}"
    return (f"{one.value:.1f} %" if one.scale == "percentile" else _short(one.value)) + error


def _short(value: float) -> str:
    """Return two decimals; what rounds to zero has no sign."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")


def beside_words(one: Figure) -> str:
    """Return what a value is compared with."""
    return ", ".join(f"{name} {_short(value) if abs(value) <= 1 else number(value)}" for name, value in one.beside if not math.isnan(value))


def tallied(result: Trust) -> tuple[list[Line], Curves, Curves]:
    """Return the rows and curves of many units."""
    rows = [Line(one.name, _quartiles(one), _counted(one), _shares(one)) for one in result.tallies()]
    names, values = result.mean_curve("paths")
    path = _path(names, [float(value) for value in values])
    return rows, path, _random(result.units)


def _quartiles(one: Tally) -> str:
    low, middle, high = one.quartiles
    if one.name == SCALES["percentile"].name:
        return f"{middle:.0f} % ({low:.0f} to {high:.0f})" if one.count else "\N{EN DASH}"
    return f"{_short(middle)} ({_short(low)} to {_short(high)})" if one.count else "\N{EN DASH}"


def _counted(one: Tally) -> str:
    return " / ".join(str(one.words.get(word, 0)) for word in WORDS)


def _shares(one: Tally) -> dict[str, float]:
    total = max(1, sum(one.words.values()))
    return {word: count / total for word, count in one.words.items()}


def path_curves(unit: UnitTrust) -> Curves:
    """Return the path check of a unit over the layers below it."""
    names, _ = unit.curve("path_synthetic")
    there = [unit.layers.index(name) for name in names]
    return _path(names, [float(unit.curves["paths"][place]) for place in there])


def _path(names: tuple[str, ...], values: list[float]) -> Curves:
    return Curves(names, (("synthetic picture", values),), ((0.0, "as random images"), (1.0, "as other strong images")))


def random_curves(unit: UnitTrust) -> Curves:
    """Return what is left of a unit's projections, by the lowest layer whose weights are random."""
    return _random([unit])


def _random(units: Sequence[UnitTrust]) -> Curves:
    """Return the mean curves over those units that have one, from above down: weights become random from the unit's own layer downwards."""
    measured = [one for one in units if one.ways]
    ways = {way: name for one in measured for way, name in one.ways.items()}
    curves = {name: _mean(np.stack([one.curves[f"ranks_{way}"] for one in measured])) for way, name in ways.items()}
    if not curves:
        return Curves((), ())
    there = np.flatnonzero(np.isfinite(np.stack(list(curves.values()))).any(axis=0))[::-1]
    names = tuple(measured[0].layers[place] for place in there)
    series = tuple((name, [float(curve[place]) for place in there]) for name, curve in curves.items())
    return Curves(names, series, ((0.0, "nothing left"), (1.0, "unchanged")))


def _mean(curves: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean of curves (unit, layer) over those that have a value."""
    known = np.isfinite(curves)
    return np.where(known.any(axis=0), np.where(known, curves, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1), np.nan)


PATH_WORDS = ("Path check", "likeness to strong images, layer by layer")
RANDOM_WORDS = ("Random weights", "rank correlation left, down to this layer")
NO_CURVE = "not measured"


def block_height(rows: Sequence[Line]) -> int:
    """Return the height of a table of so many rows, or of the curves beside it."""
    return ROW * max(LEAST_ROWS, len(rows))


def draw_block(page: Sheet, place: tuple[int, int], said: tuple[str, str], rows: Sequence[Line], path: Curves, random: Curves) -> None:
    """Draw a table and the two curves beside it, side by side, `WIDTH` wide."""
    left, top = place
    _caption(page, said, (left, top, TABLE_WIDTH))
    draw_table(page, rows, left, top + CAPTION)
    height = block_height(rows)
    for step, (words, curves) in enumerate(((PATH_WORDS, path), (RANDOM_WORDS, random))):
        x = left + TABLE_WIDTH + SPACE + step * (PANEL + SPACE)
        _caption(page, words, (x, top, PANEL))
        if curves.is_empty:
            page.fill(x, top + CAPTION, PANEL, height, page.theme.panel)
            page.text(x + PANEL / 2, top + CAPTION + height / 2, NO_CURVE, DETAIL, "center")
        else:
            curves.draw(page, (x, top + CAPTION), (PANEL, height))


def draw_table(page: Sheet, rows: Sequence[Line], left: int, top: int) -> None:
    """Draw the rows: name, value, what it is compared with, and a bar of its words."""
    columns = (0, 410, 650)
    bar = 200
    for place, row in enumerate(rows):
        y = top + place * ROW
        page.fill(left, y + ROW - 5, TABLE_WIDTH, 1, page.theme.line)
        page.text(left + columns[0], y, shorten(row.name, DETAIL, columns[1] - GAP), DETAIL)
        page.text(left + columns[1], y, shorten(row.value, LABEL, columns[2] - columns[1] - 6), LABEL)
        room = TABLE_WIDTH - columns[2] - bar - GAP
        page.text(left + columns[2], y + 2, shorten(row.beside, NOTE, room), NOTE)
        x = float(left + TABLE_WIDTH - bar)
        if len(row.words) == 1:
            page.fill(round(x), y + 6, 14, 14, getattr(page.theme, TONE[row.said]))
            page.text(x + 22, y, row.said, DETAIL)
            continue
        for word, share in row.words.items():
            page.fill(round(x), y + 4, max(1, round(bar * share)), DETAIL.line - 8, getattr(page.theme, TONE[word]))
            x += bar * share


def _caption(page: Sheet, said: tuple[str, str], place: tuple[int, int, int]) -> None:
    left, top, width = place
    page.text(left, top, shorten(said[0], LABEL, width), LABEL)
    page.text(left, top + LABEL.line, shorten(said[1], DETAIL, width), DETAIL)
