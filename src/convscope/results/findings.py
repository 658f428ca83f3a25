"""Units that were looked for: by a label, by likeness to another unit, or because they are silent or the same."""

from dataclasses import dataclass
from typing import Any

from ..legible import counted, told
from ..units import Unit
from .names import UnitName
from .record import Result, plain

LABELS, ALIKE, SILENT, DUPLICATES = "labels", "alike", "silent", "duplicates"
MEASURES = {LABELS: "AUC", ALIKE: "correlation", DUPLICATES: "correlation", SILENT: ""}


@dataclass(frozen=True, repr=False)
class Found:
    """One unit that was found. `value`: its AUC for a `label` on the images that names are tested on, or a correlation; `chosen`: the AUC
    on the images that names are chosen on, None elsewhere. `name`: what it fires for, if the run knows. `beside`: the other unit of a pair.
    """

    unit: Unit
    value: float
    label: str
    chosen: float | None = None
    name: UnitName | None = None
    beside: Unit | None = None

    def __repr__(self) -> str:
        return told(self, str(self.unit), self.label, f"{self.value:.3g}")


@dataclass(frozen=True, kw_only=True, repr=False)
class Findings(Result):
    """Units that were looked for, in the order of their worth. `words`: those of the call; `kind`: "labels", "alike", "silent",
    "duplicates".

    `units`: those that are listed, of `total`. `matched`: the labels that the words match. `depth`: each layer of the run, from the image
    up, with the best that was found there, None for nothing; of silent units their share. `images`: of the data set `dataset`.
    """

    words: str
    kind: str
    units: tuple[Found, ...]
    matched: tuple[str, ...]
    depth: tuple[tuple[str, Found | None], ...]
    total: int
    dataset: str
    images: int
    network: str

    def facts(self) -> tuple[str, ...]:
        """Return the words, and how many units they found."""
        return (repr(self.words), f"{counted(self.total, 'unit')} in {self.network!r}")

    @property
    def measure(self) -> str:
        """What the values are called, "" for units that have none."""
        return MEASURES[self.kind]

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each unit that is listed."""
        columns: dict[str, Any] = {"unit": [str(one.unit) for one in self.units]}
        if self.measure:
            columns["auc" if self.kind == LABELS else "correlation"] = [one.value for one in self.units]
        if self.kind == LABELS:
            columns |= {"chosen_auc": [one.chosen for one in self.units], "label": [one.label for one in self.units]}
        if self.kind == DUPLICATES:
            columns["other"] = [str(one.beside) for one in self.units]
        if any(one.name is not None for one in self.units):
            columns["name"] = [None if one.name is None else one.name.said for one in self.units]
        return columns

    def listing(self) -> dict[str, Any]:
        """Return the units that are listed, for the terminal."""
        return self.as_columns()

    def summary(self) -> dict[str, Any]:
        """Return all of it as plain JSON values."""
        return {
            "words": self.words,
            "kind": self.kind,
            "labels": list(self.matched),
            "total": self.total,
            "units": [self._said(one) for one in self.units],
            "depth": [{"layer": layer} | ({} if best is None else self._said(best)) for layer, best in self.depth],
        }

    def _said(self, one: Found) -> dict[str, Any]:
        if self.kind == SILENT:
            return {"unit": str(one.unit)} if not one.label else {"share": plain(one.value)}
        number = {"auc": plain(one.value), "chosen_auc": plain(one.chosen or 0.0), "label": one.label}
        found = number if self.kind == LABELS else {"correlation": plain(one.value)}
        beside = {} if one.beside is None else {"other": str(one.beside)}
        return {"unit": str(one.unit), **beside, **found} | ({} if one.name is None else {"name": one.name.summary()})
