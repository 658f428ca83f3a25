"""Lesions -> one sheet: the units that cost most with a bar each, the classes that lose with them, and all units of the layer below."""

import numpy as np

from ..legible import counted
from ..results.lesions import Lesions
from .figures import colours, shorten, width_of
from .grid import header_height, names_of_columns, overhang
from .layout import GAP, Heading, heading_notes, model_name, number, open_sheet
from .pixels import heat
from .sheet import DETAIL, LABEL, NOTE, Sheet, joined
from .theme import Theme, theme_of

SIGNED = "RdBu_r"
BAR_ROOM = 300
CELL = 74
MOST_CLASSES = 12
STRIP_HEIGHT = 110
STEP = DETAIL.line + 12
LIGHT_WORDS, DARK_WORDS = (255, 255, 255), (17, 24, 39)  # on dark and on pale cells, in both themes


def draw(result: Lesions, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `lesion.png`: the units whose absence costs most, what each class loses with them, and the cost of all units by index."""
    used = theme_of(result, theme)
    units, classes = result.ranked[: result.count], _classes(result)
    names = [shorten(result.unit(channel).removeprefix(result.layer), LABEL, 220) for channel in units]
    name_room = round(max((width_of(name, LABEL) for name in names), default=0)) + GAP
    left_of_cells = name_room + BAR_ROOM + 220
    words_of_columns = [f"{result.classes[one]} {_percent(float(result.accuracy[one]), plus=False)}" for one in classes]
    header = header_height(words_of_columns, CELL)
    width, rows = left_of_cells + len(classes) * CELL + overhang(words_of_columns, CELL), len(units) * STEP
    sheet, left, top = open_sheet(width, header + rows + 2 * GAP + LABEL.line + STRIP_HEIGHT + NOTE.line, _heading(result), used)
    names_of_columns(sheet, words_of_columns, (left + left_of_cells, top, header), CELL)
    top += header
    rise, fall = result.loss_lost, result.accuracy_lost
    peak = max(float(np.abs(rise[units]).max(initial=0.0)), 1e-12)
    table = (result.loss_without - result.loss)[:, classes]
    limit = float(np.nan_to_num(np.abs(table[units])).max(initial=0.0)) or 1.0
    for place, (channel, name) in enumerate(zip(units, names, strict=True)):
        y = top + place * STEP
        sheet.text(left, y, name, LABEL)
        _bar(sheet, float(rise[channel]) / peak, (left + name_room, y + 3, BAR_ROOM, STEP - 14))
        words = f"{_signed(float(rise[channel]))}, {_percent(-float(fall[channel]))}"
        sheet.text(left + name_room + BAR_ROOM + 10, y, words, DETAIL)
        for column, one in enumerate(classes):
            _cell(sheet, result, channel, one, limit, (left + left_of_cells + column * CELL, y))
        hit = ", ".join(f"{name} {_signed(by)}" for name, by, _ in result.hit(channel))
        sheet.panel((left, y, left + width, y + STEP - 4), result.unit(channel), words, hit)
    _strip(sheet, rise, (left, top + rows + GAP, sheet.width - 2 * left))
    return {"lesion.png": sheet}


def _classes(result: Lesions) -> list[int]:
    """Return the classes to show: all, or those that lose most with one of the units, in their own order."""
    if len(result.classes) <= MOST_CLASSES:
        return list(range(len(result.classes)))
    rise = (result.loss_without - result.loss)[result.ranked[: result.count]].max(axis=0)
    return sorted(int(one) for one in np.argsort(-rise, kind="stable")[:MOST_CLASSES])


def _bar(sheet: Sheet, share: float, place: tuple[int, int, int, int]) -> None:
    left, top, width, height = place
    sheet.fill(left, top, width, height, sheet.theme.panel)
    filled = max(2, round(width * min(abs(share), 1.0)))
    sheet.fill(left, top, filled, height, sheet.theme.accent if share > 0 else sheet.theme.line)


def _cell(sheet: Sheet, result: Lesions, channel: int, one: int, limit: float, place: tuple[int, int]) -> None:
    left, top = place
    rise = float(result.loss_without[channel, one] - result.loss[one])
    fall = float(result.accuracy[one] - result.accuracy_without[channel, one])
    shown = heat(np.full((1, 1), np.sign(rise) * min(abs(rise) / limit, 1.0) ** 0.5), colours(SIGNED), -1, 1)
    sheet.paste(shown, left, top, (CELL - 4, STEP - 6), edged=True)
    if abs(fall) >= 0.0005:
        words = f"{-100 * fall:+.0f}".replace("-", "\N{MINUS SIGN}")
        colour = LIGHT_WORDS if float(shown.mean()) < 140 else DARK_WORDS
        sheet.coloured(left + (CELL - 4) / 2, top, words, DETAIL, colour, "center")


def _strip(sheet: Sheet, rise: np.ndarray, place: tuple[int, int, int]) -> None:
    left, top, width = place
    values = np.nan_to_num(rise)
    low, high = min(0.0, float(values.min(initial=0.0))), max(0.0, float(values.max(initial=0.0)))
    span = (high - low) or 1.0
    sheet.text(left, top, f"rise of the loss without each of all {counted(len(values), 'unit')}, by index", LABEL)
    top += LABEL.line + 4
    sheet.fill(left, top, width, STRIP_HEIGHT, sheet.theme.panel)
    zero = top + round(STRIP_HEIGHT * high / span)
    bars = min(len(values), width)
    for bar in range(bars):
        part = values[bar * len(values) // bars : max(bar * len(values) // bars + 1, (bar + 1) * len(values) // bars)]
        value = float(part[np.argmax(np.abs(part))])
        start, end = left + bar * width // bars, left + (bar + 1) * width // bars
        edge = top + round(STRIP_HEIGHT * (high - value) / span)
        wide = max(1, end - start - (1 if end - start > 3 else 0))
        sheet.fill(start, min(zero, edge), wide, max(1, abs(edge - zero)), sheet.theme.accent if value >= 0 else sheet.theme.muted)
    sheet.text(left, top + STRIP_HEIGHT + 2, f"{_signed(low)} to {_signed(high)}" if low < 0 else f"0 to {_signed(high)}", NOTE)


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "\N{MINUS SIGN}") if abs(value) < 1 else ("+" if value > 0 else "") + number(value)


def _percent(share: float, *, plus: bool = True) -> str:
    text = f"{100 * share:+.1f} %" if plus else f"{100 * share:.0f} %"
    return text.replace("-", "\N{MINUS SIGN}").replace("+0.0", "0.0").replace("\N{MINUS SIGN}0.0", "0.0")


def _heading(result: Lesions) -> Heading:
    units = len(result.active)
    shown = min(result.count, units)
    amount = f"{shown} of {counted(units, 'unit')}, dearest first" if shown < units else f"all {counted(units, 'unit')}, dearest first"
    loss = float(result.loss @ result.counts) / max(1, int(result.counts.sum()))
    right = float(result.accuracy @ result.counts) / max(1, int(result.counts.sum()))
    known = f"as it is: loss {number(loss)}, {100 * right:.1f} % right"
    subtitle = joined(model_name(result), result.dataset, counted(result.images, "image"), amount, known)
    columns = (
        "Bars, words and colours: the rise of the mean loss in nats, and by how many percent of the images fewer are right. Each column is "
        "a class, with the share that is right as the network is. Red loses, blue gains; the numbers are points of percent right."
    )
    silent = int((result.active == 0).sum())
    idle = f"{counted(silent, 'unit')} {'is' if silent == 1 else 'are'} 0 on all these images, and cost nothing." if silent else ""
    better = int((result.loss_lost < 0).sum())
    gain = f"Without {counted(better, 'unit')}, each alone, the loss is smaller." if better else ""
    return Heading(
        f"What is lost without units of {result.layer}", subtitle, heading_notes(result, columns, *(one for one in (idle, gain) if one))
    )
