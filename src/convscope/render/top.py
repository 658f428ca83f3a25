"""The strongest images of the filters of a layer -> one sheet, as Figure 2 of Zeiler & Fergus 2014: projections beside patches."""

import math

from ..errors import OutputError
from ..results import Patches, TopPatches
from .deconv import VARIANTS
from .figures import shorten, width_of, wrap
from .layout import GAP, Heading, columns_of, counted, heading_notes, joined, model_name, open_sheet
from .patches import firing, patch_notes, silence, square, square_size, tile_size
from .sheet import DETAIL, LABEL, Sheet
from .theme import Theme, theme_of

GUTTER = 4 * GAP
CAPTION = LABEL.line + 6
ASPECT = 1.6
MOST_FILTERS = 256


def draw(result: TopPatches, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `top.png`: for each filter the projections of the images that excite it most, and beside them the patches."""
    used = theme_of(result, theme)
    if len(result.patches) > MOST_FILTERS:
        raise OutputError(f"A sheet of {len(result.patches)} filters cannot be drawn; at most {MOST_FILTERS} can. Take fewer filters.")
    first = result.patches[0]
    window = first.pixels.shape[1:3]
    tile = tile_size((window[0], window[1]), _side(len(result.patches)))
    height, width = square_size(len(first.images), tile)
    block = 2 * width + GAP
    columns = _columns(len(result.patches), block + GUTTER, height + CAPTION + GUTTER // 2)
    lines = math.ceil(len(result.patches) / columns)
    header, step = DETAIL.line + 8, CAPTION + height + GUTTER // 2
    sheet, left, top = open_sheet(columns * (block + GUTTER) - GUTTER, header + lines * step - GUTTER // 2, _heading(result), used)
    for column in range(columns):
        x = left + column * (block + GUTTER)
        sheet.text(x + width / 2, top, shorten("projections", DETAIL, width), DETAIL, "center")
        sheet.text(x + width + GAP + width / 2, top, shorten("image patches", DETAIL, width), DETAIL, "center")
    for index, patches in enumerate(result.patches):
        line, column = divmod(index, columns)
        place = (left + column * (block + GUTTER), top + header + line * step)
        _block(sheet, result, index, place, (width, height))
        if patches.count:
            x, y = place[0], place[1] + CAPTION
            sheet.paste(square(patches, "projections", tile, used), x, y)
            sheet.paste(square(patches, "patches", tile, used), x + width + GAP, y)
    return {"top.png": sheet}


def _side(count: int) -> int:
    return next((side for most, side in ((1, 220), (4, 160), (9, 128), (16, 112)) if count <= most), 96)


def _columns(count: int, width: int, height: int) -> int:
    return columns_of(count, max(1.0, math.sqrt(count * ASPECT * height / width)))


def _block(sheet: Sheet, result: TopPatches, index: int, place: tuple[int, int], size: tuple[int, int]) -> None:
    """Set a filter's caption, and words on a panel where it is silent."""
    patches, (left, top), (width, height) = result.patches[index], place, size
    full = 2 * width + GAP
    label = shorten(_label(result, patches), LABEL, full)
    sheet.text(left, top, label, LABEL)
    room = full - width_of(label, LABEL) - 2 * GAP
    if patches.count:
        words = firing(patches, float(result.fires[index]))
        sheet.text(left + full, top, shorten(words, DETAIL, room), DETAIL, "right")
        return
    sheet.fill(left, top + CAPTION, full, height, sheet.theme.panel)
    lines = wrap(silence(result.images, patches.not_finite), DETAIL, full - 2 * GAP)
    y = top + CAPTION + (height - len(lines) * DETAIL.line) / 2
    for step, words in enumerate(lines):
        sheet.text(left + full / 2, y + step * DETAIL.line, words, DETAIL, "center")


def _label(result: TopPatches, patches: Patches) -> str:
    """Return the channel, or the class where the layer is an output."""
    return result.legend(patches.unit).removeprefix(patches.unit.layer)


def _heading(result: TopPatches) -> Heading:
    shown = len(result.patches)
    amount = f"{shown} of {counted(result.filters, 'filter')}"
    variant = "projections " + VARIANTS.get(result.variant, result.variant)
    most = max(len(one.images) for one in result.patches)
    subtitle = joined(model_name(result), result.dataset, counted(result.images, "image"), amount, _window(result), variant)
    notes = [f"For each filter the {most} images with the largest spatial maximum, strongest first, one maximum an image."]
    if result.silent:
        notes.append(f"{result.silent} of the {counted(result.filters, 'filter')} are silent: they fire on none of the images.")
    if result.not_finite:
        notes.append(
            f"{result.not_finite} of the {counted(result.filters, 'filter')} are NaN or infinite on some images, which count for nothing."
        )
    more = patch_notes(result.patches)
    whom = f"the filters of {result.layer}" if shown > 1 else result.legend(result.patches[0].unit)
    return Heading(f"What excites {whom}", subtitle, heading_notes(result, " ".join(notes), *more))


def _window(result: TopPatches) -> str:
    height, width = result.patches[0].pixels.shape[1:3]
    whole = (height, width) == result.patches[0].size
    return "receptive field: the whole image" if whole else f"receptive field {height} x {width} px"
