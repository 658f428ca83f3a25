"""What the sheets of scans share: a unit's nine patches, or their projections, as one square; what it is called when it is silent."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from ..legible import counted
from ..results import FloatArray, Patches
from .layout import number
from .pixels import SMOOTH_FROM, Bytes, fit, unit_to_rgb
from .signals import COMPARED_NOTE, SCALE_NOTE, reduced, scales, seen_through, signed_to_rgb, through_note
from .theme import Theme

SEAM = 4
What = Literal["patches", "projections", "gradients", "through"]
Size = tuple[int, int]
Tiles = Mapping[int, Bytes]
BORDER_NOTE = "A window that reaches over the border of its image is filled with the empty colour, so all have one scale."
BORDER_FIRST_NOTE = "A unit that is strongest at the border of nearly every image may answer to the padding there, not to the image."
NOTHING_NOTE = "An empty projection means that nothing of the signal reaches the pixels."
MISSING_NOTE = "An empty place stands for an image that is gone or has changed since the scan."


def tile_size(window: tuple[int, int], most: int) -> tuple[int, int]:
    """Return the (height, width) on the sheet of a window of (height, width) pixels, `most` the longer side.

    Small windows grow by a whole factor, so that every pixel of theirs is a square of the same size.
    """
    longest = max(window)
    factor = max(1, round(most / longest)) if longest < SMOOTH_FROM else most / longest
    return max(1, round(window[0] * factor)), max(1, round(window[1] * factor))


def largest_tile(window: Size, count: int, room: Size) -> Size:
    """Return the (height, width) of the largest tile of a window of which the square of `count` fits into `room`, or the smallest."""
    sizes = (tile_size(window, most) for most in range(max(room), 0, -1))
    fitting = (tile for tile in sizes if all(side <= most for side, most in zip(square_size(count, tile), room, strict=True)))
    return next(fitting, tile_size(window, 1))


def square_size(count: int, tile: tuple[int, int]) -> tuple[int, int]:
    """Return the (height, width) of a square of `count` tiles of (height, width)."""
    columns = columns_for(count)
    rows = math.ceil(count / columns)
    return rows * tile[0] + (rows - 1) * SEAM, columns * tile[1] + (columns - 1) * SEAM


def columns_for(count: int) -> int:
    """Return 3 for nine tiles: the columns of the squarest arrangement."""
    return max(1, math.ceil(math.sqrt(count)))


def shown_tiles(
    patches: Patches,
    what: What,
    contrast: float,
    *,
    signals: FloatArray | None = None,
    tile: Size | None = None,
    single: bool = False,
) -> Tiles:
    """Return by place the part of each window that lies on its image: a patch, its projection or gradient, or what is seen through these.

    `signals` takes the place of the record's own projections, or of what is looked through. As large as the windows, or reduced to their
    share of a `tile` of (height, width). Places that no image excites or without a picture have none, nor has a projection that is zero
    everywhere: grey would look like a finding. `single`: of those that differ in size alone the one that the border cuts least.
    """
    used = patches.projections if signals is None else signals
    if what in ("through", "gradients") and signals is None and patches.gradients is not None:
        used = patches.gradients
    places = [place for place in patches.places if what == "patches" or used[place].any()]
    if single:
        places = [max(places, key=lambda place: (_area(patches, place), -place))] if places else []
    cuts = {place: _on_image(patches, place) for place in places}
    if what == "patches":
        return {place: unit_to_rgb(patches.pixels[cut]) for place, cut in cuts.items()}
    if what == "through":
        return {place: seen_through(patches.pixels[cut], used[cut]) for place, cut in cuts.items()}
    small = [used[cut] if tile is None else reduced(used[cut], _part(patches, place, tile)[2:]) for place, cut in cuts.items()]
    shown = map(signed_to_rgb, small, scales(small, contrast))
    return dict(zip(cuts, shown, strict=True))


def _on_image(patches: Patches, place: int) -> tuple[int, slice, slice]:
    top, left, bottom, right = patches.inside(place)
    return place, slice(top, bottom), slice(left, right)


def _area(patches: Patches, place: int) -> int:
    top, left, bottom, right = patches.inside(place)
    return (bottom - top) * (right - left)


def square(patches: Patches, tiles: Tiles, tile: Size, theme: Theme) -> Bytes:
    """Return the `tiles` of one unit, row by row, strongest first, each in a room of `tile` (height, width) pixels; others stay empty."""
    total = len(patches.images)
    height, width = square_size(total, tile)
    canvas: Bytes = np.full((height, width, 3), theme.page, np.uint8)
    for place in range(total):
        row, column = divmod(place, columns_for(total))
        top, left = row * (tile[0] + SEAM), column * (tile[1] + SEAM)
        canvas[max(0, top - 1) : top + tile[0] + 1, max(0, left - 1) : left + tile[1] + 1] = theme.line
        room = canvas[top : top + tile[0], left : left + tile[1]]
        room[:] = theme.panel
        if place in tiles:
            _fill(room, patches, place, tiles[place])
    return canvas


def alone(patches: Patches, tiles: Tiles, size: Size, theme: Theme) -> Bytes:
    """Return a `single` tile as large as fits into `size` (height, width)."""
    tile = largest_tile((patches.pixels.shape[1], patches.pixels.shape[2]), 1, size)
    canvas: Bytes = np.full((*size, 3), theme.panel, np.uint8)
    top, left = (size[0] - tile[0]) // 2, (size[1] - tile[1]) // 2
    for place, pixels in tiles.items():
        _fill(canvas[top : top + tile[0], left : left + tile[1]], patches, place, pixels)
    return canvas


def has_tile(patches: Patches, place: int, signals: FloatArray | None = None) -> bool:
    """Say whether there is a projection to be seen at a place."""
    return place in patches.places and bool((patches.projections if signals is None else signals)[place].any())


def _fill(room: Bytes, patches: Patches, place: int, pixels: Bytes) -> None:
    y, x, wide, tall = _part(patches, place, room.shape[:2])
    shown = _exactly(pixels, wide, tall)
    room[y : y + tall, x : x + wide] = shown[: room.shape[0] - y, : room.shape[1] - x]


def _part(patches: Patches, place: int, room: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return where in a room of (height, width) the part of a window that lies on its image belongs: row, column, width, height."""
    window = patches.pixels.shape[1:3]
    top, left, bottom, right = patches.inside(place)
    vertical, horizontal = room[0] / window[0], room[1] / window[1]
    y, x = round(top * vertical), round(left * horizontal)
    return y, x, max(1, round(right * horizontal) - x), max(1, round(bottom * vertical) - y)


def _exactly(pixels: Bytes, width: int, height: int) -> Bytes:
    """As `fit`, where rounding may leave a pixel: that one repeats the edge."""
    shown = fit(pixels, width, height)
    missing = ((0, height - shown.shape[0]), (0, width - shown.shape[1]), (0, 0))
    return np.pad(shown, missing, mode="edge")


def is_cut(patches: Patches) -> bool:
    """Say whether one of the windows reaches over the border of its image."""
    window = patches.pixels.shape[1:3]
    return any(patches.inside(place) != (0, 0, *window) for place in patches.places)


def patch_notes(
    shown: Sequence[Patches], signals: FloatArray | None = None, *, view: str, signed: bool = True, single: bool = False
) -> tuple[str, ...]:
    """Return the sentences under a sheet that say how patches, projections if any are `signed` (of each unit a `single` one), and what is
    seen through are drawn.
    """
    if not any(one.count for one in shown):
        return ()
    pairs = [(one, values) for one in shown for values in (one.projections, *([] if signals is None else [signals]))]
    empty = any(not has_tile(one, place, values) for one, values in pairs for place in one.places)
    said = {
        SCALE_NOTE + ("" if single else f" {COMPARED_NOTE}"): signed,
        through_note(view, any(one.gradients is not None for one in shown)): view != "projection",
        BORDER_FIRST_NOTE: any(one.padded for one in shown),
        BORDER_NOTE: any(is_cut(one) for one in shown),
        NOTHING_NOTE: empty,
        MISSING_NOTE: any(one.missing for one in shown),
    }
    return tuple(note for note, holds in said.items() if holds)


def framed(patches: Patches, place: int) -> tuple[float, float, float, float]:
    """Return the window on its image as left, top, right, bottom in [0, 1]."""
    height, width = patches.size
    top, left, bottom, right = (int(side) for side in patches.fields[place])
    return max(0, left) / width, max(0, top) / height, min(right, width) / width, min(bottom, height) / height


def silence(images: int, not_finite: int = 0) -> str:
    """Return the words in place of the pictures of a unit that no image excites, or whose values are NaN or infinite."""
    if not_finite == images:
        return f"not finite: NaN or infinite on {counted(images, 'image')}" if images != 1 else "not finite: NaN or infinite on the image"
    others = f", not finite on {counted(not_finite, 'other')}" if not_finite else ""
    images -= not_finite
    return (
        f"silent: fires on none of the {counted(images, 'image')}{others}"
        if images != 1
        else f"silent: one image does not excite it{others}"
    )


def share(part: float) -> str:
    """Return a share as a percentage that does not round the few to none nor the many to all."""
    percent = 100 * part
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.0f} %" if percent in (0, 100) or 10 <= percent < 99.5 else f"{percent:.1f} %"


def firing(patches: Patches, fires: float) -> str:
    """Return the largest value and how often the unit fires, in a few words; before an activation that is flat above."""
    return " · ".join((f"max {number(float(patches.before[0]))}", *exceptions(patches), f"fires on {share(fires)}"))


def exceptions(patches: Patches) -> tuple[str, ...]:
    """Return on how many images the unit is at its ceiling, on how many it is not finite, and whether it fires at the border of nearly
    all, where there are any.
    """
    saturated = f"saturated in {counted(patches.saturated, 'image')}" if patches.saturated else ""
    odd = f"not finite in {counted(patches.not_finite, 'image')}" if patches.not_finite else ""
    edge = f"fires at the border in {patches.at_border} of {patches.count}" if patches.padded else ""
    return tuple(words for words in (edge, saturated, odd) if words)
