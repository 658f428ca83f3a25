"""What looking at units of a network gives: activations, projections, gradient ascent."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..expressions import Objective
from ..legible import counted, few
from ..units import Unit
from .record import FloatArray, Result, plain
from .windows import Windows


@dataclass(frozen=True, kw_only=True)
class Activations(Result):
    """`maps`: (image, height, width, channel) float32, or (image, channel) behind a dense layer; one layer, all channels.

    Of a network on sequences or volumes: (image, length, channel) or (image, depth, height, width, channel), as are `images`.

    `images`: what entered the network, (image, height, width, channel) in [0, 1]. `order`: "strongest" or "index"; `most`: how
    many channels the picture shows, None for all.
    """

    layer: str
    maps: FloatArray
    images: FloatArray
    image_names: tuple[str, ...]
    order: str
    most: int | None
    labels: tuple[str, ...] | None = None
    strengths: FloatArray | None = None
    raw: ClassVar[tuple[str, ...]] = ("maps", "images")

    @property
    def peaks(self) -> FloatArray:
        """(image, channel): the largest value of each channel, which orders them; before an activation that is flat above."""
        return self._largest if self.strengths is None else self.strengths

    @property
    def bands(self) -> int:
        """How many bands its images have; sequences and volumes are drawn as grey."""
        return int(self.images.shape[-1]) if self.images.ndim == 4 else 1

    def facts(self) -> tuple[str, ...]:
        """Return its layer, how many channels that has, and on what."""
        return (f"{self.layer} in {self.network_name!r}", counted(self.maps.shape[-1], "channel"), f"on {few(self.image_names)}")

    @property
    def _largest(self) -> FloatArray:
        return self.maps.reshape(len(self.maps), -1, self.maps.shape[-1]).max(axis=1)

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each image and channel: its largest value, and the value that orders the channels."""
        channels = self.maps.shape[-1]
        return {
            "image": np.repeat(np.asarray(self.image_names, object), channels),
            "unit": [f"{self.layer}:{channel}" for channel in range(channels)] * len(self.image_names),
            "value": self._largest.ravel(),
            "peak": np.asarray(self.peaks).ravel(),
        }

    def summary(self) -> dict[str, Any]:
        """Return for each image the ten channels with the largest values."""
        largest = self._largest
        ranked = np.argsort(-np.nan_to_num(self.peaks, nan=-np.inf), axis=1, kind="stable")[:, :10]
        return {
            "layer": self.layer,
            "images": [
                {"image": name, "strongest": [{"channel": int(one), "value": plain(row[one])} for one in order]}
                for name, row, order in zip(self.image_names, largest, ranked, strict=True)
            ],
        }


# How projections are drawn: the percentage of their non-zero magnitudes within the scale, and what stands beside the picture.
CONTRAST = 98.0
VIEWS = ("projection", "through", "both", "gradient")


@dataclass(frozen=True, kw_only=True)
class Projections(Result):
    """What the deconvnet returns.

    `windows`: the projections, float32, signed, RGB order, on the scale of the network's input, each on the part of the image that it can
    lie in; `pixels` has them on whole images. `values`: (image, unit) the unit's activation where it is strongest. `seeds`: (image, unit)
    what was projected from there, mostly the same: before an activation that is flat above its value there, of a class its score less the
    mean of the others. `positions`: (image, unit, 2) its row and column, -1 where the layer has none. `fields`: (image, unit, 4) the
    receptive field on the image as top, left, bottom, right, ends exclusive. `border`: (image, unit) whether the position lies at the
    border of its map and sees padding. `images`: (image, height, width, channel) in [0, 1], as they entered the network.

    `variant`: "switches", "spread", "center", the name of a ruleset, or "unpooled" where no max pooling comes before the units. `steady`:
    (unit,) whether the image decides the size of its projections and not their shape. `padded`: (unit,) whether it is strongest at the
    border in nearly all images. `gradient_windows`: as `windows`, the plain gradient from the same places, which says what in the image
    matters and how units differ; None where nothing is drawn by it. `view`, `contrast`: how they are drawn.
    """

    units: tuple[Unit, ...]
    windows: Windows
    values: FloatArray
    seeds: FloatArray
    positions: NDArray[np.int64]
    fields: NDArray[np.int64]
    images: FloatArray
    image_names: tuple[str, ...]
    border: NDArray[np.bool_]
    variant: str
    seeded: str
    steady: tuple[bool, ...] = ()
    padded: tuple[bool, ...] = ()
    gradient_windows: Windows | None = None
    view: str = "both"
    contrast: float = CONTRAST
    raw: ClassVar[tuple[str, ...]] = ("pixels", "values", "seeds", "positions", "fields", "border", "images")

    @cached_property
    def pixels(self) -> FloatArray:
        """(image, unit, height, width, channel): the projections on whole images, zero outside of their windows; made on first use."""
        return self.windows.array()

    @cached_property
    def gradients(self) -> FloatArray | None:
        """As `pixels`, the plain gradients; None where nothing is drawn by them."""
        return None if self.gradient_windows is None else self.gradient_windows.array()

    @property
    def bands(self) -> int:
        """How many bands its images have."""
        return int(self.images.shape[-1])

    def facts(self) -> tuple[str, ...]:
        """Return its units, the images, and by which rules."""
        return (f"{few(self.units)} in {self.network_name!r}", f"on {few(self.image_names)}", self.variant)

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each image and unit: its value, where it is largest, and the receptive field there."""
        count = len(self.units)
        return {
            "image": np.repeat(np.asarray(self.image_names, object), count),
            "unit": [str(unit) for unit in self.units] * len(self.image_names),
            "value": self.values.ravel(),
            "seed": self.seeds.ravel(),
            **sides_of(("row", "column"), self.positions),
            "border": self.border.ravel(),
            **sides_of(("top", "left", "bottom", "right"), self.fields),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, the gradients among them where there are any."""
        gradients = self.gradients
        return super().arrays() | ({} if gradients is None else {"gradients": gradients})

    def summary(self) -> dict[str, Any]:
        """Return for each image and unit its value, position and receptive field."""
        return {
            "projections": [
                {
                    "image": name,
                    "unit": str(unit),
                    "value": plain(self.values[i, u]),
                    "seed": plain(self.seeds[i, u]),
                    "position": [int(x) for x in self.positions[i, u]],
                    "border": bool(self.border[i, u]),
                    "field": [int(x) for x in self.fields[i, u]],
                }
                for i, name in enumerate(self.image_names)
                for u, unit in enumerate(self.units)
            ]
        }


@dataclass(frozen=True, kw_only=True)
class Ascent(Result):
    """`images`: (picture, height, width, channel) float32 in [0, 1], multiples of 1/255: the 8-bit pictures themselves.

    `units`: what each is of; a unit of several diverse pictures comes several times. `scores`: (picture,) the unit's largest activation on
    its 8-bit picture, in float32, before an activation that is flat above; of an expression the weighted sum of those of its terms.
    `values`: (picture,) the same after that activation. `margins`: (picture,) the score, of a class less the mean of the others. `real`:
    (picture,) the unit's largest activation among the real images, NaN for an expression, None where there are none. `courses`: (step,
    picture) the objective, NaN once it stood. `frames`: for each picture those on the way, (height, width, channel) uint8, where they were
    asked for.
    """

    units: tuple[Unit | Objective, ...]
    images: FloatArray
    scores: FloatArray
    margins: FloatArray
    values: FloatArray
    courses: FloatArray
    mode: str
    real: FloatArray | None = None
    frames: tuple[tuple[NDArray[np.uint8], ...], ...] = ()
    raw: ClassVar[tuple[str, ...]] = ("images", "scores", "values", "courses")

    @property
    def bands(self) -> int:
        """How many bands its pictures have."""
        return int(self.images.shape[-1])

    @property
    def dead(self) -> NDArray[np.bool_]:
        """(picture,) whether nothing excites its unit; a difference of units may well be negative, and is never dead."""
        return np.array([isinstance(unit, Unit) for unit in self.units], dtype=bool) & (self.margins <= 0)

    @property
    def not_finite(self) -> NDArray[np.bool_]:
        """(picture,) whether the score is NaN or infinite: of such a unit nobody knows what excites it."""
        return ~np.isfinite(self.margins)

    def facts(self) -> tuple[str, ...]:
        """Return its units, and how many pictures of which size."""
        count, height, width = self.images.shape[:3]
        return (f"{few(self.units)} in {self.network_name!r}", f"{counted(count, 'picture')} of {height} x {width}")

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each picture: its unit, score and value, whether the unit is dead, and the largest value of real images."""
        real = {} if self.real is None else {"real": self.real}
        return {"unit": [str(unit) for unit in self.units], "score": self.scores, "value": self.values, "dead": self.dead, **real}

    def summary(self) -> dict[str, Any]:
        """Return each picture's unit, score, whether that is dead, and its largest activation among real images where there are any."""
        found = [
            {"unit": str(unit), "score": plain(score), "value": plain(value), "dead": bool(dead)}
            for unit, score, value, dead in zip(self.units, self.scores, self.values, self.dead, strict=True)
        ]
        for one, real in zip(found, [] if self.real is None else self.real, strict=False):
            one["real"] = float(real) if np.isfinite(real) else None
        return {"pictures": found}


def sides_of(names: Sequence[str], table: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """Return the last axis of a table of places as columns."""
    return {name: np.ascontiguousarray(table[..., side].ravel()) for side, name in enumerate(names)}


def picture_names(units: Sequence[Unit | Objective]) -> list[str]:
    """Return a file name for the picture of each unit; of those that only case, a slash or nothing tells apart different ones, too."""
    taken: set[str] = {"sheet"}
    names = []
    for unit in units:
        name, count = unit.slug, 2
        while name.casefold() in taken:
            name, count = f"{unit.slug}-{count}", count + 1
        taken.add(name.casefold())
        names.append(f"{name}.png")
    return names
