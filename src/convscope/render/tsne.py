"""Embedding -> the images at their coordinates, coloured by class, and the coordinates as a table."""

import csv
import io
import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..results import Embedding
from .figures import DETAIL, Sheet, Style, shorten, width_of
from .layout import NARROWEST, Heading, counted, heading_notes, joined, model_name, number, open_sheet
from .palette import class_colours
from .pixels import Bytes
from .theme import Colour, Theme, as_theme
from .thumbnails import kind_of, lay

CAUTION = "Distances between clusters and the sizes of clusters carry little meaning on a t-SNE map: read it for who is next to whom."
SMALLEST, LARGEST = 1200, 3700
CROWDING = 1.35
MOST_CLASSES = 48
LONGEST_NAME = 420


@dataclass(frozen=True)
class Arrangement:
    """Where thumbnails of `side` pixels lie on a canvas of `width` x `height`: `places` are left and top by image."""

    width: int
    height: int
    side: int
    places: NDArray[np.intp]


@dataclass(frozen=True)
class Legend:
    """`entries`: (left, top, words, colour or None for words alone)."""

    entries: tuple[tuple[int, int, str, Colour | None], ...]
    height: int


def draw(result: Embedding, *, theme: str | Theme = "light") -> dict[str, Image.Image | str]:
    """Return `map.png` and `map.csv` (name, label, prediction, x, y).

    Thumbnails are coloured by label, without labels by prediction. Both axes share one scale. Where images overlap, the one drawn
    later covers the other; the order is random, so that no class covers another, and always the same.
    """
    used = as_theme(theme)
    names = result.labels if result.labels is not None else result.predictions
    shades = class_colours(sorted(set(names or ())), used)
    plan = arrange(result.points, result.thumbnails.shape[1])
    zoom = min(2.2, max(1.0, plan.width / 1500))
    legend = _legend(Counter(names or ()), shades, max(plan.width, round(NARROWEST * zoom)), DETAIL.times(zoom))
    sheet, left, top = open_sheet(plan.width, legend.height + plan.height, _heading(result), used, zoom)
    for x, y, words, colour in legend.entries:
        _draw_entry(sheet, (left + x, top + y), words, colour, DETAIL.times(zoom))
    owners = [None] * len(result.points) if names is None else [shades[name] for name in names]
    spare = sheet.canvas.shape[1] - 2 * left - plan.width
    sheet.paste(compose(result.thumbnails, plan, owners, used), left + spare // 2, top + legend.height)
    return {"map.png": sheet.image(), "map.csv": table(result)}


def arrange(points: NDArray[np.float32], source: int) -> Arrangement:
    """Return a canvas that grows with the number of images, and the place of each; y points up, as in every plot."""
    count = max(1, len(points))
    ideal = CROWDING * math.sqrt(count)
    longest = min(LARGEST, max(SMALLEST, ideal * source))
    side = round(min(max(source, 72), max(12, longest / ideal)))
    finite = np.nan_to_num(points.astype(np.float64), posinf=0.0, neginf=0.0).reshape(-1, 2)
    low, span = finite.min(axis=0, initial=np.inf), np.ptp(finite, axis=0) if len(finite) else np.ones(2)
    scale = 1 / max(float(span.max()), 1e-12)
    width, height = (round(longest * min(1.0, max(0.5, float(part) * scale))) for part in span)
    room = np.array([width - side, height - side])
    offsets = (finite - low - span / 2) * scale * (longest - side)
    centred = np.rint(room / 2 + offsets * (1, -1))
    return Arrangement(width, height, side, np.clip(centred, 0, room).astype(np.intp))


def compose(thumbnails: Bytes, plan: Arrangement, owners: list[Colour | None] | list[Colour], theme: Theme) -> Bytes:
    """Return the canvas with all thumbnails on it."""
    canvas: Bytes = np.full((plan.height, plan.width, 3), theme.page, np.uint8)
    kind = kind_of(thumbnails)
    for index in np.random.default_rng(0).permutation(len(thumbnails)):
        left, top = (int(part) for part in plan.places[index])
        lay(canvas, (left, top), thumbnails[index], plan.side, (kind, owners[index], theme))
    return canvas


def table(result: Embedding) -> str:
    """Return the coordinates as comma-separated values; label and prediction are empty where there are none."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "label", "prediction", "x", "y"))
    for index, (name, (x, y)) in enumerate(zip(result.image_names, result.points, strict=True)):
        label = result.labels[index] if result.labels is not None else ""
        prediction = result.predictions[index] if result.predictions is not None else ""
        writer.writerow((name, label, prediction, f"{x:.6g}", f"{y:.6g}"))
    return text.getvalue()


def _heading(result: Embedding) -> Heading:
    coloured = "label" if result.labels is not None else "prediction"
    shown = "" if result.labels is None and result.predictions is None else f"coloured by {coloured}"
    quality = (f"{name} {number(float(value))}" for name, value in result.quality.items())
    subtitle = joined(model_name(result), result.engine, counted(len(result.points), "image"), *quality, shown)
    return Heading(f"t-SNE map of images, {result.layer}", subtitle, heading_notes(result, CAUTION))


def _legend(amounts: Counter[str], shades: dict[str, Colour], width: int, style: Style) -> Legend:
    """Return the names in lines, alphabetically; of more than 48 classes the largest 48."""
    shown = sorted(name for name, _ in sorted(amounts.items(), key=lambda item: (-item[1], item[0]))[:MOST_CLASSES])
    words: list[tuple[str, Colour | None]] = [(shorten(name, style, LONGEST_NAME), shades[name]) for name in shown]
    if len(amounts) > len(shown):
        words.append((f"and {len(amounts) - len(shown):,} more", None))
    entries: list[tuple[int, int, str, Colour | None]] = []
    left = top = 0
    for name, colour in words:
        wide = round(width_of(name, style)) + (round(style.line * 1.05) if colour else 0)
        if left and left + wide > width:
            left, top = 0, top + round(style.line * 1.25)
        entries.append((left, top, name, colour))
        left += wide + style.line
    return Legend(tuple(entries), top + round(style.line * 2.2) if entries else 0)


def _draw_entry(sheet: Sheet, place: tuple[int, int], words: str, colour: Colour | None, style: Style) -> None:
    left, top = place
    size = round(style.line * 0.62)
    if colour is not None:
        sheet.fill(left, top + round(style.line * 0.19), size, size, colour)
        left += round(style.line * 0.9)
    sheet.text(left, top, words, style)
