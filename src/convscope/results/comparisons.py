"""Two networks on the same images: how alike their layers are, which units correspond, and where their predictions part."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..legible import counted, told
from ..units import Unit
from .record import FloatArray, Result, plain


@dataclass(frozen=True, repr=False)
class UnitPair:
    """A `unit` of the first network beside the `other` of the second: their `correlation`, and what each sees of its strongest images.

    `patches`, `other_patches`: (height, width, channel) in [0, 1] each, strongest first.
    """

    unit: Unit
    other: Unit
    correlation: float
    patches: tuple[FloatArray, ...]
    other_patches: tuple[FloatArray, ...]

    def __repr__(self) -> str:
        return told(self, str(self.unit), str(self.other), f"{self.correlation:.2f}")


@dataclass(frozen=True)
class Verdict:
    """What one of two networks says of an image: a class, its probability, and the units that argue most for it.

    `units`: address of each, and by how much of the difference of the two scores.
    """

    name: str
    probability: float
    units: tuple[tuple[str, float], ...]


@dataclass(frozen=True, repr=False)
class Parting:
    """An `image` (height, width, channel) in [0, 1] that two networks take for different classes. `label`: its own, None without one."""

    name: str
    image: FloatArray
    label: str | None
    first: Verdict
    second: Verdict

    def __repr__(self) -> str:
        return told(self, self.name, f"{self.first.name} or {self.second.name}")


@dataclass(frozen=True, kw_only=True)
class Comparison(Result):
    """`layers` of the first network and `other_layers` of the second; `cka`: (layer, other layer) linear CKA in [0, 1], NaN for a constant.

    `units` (all of `layers`), their best `partners` in the other network, None for none, and the `correlations`, NaN there;
    `other_units`, `other_partners` and `other_correlations` the other way round. `namesakes`: by address the correlation of a unit with
    that of the same address in the other network, where their layers have as many. `least`: from which correlation on a unit counts as
    having a partner. `pairs`: units side by side; `paired`: "namesakes" or "partners". `agreement`: the share of images on which the
    predictions agree, None where the two do not choose among as many classes; `partings`: images on which they do not, `parted` how many.
    `accuracies`: of both, None without labels that are classes. `features`: "mean", or "maps".
    """

    other: Mapping[str, Any]
    layers: tuple[str, ...]
    other_layers: tuple[str, ...]
    cka: NDArray[np.float64]
    units: tuple[Unit, ...]
    partners: tuple[Unit | None, ...]
    correlations: FloatArray
    other_units: tuple[Unit, ...]
    other_partners: tuple[Unit | None, ...]
    other_correlations: FloatArray
    namesakes: Mapping[str, float]
    least: float
    pairs: tuple[UnitPair, ...]
    paired: str
    partings: tuple[Parting, ...]
    parted: int
    agreement: float | None
    accuracies: tuple[float, float] | None
    features: str
    images: int
    dataset: str
    raw: ClassVar[tuple[str, ...]] = ("cka", "correlations", "other_correlations")

    @property
    def other_name(self) -> str:
        """What the second network is called."""
        return str(self.other.get("name", ""))

    @property
    def names(self) -> tuple[str, str]:
        """What the two networks are called, told apart where they have one name."""
        first, second = self.network_name, self.other_name
        return (first, second) if first != second else (f"{first} (first)", f"{second} (second)")

    def without_partner(self, *, second: bool = False) -> tuple[Unit, ...]:
        """Return the units of the first network, or of the `second`, that no unit of the other is like."""
        units, values = (self.other_units, self.other_correlations) if second else (self.units, self.correlations)
        return tuple(unit for unit, value in zip(units, values, strict=True) if not value >= self.least)

    def kept(self, layer: str, *, second: bool = False) -> tuple[int, int, float]:
        """Return of a layer how many units have a partner, how many there are, and the median correlation with the best one."""
        units, values = (self.other_units, self.other_correlations) if second else (self.units, self.correlations)
        own = np.array([value for unit, value in zip(units, values, strict=True) if unit.layer == layer])
        finite = own[np.isfinite(own)]
        return int((np.nan_to_num(own, nan=-1.0) >= self.least).sum()), len(own), float(np.median(finite)) if len(finite) else float("nan")

    def facts(self) -> tuple[str, ...]:
        """Return the networks, how many layers, and on how many images."""
        first, second = self.names
        sizes = f"{len(self.layers)} x {len(self.other_layers)} layers"
        return (f"{first!r} and {second!r}", sizes, f"on {counted(self.images, 'image')}")

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each unit of both networks: its best partner in the other one, and its namesake's correlation."""
        both = ((1, self.units, self.partners, self.correlations), (2, self.other_units, self.other_partners, self.other_correlations))
        rows = [(side, unit, other, value) for side, *table in both for unit, other, value in zip(*table, strict=True)]
        return {
            "network": [side for side, *_ in rows],
            "unit": [str(unit) for _, unit, *_ in rows],
            "partner": [None if other is None else str(other) for *_, other, _ in rows],
            "correlation": np.array([value for *_, value in rows], np.float32),
            "namesake": np.array([self.namesakes.get(str(unit), np.nan) for _, unit, *_ in rows], np.float32),
        }

    def summary(self) -> dict[str, Any]:
        """Return both networks, the table of CKA, the partners of all units, those that have none, and the predictions that differ."""
        cka = [[plain(value) for value in row] for row in self.cka]
        told = {"model": self.network_name, "other": self.other_name, "images": self.images, "features": self.features}
        tables = {"layers": list(self.layers), "other_layers": list(self.other_layers), "cka": cka}
        columns = self.as_columns()
        rows = zip(*columns.values(), strict=True)
        units = [{name: _plain(value) for name, value in zip(columns, row, strict=True)} for row in rows]
        lonely = {
            "without_partner": list(map(str, self.without_partner())),
            "other_without_partner": list(map(str, self.without_partner(second=True))),
        }
        return told | tables | {"units": units} | lonely | self._predictions()

    def _predictions(self) -> dict[str, Any]:
        said = [
            {"image": one.name, "label": one.label, "first": _verdict(one.first), "second": _verdict(one.second)} for one in self.partings
        ]
        accuracies = None if self.accuracies is None else [plain(one) for one in self.accuracies]
        return {"agreement": self.agreement, "accuracies": accuracies, "parted": self.parted, "partings": said}


def _verdict(one: Verdict) -> dict[str, Any]:
    units = [{"unit": unit, "argues": plain(amount)} for unit, amount in one.units]
    return {"class": one.name, "probability": plain(one.probability), "units": units}


def _plain(value: Any) -> Any:
    return plain(float(value)) if isinstance(value, np.floating) else value
