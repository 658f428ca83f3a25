"""Embedding -> the images at their coordinates, coloured by class, and the coordinates as a table."""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

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

CAUTION = "t-SNE keeps neighbours; distances between clusters and their sizes carry little meaning."
SMALLEST, LARGEST = 1200, 3700
CROWDING = 1.35
MOST_CLASSES = 48
LONGEST_NAME = 420
UNNAMED = "no label"


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

    Thumbnails are coloured by label, without labels by prediction. Both axes share one scale. Where images overlap, the
    one drawn later covers the other; the order is random, so that no class covers another, and always the same.
    """
    used = as_theme(theme)
    names = result.labels if result.labels is not None else result.predictions
    shades = class_colours(sorted(set(names or ()), key=_natural), used)
    plan = arrange(result.points, result.thumbnails.shape[1])
    zoom = min(2.2, max(1.0, plan.width / 1500))
    legend = _legend(Counter(names or ()), shades, max(plan.width, round(NARROWEST * zoom)), DETAIL.times(zoom))
    sheet, left, top = open_sheet(plan.width, legend.height + plan.height, _heading(result), used, zoom)
    for x, y, words, colour in legend.entries:
        _draw_entry(sheet, (left + x, top + y), words, colour, DETAIL.times(zoom))
    owners = [shades.get(name) for name in names or ("",) * len(result.points)]
    spare = sheet.canvas.shape[1] - 2 * left - plan.width
    sheet.paste(compose(result.thumbnails, plan, owners, used), left + spare // 2, top + legend.height)
    return {"map.png": sheet.image(), "map.csv": table(result)}


def arrange(points: NDArray[np.float32], source: int) -> Arrangement:
    """Return a canvas that grows with the number of images, and the place of each; y points up, as in every plot."""
    count = max(1, len(points))
    ideal = CROWDING * math.sqrt(count)
    longest = min(LARGEST, max(SMALLEST, ideal * source))
    side = round(min(max(1.5 * source, 72), max(12, longest / ideal)))
    finite = np.nan_to_num(points.astype(np.float64), posinf=0.0, neginf=0.0).reshape(-1, 2)
    low, span = finite.min(axis=0, initial=np.inf), np.ptp(finite, axis=0) if len(finite) else np.ones(2)
    scale = (longest - side) / max(float(span.max()), 1e-12)
    width, height = (round(max(longest / 2, float(part) * scale + side)) for part in span)
    room = np.array([width - side, height - side])
    offsets = (finite - low - span / 2) * scale
    centred = np.rint(room / 2 + offsets * (1, -1))
    return Arrangement(width, height, side, np.clip(centred, 0, room).astype(np.intp))


def compose(thumbnails: Bytes, plan: Arrangement, owners: Sequence[Colour | None], theme: Theme) -> Bytes:
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
    if result.engine.startswith("PCA"):  # too few images for t-SNE: the record's engine says so
        return Heading(f"Map of images by their principal components, {result.layer}", subtitle, heading_notes(result))
    return Heading(f"t-SNE map of images, {result.layer}", subtitle, heading_notes(result, CAUTION))


def _legend(amounts: Counter[str], shades: dict[str, Colour], width: int, style: Style) -> Legend:
    """Return the class names, numbers in them in their order; of more than 48 classes the largest 48.

    One line where they fit, else columns of one width, in which a name is found faster than in ragged lines.
    """
    largest = [name for name, _ in sorted(amounts.items(), key=lambda item: (-item[1], item[0]))[:MOST_CLASSES]]
    words: list[tuple[str, Colour | None]] = [
        (shorten(name or UNNAMED, style, LONGEST_NAME), shades[name]) for name in sorted(largest, key=_natural)
    ]
    if len(amounts) > len(largest):
        words.append((f"and {len(amounts) - len(largest):,} more", None))
    widths = [round(width_of(name, style)) + 2 * style.line for name, _ in words]
    if sum(widths) <= width:
        places = [(left, 0) for left in accumulate(widths, initial=0)]
    else:
        columns = max(1, width // max(widths))
        step = width // columns
        places = [(index % columns * step, index // columns * round(style.line * 1.25)) for index in range(len(words))]
    entries = tuple((left, top, name, colour) for (left, top), (name, colour) in zip(places, words, strict=False))
    return Legend(entries, entries[-1][1] + round(style.line * 2.2) if entries else 0)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    parts = re.split(r"(\d+)", name.casefold())
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _draw_entry(sheet: Sheet, place: tuple[int, int], words: str, colour: Colour | None, style: Style) -> None:
    left, top = place
    size = round(style.line * 0.62)
    if colour is not None:
        sheet.fill(left, top + round(style.line * 0.19), size, size, colour)
        left += round(style.line * 0.9)
    sheet.text(left, top, words, style)
