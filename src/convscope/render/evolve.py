"""Units through training -> one sheet: for each unit the strongest image, its projection and a synthetic picture at every checkpoint."""

import numpy as np

from ..legible import counted
from ..results.evolutions import Evolution, UnitLook
from .figures import shorten, width_of
from .layout import GAP, Heading, Tile, draw_tile, heading_notes, model_name, number, open_sheet
from .pixels import unit_to_rgb
from .sheet import LABEL, TINY, Sheet, joined
from .signals import reduced, scales, signed_to_rgb
from .theme import Theme, theme_of

SIDES = ((6, 150), (10, 116), (16, 88), (30, 64))  # of a tile, by how many checkpoints there are
SMALLEST = 48
MOST_COLUMNS = 24
SEAM = 8
SILENT = "silent"
CONTRAST = 99.0


def draw(result: Evolution, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `evolve.png`: a block for each unit, a column for each checkpoint; of more than 24 those that are evenly spread."""
    used = theme_of(result, theme)
    shown = _shown(len(result.checkpoints))
    side = next((side for most, side in SIDES if len(shown) <= most), SMALLEST)
    names = ("image", "projection", *(("synthetic",) if result.has_synthetic else ()))
    indent = round(max(width_of(name, TINY) for name in names)) + GAP
    block = LABEL.line + len(names) * (side + SEAM) + TINY.line + GAP
    width = indent + len(shown) * (side + SEAM) - SEAM
    header = TINY.line + 6
    sheet, left, top = open_sheet(width, header + len(result.units) * block, _heading(result, len(shown)), used)
    for column, checkpoint in enumerate(shown):
        x = left + indent + column * (side + SEAM)
        sheet.text(x + side / 2, top, shorten(result.checkpoints[checkpoint], TINY, side + SEAM - 2), TINY, "center")
    for place, unit in enumerate(result.units):
        _unit(sheet, result, place, (left, top + header + place * block), (indent, side), shown, names)
        sheet.panel((left, top + header + place * block, left + width, top + header + (place + 1) * block - GAP), result.legend(unit))
    return {"evolve.png": sheet}


def _shown(count: int) -> list[int]:
    """Return the checkpoints that have a column: the first, the last and what is evenly spread between."""
    return sorted({round(one) for one in np.linspace(0, count - 1, min(count, MOST_COLUMNS))})


def _unit(
    sheet: Sheet, result: Evolution, place: int, corner: tuple[int, int], sizes: tuple[int, int], shown: list[int], names: tuple[str, ...]
) -> None:
    (left, top), (indent, side) = corner, sizes
    looks = [result.looks[checkpoint][place] for checkpoint in shown]
    sheet.text(left, top, shorten(result.legend(result.units[place]), LABEL, sheet.width - 2 * left), LABEL)
    top += LABEL.line
    for row, name in enumerate(names):
        sheet.text(left, top + row * (side + SEAM) + (side - TINY.line) / 2, name, TINY)
    tiles = _tiles(looks, side)
    for column, look in enumerate(looks):
        x = left + indent + column * (side + SEAM)
        for row, tile in enumerate(tiles[column]):
            draw_tile(sheet, tile, x, top + row * (side + SEAM), (side, side))
        sheet.text(x + side / 2, top + len(names) * (side + SEAM) - 4, number(look.value), TINY, "center")
        # Of checkpoints that are left out between two columns, each may be where the jump is.
        if column and result.jumps[shown[column - 1] + 1 : shown[column] + 1, place].any():
            sheet.fill(x - SEAM // 2 - 2, top - 2, 4, 2 * (side + SEAM) - SEAM + 4, sheet.theme.accent)


def _tiles(looks: list[UnitLook], side: int) -> list[tuple[Tile, ...]]:
    """Return the tiles of each checkpoint; the projections of one unit share a scale."""
    small = [reduced(look.projection, _fitted(look, side)) for look in looks]
    found = scales(small, CONTRAST)
    tiles = []
    for look, signal, scale in zip(looks, small, found, strict=True):
        synthetic = () if look.synthetic is None else (Tile(unit_to_rgb(look.synthetic)),)
        if look.is_silent:
            tiles.append((Tile(words=SILENT), Tile(words=SILENT), *synthetic))
        else:
            tiles.append((Tile(unit_to_rgb(look.patch)), Tile(signed_to_rgb(signal, scale)), *synthetic))
    return tiles


def _fitted(look: UnitLook, side: int) -> tuple[int, int]:
    height, width = look.projection.shape[:2]
    factor = min(1.0, side / max(height, width))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _heading(result: Evolution, shown: int) -> Heading:
    count = len(result.checkpoints)
    amount = counted(count, "checkpoint") if shown == count else f"{shown} of {counted(count, 'checkpoint')}"
    jumps = int(result.jumps.sum())
    subtitle = joined(
        model_name(result), amount, counted(len(result.units), "unit"), counted(len(result.image_names), "image"), counted(jumps, "jump")
    )
    drawn = (
        "Above: what the unit sees of the image that excites it most. Below it the deconvnet's projection, signed, zero mid-grey, all of a "
        "unit on one scale, the faintest brightened. The number is the unit's value."
    )
    more = ("Synthetic pictures climb from the same noise at each checkpoint.",) if result.has_synthetic else ()
    return Heading("Units through training", subtitle, heading_notes(result, drawn, *more))
