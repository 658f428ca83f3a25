"""Projections -> one sheet: the image with the receptive field, the patch in it, its projection, and the patch seen through that."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..legible import counted
from ..results import FloatArray, Projections, Windows
from .layout import Heading, Row, Tile, draw_rows, heading_notes, model_name, number, room_for
from .pixels import Bytes, kept_inside, unit_to_rgb
from .sheet import Sheet, joined
from .signals import COMPARED_NOTE, SCALE_NOTE, reduced, scales, seen_through, signed_to_rgb, through_note
from .theme import Theme, theme_of

VARIANTS = {
    "switches": "with switches",
    "spread": "without switches: the value goes to every position of its pooling window",
    "center": "without switches: the value goes to the centre of its pooling window",
    "unpooled": "no max pooling, so no switches",
}
PADDING_NOTE = "Border: the position lies in the outermost rows or columns of its map, where the unit sees padding beside the image."
SILENT, NOT_FINITE = "not excited by this image", "not finite: NaN or infinite on this image"
AS_BEFORE = "as for {}: the image does not change it"
Field = tuple[int, int, int, int]
Place = tuple[int, int]


def draw(result: Projections, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `deconv.png`: one row for each unit and image, a unit's images together.

    The patch is left out where every field is the whole image, and where the seed was the whole activation map. A unit
    that an image does not excite gets words in place of a picture, because a grey one would look like a finding.
    """
    patches = result.seeded != "map" and any(not _is_whole(result, *place) for place in _places(result))
    shown = _Shown(result, patches)
    several = len(result.units) > 1 and len(result.image_names) in (2, 3, 4)
    multiple = len(result.image_names) if several else 1
    sheet = draw_rows(list(shown.rows()), shown.names, _heading(result), theme_of(result, theme), multiple)
    return {"deconv.png": sheet}


def projected(variant: str, view: str) -> str:
    """Return how what is drawn came down, in words."""
    if view == "gradient":
        return "plain gradients"
    return VARIANTS[variant] if variant == "unpooled" else f"projections {VARIANTS.get(variant, f'by the rules {variant}')}"


def _places(result: Projections) -> list[Place]:
    return [(unit, image) for unit in range(len(result.units)) for image in range(len(result.image_names))]


def _heading(result: Projections) -> Heading:
    layers = dict.fromkeys(unit.layer for unit in result.units)
    gradient = result.view == "gradient"
    deconvnet = "Deconvnet projections" if result.variant in VARIANTS or result.variant.startswith("deconvnet") else "Projections"
    title = f"{'Gradients' if gradient else deconvnet}, {', '.join(layers)}"
    seed = "of the whole activation map" if result.seeded == "map" else "from the strongest position"
    if any(unit.position is not None for unit in result.units):
        seed = "from the position in the address"
    amount = joined(counted(len(result.units), "unit"), counted(len(result.image_names), "image"))
    subtitle = joined(model_name(result), projected(result.variant, result.view), seed, amount)
    said = {
        PADDING_NOTE: bool(result.border.any()),
        SCALE_NOTE + (f" {COMPARED_NOTE}" if len(result.image_names) > 1 else ""): result.view != "through",
        through_note(result.view, result.gradient_windows is not None): result.view != "projection",
    }
    return Heading(title, subtitle, heading_notes(result, *(note for note, holds in said.items() if holds)))


@dataclass(frozen=True)
class _Shown:
    """The rows of a sheet: with `patches`, or the images whole."""

    result: Projections
    patches: bool

    @property
    def names(self) -> tuple[str, ...]:
        """What stands above the tiles."""
        result = self.result
        seen = () if result.view == "projection" else ("seen through",)
        return (
            "image",
            *(("receptive field",) if self.patches else ()),
            *(() if result.view == "through" else ("gradient" if result.view == "gradient" else "projection",)),
            *seen,
        )

    @cached_property
    def _pictures(self) -> list[Bytes]:
        """The images as they are drawn, one of each for the rows of all units."""
        return [unit_to_rgb(picture) for picture in self.result.images]

    def rows(self) -> Iterator[Row]:
        """Yield the rows, a unit's images together."""
        for unit in range(len(self.result.units)):
            drawn = self._drawn(unit)
            first = next(iter(drawn), -1)
            for image in range(len(self.result.image_names)):
                again = self.result.view != "gradient" and image != first and bool(self.result.steady) and self.result.steady[unit]
                yield self._row(unit, image, drawn.get(image), self.result.image_names[first] if again else "")

    def _drawn(self, unit: int) -> dict[int, Tile]:
        """Return the projections of a unit by image, on one scale; those of nothing are left out."""
        result = self.result
        there = [image for image in range(len(result.image_names)) if self._is_there(unit, image)]
        windows = result.gradient_windows if result.view == "gradient" and result.gradient_windows is not None else result.windows
        room = room_for(len(result.units) * len(result.image_names) * len(self.names), list(result.images[:1]))
        small = [_reduced(self._part(windows, unit, image), room) for image in there]
        found = scales(small, result.contrast)
        return {image: Tile(signed_to_rgb(signal, scale)) for image, signal, scale in zip(there, small, found, strict=True)}

    def _is_there(self, unit: int, image: int) -> bool:
        seed = float(self.result.seeds[image, unit])
        return 0 < seed < np.inf and bool(np.isfinite(self.result.windows.signals[image][unit]).all())

    def _part(self, windows: Windows, unit: int, image: int) -> FloatArray:
        return windows.part(image, unit, _field(self.result, unit, image) if self.patches else None)

    def _row(self, unit: int, image: int, drawn: Tile | None, before: str) -> Row:
        result, picture = self.result, self.result.images[image]
        label, shown = result.legend(result.units[unit]), Tile(self._pictures[image])
        detail = joined(_amount(result, image, unit) + ("" if drawn is None else _where(result, image, unit)), result.image_names[image])
        if drawn is None:
            words = SILENT if float(result.seeds[image, unit]) <= 0 else NOT_FINITE
            empty = [Tile()] * (len(self.names) - 1)
            empty[int(self.patches)] = Tile(words=words)
            return Row(label, detail, (shown, *empty))
        tiles = [shown]
        tall, wide = picture.shape[:2]
        top, left, bottom, right = _field(result, unit, image) if self.patches else (0, 0, tall, wide)
        if self.patches:
            tiles = [
                replace(shown, frame=(left / wide, top / tall, right / wide, bottom / tall)),
                Tile(unit_to_rgb(picture[top:bottom, left:right])),
            ]
        if result.view != "through":
            tiles.append(Tile(words=AS_BEFORE.format(before)) if before else drawn)
        if result.view != "projection":
            signal = self._part(result.gradient_windows or result.windows, unit, image)
            tiles.append(Tile(seen_through(picture[top:bottom, left:right], signal)))
        return Row(label, detail, tuple(tiles))


def _reduced(signal: FloatArray, room: tuple[int, int]) -> FloatArray:
    """Return a signal as large as it is drawn where that is smaller."""
    factor = min(room[0] / signal.shape[1], room[1] / signal.shape[0])
    return signal if factor >= 1 else reduced(signal, (max(1, round(signal.shape[1] * factor)), max(1, round(signal.shape[0] * factor))))


def _amount(result: Projections, image: int, unit: int) -> str:
    """Return the unit's activation, and beside it what was projected in its place."""
    value, seed = float(result.values[image, unit]), float(result.seeds[image, unit])
    return f"activation {number(value)}" + ("" if seed == value or result.seeded == "map" else f", projected {number(seed)}")


def _where(result: Projections, image: int, unit: int) -> str:
    row, column = (int(part) for part in result.positions[image, unit])
    if min(row, column) < 0 or result.seeded == "map":
        return ""
    return f" at {row},{column}" + (" (border)" if result.border[image, unit] else "")


def _field(result: Projections, unit: int, image: int) -> Field:
    """Return the receptive field kept inside the image."""
    return kept_inside(result.fields[image, unit], (result.images.shape[1], result.images.shape[2]))


def _is_whole(result: Projections, unit: int, image: int) -> bool:
    tall, wide = result.images.shape[1:3]
    return _field(result, unit, image) == (0, 0, tall, wide)
