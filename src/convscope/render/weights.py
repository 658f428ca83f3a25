"""Plain weights -> one sheet: a layer's kernels, as colours where they are on the image, elsewhere the patterns of each unit's inputs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..legible import counted
from ..results.weights import DUPLICATE, Weights
from .figures import colours, shorten, width_of
from .layout import GAP, Heading, Tile, columns_of, draw_tile, heading_notes, model_name, number, open_sheet
from .pixels import Bytes, heat
from .sheet import LABEL, NOTE, TINY, Sheet, joined
from .signals import signed_to_rgb
from .theme import Theme, theme_of

SIGNED = "RdBu_r"
SIDES = ((16, 176), (36, 128), (64, 104), (144, 80), (300, 64))  # of one tile, by how many there are
INPUT_SIDES = ((48, 112), (128, 88), (400, 64), (800, 52))
SMALLEST = 44
STRIP_HEIGHT = 110
MOST_NAMED = 8
ASPECT = 1.5


def draw(result: Weights, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `weights.png`: a tile for each unit of a layer on the image, elsewhere its strongest inputs' patterns; below, all norms.

    Each unit has its own scale: what is drawn is the pattern, and the norm beside it says how long the kernel is.
    """
    used = theme_of(result, theme)
    chosen = _chosen(result)
    tiles = 1 if result.of_image else min(result.count, result.kernels.shape[-1])
    block = _Block.of(result, len(chosen), tiles)
    columns = columns_of(len(chosen), max(1.0, math.sqrt(len(chosen) * block.full_height / block.full_width * ASPECT)))
    lines = max(1, math.ceil(len(chosen) / columns))
    width, height = columns * block.full_width - 2 * GAP, lines * block.full_height
    sheet, left, top = open_sheet(width, height + GAP + LABEL.line + STRIP_HEIGHT + NOTE.line + 4, _heading(result, len(chosen)), used)
    for place, channel in enumerate(chosen):
        line, column = divmod(place, columns)
        _draw_unit(sheet, result, channel, block, (left + column * block.full_width, top + line * block.full_height))
    _norms(sheet, result, (left, top + height + GAP, sheet.width - 2 * left))
    return {"weights.png": sheet}


@dataclass(frozen=True)
class _Block:
    """The measures of one unit: so many `tiles` of `side` x `height` pixels, each with a caption of `under` pixels below."""

    tiles: int
    side: int
    height: int
    under: int

    @classmethod
    def of(cls, result: Weights, units: int, tiles: int) -> "_Block":
        sides = SIDES if result.of_image else INPUT_SIDES
        side = next((size for most, size in sides if units * tiles <= most), SMALLEST)
        rows, columns = result.kernels.shape[1:3]
        height = round(side * min(max(rows / columns, 0.4), 2.0))
        return cls(tiles, side, height, 0 if result.of_image else TINY.line + 2)

    @property
    def width(self) -> int:
        return self.tiles * (self.side + 6) - 6

    @property
    def full_width(self) -> int:
        return self.width + 2 * GAP

    @property
    def full_height(self) -> int:
        return TINY.line + 4 + self.height + self.under + GAP


def _chosen(result: Weights) -> list[int]:
    order = np.arange(len(result.norms))
    if result.order == "strongest":
        order = np.argsort(-np.nan_to_num(result.norms, nan=-np.inf), kind="stable")
    return [int(channel) for channel in order[: result.most]]


def _draw_unit(sheet: Sheet, result: Weights, channel: int, block: _Block, place: tuple[int, int]) -> None:
    left, top = place
    name = result.unit(channel).removeprefix(result.layer)
    norm = number(float(result.norms[channel]))
    room = block.width - width_of(norm, TINY) - 6
    if room > 16:
        sheet.text(left, top, shorten(name, TINY, room), TINY)
        sheet.text(left + block.width, top, norm, TINY, "right")
    else:
        sheet.text(left, top, shorten(name, TINY, block.width), TINY)
    top += TINY.line + 4
    sheet.panel(
        (left, top, left + block.width, top + block.height + block.under), result.unit(channel), f"norm {norm}", _said(result, channel)
    )
    if not result.norms[channel] > 0:
        words = "all zero" if result.norms[channel] == 0 else "not finite"
        draw_tile(sheet, Tile(words=words), left, top, (block.width, block.height))
        return
    if result.of_image:
        draw_tile(
            sheet, Tile(signed_to_rgb(result.kernels[channel], _peak(result.kernels[channel]))), left, top, (block.side, block.height)
        )
        return
    kernel = result.kernels[channel]
    peak = _peak(kernel)
    for step, which in enumerate(result.strongest(channel, block.tiles)):
        x = left + step * (block.side + 6)
        draw_tile(sheet, Tile(heat(kernel[..., which], _table(), -peak, peak)), x, top, (block.side, block.height))
        words = f":{int(result.inputs[channel, which])}"
        sheet.text(x + block.side / 2, top + block.height + 2, shorten(words, TINY, block.side + 4), TINY, "center")


def _table() -> Bytes:
    return colours(SIGNED)


def _peak(kernel: np.ndarray) -> float:
    finite = np.abs(kernel[np.isfinite(kernel)])
    return float(finite.max(initial=0.0)) or 1.0


def _said(result: Weights, channel: int) -> str:
    """Return what is odd about a unit, in words."""
    words = [word for word, holds in (("dead", result.dead[channel]), ("weak", result.weak[channel] and not result.dead[channel])) if holds]
    other = int(result.nearest[channel])
    if other >= 0 and result.duplicates[channel]:
        words.append(f"like :{other} ({float(result.likeness[channel]):.2f})")
    return ", ".join(words)


def _heading(result: Weights, shown: int) -> Heading:
    order = "longest kernel first" if result.order == "strongest" else "by index"
    known = counted(len(result.norms), "unit")
    amount = f"all {known}, {order}" if shown == len(result.norms) else f"{shown} of {known}, {order}"
    drawn = (
        "Each kernel has its own scale around mid-grey, which is zero. Beside its channel stands its norm."
        if result.of_image
        else f"For each unit the patterns of its strongest inputs, channels of {result.source}, on its own scale: red is positive, blue "
        "negative, pale grey zero. Beside its channel stands the norm of its whole kernel."
    )
    return Heading(
        f"Weights of {result.layer}", joined(model_name(result), result.kind, amount), heading_notes(result, drawn, *_odd(result))
    )


def _odd(result: Weights) -> list[str]:
    """Return sentences on the units that are dead, weak and duplicates."""
    dead, weak = np.flatnonzero(result.dead).tolist(), np.flatnonzero(result.weak & ~result.dead).tolist()
    said = []
    if dead:
        said.append(f"Dead by their weights, so that their ReLU never opens: {_named(dead)}.")
    if weak:
        said.append(f"Weak, with a norm below 1 % of the median: {_named(weak)}.")
    pairs = [
        (channel, int(other))
        for channel, other in enumerate(result.nearest.tolist())
        if result.duplicates[channel] and (channel < other or int(result.nearest[other]) != channel)
    ]
    if pairs:
        shown = ", ".join(f":{one} and :{other}" for one, other in pairs[:MOST_NAMED])
        more = f" and {len(pairs) - MOST_NAMED} more" if len(pairs) > MOST_NAMED else ""
        said.append(f"Duplicates, kernels whose cosine is {DUPLICATE} or more: {shown}{more}.")
    if not said:
        said.append("By the weights alone no unit is dead, weak or a duplicate. What is silent on images a scan tells.")
    return said


def _named(channels: Sequence[int]) -> str:
    more = f" and {len(channels) - 3 * MOST_NAMED} more" if len(channels) > 3 * MOST_NAMED else ""
    return ", ".join(f":{channel}" for channel in channels[: 3 * MOST_NAMED]) + more


def _norms(sheet: Sheet, result: Weights, place: tuple[int, int, int]) -> None:
    """Draw the norms of all units side by side, each column of pixels the largest of those that share it; dead ones in red."""
    left, top, width = place
    norms = np.nan_to_num(result.norms, posinf=0.0)
    sheet.text(left, top, f"norms of all {counted(len(norms), 'unit')}, by index", LABEL)
    top += LABEL.line + 4
    sheet.fill(left, top, width, STRIP_HEIGHT, sheet.theme.panel)
    peak, count = float(norms.max(initial=0.0)) or 1.0, len(norms)
    if count <= width // 2:
        for channel, norm in enumerate(norms):
            start, end = left + channel * width // count, left + (channel + 1) * width // count
            _bar(sheet, start, end - start - (1 if end - start > 3 else 0), float(norm) / peak, top, bool(result.dead[channel]))
    else:
        for x in range(width):
            part = slice(x * count // width, max(x * count // width + 1, (x + 1) * count // width))
            _bar(sheet, left + x, 1, float(norms[part].max()) / peak, top, bool(result.dead[part].all()))
    sheet.text(left, top + STRIP_HEIGHT + 2, f"0 to {number(peak)}", NOTE)
    dead = int(result.dead.sum())
    if dead:
        sheet.text(left + width, top + STRIP_HEIGHT + 2, f"red: {dead} dead by their weights", NOTE, "right")


def _bar(sheet: Sheet, left: int, width: int, share: float, top: int, dead: bool) -> None:
    height = max(2, round(STRIP_HEIGHT * share))
    sheet.fill(left, top + STRIP_HEIGHT - height, max(1, width), height, sheet.theme.warning if dead else sheet.theme.accent)
