"""Embedding -> the images at their coordinates and on a grid, coloured by class; and the coordinates as a table."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..formats import map_reference
from ..legible import counted
from ..results import CAUTION_TSNE, Embedding
from ..tables import parquet
from .apart import PER_SIDE, push_apart
from .layout import NARROWEST, Heading, heading_notes, model_name, number, open_sheet
from .legend import legend, natural
from .palette import class_colours
from .pixels import Bytes
from .sheet import DETAIL, Sheet, joined
from .theme import Colour, Theme, theme_of
from .thumbnails import lay_all

SMALLEST, LARGEST = 1200, 3500
CROWDING = 1.5
SMALLEST_SIDE = 15
EXACT = "map.parquet has the exact coordinates. --exact draws them."
SHOWN = ("knn@10", "trustworthiness", "label knn@10")


@dataclass(frozen=True)
class Arrangement:
    """Where thumbnails of `side` pixels lie on a canvas of `width` x `height`: `places` are left and top by image.

    `backdrop`: left and top of dots behind them, for the map on which they were placed.
    """

    width: int
    height: int
    side: int
    places: NDArray[np.intp]
    backdrop: NDArray[np.intp] | None = None

    def apart(self) -> "Arrangement":
        """Return the same with the thumbnails pushed apart, as far as there is room on the canvas."""
        moved = push_apart(self.places.astype(np.float64), PER_SIDE * self.side)
        return replace(self, places=np.clip(np.rint(moved), 0, self.room).astype(np.intp))

    @property
    def room(self) -> NDArray[np.intp]:
        """Return the largest left and top."""
        return np.array([self.width - self.side, self.height - self.side])

    def moved(self, other: "Arrangement") -> float:
        """Return how far the thumbnails of the other lie from these on average, as a share of the diagonal."""
        away = np.linalg.norm(self.places - other.places, axis=1)
        return float(away.mean() / math.hypot(self.width, self.height)) if len(away) else 0.0


def draw(
    result: Embedding, *, theme: str | Theme | None = None, by: Literal["label", "prediction"] | None = None
) -> dict[str, Sheet | bytes]:
    """Return `map.png`, `grid.png`, `map.parquet` (id, path, label, prediction, x, y, column, row, probability) and `reference.npz`.

    Thumbnails are coloured by label, without labels by prediction; `theme` and `by` say otherwise than the record does. Both axes of the
    map share one scale. Thumbnails are pushed apart a little, unless the record is `exact`; the table always is. Where images overlap, the
    one drawn later covers the other; the order is random, so that no class covers another, and always the same.
    """
    used = theme_of(result, theme)
    names = result.labels if (by or result.colour) != "prediction" and result.labels is not None else result.predictions
    coloured = None if names is None else "label" if names is result.labels else "prediction"
    source = result.thumbnails.shape[1]
    exact = arrange(result.points, source, result.backdrop)
    shown = exact if result.exact else exact.apart()
    drawn: dict[str, Sheet | bytes] = {
        "map.png": _sheet(result, shown, names, used, _heading(result, coloured, exact.moved(shown))),
        "grid.png": _sheet(result, on_grid(result.cells, result.grid, source), names, used, _grid_heading(result, coloured)),
        "map.parquet": table(result),
    }
    return drawn | ({} if result.reference is None else {map_reference.FILE: map_reference.as_bytes(result.reference)})


def _sheet(result: Embedding, plan: Arrangement, names: Sequence[str] | None, theme: Theme, heading: Heading) -> Sheet:
    shades = class_colours(sorted(set(names or ()), key=natural), theme)
    zoom = min(2.2, max(1.0, plan.width / 1500))
    words = legend(Counter(names or ()), shades, max(plan.width, round(NARROWEST * zoom)), DETAIL.times(zoom))
    sheet, left, top = open_sheet(plan.width, words.height + plan.height, heading, theme, zoom)
    words.draw(sheet, left, top, DETAIL.times(zoom))
    owners = [shades.get(name) for name in names or ("",) * len(result.points)]
    spare = sheet.width - 2 * left - plan.width
    sheet.paste(compose(result.thumbnails, plan, owners, theme), left + spare // 2, top + words.height)
    return sheet


def arrange(points: NDArray[np.float32], source: int, backdrop: NDArray[np.float32] | None = None) -> Arrangement:
    """Return a canvas that grows with the number of images, and the place of each; y points up, as in every plot."""
    count = max(1, len(points))
    ideal = CROWDING * math.sqrt(count)
    longest = min(LARGEST, max(SMALLEST, ideal * source))
    side = round(min(max(1.5 * source, 72), max(SMALLEST_SIDE, longest / ideal)))
    every = points if backdrop is None else np.concatenate([points, backdrop])
    finite = np.nan_to_num(every.astype(np.float64), posinf=0.0, neginf=0.0).reshape(-1, 2)
    low, span = finite.min(axis=0, initial=np.inf), np.ptp(finite, axis=0) if len(finite) else np.ones(2)
    scale = (longest - side) / max(float(span.max()), 1e-12)
    width, height = (round(max(longest / 2, float(part) * scale + side)) for part in span)
    room = np.array([width - side, height - side])
    offsets = (finite - low - span / 2) * scale
    centred = np.clip(np.rint(room / 2 + offsets * (1, -1)), 0, room).astype(np.intp)
    dots = None if backdrop is None else centred[len(points) :] + side // 2
    return Arrangement(width, height, side, centred[: len(points)], dots)


def on_grid(cells: NDArray[np.int32], grid: tuple[int, int], source: int) -> Arrangement:
    """Return the canvas of the grid: cells as large as the thumbnails, smaller where there are very many."""
    columns, rows = grid
    pitch = max(4, min(max(source + 4, 48), LARGEST // max(columns, rows)))
    gap = 0 if pitch < 24 else max(1, pitch // 24)
    return Arrangement(columns * pitch, rows * pitch, pitch - gap, cells.astype(np.intp) * pitch)


def compose(thumbnails: Bytes, plan: Arrangement, owners: Sequence[Colour | None], theme: Theme) -> Bytes:
    """Return the canvas with all thumbnails on it."""
    canvas: Bytes = np.full((plan.height, plan.width, 3), theme.page, np.uint8)
    if plan.backdrop is not None:
        for x, y in np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(-1, 2):
            left, top = np.clip(np.add(plan.backdrop, (x, y)), 0, (plan.width - 1, plan.height - 1)).T
            canvas[top, left] = theme.line
    order = np.random.default_rng(0).permutation(len(thumbnails))
    lay_all(canvas, thumbnails, order, plan.places, plan.side, owners, theme)
    return canvas


def table(result: Embedding) -> bytes:
    """Return the coordinates as Parquet; label and prediction are empty where there are none. What made the map is in its metadata."""
    return parquet(result.as_columns(), result.summary())


def _heading(result: Embedding, coloured: str | None, moved: float) -> Heading:
    quality = (f"{name} {number(float(result.quality[name]))}" for name in SHOWN if name in result.quality)
    shown = f"coloured by {coloured}" if coloured else ""
    subtitle = joined(result.network or model_name(result), result.engine, counted(len(result.points), "image"), *quality, shown)
    apart = (f"Thumbnails are pushed apart by {moved:.1%} of the diagonal on average. {EXACT}",) if moved >= 5e-4 else ()
    if result.engine.startswith("PCA"):  # too few images for t-SNE: the record's engine says so
        return Heading(f"Map of images by their principal components, {result.layer}", subtitle, heading_notes(result, *apart))
    return Heading(f"t-SNE map of images, {result.layer}", subtitle, heading_notes(result, CAUTION_TSNE, *apart))


def _grid_heading(result: Embedding, coloured: str | None) -> Heading:
    moved = result.quality.get("grid displacement")
    words = "" if moved is None else f"moved by {moved:.1%} of the diagonal on average"
    size = f"{result.grid[0]} x {result.grid[1]} cells"
    shown = f"coloured by {coloured}" if coloured else ""
    subtitle = joined(result.network or model_name(result), counted(len(result.points), "image"), size, words, shown)
    note = "Each image has a cell of its own, as near as possible to its place on the map."
    return Heading(f"The map on a grid, {result.layer}", subtitle, (note,))
