"""Saliency -> one sheet: the image, the map of the gradient, the map over the image; guided also the signed one."""

from dataclasses import replace

import numpy as np

from ..legible import counted
from ..results import Saliency
from .figures import colours
from .layout import Heading, Row, Tile, draw_rows, heading_notes, model_name, number
from .pixels import contrast, heat, kept_inside, overlay, unit_to_rgb
from .sheet import Sheet, joined
from .signals import signed_to_rgb
from .theme import Theme, theme_of

COLOURS = "inferno"
MAP_NOTE = "Map: largest magnitude of the gradient over the channels, from zero (black) to its 99th percentile (bright)."
SILENT, NO_GRADIENT = "not excited by this image", "no gradient on this image"
NOT_FINITE = "not finite: NaN or infinite on this image"
SIGNED_NOTE = "Signed gradient: zero is mid-grey."


def draw(result: Saliency, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `saliency.png`: one row for each image; each map has its own scale.

    Where the unit sees only a part of the images, the maps are of that part: on the whole image they would be a speck.
    """
    size = result.images.shape[1], result.images.shape[2]
    fields = [kept_inside(field, size) for field in result.fields]
    parts = any(field != (0, 0, *size) for field in fields)
    names = ("image", *(("receptive field",) if parts else ()), "saliency map", "map over image")
    rows = [_row(result, image, field, parts) for image, field in enumerate(fields)]
    way = "guided backprop" if result.guided else "gradient"
    words = (MAP_NOTE, SIGNED_NOTE) if result.guided else (MAP_NOTE,)
    heading = Heading(
        f"Saliency of {result.legend(result.unit)}, {way}",
        joined(model_name(result), counted(len(rows), "image")),
        heading_notes(result, *words),
    )
    names = (*names, "signed gradient") if result.guided else names
    return {"saliency.png": draw_rows(rows, names, heading, theme_of(result, theme))}


def _row(result: Saliency, image: int, field: tuple[int, int, int, int], parts: bool) -> Row:
    (tall, wide), (top, left, bottom, right) = result.images.shape[1:3], field
    tiles = [Tile(unit_to_rgb(result.images[image]))]
    picture = unit_to_rgb(result.images[image, top:bottom, left:right])
    if parts:
        tiles = [replace(tiles[0], frame=(left / wide, top / tall, right / wide, bottom / tall)), Tile(picture)]
    score, value = float(result.scores[image]), float(result.values[image])
    missing = _missing(result, image)
    if missing:  # a black map would look like a finding
        return Row(result.image_names[image], f"score {number(score)}", (*tiles, Tile(words=missing)))
    signal = result.windows.part(image, 0, field)
    strength = contrast(np.abs(signal).max(axis=-1))
    heated = heat(strength, colours(COLOURS), 0, 1)
    tiles += [Tile(heated), Tile(overlay(picture, heated, strength**0.6))]
    if result.guided:
        tiles.append(Tile(signed_to_rgb(signal)))
    words = f"score {number(score)}" + ("" if value == score else f", {number(value)} after its activation")
    return Row(result.image_names[image], words, tuple(tiles))


def _missing(result: Saliency, image: int) -> str:
    """Return why an image has no map, nothing where it has one."""
    signal = result.windows.signals[image][0]
    if not np.isfinite(signal).all():
        return NOT_FINITE
    if signal.any():
        return ""
    return SILENT if float(result.scores[image]) <= 0 else NO_GRADIENT
