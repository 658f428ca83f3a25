"""What units are called: the label, or the formula of two, that tells best when each fires."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..legible import counted, told
from ..tables import Table

# What a name must reach on the half of the images that it was not chosen on; docs/names.md says why.
LEAST_AUC, MOST_P = 0.8, 0.01
OWN, IMAGENET = "own", "imagenet"
PSEUDO = "pseudo-labels by SqueezeNet"


@dataclass(frozen=True, repr=False)
class UnitName:
    """What one unit fires for. `name`: a label, or two with AND, OR and NOT; None for a unit that no label can be tried on.

    `auc`: how well the unit tells the images that the name holds for from all others, on the half that it was not chosen on; `p`: how
    likely chance tells as well, times the number of names that were tried; `images`: for how many images of that half the name holds.
    `label`, `label_auc`, `label_p`: the same of the best single label. `is_pseudo`: a classifier gave the labels, not a person.
    """

    name: str | None
    auc: float
    p: float
    images: int
    label: str | None
    label_auc: float
    label_p: float
    is_pseudo: bool = False

    def __repr__(self) -> str:
        return told(self, self.said)

    @property
    def explains(self) -> bool:
        """Whether the name tells when the unit fires: an AUC of at least 0.8, and at most 0.01 by chance."""
        return explains(self.auc, self.p)

    @property
    def said(self) -> str:
        """The name in a few words: "fires for Bag, AUC 0.97", or that no label explains the unit, and which comes nearest."""
        if self.name is None:
            return "no label can be tried on it"
        pseudo = f" ({PSEUDO})" if self.is_pseudo else ""
        if self.explains:
            return f"fires for {self.name}, AUC {self.auc:.2f}{pseudo}"
        return f"no label explains it (nearest: {self.name}, AUC {self.auc:.2f}){pseudo}"

    def summary(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        numbers = {"auc": _digits(self.auc), "p": _digits(self.p), "images": self.images}
        single = {"label": self.label, "label_auc": _digits(self.label_auc), "label_p": _digits(self.label_p)}
        return {"name": self.name, "explains": self.explains, **numbers, **single, "pseudo_labels": self.is_pseudo}


@dataclass(frozen=True, repr=False)
class Names(Table):
    """What the units of a run fire for, in the order of its layers; each is a row.

    `layers`, `names`, `labels`: text, None for a unit that no label can be tried on; `channels`: int64. `auc`, `p`, `label_auc`, `label_p`:
    float64, `images`: int64, see `UnitName`. `source`: "own" labels of the images or "imagenet", what SqueezeNet takes them for.
    `vocabulary`: the labels that were tried, and `counts` (label,) for how many images each holds. `halves`: how many images names were
    chosen on, and tested on. `notes`: sentences on all of it. `outdated`: the run has changed since.
    """

    layers: tuple[str, ...]
    channels: NDArray[np.int64]
    names: tuple[str | None, ...]
    auc: NDArray[np.float64]
    p: NDArray[np.float64]
    images: NDArray[np.int64]
    labels: tuple[str | None, ...]
    label_auc: NDArray[np.float64]
    label_p: NDArray[np.float64]
    source: str
    vocabulary: tuple[str, ...]
    counts: tuple[int, ...]
    halves: tuple[int, int]
    notes: tuple[str, ...] = ()
    outdated: bool = False
    _rows: dict[tuple[str, int], int] = field(default_factory=dict)

    def __repr__(self) -> str:
        tried = f"{counted(len(self.vocabulary), 'label')} ({self.source})"
        return told(self, f"{self.named:,} of {counted(len(self), 'unit')} named", tried, "outdated" if self.outdated else "")

    def __len__(self) -> int:
        return len(self.layers)

    @property
    def explained(self) -> NDArray[np.bool_]:
        """(unit,) whether its name tells when it fires."""
        return np.asarray([explains(auc, p) for auc, p in zip(self.auc.tolist(), self.p.tolist(), strict=True)], bool)

    @property
    def is_pseudo(self) -> bool:
        """Whether a classifier gave the labels, not a person."""
        return self.source == IMAGENET

    @property
    def named(self) -> int:
        """How many units have a name that tells when they fire."""
        return int(self.explained.sum())

    def row(self, layer: str, channel: int) -> int | None:
        """Return the row of a unit, None for one that it does not hold."""
        if not self._rows:
            self._rows.update({key: row for row, key in enumerate(zip(self.layers, self.channels.tolist(), strict=True))})
        return self._rows.get((layer, channel))

    def of(self, layer: str, channel: int) -> UnitName | None:
        """Return what one unit fires for, None for a unit that the table does not hold."""
        row = self.row(layer, channel)
        return None if row is None else self.at(row)

    def at(self, row: int) -> UnitName:
        """Return what the unit of a row fires for."""
        return UnitName(
            name=self.names[row],
            auc=float(self.auc[row]),
            p=float(self.p[row]),
            images=int(self.images[row]),
            label=self.labels[row],
            label_auc=float(self.label_auc[row]),
            label_p=float(self.label_p[row]),
            is_pseudo=self.is_pseudo,
        )

    def shares(self) -> dict[str, float]:
        """Return the share of each layer's units that have a name which tells when they fire."""
        layers, explained = np.asarray(self.layers, object), self.explained
        return {layer: float(explained[layers == layer].mean()) for layer in dict.fromkeys(self.layers)}

    def as_columns(self) -> Mapping[str, Any]:
        """Return a row for each unit."""
        return {
            "unit": [f"{layer}:{channel}" for layer, channel in zip(self.layers, self.channels.tolist(), strict=True)],
            "name": list(self.names),
            "explains": self.explained,
            "auc": self.auc,
            "p": self.p,
            "images": self.images,
            "label": list(self.labels),
            "label_auc": self.label_auc,
            "label_p": self.label_p,
        }

    def summary(self, rows: Sequence[int] | None = None) -> dict[str, Any]:
        """Return all of it as plain JSON values; `rows`: the units to list, by default all."""
        listed = range(len(self)) if rows is None else rows
        units = [{"unit": f"{self.layers[row]}:{self.channels[row]}", **self.at(row).summary()} for row in listed]
        said = {"labels": self.source, "vocabulary": len(self.vocabulary), "chosen_on": self.halves[0], "tested_on": self.halves[1]}
        return {**said, "named": self.named, "of": len(self), "layers": self.shares(), "notes": list(self.notes), "units": units}


def explains(auc: float, p: float) -> bool:
    """Return whether a name with these numbers tells when its unit fires."""
    return bool(auc >= LEAST_AUC and p <= MOST_P)


def _digits(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None
