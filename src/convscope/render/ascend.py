"""Ascent -> the plain picture of each unit, and for several units a sheet with legends."""

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ..legible import counted
from ..results import Ascent, picture_names
from .figures import shorten, width_of
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
from .pixels import plain_picture, unit_to_rgb
from .sheet import DETAIL, LABEL, Sheet, Style, joined
from .theme import Theme, theme_of

MODES = {"best": "gradient ascent", "paper": "gradient ascent as in the original report"}
SMALLEST_FRAME, FRAME_MILLISECONDS, REST_MILLISECONDS = 256, 120, 1500
FAULT = Style(DETAIL.size, "warning", bold=True)


def draw(result: Ascent, *, theme: str | Theme | None = None) -> dict[str, Sheet | Image.Image | bytes]:
    """Return one picture for each unit, before them `sheet.png` where there are several.

    With frames, each unit's course as a GIF. A unit's picture is the record's image to the last bit, without legend or scaling, because
    its score is measured on it.
    """
    pictures: dict[str, Sheet | Image.Image | bytes] = {}
    if len(result.units) > 1:
        pictures["sheet.png"] = _sheet(result, theme_of(result, theme))
    for name, image in zip(picture_names(result.units), result.images, strict=True):
        pictures[name] = plain_picture(image)
    for name, frames in zip(picture_names(result.units), result.frames, strict=False):
        pictures[name.removesuffix(".png") + ".gif"] = animation(frames)
    return pictures


def animation(frames: Sequence[np.ndarray]) -> bytes:
    """Return 8-bit pictures of (height, width, channel) as an endless GIF that rests on the last; small ones are enlarged."""
    width, height = (frames[-1].shape[axis] for axis in (1, 0))
    times = max(1, -(-SMALLEST_FRAME // max(width, height)))
    pictures = [
        plain_picture(frame / np.float32(255)).resize((width * times, height * times), Image.Resampling.BICUBIC).convert("RGB")
        for frame in frames
    ]
    shown = [picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG) for picture in pictures]
    durations = [FRAME_MILLISECONDS] * (len(shown) - 1) + [REST_MILLISECONDS]
    file = io.BytesIO()
    shown[0].save(file, "GIF", save_all=True, append_images=shown[1:], duration=durations, loop=0, disposal=1)
    return file.getvalue()


def _sheet(result: Ascent, theme: Theme) -> Sheet:
    count, (tall, wide) = len(result.units), result.images.shape[1:3]
    side = min(_largest(count), max(128, 6 * max(tall, wide)))
    height = round(side * min(max(tall / wide, 0.4), 1.6))
    columns = columns_of(count, math.sqrt(count * (height + LABEL.line + DETAIL.line) / side))
    caption = LABEL.line + DETAIL.line + 8
    step = height + caption + GAP
    lines = math.ceil(count / columns)
    sheet, left, top = open_sheet(columns * (side + GAP) - GAP, lines * step - GAP, _heading(result), theme)
    labels = _labels(result, side)
    for index, image in enumerate(result.images):
        line, column = divmod(index, columns)
        x, y = left + column * (side + GAP), top + line * step
        draw_tile(sheet, Tile(unit_to_rgb(image)), x, y, (side, height))
        fault = "dead" if result.dead[index] else "not finite" if result.not_finite[index] else ""
        sheet.panel((x, y, x + side, y + height), result.legend(result.units[index]), _score(result, index)[0], fault)
        _caption(sheet, labels[index], _score(result, index), (x, y + height + 6, side), fault)
    return sheet


def _largest(count: int) -> int:
    return next((side for most, side in ((12, 280), (30, 224), (100, 168), (300, 128)) if count <= most), 96)


def _score(result: Ascent, index: int) -> list[str]:
    """Return the ways to say a score, the longest first."""
    if result.not_finite[index]:
        return [""]
    score = number(float(result.scores[index]))
    real = np.nan if result.real is None else float(result.real[index])
    if not np.isfinite(real):
        return [f"score {score}", score]
    ratio = f"{result.scores[index] / real:.1f} x real" if real > 0 else "no real"
    return [f"score {score}, {ratio}", f"{score}, {ratio}", score]


def _caption(sheet: Sheet, label: str, scores: Sequence[str], place: tuple[int, int, int], fault: str) -> None:
    left, top, width = place
    sheet.text(left, top, shorten(label, LABEL, width), LABEL)
    room = width - (width_of(fault, FAULT) + 2 * GAP if fault else 0)
    words = next((words for words in scores if width_of(words, DETAIL) <= room), scores[-1])
    sheet.text(left, top + LABEL.line, shorten(words, DETAIL, width), DETAIL)
    if fault:
        sheet.text(left + width, top + LABEL.line, fault, FAULT, "right")


def _labels(result: Ascent, room: int) -> list[str]:
    """Return the addresses, or, where they do not fit, what follows the layer they share."""
    full = [result.legend(unit) for unit in result.units]
    shared = len({unit.layer for unit in result.units}) == 1
    if not shared or all(width_of(label, LABEL) <= room for label in full):
        return full
    return [label.removeprefix(unit.layer) for label, unit in zip(full, result.units, strict=True)]


def _heading(result: Ascent) -> Heading:
    layers = dict.fromkeys(unit.layer for unit in result.units)
    subtitle = joined(model_name(result), MODES.get(result.mode, result.mode), counted(len(set(result.units)), "unit"))
    notes = ["Score: the unit's largest activation on the 8-bit picture."]
    if (result.values != result.scores).any():
        notes.append("If its activation is flat above, the value before it.")
    if result.real is not None:
        notes.append("Beside it: its ratio to the largest activation among the real images.")
    return Heading(f"What excites the units of {', '.join(layers)}", subtitle, heading_notes(result, " ".join(notes)))
