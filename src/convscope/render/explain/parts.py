"""What picture and page of an explanation share: the pictures of a unit, of a map and of a neighbour, and their words."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from ...legible import counted
from ...results import SIGNED, ClassScore, Confusion, Evidence, Explained, Explanation, FloatArray, LayerEvidence, Neighbour
from ..layout import Box, Heading, heading_notes, model_name, number
from ..pixels import Bytes, overlay, unit_to_rgb
from ..saliency import DOTTED_NOTE, SIGN_NOTE, WAYS, coloured, is_averaged, seen
from ..sheet import joined
from ..signals import signed_to_rgb

PLUS, MINUS = "+", "\N{MINUS SIGN}"
PROJECTED = "Each unit: where it contributes most, its map over the image, the patch there, and what the deconvnet projects from there."
MOST_ALIKE = 8
MAPS_NOTE = "Grad-CAM goes from black to bright and has no sign."


class Shown(NamedTuple):
    """A picture with its words: a name, and a line of detail; `frame` (left, top, right, bottom in [0, 1]) is marked on it."""

    pixels: Bytes | None
    name: str
    detail: str = ""
    frame: Box | None = None


def heading(result: Explanation) -> Heading:
    """Return title, subtitle and notes."""
    said = list(dict.fromkeys(one.said for one in result.explained))
    title = f"Why {said[0]}" if len(said) == 1 else f"Why: {counted(len(result.explained), 'image')} explained"
    first = result.explained[0]
    where = first.image_name if len(result.explained) == 1 else counted(len(result.explained), "image")
    score = f"score {number(first.score)}" if len(result.explained) == 1 else ""
    run = f"strips and neighbours from {result.run}" if result.run else ""
    alike = [one for one in result.confusions if one.count > 1 or _is_mistake(one)][:MOST_ALIKE]
    averaged = any(is_averaged(values.shape, method) for one in result.explained for method, values in one.maps.items())
    dotted = (DOTTED_NOTE,) if averaged else ()
    notes = heading_notes(result, *map(confusion_words, alike), PROJECTED, SIGN_NOTE, *dotted, MAPS_NOTE)
    return Heading(title, joined(model_name(result), where, score, run), notes)


def _is_mistake(one: Confusion) -> bool:
    return one.label is not None and one.label != one.predicted


def confusion_words(one: Confusion) -> str:
    """Return what images that are taken alike have in common, as a sentence."""
    units = ", ".join(f"{unit} {signed(mean)}" for unit, mean in one.means)
    what = f"{one.label} taken for {one.predicted}" if _is_mistake(one) else one.said
    return f"{what} ({counted(one.count, 'image')}): mean contributions {units}."


def signed(value: float) -> str:
    """Return a number with its sign."""
    return f"{PLUS if value > 0 else ''}{number(value)}"


def chance(one: ClassScore) -> str:
    """Return a probability in percent, or the score where there is none."""
    if one.probability is None:
        return number(one.score)
    percent = 100 * one.probability
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %" if percent >= 0.1 else "< 0.1 %"


def maps(one: Explained, image: FloatArray) -> Iterator[Shown]:
    """Yield the maps over the image."""
    picture = unit_to_rgb(image)
    for method, values in one.maps.items():
        heated, strength = coloured(seen(values, method), method in SIGNED)
        yield Shown(overlay(picture, heated, strength), WAYS[method])


def layer_words(layer: LayerEvidence) -> tuple[str, str]:
    """Return the name of a layer, and how its contributions are to be read."""
    kind = "exact" if layer.exact else "activation times slope"
    return layer.layer, f"{kind}; all {len(layer.contributions):,} units together {signed(layer.total)}"


def unit_words(one: Evidence) -> tuple[str, str]:
    """Return a unit's address with what it is called, and its numbers."""
    where = "" if one.position is None else " at {},{}".format(*one.position)
    return f"{one.unit}{f', {one.name}' if one.name else ''}", f"{signed(one.contribution)}, activation {number(one.value)}{where}"


def unit_tiles(one: Evidence, image: FloatArray) -> list[Shown]:
    """Return where a unit is, its map over the image, the patch, its projection, and its strongest patches in a run."""
    tall, wide = image.shape[:2]
    top, left, bottom, right = one.field
    picture = unit_to_rgb(image)
    found: list[Shown] = []
    if one.fired.size:  # of a unit without a map the place is the whole image
        found.append(Shown(picture, "where", frame=(left / wide, top / tall, right / wide, bottom / tall)))
        size = (wide, tall)
        peak = float(np.nanmax(one.fired, initial=0.0))
        grown = np.asarray(Image.fromarray(np.maximum(one.fired, 0).astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
        heated, strength = coloured(grown if peak > 0 else np.zeros((tall, wide), np.float32), False)
        found.append(Shown(overlay(picture, heated, strength), "fired"))
        found.append(Shown(picture[top:bottom, left:right], "patch"))
    found.append(Shown(signed_to_rgb(one.projection) if one.projection.any() else None, "projection"))
    return found + [Shown(unit_to_rgb(patch), name) for patch, name in zip(one.strip, one.strip_names, strict=True)]


def neighbour(one: Neighbour) -> Shown:
    """Return an image of the run with its words."""
    pixels = unit_to_rgb(one.pixels) if one.pixels.size else None
    what = one.label or (f"taken for {one.prediction}" if one.prediction else "")
    return Shown(pixels, one.name.rpartition("/")[2], joined(what, f"distance {number(one.distance)}"))
