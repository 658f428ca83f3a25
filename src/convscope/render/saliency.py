"""Saliency -> one sheet: the image, the map, the map over the image and, where the map has no sign, the signed numbers."""

from dataclasses import dataclass, replace

import numpy as np

from ..legible import counted
from ..results import COLOURED, SIGNED, ComparedMaps, FloatArray, Saliency
from .figures import colours
from .layout import Heading, Key, Row, Tile, draw_rows, heading_notes, model_name, number
from .pixels import Bytes, contrast, heat, kept_inside, overlay, scale_of, unit_to_rgb
from .sheet import Sheet, joined
from .signals import signed_to_rgb
from .theme import Theme, theme_of

# Both can be told apart by those who see red and green alike; the second is pale at zero.
COLOURS, SIGNED_COLOURS = "inferno", "RdBu_r"
PERCENT = 99.0
MAP_NOTE = "Map: largest magnitude of the gradient over the channels, from zero (black) to its 99th percentile (bright)."
CAM_NOTE = "Map: from zero (black) to its 99th percentile (bright)."
SIGN_NOTE = "Map: red speaks for the score, blue against it, pale is zero; both ends are the 99th percentile of the magnitudes."
DOTTED, GRAIN = ("input", "integrated"), 56  # whose signs alternate from pixel to pixel; how many windows go side by side on an image
DOTTED_NOTE = "Gradient times image and integrated gradients are averaged over small windows here; the numbers are not."
SILENT, NO_GRADIENT = "not excited by this image", "no gradient on this image"
NO_MAP, NO_CHANGE = "the map is zero everywhere", "no patch changes the score"
NOT_FINITE = "not finite: NaN or infinite on this image"
SIGNED_NOTE = "Signed gradient: zero is mid-grey."
WAYS = {
    "gradient": "gradient",
    "guided": "guided backprop",
    "input": "gradient times image",
    "integrated": "integrated gradients",
    "smooth": "SmoothGrad",
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "layercam": "LayerCAM",
    "occlusion": "occlusion",
    "random": "random, the floor",
}


def draw(result: Saliency | ComparedMaps, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `saliency.png`: one row for each unit and image; each map has its own scale.

    Where a unit sees only a part of the images, the maps are of that part: on the whole image they would be a speck. Of all methods
    beside one another: a picture for each.
    """
    if isinstance(result, ComparedMaps):
        return {"saliency.png": _compared(result, theme_of(result, theme))}
    shown = _Shown(result)
    rows = [shown.row(image, unit) for unit in range(len(result.units)) for image in range(len(result.image_names))]
    units = result.legend(result.unit) if len(result.units) == 1 else counted(len(result.units), "unit")
    dotted = (DOTTED_NOTE,) if is_averaged(result.images.shape[1:3], result.method) else ()
    words = (SIGN_NOTE, *dotted) if result.is_signed else (MAP_NOTE, SIGNED_NOTE) if result.method in COLOURED else (CAM_NOTE,)
    heading = Heading(
        f"Saliency of {units}, {WAYS[result.method]}",
        joined(model_name(result), counted(len(result.image_names), "image")),
        heading_notes(result, *words),
        key_of(result.is_signed),
    )
    multiple = len(result.image_names) if len(result.units) > 1 and len(result.image_names) in (2, 3, 4) else 1
    return {"saliency.png": draw_rows(rows, shown.names, heading, theme_of(result, theme), multiple)}


def is_averaged(shape: tuple[int, ...], method: str) -> bool:
    """Say whether the map of a method on an image of this shape is averaged over windows before it is drawn."""
    return method in DOTTED and round(max(shape) / GRAIN) > 1


def seen(values: FloatArray, method: str) -> FloatArray:
    """Return a map as it is drawn: signed numbers of single pixels are averaged over a small window, else the eye sees only dots."""
    if not is_averaged(values.shape, method):
        return values
    from scipy.ndimage import uniform_filter

    return np.asarray(uniform_filter(np.nan_to_num(values, posinf=0.0, neginf=0.0), round(max(values.shape) / GRAIN)), np.float32)


def key_of(signed: bool) -> Key:
    """Return what the colours of maps mean."""
    if signed:
        return Key(colours(SIGNED_COLOURS), "against", "for")
    return Key(colours(COLOURS), "zero", "99th percentile")


def coloured(values: FloatArray, signed: bool) -> tuple[Bytes, FloatArray]:
    """Return a map (height, width) in colours, and how much of them lies over an image, (height, width) in [0, 1]."""
    if not signed:
        strength = contrast(values, PERCENT)
        return heat(strength, colours(COLOURS), 0, 1), strength**0.6
    scale = scale_of(np.abs(np.nan_to_num(values, posinf=0.0, neginf=0.0)), PERCENT)
    strength = np.zeros_like(values) if scale == 0 else np.clip(np.abs(values) / scale, 0, 1)
    return heat(values, colours(SIGNED_COLOURS), -scale or -1, scale or 1), strength**0.6


@dataclass(frozen=True)
class _Shown:
    """The rows of a sheet."""

    result: Saliency

    @property
    def fields(self) -> dict[tuple[int, int], tuple[int, int, int, int]]:
        """The receptive fields kept inside the image, by (image, unit)."""
        result, size = self.result, (self.result.images.shape[1], self.result.images.shape[2])
        places = np.ndindex(len(result.image_names), len(result.units))
        return {(image, unit): kept_inside(result.of(result.fields, image, unit), size) for image, unit in places}

    @property
    def has_parts(self) -> bool:
        """Say whether a unit sees only a part of an image."""
        whole = (0, 0, *self.result.images.shape[1:3])
        return any(field != whole for field in self.fields.values())

    @property
    def has_signed(self) -> bool:
        """Say whether the signed numbers stand beside a map without a sign."""
        return self.result.method in COLOURED and not self.result.is_signed

    @property
    def names(self) -> tuple[str, ...]:
        """What stands above the tiles."""
        parts = ("receptive field",) if self.has_parts else ()
        signed = ("signed gradient",) if self.has_signed else ()
        return ("image", *parts, "saliency map", "map over image", *signed)

    def row(self, image: int, unit: int) -> Row:
        """Return the row of an image and a unit."""
        result, (tall, wide) = self.result, self.result.images.shape[1:3]
        top, left, bottom, right = field = self.fields[image, unit]
        tiles = [Tile(unit_to_rgb(result.images[image]))]
        picture = unit_to_rgb(result.images[image, top:bottom, left:right])
        if self.has_parts:
            tiles = [replace(tiles[0], frame=(left / wide, top / tall, right / wide, bottom / tall)), Tile(picture)]
        score, value = float(result.of(result.scores, image, unit)), float(result.of(result.values, image, unit))
        label, detail = result.image_names[image], f"score {number(score)}"
        missing = self._missing(image, unit)
        if not missing and value != score:
            detail += f", {number(value)} after its activation"
        if len(result.units) > 1:
            label, detail = result.legend(result.units[unit]), joined(detail, label)
        if missing:  # a black map would look like a finding
            return Row(label, detail, (*tiles, Tile(words=missing)))
        heated, strength = coloured(seen(result.part(image, unit, field), result.method), result.is_signed)
        tiles += [Tile(heated), Tile(overlay(picture, heated, strength))]
        if self.has_signed:
            tiles.append(Tile(signed_to_rgb(result.windows.part(image, unit, field))))
        return Row(label, detail, tuple(tiles))

    def _missing(self, image: int, unit: int) -> str:
        """Return why an image has no map, nothing where it has one."""
        signal = self.result.windows.signals[image][unit]
        if not np.isfinite(signal).all():
            return NOT_FINITE
        if signal.any():
            return ""
        if float(self.result.of(self.result.scores, image, unit)) <= 0:
            return SILENT
        return NO_CHANGE if self.result.method == "occlusion" else NO_GRADIENT if self.result.method in COLOURED else NO_MAP


def _compared(result: ComparedMaps, theme: Theme) -> Sheet:
    rows, dotted = [], (DOTTED_NOTE,) if any(is_averaged(result.images.shape[1:3], method) for method in result.methods) else ()
    for image, name in enumerate(result.image_names):
        picture = unit_to_rgb(result.images[image])
        rows.append(Row(name, f"score {number(float(result.scores[image]))}", (Tile(picture),)))
        for place, method in enumerate(result.methods):
            deletion, insertion = (float(area) for area in result.areas[image, place])
            heated, strength = coloured(seen(result.maps[image, place], method), method in SIGNED)
            detail = f"del {deletion:.2f}, ins {insertion:.2f}"
            rows.append(Row(WAYS[method], detail, (Tile(overlay(picture, heated, strength)),)))
    heading = Heading(
        f"All maps of {result.legend(result.unit)}",
        joined(model_name(result), counted(len(result.image_names), "image"), "areas below the deletion (del) and insertion (ins) curves"),
        heading_notes(result, "Maps in red and blue have a sign: red speaks for the score. The others go from black to bright.", *dotted),
        key_of(False),
    )
    return draw_rows(rows, ("",), heading, theme, len(result.methods) + 1 if len(result.image_names) > 1 else 1)
