"""What a scan tells of units: their strongest patches, and all that is known of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..hints import command
from ..legible import counted, few, told
from ..tables import Tabular
from ..units import Unit
from .looks import CONTRAST
from .names import UnitName
from .record import FloatArray, Result, plain
from .trust import UnitTrust

PATCH_ARRAYS = ("pixels", "projections", "values", "before", "positions", "fields", "images")


@dataclass(frozen=True, kw_only=True, repr=False)
class Patches(Tabular):
    """The images of a data set that excite one unit most, strongest first, each cropped to the receptive field.

    `images`: (k,) their numbers in the data set, -1 where there are fewer; `values`, `positions` (row, column; -1 where the layer has
    none): where the unit was largest on each. `before`: (k,) what they are ranked by, the value before an activation that is flat above,
    elsewhere the same. `saturated`: on how many images of the data set the unit is at that activation's ceiling, None where there is no
    such activation; `not_finite`: on how many its value is NaN or infinite, which count for nothing. `fields`: (k, 4) the window that is
    shown as top, left, bottom, right in pixels, ends exclusive; it may reach over the border. `pixels`: (k, height, width, channel) float32
    in [0, 1], the windows; `projections`: the same shape, signed, what the deconvnet returns for them. Both are zero beyond the border.
    `border`: (k,) whether the place lies at the border of its map and sees padding, `padded` whether nearly all do. `gradients`: as
    `projections`, the plain gradient from the same places, None where nothing is drawn by it.
    `size`: the images' (height, width). `missing`: the places whose pictures are gone or have changed since they were measured.
    """

    unit: Unit
    images: NDArray[np.int64]
    names: tuple[str, ...]
    labels: tuple[str | None, ...]
    values: FloatArray
    before: FloatArray
    positions: NDArray[np.int64]
    fields: NDArray[np.int64]
    pixels: FloatArray
    projections: FloatArray
    size: tuple[int, int]
    missing: tuple[int, ...] = ()
    saturated: int | None = None
    not_finite: int = 0
    border: NDArray[np.bool_] | None = None
    padded: bool = False
    gradients: FloatArray | None = None

    def __repr__(self) -> str:
        return told(self, str(self.unit), f"{counted(self.count, 'patch', 'patches')} of {few(self.names)}")

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each image that excites the unit, strongest first."""
        rows = self.summary()
        sides = ("top", "left", "bottom", "right")
        return {
            "unit": [str(self.unit)] * self.count,
            "rank": list(range(self.count)),
            **{name: [row[name] for row in rows] for name in ("image", "label", "value", "before")},
            **{name: [row["position"][side] for row in rows] for side, name in enumerate(("row", "column"))},
            **{name: [row["field"][side] for row in rows] for side, name in enumerate(sides)},
        }

    @property
    def at_border(self) -> int:
        """Return how many of the images excite the unit most at the border of its map."""
        return 0 if self.border is None else int(self.border[: self.count].sum())

    @property
    def count(self) -> int:
        """Return how many of the images excite the unit at all; it is silent on the data set if none does."""
        return int(((self.images >= 0) & (self.values > 0) & (self.before > 0)).sum())

    @property
    def is_silent(self) -> bool:
        """Say whether no image excites the unit, although its values are numbers."""
        return self.count == 0 and not (self.not_finite and (self.images < 0).all())

    @property
    def places(self) -> tuple[int, ...]:
        """Return the places that have a picture."""
        return tuple(place for place in range(self.count) if place not in self.missing)

    def inside(self, place: int) -> tuple[int, int, int, int]:
        """Return the part of window `place` that lies on the image: top, left, bottom, right, counted from the window's corner."""
        top, left, bottom, right = (int(side) for side in self.fields[place])
        return max(0, -top), max(0, -left), min(bottom, self.size[0]) - top, min(right, self.size[1]) - left

    def tallies(self) -> dict[str, Any]:
        """Return on how many images the unit is saturated, on how many not finite, and of how many of the strongest the place is at the
        border of the map, for those to whom it happens.
        """
        found = {"saturated": self.saturated, "not_finite": self.not_finite or None, "at_border": self.at_border or None}
        return {name: count for name, count in found.items() if count is not None}

    def summary(self) -> list[dict[str, Any]]:
        """Return each image's name, label, value after and before what is flat, position and window as plain JSON values."""
        return [
            {
                "image": name,
                "label": label,
                "value": plain(value),
                "before": plain(before),
                "position": [int(one) for one in position],
                "field": [int(one) for one in window],
            }
            for name, label, value, before, position, window in zip(
                self.names[: self.count], self.labels, self.values, self.before, self.positions, self.fields, strict=False
            )
        ]


@dataclass(frozen=True, kw_only=True, repr=False)
class Weakest:
    """The images that excite one unit least, weakest first, whole: where the unit is least nothing was found.

    `images`: (k,) ids, `names`, `labels` and `values` (k,) float32 of what ranks them. `pixels`: (k, height, width, channel) in [0, 1],
    zero at the places `missing`, whose pictures are gone. `said`: a sentence where images tie, which are in no order; `of`: of how many
    images.
    """

    images: NDArray[np.int64]
    names: tuple[str, ...]
    labels: tuple[str | None, ...]
    values: FloatArray
    pixels: FloatArray
    of: int
    said: str = ""
    missing: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return told(self, counted(len(self.images), "image"), self.said)

    def summary(self) -> dict[str, Any]:
        """Return each image's name, label and value as plain JSON values, and what is to be said of ties."""
        rows = [
            {"image": name, "label": label, "value": plain(value)}
            for name, label, value in zip(self.names, self.labels, self.values, strict=True)
        ]
        return {"of": self.of, "ties": self.said, "images": rows}


@dataclass(frozen=True, kw_only=True)
class TopPatches(Result):
    """The images that excite each of some units of a layer most, patches beside projections (Zeiler & Fergus 2014, Figure 2).

    `fires`: (unit,) the share of the data set's images on which each is above zero. `channels`: how many units the layer has, `silent`:
    how many of them fire on no image, `not_finite`: how many are NaN or infinite on some, `images`: how many there are. `dataset` names it.
    `names`: what units fire for, by address, where the run knows. `variant`, `view`, `contrast`: as of `Projections`; `steady`: whether an
    image decides the size of a projection and not its shape.
    """

    layer: str
    patches: tuple[Patches, ...]
    fires: FloatArray
    channels: int
    silent: int
    images: int
    dataset: str
    variant: str
    not_finite: int = 0
    steady: bool = False
    names: Mapping[str, UnitName] = field(default_factory=dict)
    view: str = "projection"
    contrast: float = CONTRAST

    @property
    def bands(self) -> int:
        """How many bands its patches have."""
        return int(self.patches[0].pixels.shape[-1]) if self.patches else 1

    def facts(self) -> tuple[str, ...]:
        """Return its units, and in which data set."""
        units = few([one.unit for one in self.patches])
        return (f"{units} in {self.network_name!r}", f"strongest of {counted(self.images, 'image')} of {self.dataset}")

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each unit and each image that excites it, strongest first."""
        tables = [one.as_columns() for one in self.patches]
        return {name: [value for one in tables for value in one[name]] for name in (tables[0] if tables else ())}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return (unit, k, ...) arrays, and the (unit,) channels and shares of images on which they fire."""
        found = {name: np.stack([getattr(one, name) for one in self.patches]) for name in PATCH_ARRAYS}
        return found | {"channels": np.array([one.unit.channel for one in self.patches]), "fires": self.fires}

    def summary(self) -> dict[str, Any]:
        """Return for each unit how often it fires and on what most."""
        units = [
            {
                "unit": str(one.unit),
                **self._named(one.unit),
                "fires": float(share),
                "silent": one.is_silent,
                **one.tallies(),
                "top": one.summary(),
            }
            for one, share in zip(self.patches, self.fires, strict=True)
        ]
        return {"layer": self.layer, "images": self.images, "channels": self.channels, "silent": self.silent, "units": units}

    def _named(self, unit: Unit) -> dict[str, Any]:
        name = self.names.get(str(unit))
        return {} if name is None else {"name": name.summary()}


@dataclass(frozen=True, kw_only=True)
class Dossier(Result):
    """All that is known of one unit: its strongest images, a synthetic one, and how its maxima are distributed over a data set.

    `patches` have projections with switches; `spread`: the same shape, without, None where no max pooling comes before the unit.
    `steady`: whether the image decides the size of the former and not their shape, `spread_steady` the same of the latter.
    `synthetic`: (height, width, channel) in [0, 1], by
    gradient ascent, `score` the unit's largest activation on it, `percentile` the percentage of the data set's images below it.
    `edges` (bin + 1,), `counts` (bin,): the histogram of the maxima. These, `quantiles` and `class_means` are taken before an activation
    that is flat above. `fires`: the share of `images` on which it is above zero.
    `quantiles`: its maxima by share of images. `class_means`: mean maximum by class, `class_top`: share among the strongest images shown.
    `name`: what the unit fires for, where the run knows. `weakest`: the images that excite it least, None where the run keeps no values;
    `opposite`: as `synthetic`, for the unit times -1, and `opposite_score`: the unit's largest activation on it.
    `example`: the strongest image that has a picture, whole; `field`: (height, width) of the receptive field, None where it is the
    whole image. `trust`: how far its pictures can be trusted, None where that was not measured.
    """

    patches: Patches
    spread: FloatArray | None
    synthetic: FloatArray
    score: float
    percentile: float
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    fires: float
    images: int
    quantiles: Mapping[str, float]
    class_means: Mapping[str, float]
    class_top: Mapping[str, float]
    example: FloatArray
    field: tuple[int, int] | None
    dataset: str
    steady: bool = False
    spread_steady: bool = False
    contrast: float = CONTRAST
    name: UnitName | None = None
    weakest: Weakest | None = None
    opposite: FloatArray | None = None
    opposite_score: float = float("nan")
    trust: UnitTrust | None = None
    raw: ClassVar[tuple[str, ...]] = ("synthetic", "edges", "counts", "example")

    @property
    def bands(self) -> int:
        """How many bands its pictures have."""
        return int(self.synthetic.shape[-1])

    @property
    def unit(self) -> Unit:
        """The unit."""
        return self.patches.unit

    def remarks(self) -> tuple[str, ...]:
        """Say which command measures how far its pictures can be trusted, where that was not measured."""
        again = command(f"trust {self.unit}", f'convscope.trust(run, "{self.unit}")', run=True)
        return () if self.trust is not None else (f"How far these pictures can be trusted is not measured yet: {again}",)

    def facts(self) -> tuple[str, ...]:
        """Return its unit, and in which data set."""
        return (f"{self.legend(self.unit)} in {self.network_name!r}", f"{counted(self.images, 'image')} of {self.dataset}")

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each image that excites the unit, strongest first."""
        return self.patches.as_columns()

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, those of the patches among them."""
        found = super().arrays() | {name: np.asarray(getattr(self.patches, name)) for name in PATCH_ARRAYS}
        weakest: dict[str, NDArray[Any]] = (
            {} if self.weakest is None else {"weakest_images": self.weakest.images, "weakest_values": self.weakest.values}
        )
        spread = {} if self.spread is None else {"spread": self.spread}
        opposite = {} if self.opposite is None else {"opposite": self.opposite}
        return {**found, **weakest, **spread, **opposite}

    def summary(self) -> dict[str, Any]:
        """Return the numbers of the unit."""
        return {
            "unit": str(self.unit),
            "images": self.images,
            "fires": self.fires,
            "silent": self.patches.is_silent,
            **self.patches.tallies(),
            "field": None if self.field is None else list(self.field),
            **({} if self.name is None else {"name": self.name.summary()}),
            "synthetic": {"score": plain(self.score), "percentile": plain(self.percentile)},
            **({} if self.opposite is None else {"opposite": {"score": plain(self.opposite_score)}}),
            **({} if self.weakest is None else {"weakest": self.weakest.summary()}),
            "quantiles": {share: plain(value) for share, value in self.quantiles.items()},
            "classes": {"mean": dict(self.class_means), "top": dict(self.class_top)},
            "top": self.patches.summary(),
            "trust": None if self.trust is None else self.trust.summary(),
        }
