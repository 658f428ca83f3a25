"""The strongest images of the units of a layer -> one sheet, as Figure 2 of Zeiler & Fergus 2014: projections beside patches."""

import math

from ..errors import OutputError
from ..legible import counted
from ..results import Patches, TopPatches
from .deconv import projected
from .figures import shorten, width_of, wrap
from .layout import GAP, Heading, columns_of, heading_notes, model_name, open_sheet
from .patches import What, alone, firing, patch_notes, shown_tiles, silence, square, square_size, tile_size
from .sheet import DETAIL, LABEL, Sheet, joined
from .theme import Theme, theme_of

GUTTER = 4 * GAP
CAPTION = LABEL.line + 6
ASPECT = 1.6
PARTS: dict[str, tuple[What, ...]] = {
    "projection": ("projections", "patches"),
    "through": ("through", "patches"),
    "both": ("projections", "through", "patches"),
    "gradient": ("gradients", "through", "patches"),
}
MOST_UNITS = 256


def draw(result: TopPatches, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `top.png`: for each unit the projections of the images that excite it most, or the patches seen through them, or both, and
    beside them the patches.

    Of projections that differ in size alone one is drawn.
    """
    used = theme_of(result, theme)
    if len(result.patches) > MOST_UNITS:
        raise OutputError(
            f"A sheet of {len(result.patches)} units is too long; convscope draws at most {MOST_UNITS} units. Take fewer units."
        )
    first = result.patches[0]
    window = first.pixels.shape[1:3]
    tile = tile_size((window[0], window[1]), _side(len(result.patches) * len(PARTS[result.view]) // 2))
    height, width = square_size(len(first.images), tile)
    parts = PARTS[result.view]
    block = len(parts) * (width + GAP) - GAP
    columns = _columns(len(result.patches), block + GUTTER, height + CAPTION + GUTTER // 2)
    lines = math.ceil(len(result.patches) / columns)
    header, step = DETAIL.line + 8, CAPTION + height + GUTTER // 2
    sheet, left, top = open_sheet(columns * (block + GUTTER) - GUTTER, header + lines * step - GUTTER // 2, _heading(result), used)
    sheet.columns = tuple(_name(result, what) for what in parts)
    for column in range(columns):
        x = left + column * (block + GUTTER)
        for number, what in enumerate(parts):
            middle = x + number * (width + GAP) + width / 2
            sheet.text(middle, top, shorten(_name(result, what), DETAIL, width), DETAIL, "center")
    for index, patches in enumerate(result.patches):
        line, column = divmod(index, columns)
        place = (left + column * (block + GUTTER), top + header + line * step)
        _block(sheet, result, index, place, (block, height))
        for number, what in enumerate(parts if patches.count else ()):
            single = result.steady and what == "projections"
            tiles = shown_tiles(patches, what, result.contrast, tile=None if single else tile, single=single)
            pixels = alone(patches, tiles, (height, width), used) if single else square(patches, tiles, tile, used)
            sheet.paste(pixels, place[0] + number * (width + GAP), place[1] + CAPTION, edged=True)
    return {"top.png": sheet}


def _name(result: TopPatches, what: What) -> str:
    """Return what stands above a column."""
    if what == "projections":
        return "projection, the same for all" if result.steady else "projections"
    return {"through": "seen through", "gradients": "gradients"}.get(what, "image patches")


def _side(count: int) -> int:
    return next((side for most, side in ((1, 220), (4, 160), (9, 128), (16, 112), (64, 96)) if count <= most), 72)


def _columns(count: int, width: int, height: int) -> int:
    return columns_of(count, max(1.0, math.sqrt(count * ASPECT * height / width)))


def _block(sheet: Sheet, result: TopPatches, index: int, place: tuple[int, int], size: tuple[int, int]) -> None:
    """Set a unit's caption, and words on a panel where it is silent."""
    patches, (left, top), (full, height) = result.patches[index], place, size
    said = firing(patches, float(result.fires[index])) if patches.count else silence(result.images, patches.not_finite)
    sheet.panel((left, top + CAPTION, left + full, top + CAPTION + height), result.legend(patches.unit), said)
    label = shorten(_label(result, patches), LABEL, full)
    sheet.text(left, top, label, LABEL)
    room = full - width_of(label, LABEL) - 2 * GAP
    if patches.count:
        sheet.text(left + full, top, shorten(said, DETAIL, room), DETAIL, "right")
        return
    sheet.fill(left, top + CAPTION, full, height, sheet.theme.panel)
    lines = wrap(said, DETAIL, full - 2 * GAP)
    y = top + CAPTION + (height - len(lines) * DETAIL.line) / 2
    for step, words in enumerate(lines):
        sheet.text(left + full / 2, y + step * DETAIL.line, words, DETAIL, "center")


def _label(result: TopPatches, patches: Patches) -> str:
    """Return the channel, or the class where the layer is an output, and what the unit fires for."""
    label, name = result.legend(patches.unit).removeprefix(patches.unit.layer), result.names.get(str(patches.unit))
    return f"{label}  {name.name} {name.auc:.2f}" if name is not None and name.explains else label


def _heading(result: TopPatches) -> Heading:
    shown = len(result.patches)
    amount = f"{shown} of {counted(result.channels, 'unit')}"
    variant = projected(result.variant, result.view)
    most = max(len(one.images) for one in result.patches)
    subtitle = joined(model_name(result), result.dataset, counted(result.images, "image"), amount, _window(result), variant)
    notes = [f"For each unit the {most} images with the largest maximum over space, strongest first, one maximum for each image."]
    if result.silent:
        notes.append(f"{result.silent} of the {counted(result.channels, 'unit')} are silent: they fire on no image.")
    if result.not_finite:
        notes.append(
            f"{result.not_finite} of the {counted(result.channels, 'unit')} are NaN or infinite on some images, which do not count."
        )
    if any(one.explains for one in result.names.values()):
        pseudo = ", by pseudo-labels of SqueezeNet" if any(one.is_pseudo for one in result.names.values()) else ""
        notes.append(f"Behind the channel: what the unit fires for{pseudo}, with its AUC on images that did not choose the name.")
    more = patch_notes(
        result.patches, view=result.view, signed=result.view != "through", single=result.steady and result.view != "gradient"
    )
    whom = f"the units of {result.layer}" if shown > 1 else result.legend(result.patches[0].unit)
    return Heading(f"What excites {whom}", subtitle, heading_notes(result, " ".join(notes), *more))


def _window(result: TopPatches) -> str:
    height, width = result.patches[0].pixels.shape[1:3]
    whole = (height, width) == result.patches[0].size
    return "receptive field: the whole image" if whole else f"receptive field {height} x {width} px"
