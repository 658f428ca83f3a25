"""The picture of a dossier: synthetic, patches and projections above; histogram, class mix and receptive field below."""

from ...results import Dossier
from ..figures import shorten, width_of
from ..layout import GAP, Tile, draw_tile, number, open_sheet
from ..patches import framed, silence, square, square_size, tile_size
from ..pixels import Bytes, fitting, unit_to_rgb
from ..sheet import DETAIL, LABEL, Sheet
from ..theme import Theme
from . import words

PANEL = 540
SPACE = 3 * GAP
CAPTION = LABEL.line + DETAIL.line + 10
LOWER = 420


def sheet(result: Dossier, theme: Theme) -> Sheet:
    """Return the picture; of a unit that is silent on the data set the synthetic picture alone, and words beside it."""
    lower = 0 if words.silent(result) else SPACE + CAPTION + LOWER
    page, left, top = open_sheet(4 * PANEL + 3 * SPACE, CAPTION + PANEL + lower, words.heading(result), theme)
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
        page.paste(pixels, x + place * (PANEL + SPACE), top + CAPTION)
    _lower(page, result, left, top + CAPTION + PANEL + SPACE)
    return page


def _squares(result: Dossier, theme: Theme) -> list[Bytes]:
    """Return the patches, and their projections with switches and without."""
    patches, tile = result.patches, _tile(result)
    with_switches = square(patches, "projections", tile, theme)
    return [square(patches, "patches", tile, theme), with_switches, square(patches, "projections", tile, theme, result.spread)]


def _tile(result: Dossier) -> tuple[int, int]:
    """Return the largest tile of which the square fits the panel."""
    height, width = result.patches.pixels.shape[1:3]
    count, most = len(result.patches.images), PANEL
    while max(square_size(count, tile_size((height, width), most))) > PANEL and most > 1:
        most -= 1
    return tile_size((height, width), most)


def _caption(page: Sheet, said: tuple[str, str], place: tuple[int, int, int]) -> None:
    left, top, width = place
    page.text(left, top, shorten(said[0], LABEL, width), LABEL)
    page.text(left, top + LABEL.line, shorten(said[1], DETAIL, width), DETAIL)


def _lower(page: Sheet, result: Dossier, left: int, top: int) -> None:
    """Set the histogram, as wide as the class mix leaves room, the class mix, and the receptive field."""
    columns = 2 if result.class_means else 3
    wide = columns * PANEL + (columns - 1) * SPACE
    _caption(page, words.histogram_words(result), (left, top, wide))
    words.histogram(result).draw(page, (left, top + CAPTION), (wide, LOWER))
    if result.class_means:
        x = left + 2 * (PANEL + SPACE)
        _caption(page, words.class_words(result), (x, top, PANEL))
        _classes(page, result, x, top + CAPTION)
    x = left + 3 * (PANEL + SPACE)
    _caption(page, words.field_words(result), (x, top, PANEL))
    example = unit_to_rgb(result.example)
    frame = framed(result.patches, result.patches.places[0])
    draw_tile(page, Tile(example, frame), x, top + CAPTION, fitting(example, PANEL, LOWER))


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
