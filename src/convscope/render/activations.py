"""Activations -> one sheet for each image: the image and a grid of maps, or bars behind a dense layer."""

import math
import re
from pathlib import PurePath

import numpy as np
from PIL import Image

from ..results import Activations, FloatArray
from .bars import draw_bars
from .figures import DETAIL, TINY, Sheet, colours, shorten, width_of
from .layout import GAP, Heading, Tile, counted, draw_tile, heading_notes, joined, model_name, number, open_sheet
from .pixels import Bytes, fit, heat, unit_to_rgb
from .theme import Theme, as_theme

POSITIVE, SIGNED = "magma", "RdBu_r"
IMAGE_SIDE = 300
SIZES = ((16, 176), (36, 144), (64, 120), (144, 92), (300, 72), (700, 60), (1300, 44))


def draw(result: Activations, *, theme: str | Theme = "light") -> dict[str, Image.Image | str]:
    """Return `activations.png`, or for several images `activations-1-NAME.png` and so on, in their order.

    Every map has its own scale; the number beside its channel is its largest value. Maps with negative values are drawn in two
    colours around zero.
    """
    used = as_theme(theme)
    names = _file_names(result.image_names)
    return {name: _sheet(result, image, used) for image, name in enumerate(names)}


def _file_names(images: tuple[str, ...]) -> list[str]:
    if len(images) == 1:
        return ["activations.png"]
    digits = len(str(len(images)))
    slugs = [re.sub(r"[^\w.-]+", "-", PurePath(name).stem)[:60] for name in images]
    return [f"activations-{index:0{digits}}-{slug}.png" for index, slug in enumerate(slugs, 1)]


def _sheet(result: Activations, image: int, theme: Theme) -> Image.Image:
    maps = result.maps[image]
    chosen = _chosen(result, maps)
    subtitle = joined(model_name(result), result.image_names[image], _shape(maps), _selection(result, len(chosen), maps.shape[-1]))
    title = f"Activation maps of {result.layer}" if maps.ndim == 3 else f"Activations of {result.layer}"
    picture = unit_to_rgb(result.images[image])
    if maps.ndim == 1:
        heading = Heading(title, subtitle, heading_notes(result))
        return draw_bars(maps, chosen, picture, heading, theme, result.labels)
    scale = "black is zero" if not (maps < 0).any() else "red is positive, blue negative, zero in between"
    heading = Heading(title, subtitle, heading_notes(result, f"Each map has its own scale, {scale}; its largest value is written below it."))
    return _grid(maps, chosen, picture, heading, theme)


def _chosen(result: Activations, maps: FloatArray) -> list[int]:
    """Return the channels to show, in the order in which to show them."""
    channels = np.arange(maps.shape[-1])
    if result.order == "strongest":
        peaks = np.nan_to_num(maps.reshape(-1, maps.shape[-1]).max(axis=0), nan=-np.inf)
        channels = np.argsort(-peaks, kind="stable")
    return [int(channel) for channel in channels[: result.most]]


def _shape(maps: FloatArray) -> str:
    return " × ".join(f"{size}" for size in maps.shape)


def _selection(result: Activations, shown: int, known: int) -> str:
    order = "strongest first" if result.order == "strongest" else "in order"
    amount = f"all {counted(known, 'channel')}" if shown == known else f"{shown} of {counted(known, 'channel')}"
    return f"{amount}, {order}"


def _grid(maps: FloatArray, chosen: list[int], picture: Bytes, heading: Heading, theme: Theme) -> Image.Image:
    side = next((size for most, size in SIZES if len(chosen) <= most), 32)
    height = round(side * min(max(maps.shape[0] / maps.shape[1], 0.4), 2.0))
    gap, caption = (12, TINY.line + 6) if side >= 60 else (4, 0)
    columns = math.ceil(math.sqrt(len(chosen) * (height + caption) / side * 1.5)) or 1
    lines = math.ceil(len(chosen) / columns)
    tall = lines * (height + caption + gap) - gap
    shown = fit(picture, IMAGE_SIDE, IMAGE_SIDE)
    indent = IMAGE_SIDE + 3 * GAP
    sheet, left, top = open_sheet(indent + columns * (side + gap) - gap, max(tall, shown.shape[0]), heading, theme)
    sheet.paste(shown, left, top)
    for place, channel in enumerate(chosen):
        line, column = divmod(place, columns)
        x, y = left + indent + column * (side + gap), top + line * (height + caption + gap)
        draw_tile(sheet, Tile(_coloured(maps[..., channel], theme)), x, y, (side, height))
        if caption:
            _caption(sheet, channel, maps[..., channel], (x, y + height + 2, side))
    return sheet.image()


def _coloured(values: FloatArray, theme: Theme) -> Bytes:
    finite = values[np.isfinite(values)]
    peak = float(np.abs(finite).max()) if finite.size else 0.0
    if finite.size and finite.min() < 0:
        return heat(values, colours(SIGNED), -peak, peak)
    return heat(values, colours(POSITIVE), 0, peak)


def _caption(sheet: Sheet, channel: int, values: FloatArray, place: tuple[int, int, int]) -> None:
    left, top, width = place
    index, peak = str(channel), number(float(values.max()))
    sheet.text(left, top, shorten(index, TINY, width), TINY)
    if width_of(f"{index}  {peak}", TINY) <= width:
        sheet.text(left + width, top, peak, TINY, "right")
