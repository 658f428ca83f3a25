"""The picture of one image explained: classes and maps above, the units of each layer, for and against, below, then neighbours."""

from ...results import Evidence, Explained, Explanation, FloatArray, LayerEvidence
from ..figures import shorten, width_of
from ..layout import GAP, Tile, draw_tile, open_sheet
from ..pixels import unit_to_rgb
from ..sheet import DETAIL, LABEL, TINY, Sheet
from ..theme import Theme
from . import parts

SIDE, SPACE, SMALL = 320, 3 * GAP, 180
CAPTION = LABEL.line + DETAIL.line + 10
NO_PROJECTION = "not above 0"
COLUMNS = 5
WIDTH = COLUMNS * SIDE + (COLUMNS - 1) * SPACE
HALF = (WIDTH - SPACE) // 2
MOST_NEAR = 6


def sheet(result: Explanation, theme: Theme) -> Sheet:
    """Return the picture."""
    (one,), image = result.explained, result.images[0]
    heights = [CAPTION + max(len(layer.pro), len(layer.contra)) * _height(layer) + SPACE for layer in one.layers]
    near = CAPTION + SMALL + 2 * DETAIL.line + SPACE if one.near else 0
    page, left, top = open_sheet(WIDTH, CAPTION + SIDE + SPACE + sum(heights) + near, parts.heading(result), theme)
    _upper(page, one, image, left, top)
    y = top + CAPTION + SIDE + SPACE
    for layer, height in zip(one.layers, heights, strict=True):
        _layer(page, layer, image, left, y)
        y += height
    if one.near:
        _near(page, one, left, y)
    return page


def _caption(page: Sheet, name: str, detail: str, left: int, top: int, room: int) -> None:
    page.text(left, top, shorten(name, LABEL, room), LABEL)
    if detail:
        page.text(left, top + LABEL.line, shorten(detail, DETAIL, room), DETAIL)


def _upper(page: Sheet, one: Explained, image: FloatArray, left: int, top: int) -> None:
    _caption(page, one.image_name, f"label {one.label}" if one.label else "", left, top, SIDE)
    draw_tile(page, Tile(unit_to_rgb(image)), left, top + CAPTION, (SIDE, SIDE))
    page.panel((left, top + CAPTION, left + SIDE, top + CAPTION + SIDE), one.image_name)
    x = left + SIDE + SPACE
    if one.classes:
        _caption(page, "What the network says", "", x, top, SIDE)
        _classes(page, one, x, top + CAPTION)
        x += SIDE + SPACE
    for shown in parts.maps(one, image):
        _caption(page, shown.name, "over the image", x, top, SIDE)
        draw_tile(page, Tile(shown.pixels), x, top + CAPTION, (SIDE, SIDE))
        page.panel((x, top + CAPTION, x + SIDE, top + CAPTION + SIDE), shown.name)
        x += SIDE + SPACE


def _classes(page: Sheet, one: Explained, left: int, top: int) -> None:
    """Draw a bar for each class: its probability, or nothing where the network gives none."""
    step = min(2 * DETAIL.line + 12, SIDE // max(1, len(one.classes)))
    for place, each in enumerate(one.classes):
        y, words = top + place * step, parts.chance(each)
        room = SIDE - round(width_of(words, DETAIL)) - GAP
        page.text(left, y, shorten(each.name, DETAIL, room), DETAIL)
        page.text(left + SIDE, y, words, DETAIL, "right")
        if each.probability is not None:
            length = max(2, round(SIDE * each.probability))
            page.fill(left, y + DETAIL.line, length, 8, page.theme.accent if place == 0 else page.theme.line)


def _layer(page: Sheet, layer: LayerEvidence, image: FloatArray, left: int, top: int) -> None:
    name, detail = parts.layer_words(layer)
    _caption(page, f"{name}: units that argue for it", detail, left, top, HALF)
    _caption(page, "and against it", "" if layer.contra else "none", left + HALF + SPACE, top, HALF)
    count = _pictures(layer)
    for units, x in ((layer.pro, left), (layer.contra, left + HALF + SPACE)):
        for place, one in enumerate(units):
            _unit(page, one, image, (x, top + CAPTION + place * _height(layer), HALF), count)


def _pictures(layer: LayerEvidence) -> int:
    """Return how many pictures the units of a layer have at most."""
    return max(((4 if one.fired.size else 1) + len(one.strip) for one in (*layer.pro, *layer.contra)), default=1)


def _side(count: int) -> int:
    """Return the side of each of so many pictures of a unit."""
    return min(SMALL, (HALF + GAP) // count - GAP)


def _height(layer: LayerEvidence) -> int:
    """Return what a unit of a layer takes from top to bottom."""
    return DETAIL.line + _side(_pictures(layer)) + 2 * GAP


def _unit(page: Sheet, one: Evidence, image: FloatArray, place: tuple[int, int, int], count: int) -> None:
    """Draw a unit at a place (left, top, room), as one of those that have at most `count` pictures."""
    left, top, room = place
    name, detail = parts.unit_words(one)
    words = shorten(f"{name}   {detail}", DETAIL, room)
    page.text(left, top, words, DETAIL)
    side = _side(count)
    for number, shown in enumerate(parts.unit_tiles(one, image)):
        tile = Tile(words=NO_PROJECTION) if shown.pixels is None else Tile(shown.pixels, shown.frame)
        draw_tile(page, tile, left + number * (side + GAP), top + DETAIL.line + 4, (side, side))
    page.panel((left, top + DETAIL.line + 4, left + room, top + DETAIL.line + 4 + side), name, detail)


def _near(page: Sheet, one: Explained, left: int, top: int) -> None:
    _caption(page, "The nearest images of the data set", "by the features before the decision", left, top, WIDTH)
    room = (WIDTH - (MOST_NEAR - 1) * SPACE) // MOST_NEAR
    for place, each in enumerate(one.near[:MOST_NEAR]):
        shown, x = parts.neighbour(each), left + place * (room + SPACE)
        tile = Tile(words="gone") if shown.pixels is None else Tile(shown.pixels)
        draw_tile(page, tile, x, top + CAPTION, (SMALL, SMALL))
        page.text(x, top + CAPTION + SMALL + 4, shorten(shown.name, TINY, room), TINY)
        page.text(x, top + CAPTION + SMALL + 4 + DETAIL.line, shorten(shown.detail, TINY, room), TINY)
