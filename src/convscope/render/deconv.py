"""Projections -> one sheet: the image with the receptive field, the patch in it, what the deconvnet returns for it."""

from dataclasses import replace

import numpy as np

from ..results import Projections
from .layout import Heading, Row, Tile, counted, draw_rows, heading_notes, joined, model_name, number
from .pixels import signed_to_rgb, unit_to_rgb
from .sheet import Sheet
from .theme import Theme, theme_of

VARIANTS = {
    "switches": "with switches",
    "spread": "without switches: the value goes to every position of its pooling window",
    "center": "without switches: the value goes to the centre of its pooling window",
}
SCALE_NOTE = "Projections are signed: zero is mid-grey, and each has its own scale."
SILENT, NOT_FINITE = "not excited by this image", "not finite: NaN or infinite on this image"
Field = tuple[int, int, int, int]


def draw(result: Projections, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `deconv.png`: one row for each unit and image, a unit's images together.

    The patch is left out where every field is the whole image, and where the seed was the whole activation map. A unit
    that an image does not excite gets words in place of a picture, because a grey one would look like a finding.
    """
    patches = result.seeded != "map" and any(not _is_whole(result, *place) for place in _places(result))
    names = ("image", "receptive field", "projection") if patches else ("image", "projection")
    rows = [_row(result, image, unit, patches) for unit, image in _places(result)]
    several = len(result.units) > 1 and len(result.image_names) in (2, 3, 4)
    multiple = len(result.image_names) if several else 1
    sheet = draw_rows(rows, names, _heading(result), theme_of(result, theme), multiple)
    return {"deconv.png": sheet}


def _places(result: Projections) -> list[tuple[int, int]]:
    return [(unit, image) for unit in range(len(result.units)) for image in range(len(result.image_names))]


def _heading(result: Projections) -> Heading:
    layers = dict.fromkeys(unit.layer for unit in result.units)
    title = f"Deconvnet projections, {', '.join(layers)}"
    seed = "the whole activation map projected" if result.seeded == "map" else "the strongest position projected"
    if any(unit.position is not None for unit in result.units):
        seed = "the given position projected"
    amount = joined(counted(len(result.units), "unit"), counted(len(result.image_names), "image"))
    subtitle = joined(model_name(result), VARIANTS.get(result.variant, result.variant), seed, amount)
    return Heading(title, subtitle, heading_notes(result, SCALE_NOTE))


def _row(result: Projections, image: int, unit: int, patches: bool) -> Row:
    seed = float(result.seeds[image, unit])
    picture = result.images[image]
    label, shown = result.legend(result.units[unit]), Tile(unit_to_rgb(picture))
    if not np.isfinite(result.pixels[image, unit]).all() or not 0 < seed < np.inf:
        words = SILENT if seed <= 0 else NOT_FINITE
        empty = (Tile(words=words),) if not patches else (Tile(), Tile(words=words))
        return Row(label, joined(_amount(result, image, unit), result.image_names[image]), (shown, *empty))
    row, column = (int(part) for part in result.positions[image, unit])
    where = "" if min(row, column) < 0 or result.seeded == "map" else f" at {row},{column}"
    detail = joined(f"{_amount(result, image, unit)}{where}", result.image_names[image])
    projection = result.pixels[image, unit]
    if not patches:
        return Row(label, detail, (shown, Tile(signed_to_rgb(projection))))
    top, left, bottom, right = _field(result, unit, image)
    tall, wide = picture.shape[:2]
    marked = replace(shown, frame=(left / wide, top / tall, right / wide, bottom / tall))
    patch = Tile(unit_to_rgb(picture[top:bottom, left:right]))
    return Row(label, detail, (marked, patch, Tile(signed_to_rgb(projection[top:bottom, left:right]))))


def _amount(result: Projections, image: int, unit: int) -> str:
    """Return the unit's activation, and beside it what was projected in its place."""
    value, seed = float(result.values[image, unit]), float(result.seeds[image, unit])
    return f"activation {number(value)}" + ("" if seed == value or result.seeded == "map" else f", projected {number(seed)}")


def _field(result: Projections, unit: int, image: int) -> Field:
    """Return the receptive field kept inside the image and at least one pixel large."""
    tall, wide = result.images.shape[1:3]
    top, left, bottom, right = (int(part) for part in result.fields[image, unit])
    top, left = min(max(top, 0), tall - 1), min(max(left, 0), wide - 1)
    return top, left, max(top + 1, min(bottom, tall)), max(left + 1, min(right, wide))


def _is_whole(result: Projections, unit: int, image: int) -> bool:
    tall, wide = result.images.shape[1:3]
    return _field(result, unit, image) == (0, 0, tall, wide)
