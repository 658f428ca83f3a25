"""Activations -> one sheet for each image: the image and a grid of maps, or bars behind a dense layer."""

import math
import re
from pathlib import PurePath

import numpy as np

from ..legible import counted
from ..results import Activations, FloatArray
from .bars import draw_bars
from .figures import colours, width_of
from .layout import (
    GAP,
    Heading,
    Tile,
    columns_of,
    draw_tile,
    heading_notes,
    model_name,
    number,
    open_sheet,
)
from .pixels import Bytes, fitting, heat, unit_to_rgb
from .sheet import TINY, Sheet, joined
from .theme import Theme, theme_of

POSITIVE, SIGNED = "magma", "RdBu_r"
IMAGE_SIDE = 300
STRIP = 4  # a sequence's strip is so many times as long as high
SIZES = ((16, 176), (36, 144), (64, 120), (144, 92), (300, 72), (700, 60), (1300, 44))


def draw(result: Activations, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `activations.png`, or for several images `activations-1-NAME.png` and so on, in their order.

    Every map has its own scale; the number beside its channel is its largest value. Maps with negative values are drawn
    in two colours around zero.
    """
    used = theme_of(result, theme)
    names = _file_names(result.image_names)
    return {name: _sheet(result, image, used) for image, name in enumerate(names)}


def _file_names(images: tuple[str, ...]) -> list[str]:
    if len(images) == 1:
        return ["activations.png"]
    digits = len(str(len(images)))
    slugs = [re.sub(r"[^\w.-]+", "-", PurePath(name).stem)[:60] for name in images]
    return [f"activations-{index:0{digits}}-{slug}.png" for index, slug in enumerate(slugs, 1)]


def _sheet(result: Activations, image: int, theme: Theme) -> Sheet:
    known = result.maps[image]
    maps = _flat(known)
    chosen = _chosen(result, image)
    picture = unit_to_rgb(result.images[image]) if result.images.ndim == 4 else _picture_of_data(result.images[image])
    name, selection = result.image_names[image], _selection(result, len(chosen), maps)
    if known.ndim == 1:
        heading = Heading(f"Activations of {result.layer}", joined(model_name(result), name, selection), heading_notes(result, *_odd(maps)))
        return draw_bars(maps, chosen, picture, heading, theme, result.labels)
    shape = " \N{MULTIPLICATION SIGN} ".join(str(side) for side in known.shape[:-1])
    subtitle = joined(model_name(result), name, f"maps of {shape}", selection)
    heading = Heading(f"Activation maps of {result.layer}", subtitle, heading_notes(result, _scale_note(maps), *_odd(maps)))
    return _grid(maps, chosen, picture, heading, theme)


def _flat(values: FloatArray) -> FloatArray:
    """Return maps of a sequence as strips (height, length, channel), of a volume as its slices side by side, of volumes in a sequence or
    of still more axes as rows of such slices; others as they are.
    """
    if values.ndim == 2:
        return np.repeat(values[None], max(1, len(values) // STRIP), axis=0)
    if values.ndim > 3:
        *rows, depth, height, width, channels = values.shape
        sliced = values.reshape(math.prod(rows), depth, height, width, channels)
        return sliced.transpose(0, 2, 1, 3, 4).reshape(-1, depth * width, channels)
    return values


def _picture_of_data(data: FloatArray) -> Bytes:
    """Return a vector, a sequence (length, channel) or a volume as grey: channels below one another, slices side by side."""
    data = data[None] if data.ndim == 1 else data
    rows = np.repeat(data.T, max(1, len(data) // (STRIP * data.shape[-1])), axis=0) if data.ndim == 2 else _flat(data).mean(axis=-1)
    spread = float(np.ptp(rows)) or 1.0
    return unit_to_rgb(((rows - rows.min()) / spread)[..., None])


def _scale_note(maps: FloatArray) -> str:
    zero = "red is positive, blue negative, pale grey zero" if (maps < 0).any() else "black is zero"
    return f"Each map has its own scale: {zero}. Below it: its channel and, where there is room, its largest value."


def _odd(maps: FloatArray) -> tuple[str, ...]:
    """Return a sentence on the channels that hold NaN or infinite values, none where all are finite."""
    channels = maps.shape[-1]
    odd = int((~np.isfinite(maps.reshape(-1, channels))).any(axis=0).sum())
    return (f"Not finite: {odd} of {counted(channels, 'channel')} hold NaN or infinite values, which have no colour.",) if odd else ()


def _chosen(result: Activations, image: int) -> list[int]:
    """Return the channels to show, in the order in which to show them."""
    channels = np.arange(result.maps.shape[-1])
    if result.order == "strongest":
        channels = np.argsort(-np.nan_to_num(result.peaks[image], nan=-np.inf), kind="stable")
    return [int(channel) for channel in channels[: result.most]]


def _selection(result: Activations, shown: int, maps: FloatArray) -> str:
    order = "strongest first" if result.order == "strongest" else "in order"
    known = counted(maps.shape[-1], "neuron" if maps.ndim == 1 else "channel")
    return f"all {known}, {order}" if shown == maps.shape[-1] else f"{shown:,} of {known}, {order}"


def _grid(maps: FloatArray, chosen: list[int], picture: Bytes, heading: Heading, theme: Theme) -> Sheet:
    side = next((size for most, size in SIZES if len(chosen) <= most), 32)
    height = round(side * min(max(maps.shape[0] / maps.shape[1], 0.4), 2.0))
    gap, caption = (12, TINY.line + 6) if side >= 60 else (4, 0)
    columns = columns_of(len(chosen), max(1.0, math.sqrt(len(chosen) * (height + caption) / side * 1.5)))
    lines = max(1, math.ceil(len(chosen) / columns))
    tall = lines * (height + caption + gap) - gap
    shown = fitting(picture, IMAGE_SIDE, IMAGE_SIDE)
    indent = IMAGE_SIDE + 3 * GAP
    sheet, left, top = open_sheet(indent + columns * (side + gap) - gap, max(tall, shown[1]), heading, theme)
    draw_tile(sheet, Tile(picture), left, top, shown)
    sheet.panel((left, top, left + shown[0], top + shown[1]), "image")
    if not caption:  # maps of a few pixels are seen together
        sheet.panel((left + indent, top, left + indent + columns * (side + gap) - gap, top + tall), f"{counted(len(chosen), 'map')}")
    signed = bool((maps < 0).any())
    captions = _captions(maps, chosen, side)
    for place, channel in enumerate(chosen):
        line, column = divmod(place, columns)
        x, y = left + indent + column * (side + gap), top + line * (height + caption + gap)
        draw_tile(sheet, Tile(_coloured(maps[..., channel], signed)), x, y, (side, height))
        if caption:
            index, peak = captions[place]
            sheet.text(x, y + height + 2, index, TINY)
            sheet.text(x + side, y + height + 2, peak, TINY, "right")
            sheet.panel((x, y, x + side, y + height), index, number(float(maps[..., channel].max())))
    return sheet


def _coloured(values: FloatArray, signed: bool) -> Bytes:
    finite = values[np.isfinite(values)]
    peak = float(np.abs(finite).max()) if finite.size else 0.0
    if signed:
        return heat(values, colours(SIGNED), -peak, peak) if peak else heat(values, colours(SIGNED), -1, 1)
    return heat(values, colours(POSITIVE), 0, peak)


def _captions(maps: FloatArray, chosen: list[int], room: int) -> list[tuple[str, str]]:
    """Return each map's channel and its largest value, the values only where all of them fit."""
    pairs = [(str(channel), number(float(maps[..., channel].max()))) for channel in chosen]
    if all(width_of(f"{index}  {peak}", TINY) <= room for index, peak in pairs):
        return pairs
    return [(index, "") for index, _ in pairs]
