"""The picture of a dossier: synthetic, patches and projections above; histogram, class mix and receptive field below."""

from ...results import Dossier, FloatArray
from ..figures import shorten, width_of
from ..layout import GAP, Tile, draw_tile, number, open_sheet
from ..patches import alone, framed, largest_tile, shown_tiles, silence, square, square_size
from ..pixels import Bytes, fitting, unit_to_rgb
from ..sheet import DETAIL, LABEL, Sheet
from ..theme import Theme
from ..trust import block_height, draw_block, lines, path_curves, random_curves
from . import words

PANEL = 540
SPACE = 3 * GAP
CAPTION = LABEL.line + DETAIL.line + 10
LOWER = 420
STRIP = 184


def sheet(result: Dossier, theme: Theme) -> Sheet:
    """Return the picture; of a unit that is silent on the data set the synthetic picture alone, and words beside it."""
    lower = 0 if words.silent(result) else SPACE + CAPTION + LOWER + _strip_height(result)
    trusted = [] if result.trust is None else lines(result.trust)
    last = SPACE + CAPTION + block_height(trusted) if trusted else 0
    page, left, top = open_sheet(4 * PANEL + 3 * SPACE, CAPTION + PANEL + lower + last, words.heading(result), theme)
    if result.trust is not None:
        below = top + CAPTION + PANEL + lower + SPACE
        draw_block(page, (left, below), words.trust_words(result.trust), trusted, path_curves(result.trust), random_curves(result.trust))
    names = words.upper(result)
    _caption(page, names[0], (left, top, PANEL))
    draw_tile(page, Tile(unit_to_rgb(result.synthetic)), left, top + CAPTION, (PANEL, PANEL))
    x = left + PANEL + SPACE
    if words.silent(result):
        _caption(page, names[1], (x, top, PANEL))
        draw_tile(page, Tile(words=silence(result.images, result.patches.not_finite)), x, top + CAPTION, (3 * PANEL + 2 * SPACE, PANEL))
        return page
    for place, pixels in enumerate(_squares(result, theme)):
        _caption(page, names[1 + place], (x + place * (PANEL + SPACE), top, PANEL))
        page.paste(pixels, x + place * (PANEL + SPACE), top + CAPTION, edged=True)
    _lower(page, result, left, top + CAPTION + PANEL + SPACE)
    _other_end(page, result, left, top + 2 * (CAPTION + SPACE) + PANEL + LOWER)
    return page


def _squares(result: Dossier, theme: Theme) -> list[Bytes]:
    """Return the patches, their projections, and the patches seen through these."""
    patches, tile = result.patches, _tile(result, PANEL)
    seen = square(patches, shown_tiles(patches, "through", result.contrast), tile, theme)
    patched = square(patches, shown_tiles(patches, "patches", result.contrast), tile, theme)
    return [patched, _projected(result, None, result.steady, PANEL, theme), seen]


def _projected(result: Dossier, signals: FloatArray | None, steady: bool, room: int, theme: Theme) -> Bytes:
    """Return a square of projections in a room of so many pixels, or one of them where all have the same shape."""
    patches, tile = result.patches, _tile(result, room)
    tiles = shown_tiles(patches, "projections", result.contrast, signals=signals, tile=None if steady else tile, single=steady)
    return alone(patches, tiles, square_size(len(patches.images), tile), theme) if steady else square(patches, tiles, tile, theme)


def _tile(result: Dossier, room: int) -> tuple[int, int]:
    """Return the largest tile of which the square fits into a room of so many pixels."""
    height, width = result.patches.pixels.shape[1:3]
    return largest_tile((height, width), len(result.patches.images), (room, room))


def _caption(page: Sheet, said: tuple[str, str], place: tuple[int, int, int]) -> None:
    left, top, width = place
    page.text(left, top, shorten(said[0], LABEL, width), LABEL)
    page.text(left, top + LABEL.line, shorten(said[1], DETAIL, width), DETAIL)


def _lower(page: Sheet, result: Dossier, left: int, top: int) -> None:
    """Set the histogram, as wide as the others leave room, the class mix, the projections without switches, and the receptive field."""
    columns = 3 - bool(result.class_means) - (result.spread is not None)
    wide = columns * PANEL + (columns - 1) * SPACE
    _caption(page, words.histogram_words(result), (left, top, wide))
    words.histogram(result).draw(page, (left, top + CAPTION), (wide, LOWER))
    x = left + wide + SPACE
    if result.class_means:
        _caption(page, words.class_words(result), (x, top, PANEL))
        _classes(page, result, x, top + CAPTION)
        x += PANEL + SPACE
    if result.spread is not None:
        _caption(page, words.without(result), (x, top, PANEL))
        projected = _projected(result, result.spread, result.spread_steady, LOWER, theme=page.theme)
        page.paste(projected, x, top + CAPTION, edged=True)
        x += PANEL + SPACE
    _caption(page, words.field_words(result), (x, top, PANEL))
    example = unit_to_rgb(result.example)
    frame = framed(result.patches, result.patches.places[0])
    draw_tile(page, Tile(example, frame), x, top + CAPTION, fitting(example, PANEL, LOWER))


def _strip_height(result: Dossier) -> int:
    """Return how high the strip of the other end is with its captions, 0 for none."""
    return 0 if result.opposite is None and result.weakest is None else SPACE + CAPTION + STRIP


def _other_end(page: Sheet, result: Dossier, left: int, top: int) -> None:
    """Set the picture that the unit wants least beside the images that excite it least, all in a row."""
    wide, shown = 4 * PANEL + 3 * SPACE, 0 if result.weakest is None else len(result.weakest.images)
    x = left if result.opposite is None else left + wide - shown * (STRIP + GAP)
    if result.opposite is not None:
        _caption(page, words.opposite_words(result), (left, top, x - left - GAP))
        draw_tile(page, Tile(unit_to_rgb(result.opposite)), left, top + CAPTION, (STRIP, STRIP))
    if result.weakest is None:
        return
    _caption(page, words.weakest_words(result.weakest), (x, top, left + wide - x))
    for place, pixels in enumerate(result.weakest.pixels):
        tile = Tile(words="missing") if place in result.weakest.missing else Tile(unit_to_rgb(pixels))
        draw_tile(page, tile, x + place * (STRIP + GAP), top + CAPTION, (STRIP, STRIP))


def _classes(page: Sheet, result: Dossier, left: int, top: int) -> None:
    """Draw a bar for each class: its mean, and beside it how many of the strongest images are of it."""
    rows = words.classes(result)
    step = min(LOWER // max(1, len(rows)), DETAIL.line + 16)
    names = min(PANEL // 3, round(max(width_of(name, DETAIL) for name, _, _ in rows)) + 1)
    ends = round(max(width_of(f"{number(mean)}  {words.among(result, part)}", DETAIL) for _, mean, part in rows)) + 2 * GAP
    room = PANEL - names - GAP - ends
    largest = max(1e-12, *(mean for _, mean, _ in rows))
    for place, (name, mean, part) in enumerate(rows):
        y = top + place * step
        page.text(left + names, y, shorten(name, DETAIL, names), DETAIL, "right")
        length = max(2, round(room * max(0.0, mean) / largest))
        page.fill(left + names + GAP, y + 2, length, DETAIL.line - 6, page.theme.accent if part else page.theme.line)
        page.text(left + names + GAP + length + GAP, y, number(mean), DETAIL)
        if part:
            page.text(left + PANEL, y, words.among(result, part), DETAIL, "right")
