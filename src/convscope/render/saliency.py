"""Saliency -> one sheet: the image, the map of the gradient, the map over the image; guided also the signed one."""

import numpy as np

from ..results import Saliency
from .figures import colours
from .layout import Heading, Row, Tile, counted, draw_rows, heading_notes, joined, model_name, number
from .pixels import contrast, heat, overlay, unit_to_rgb
from .sheet import Sheet
from .signals import signed_to_rgb
from .theme import Theme, theme_of

COLOURS = "inferno"
MAP_NOTE = "Map: largest magnitude of the gradient over the channels, from zero (black) to its 99th percentile (bright)."
NOT_FINITE = "not finite: NaN or infinite on this image"
SIGNED_NOTE = "Signed gradient: zero is mid-grey."


def draw(result: Saliency, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `saliency.png`: one row for each image; each map has its own scale."""
    names = ("image", "saliency map", "map over image", "signed gradient")[: 4 if result.guided else 3]
    rows = [_row(result, image) for image in range(len(result.image_names))]
    way = "guided backprop" if result.guided else "gradient"
    words = (MAP_NOTE, SIGNED_NOTE) if result.guided else (MAP_NOTE,)
    heading = Heading(
        f"Saliency of {result.legend(result.unit)}, {way}",
        joined(model_name(result), counted(len(rows), "image")),
        heading_notes(result, *words),
    )
    return {"saliency.png": draw_rows(rows, names, heading, theme_of(result, theme))}


def _row(result: Saliency, image: int) -> Row:
    picture = unit_to_rgb(result.images[image])
    if not np.isfinite(result.pixels[image]).all():
        return Row(result.image_names[image], f"score {number(float(result.scores[image]))}", (Tile(picture), Tile(words=NOT_FINITE)))
    strength = contrast(result.maps[image])
    heated = heat(strength, colours(COLOURS), 0, 1)
    tiles = [Tile(picture), Tile(heated), Tile(overlay(picture, heated, strength**0.6))]
    if result.guided:
        tiles.append(Tile(signed_to_rgb(result.pixels[image])))
    score, value = float(result.scores[image]), float(result.values[image])
    words = f"score {number(score)}" + ("" if value == score else f", {number(value)} after its activation")
    return Row(result.image_names[image], words, tuple(tiles))
