"""Two networks compared -> one sheet: the table of CKA, which units have partners, units side by side, images taken for other classes."""

import numpy as np

from ..legible import counted
from ..results.comparisons import Comparison, Parting, UnitPair, Verdict
from .figures import colours, shorten, width_of
from .grid import header_height, names_of_columns, overhang
from .layout import GAP, Heading, Tile, draw_tile, heading_notes, number, open_sheet
from .pixels import heat, unit_to_rgb
from .sheet import DETAIL, LABEL, TINY, Sheet, joined
from .theme import Theme, theme_of

COLOURS = "viridis"
TILE, SEAM = 112, 6
PATCHES = 4
CELLS = ((8, 64), (14, 48), (20, 38), (30, 30), (60, 22))
SMALLEST = 14
NUMBERED = 44  # cells from this size on hold their number
PICTURE = 132
MOST_PARTINGS = 24
SILENT, PARTNERED = "silent on these images", "units with a partner"


def draw(result: Comparison, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `compare.png`: CKA of all pairs of layers, the share of each layer's units that have a partner, pairs of units, partings."""
    used = theme_of(result, theme)
    table = _Table(result)
    pairs, partings = result.pairs, result.partings[:MOST_PARTINGS]
    block = 2 * (PATCHES * (TILE + SEAM) - SEAM) + 3 * GAP
    columns = 2 if len(pairs) > 4 else 1
    width = max(table.width, columns * (block + 3 * GAP) - 3 * GAP)
    lines = -(-len(pairs) // columns)
    pair_height = LABEL.line + TILE + 2 * GAP
    below = lines * pair_height + (LABEL.line + GAP if pairs else 0)
    last = -(-len(partings) // columns) * (PICTURE + GAP) + (LABEL.line + GAP if partings else 0)
    sheet, left, top = open_sheet(width, table.height + 2 * GAP + below + last, _heading(result), used)
    table.draw(sheet, left, top)
    top += table.height + 2 * GAP
    if pairs:
        first, second = result.names
        words = f"{first} beside {second}: the images that excite a unit most, where it sees them"
        sheet.text(left, top, shorten(words, LABEL, sheet.width - 2 * left), LABEL)
        top += LABEL.line + GAP
    for place, pair in enumerate(pairs):
        line, column = divmod(place, columns)
        _pair(sheet, pair, left + column * (block + 3 * GAP), top + line * pair_height, block)
    top += lines * pair_height
    if partings:
        sheet.text(left, top, f"taken for different classes: {result.parted} of {counted(result.images, 'image')}, the surest first", LABEL)
        top += LABEL.line + GAP
    room = (sheet.width - 2 * left + 3 * GAP) // columns
    for place, one in enumerate(partings):
        line, column = divmod(place, columns)
        _parting(sheet, result, one, (left + column * room, top + line * (PICTURE + GAP)), room - 3 * GAP)
    return {"compare.png": sheet}


class _Table:
    """The table of CKA with names around it, and beside each row how many of the layer's units have a partner."""

    def __init__(self, result: Comparison) -> None:
        self.result = result
        rows, columns = result.cka.shape
        self.cell = next((side for most, side in CELLS if max(rows, columns) <= most), SMALLEST)
        self.names = round(max(width_of(shorten(layer, TINY, 260), TINY) for layer in result.layers)) + GAP
        self.header = header_height(result.other_layers, self.cell) + TINY.line
        self.said = [self._partners(layer) for layer in result.layers]
        self.right = round(max(width_of(words, TINY) for words in (*self.said, PARTNERED))) + 2 * GAP
        self.gap = max(GAP, overhang(result.other_layers, self.cell) + GAP)
        self.right += self.gap
        self.below = 2 * TINY.line + GAP
        self.width = self.names + columns * self.cell + self.right
        self.height = self.header + rows * max(self.cell, TINY.line) + self.below

    def _partners(self, layer: str) -> str:
        have, units, median = self.result.kept(layer)
        return f"{have} of {units}" + ("" if np.isnan(median) else f", median {median:.2f}")

    def draw(self, sheet: Sheet, left: int, top: int) -> None:
        result, cell = self.result, self.cell
        step = max(cell, TINY.line)
        first, second = result.names
        sheet.text(left, top, shorten(f"rows: {first}; columns: {second}", TINY, self.names + len(result.other_layers) * cell), TINY)
        start = left + self.names
        names_of_columns(sheet, result.other_layers, (start, top + TINY.line, self.header - TINY.line), cell)
        sheet.text(start + len(result.other_layers) * cell + self.gap, top + self.header - TINY.line - 4, PARTNERED, TINY)
        top += self.header
        table = colours(COLOURS)
        for row, layer in enumerate(result.layers):
            y = top + row * step
            sheet.text(left + self.names - GAP, y + (step - TINY.line) / 2, shorten(layer, TINY, 260), TINY, "right")
            for column, value in enumerate(result.cka[row]):
                x = start + column * cell
                if np.isnan(value):
                    sheet.fill(x, y, cell - 1, step - 1, sheet.theme.panel)
                    continue
                shown = heat(np.full((1, 1), value), table, 0, 1)
                sheet.paste(shown, x, y, (cell - 1, step - 1))
                if cell >= NUMBERED:
                    colour = (255, 255, 255) if value < 0.6 else (17, 24, 39)
                    sheet.coloured(x + cell / 2, y + (step - TINY.line) / 2, f"{value:.2f}", TINY, colour, "center")
            sheet.text(start + len(result.other_layers) * cell + self.gap, y + (step - TINY.line) / 2, self.said[row], TINY)
            words = [f"{other} {value:.2f}" for other, value in zip(result.other_layers, result.cka[row], strict=True)]
            sheet.panel((left, y, left + self.width, y + step), layer, self.said[row], *words)
        self._legend(sheet, start, top + len(result.layers) * step + 6)

    def _legend(self, sheet: Sheet, left: int, top: int) -> None:
        width = max(120, min(260, len(self.result.other_layers) * self.cell))
        sheet.paste(heat(np.linspace(0, 1, 256)[None], colours(COLOURS), 0, 1), left, top, (width, 12))
        sheet.text(left, top + 14, "0", TINY)
        sheet.text(left + width, top + 14, "1", TINY, "right")
        sheet.text(left + width / 2, top + 14, "CKA", TINY, "center")


def _pair(sheet: Sheet, pair: UnitPair, left: int, top: int, width: int) -> None:
    same = pair.unit == pair.other
    words = str(pair.unit) if same else f"{pair.unit} and {pair.other}"
    said = f"correlation {pair.correlation:.2f}".replace("-", "\N{MINUS SIGN}")
    room = width - width_of(said, DETAIL) - GAP
    sheet.text(left, top, shorten(words, LABEL, room), LABEL)
    sheet.text(left + width, top, said, DETAIL, "right")
    top += LABEL.line
    half = PATCHES * (TILE + SEAM) - SEAM
    for x, patches in ((left, pair.patches), (left + half + 3 * GAP, pair.other_patches)):
        if not patches:
            draw_tile(sheet, Tile(words=SILENT), x, top, (half, TILE))
        for place, patch in enumerate(patches[:PATCHES]):
            draw_tile(sheet, Tile(unit_to_rgb(patch)), x + place * (TILE + SEAM), top, (TILE, TILE))
    sheet.panel((left, top, left + width, top + TILE), words, said)


def _parting(sheet: Sheet, result: Comparison, one: Parting, place: tuple[int, int], width: int) -> None:
    left, top = place
    draw_tile(sheet, Tile(unit_to_rgb(one.image)), left, top, (PICTURE, PICTURE))
    x, room = left + PICTURE + 2 * GAP, width - PICTURE - 2 * GAP
    label = f", labelled {one.label}" if one.label else ""
    sheet.text(x, top, shorten(f"{one.name}{label}", LABEL, room), LABEL)
    lines = []
    for name, verdict in zip(result.names, (one.first, one.second), strict=True):
        lines.append(f"{name}: {verdict.name}, {100 * verdict.probability:.0f} %")
        lines.append(_argued(verdict))
    for step, words in enumerate(lines):
        sheet.text(x, top + LABEL.line + step * DETAIL.line, shorten(words, DETAIL, room), DETAIL)
    sheet.panel((left, top, left + width, top + PICTURE), f"{one.name}{label}", *lines)


def _argued(verdict: Verdict) -> str:
    """Return the units that argue most for a class, in words."""
    if not verdict.units:
        return "no unit argues for it"
    return "argue for it: " + ", ".join(f"{unit} +{number(amount)}" for unit, amount in verdict.units)


def _heading(result: Comparison) -> Heading:
    first, second = result.names
    agree = "" if result.agreement is None else f"predictions agree on {100 * result.agreement:.1f} %"
    right = "" if result.accuracies is None else f"right {100 * result.accuracies[0]:.1f} % and {100 * result.accuracies[1]:.1f} %"
    subtitle = joined(result.dataset, counted(result.images, "image"), agree, right)
    lonely, other_lonely = len(result.without_partner()), len(result.without_partner(second=True))
    partners = (
        f"A unit has a partner if the maxima of a unit of the other network correlate with its own by {result.least:g} or more: {lonely} "
        f"of {counted(len(result.units), 'unit')} of {first} have none, and {other_lonely} of {len(result.other_units):,} of {second}."
    )
    argued = "The amounts are a unit's activation times the slope of the difference of the two classes' scores." if result.partings else ""
    return Heading(f"{first} and {second}", subtitle, heading_notes(result, partners, *([argued] if argued else [])))
