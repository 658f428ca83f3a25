"""The picture of several images explained: a row for each, with a map and the patches of the units that argue most."""

from ...results import Explained, Explanation, FloatArray
from ..layout import Row, Tile, draw_rows
from ..pixels import unit_to_rgb
from ..sheet import Sheet, joined
from ..theme import Theme
from . import parts

FOR, AGAINST = 3, 2


def table(result: Explanation, theme: Theme) -> Sheet:
    """Return the picture."""
    rows = [_row(one, image) for one, image in zip(result.explained, result.images, strict=True)]
    method = next(iter(result.explained[0].maps), "")
    names = ("image", *(("map",) if method else ()), *("for",) * FOR, *("against",) * AGAINST)
    return draw_rows(rows, names, parts.heading(result), theme)


def _row(one: Explained, image: FloatArray) -> Row:
    classes = f"{one.classes[0].name} {parts.chance(one.classes[0])}" if one.classes else ""
    label = f"is {one.label}" if one.label else ""
    tiles = [Tile(unit_to_rgb(image)), *(Tile(shown.pixels) for shown in list(parts.maps(one, image))[:1])]
    # Of a dense layer every patch would be the whole image.
    layer = next((each for each in one.layers if any(unit.position for unit in (*each.pro, *each.contra))), None)
    for units, count in ((layer.pro if layer else (), FOR), (layer.contra if layer else (), AGAINST)):
        for place in range(count):
            if place < len(units):
                top, left, bottom, right = units[place].field
                tiles.append(Tile(unit_to_rgb(image[top:bottom, left:right])))
            else:
                tiles.append(Tile(words="none"))
    argued = ", ".join(f"{unit.unit.channel} {parts.signed(unit.contribution)}" for unit in layer.pro[:FOR]) if layer else ""
    return Row(
        joined(one.image_name, one.said), joined(classes, label, f"{layer.layer} {argued}" if layer and argued else ""), tuple(tiles)
    )
