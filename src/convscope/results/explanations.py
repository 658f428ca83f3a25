"""Why a network says what it says of an image: classes, maps, units for and against, the nearest images of a data set."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..legible import counted, few, told
from ..units import Unit
from .record import FloatArray, Result, plain


@dataclass(frozen=True)
class ClassScore:
    """One class of an image: its `channel`, `name`, `score` and, where the network gives one, `probability`."""

    channel: int
    name: str
    score: float
    probability: float | None


@dataclass(frozen=True, repr=False)
class Evidence:
    """A unit that argues for a score or against it on an image.

    `contribution`: its activation times the slope of the score by it, summed over its map; below 0 it argues against. `value`: its
    activation at `position` (row, column), where it contributes most; None where the layer has no map. `field`: the receptive field there
    as top, left, bottom, right, kept inside the image. `fired`: (height, width) its map, () for none. `projection`: (height, width,
    channel) of the field, signed, what the deconvnet sends down from there; zero where its value is not above 0. `strip`: the patches
    that excite it most in a run, each (height, width, channel), `strip_names` theirs; `name`: what a run calls it. Both are empty without.
    """

    unit: Unit
    contribution: float
    value: float
    position: tuple[int, int] | None
    field: tuple[int, int, int, int]
    fired: FloatArray
    projection: FloatArray
    strip: tuple[FloatArray, ...] = ()
    strip_names: tuple[str, ...] = ()
    name: str = ""

    def __repr__(self) -> str:
        return told(self, str(self.unit), f"{self.contribution:+.3g}")


@dataclass(frozen=True, repr=False)
class LayerEvidence:
    """The units of one layer on an image: `contributions` (channel,) of all, and those that argue most, `pro` and `contra`.

    `exact`: all that follows is linear in the layer's values, so that contributions and a constant add up to the score.
    """

    layer: str
    contributions: FloatArray
    pro: tuple[Evidence, ...]
    contra: tuple[Evidence, ...]
    exact: bool

    def __repr__(self) -> str:
        return told(self, self.layer, f"{len(self.pro)} for, {len(self.contra)} against", "exact" if self.exact else "first order")

    @property
    def total(self) -> float:
        """The sum of all contributions."""
        return float(self.contributions.sum(dtype=np.float64))


@dataclass(frozen=True, repr=False)
class Neighbour:
    """An image of a run that is near in feature space: `distance` is Euclidean.

    `pixels`: (height, width, channel), empty where it is gone.
    """

    name: str
    label: str | None
    prediction: str | None
    distance: float
    pixels: FloatArray

    def __repr__(self) -> str:
        return told(self, self.name, f"{self.distance:.3g}")


@dataclass(frozen=True, repr=False)
class Explained:
    """One image: its `classes`, likeliest first, and what speaks for the `target` and against it.

    `said`: the target in words, such as "ox against all others"; `score`: its number. `label`: what the image is, where that is known.
    `maps`: (height, width) by method. `layers`: from the last to the first. `near`: the nearest images of a run.
    """

    image_name: str
    label: str | None
    classes: tuple[ClassScore, ...]
    target: str
    said: str
    score: float
    maps: Mapping[str, FloatArray]
    layers: tuple[LayerEvidence, ...]
    near: tuple[Neighbour, ...] = ()

    def __repr__(self) -> str:
        return told(self, self.image_name, self.said)

    @property
    def predicted(self) -> str:
        """The class that the network takes the image for, "" where it has none."""
        return self.classes[0].name if self.classes else ""


@dataclass(frozen=True, repr=False)
class Confusion:
    """Images that were taken alike: of what `label`, for what class (`predicted`), by what units of `layer` on average.

    `means`: units with their mean contribution over the `count` images, largest magnitude first.
    """

    label: str | None
    predicted: str
    said: str
    count: int
    layer: str
    means: tuple[tuple[Unit, float], ...]

    def __repr__(self) -> str:
        return told(self, self.said, counted(self.count, "image"))


@dataclass(frozen=True, kw_only=True)
class Explanation(Result):
    """Why a network says what it says of images; iterates over them.

    `confusions`: of several images, what those that are taken alike have in common.

    `images`: (image, height, width, channel) in [0, 1], as they entered the network. `run`: the name of the run that strips, names and
    neighbours come from, "" without one.
    """

    explained: tuple[Explained, ...]
    images: FloatArray
    confusions: tuple[Confusion, ...] = ()
    run: str = ""
    beside: ClassVar[tuple[str, ...]] = ()
    raw: ClassVar[tuple[str, ...]] = ("images", "maps", "contributions")

    @property
    def bands(self) -> int:
        """How many bands its images have."""
        return int(self.images.shape[-1])

    @property
    def maps(self) -> FloatArray:
        """(image, method, height, width)."""
        return np.stack([np.stack(list(one.maps.values())) for one in self.explained])

    @property
    def contributions(self) -> FloatArray:
        """(image, unit) of all layers, one after the other from the last to the first."""
        return np.stack([np.concatenate([layer.contributions for layer in one.layers]) for one in self.explained])

    def __len__(self) -> int:
        return len(self.explained)

    def __iter__(self) -> Any:
        return iter(self.explained)

    def facts(self) -> tuple[str, ...]:
        """Return what is explained, and on what."""
        said = list(dict.fromkeys(one.said for one in self.explained))
        return (f"{few(said)} in {self.network_name!r}", f"on {few([one.image_name for one in self.explained])}")

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each image and unit that argues, with its contribution and place."""
        rows = [(one, layer, unit) for one in self.explained for layer in one.layers for unit in (*layer.pro, *layer.contra)]
        return {
            "image": [one.image_name for one, _, _ in rows],
            "label": [one.label for one, _, _ in rows],
            "predicted": [one.predicted for one, _, _ in rows],
            "target": [one.target for one, _, _ in rows],
            "layer": [layer.layer for _, layer, _ in rows],
            "unit": [str(unit.unit) for _, _, unit in rows],
            "name": [unit.name or None for _, _, unit in rows],
            "contribution": [unit.contribution for _, _, unit in rows],
            "value": [unit.value for _, _, unit in rows],
            "row": [-1 if unit.position is None else unit.position[0] for _, _, unit in rows],
            "column": [-1 if unit.position is None else unit.position[1] for _, _, unit in rows],
            "exact": [str(layer.exact) for _, layer, _ in rows],
        }

    def summary(self) -> dict[str, Any]:
        """Return all of it but the pictures as plain JSON values."""
        return {"images": [_said(one) for one in self.explained], "confusions": [_confusion(one) for one in self.confusions]}


def _said(one: Explained) -> dict[str, Any]:
    return {
        "image": one.image_name,
        "label": one.label,
        "classes": [
            {"channel": each.channel, "name": each.name, "score": plain(each.score), "probability": _number(each.probability)}
            for each in one.classes
        ],
        "target": one.target,
        "said": one.said,
        "score": plain(one.score),
        "layers": [
            {
                "layer": layer.layer,
                "exact": layer.exact,
                "total": plain(layer.total),
                "for": [_evidence(unit) for unit in layer.pro],
                "against": [_evidence(unit) for unit in layer.contra],
            }
            for layer in one.layers
        ],
        "near": [
            {"image": each.name, "label": each.label, "prediction": each.prediction, "distance": plain(each.distance)} for each in one.near
        ],
    }


def _evidence(unit: Evidence) -> dict[str, Any]:
    found = {
        "unit": str(unit.unit),
        "contribution": plain(unit.contribution),
        "value": plain(unit.value),
        "position": None if unit.position is None else list(unit.position),
        "field": list(unit.field),
    }
    return found | ({"name": unit.name} if unit.name else {}) | ({"strongest": list(unit.strip_names)} if unit.strip_names else {})


def _confusion(one: Confusion) -> dict[str, Any]:
    return {
        "label": one.label,
        "predicted": one.predicted,
        "said": one.said,
        "images": one.count,
        "layer": one.layer,
        "units": {str(unit): plain(mean) for unit, mean in one.means},
    }


def _number(value: float | None) -> float | None:
    return None if value is None else plain(value)
