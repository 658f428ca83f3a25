"""What the sheets of scans share: a unit's nine patches, or their projections, as one square; what it is called when it is silent."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from PIL import Image

from ..results import FloatArray, Patches
from .layout import counted, number
from .pixels import SMOOTH_FROM, Bytes, fit, signed_to_rgb, unit_to_rgb
from .theme import Theme

SEAM = 4
# Of a small tile a reader sees its shape, not its spikes: more of them are clipped than in a projection by itself.
PERCENTILE = 98.0
What = Literal["patches", "projections"]
SCALE_NOTE = "Projections are signed: zero is mid-grey, and each has its own scale."
BORDER_NOTE = "A window that reaches over the border of its image is filled up with the empty colour, so that all have one scale."
NOTHING_NOTE = "Where a projection is left empty, nothing of the signal comes down to the pixels."
MISSING_NOTE = "An empty place has no picture: it is gone, or has changed since the scan."


def tile_size(window: tuple[int, int], most: int) -> tuple[int, int]:
    """Return the (height, width) on the sheet of a window of (height, width) pixels, `most` the longer side.

    Small windows grow by a whole factor, so that every pixel of theirs is a square of the same size.
    """
    longest = max(window)
    factor = max(1, round(most / longest)) if longest < SMOOTH_FROM else most / longest
    return max(1, round(window[0] * factor)), max(1, round(window[1] * factor))


def square_size(count: int, tile: tuple[int, int]) -> tuple[int, int]:
    """Return the (height, width) of a square of `count` tiles of (height, width)."""
    columns = columns_for(count)
    rows = math.ceil(count / columns)
    return rows * tile[0] + (rows - 1) * SEAM, columns * tile[1] + (columns - 1) * SEAM


def columns_for(count: int) -> int:
    """Return 3 for nine tiles: the columns of the squarest arrangement."""
    return max(1, math.ceil(math.sqrt(count)))


def square(patches: Patches, what: What, tile: tuple[int, int], theme: Theme, signals: FloatArray | None = None) -> Bytes:
    """Return the patches or the projections of one unit, row by row, strongest first, as tiles of (height, width) pixels.

    `signals` takes the place of the record's own projections. Places that no image excites, or without a picture, stay empty, and so
    does a projection that is zero everywhere: grey would look like a finding.
    """
    total = len(patches.images)
    height, width = square_size(total, tile)
    canvas: Bytes = np.full((height, width, 3), theme.page, np.uint8)
    for place in range(total):
        row, column = divmod(place, columns_for(total))
        top, left = row * (tile[0] + SEAM), column * (tile[1] + SEAM)
        room = canvas[top : top + tile[0], left : left + tile[1]]
        room[:] = theme.panel
        if has_tile(patches, place, what, signals):
            _fill(room, patches, place, what, patches.projections if signals is None else signals)
    return canvas


def has_tile(patches: Patches, place: int, what: What, signals: FloatArray | None = None) -> bool:
    """Say whether there is something to be seen at a place."""
    if place not in patches.places:
        return False
    return what == "patches" or bool((patches.projections if signals is None else signals)[place].any())


def tile_of(patches: Patches, place: int, what: What, signals: FloatArray | None = None) -> Bytes:
    """Return the part of one window that lies on its image, at its own size."""
    top, left, bottom, right = patches.inside(place)
    if what == "patches":
        return unit_to_rgb(patches.pixels[place, top:bottom, left:right])
    values = patches.projections if signals is None else signals
    return signed_to_rgb(values[place, top:bottom, left:right], PERCENTILE)


def _fill(room: Bytes, patches: Patches, place: int, what: What, signals: FloatArray) -> None:
    window = patches.pixels.shape[1:3]
    top, left, bottom, right = patches.inside(place)
    vertical, horizontal = room.shape[0] / window[0], room.shape[1] / window[1]
    y, x = round(top * vertical), round(left * horizontal)
    tall, wide = max(1, round(bottom * vertical) - y), max(1, round(right * horizontal) - x)
    shown = _exactly(_tile_at(patches, place, what, signals, (wide, tall)), wide, tall)
    room[y : y + tall, x : x + wide] = shown[: room.shape[0] - y, : room.shape[1] - x]


def _tile_at(patches: Patches, place: int, what: What, signals: FloatArray, size: tuple[int, int]) -> Bytes:
    """As `tile_of`; a projection that has to shrink to `size` (width, height) does so before it is scaled to colours.

    Its lone bright pixels would set the scale and then be averaged away, which leaves the whole grey.
    """
    top, left, bottom, right = patches.inside(place)
    if what == "patches" or (right - left <= size[0] and bottom - top <= size[1]):
        return tile_of(patches, place, what, signals)
    planes = np.moveaxis(signals[place, top:bottom, left:right], -1, 0)
    small = [np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size, Image.Resampling.BOX)) for plane in planes]
    return signed_to_rgb(np.stack(small, axis=-1), PERCENTILE)


def _exactly(pixels: Bytes, width: int, height: int) -> Bytes:
    """As `fit`, where rounding may leave a pixel: that one repeats the edge."""
    shown = fit(pixels, width, height)
    missing = ((0, height - shown.shape[0]), (0, width - shown.shape[1]), (0, 0))
    return np.pad(shown, missing, mode="edge")


def is_cut(patches: Patches) -> bool:
    """Say whether one of the windows reaches over the border of its image."""
    window = patches.pixels.shape[1:3]
    return any(patches.inside(place) != (0, 0, *window) for place in patches.places)


def patch_notes(shown: Sequence[Patches], signals: FloatArray | None = None) -> tuple[str, ...]:
    """Return the sentences under a sheet that say how patches and projections are drawn."""
    if not any(one.count for one in shown):
        return ()
    pairs = [(one, values) for one in shown for values in (one.projections, *([] if signals is None else [signals]))]
    empty = any(not has_tile(one, place, "projections", values) for one, values in pairs for place in one.places)
    said = {
        SCALE_NOTE: True,
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
    """Return what is said in place of the pictures of a unit that no image excites, or whose values are no numbers."""
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
    """Return on how many images the unit is at its ceiling, and on how many it is not finite, where there are any."""
    saturated = f"saturated in {counted(patches.saturated, 'image')}" if patches.saturated else ""
    odd = f"not finite in {counted(patches.not_finite, 'image')}" if patches.not_finite else ""
    return tuple(words for words in (saturated, odd) if words)
