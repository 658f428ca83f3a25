"""The facets of a unit -> one sheet, a row for each: a synthetic picture, and the patches that excite the unit through the same inputs."""

import numpy as np
from numpy.typing import NDArray

from ..legible import counted
from ..results import Facet, Facets, FloatArray
from .layout import Heading, Row, Tile, draw_rows, heading_notes, model_name, number
from .patches import share
from .pixels import unit_to_rgb
from .sheet import Sheet, joined
from .theme import Theme, theme_of


def draw(result: Facets, *, theme: str | Theme | None = None) -> dict[str, Sheet]:
    """Return `facets.png`."""
    most = max(len(one.pixels) for one in result.facets)
    used = theme_of(result, theme)
    rows = [_row(place, one, most, used) for place, one in enumerate(result.facets)]
    names = ("synthetic", *("strongest" if place == 0 else "" for place in range(most)))
    return {"facets.png": draw_rows(rows, names, _heading(result), used)}


def _row(place: int, one: Facet, most: int, theme: Theme) -> Row:
    label = "" if one.label is None else f"{one.label[1]} of them {one.label[0]}"
    inputs = ", ".join(f":{unit.channel} {share(part)}" for unit, part in one.inputs)
    tiles = [Tile(unit_to_rgb(one.synthetic)), *(_patch(*pair, theme) for pair in zip(one.pixels, one.inside, strict=True))]
    tiles += [Tile(words="")] * (most + 1 - len(tiles))
    detail = joined(label, f"through {inputs}" if inputs else "", f"score {number(one.score)}")
    return Row(f"Facet {place + 1}: {counted(len(one.images), 'image')}, {share(one.share)}", detail, tuple(tiles))


def _patch(pixels: FloatArray, inside: NDArray[np.int64], theme: Theme) -> Tile:
    """Return a patch, in the empty colour where it reaches over the border of its image."""
    top, left, bottom, right = (int(side) for side in inside)
    shown = np.full((*pixels.shape[:2], 3), theme.panel, np.uint8)
    shown[top:bottom, left:right] = unit_to_rgb(pixels)[top:bottom, left:right]
    return Tile(shown)


def _heading(result: Facets) -> Heading:
    count = len(result.facets)
    known = "" if result.name is None else result.name.said
    subtitle = joined(
        model_name(result),
        result.dataset,
        f"the {counted(result.images, 'image')} that excite it most",
        f"mixed {result.mixed:.2f}",
        f"silhouette {result.silhouette:.2f}, chance {result.chance:.2f}",
        known,
    )
    below = f"Inputs are channels of `{result.below}`, with their shares of what excites the unit."
    return Heading(f"{result.legend(result.unit)}: {counted(count, 'facet')}", subtitle, heading_notes(result, below))
