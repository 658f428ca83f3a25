"""What a unit is made of, and what it feeds: plain records of the paths between units of measured layers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..legible import counted, few, told
from ..tables import Table
from ..units import Unit
from .record import FloatArray, plain


@dataclass(frozen=True, repr=False)
class Connection:
    """One input of a unit: a unit below, or a channel of the image.

    `pattern`: (rows, columns) float32, how much the unit's value before its own activation rises with the input's value at each place
    around it. `strength`: the sum of the pattern times how active the input is; below zero it inhibits. `step`: how many (rows, columns)
    of the input's map lie between two places of the pattern; above 1 where a max pooling comes between.
    """

    source: Unit
    strength: float
    pattern: FloatArray
    step: tuple[int, int] = (1, 1)

    def __repr__(self) -> str:
        return told(self, str(self.source), f"{self.strength:.3g}", f"pattern {self.pattern.shape[0]} x {self.pattern.shape[1]}")


@dataclass(frozen=True, repr=False)
class UnitConnections:
    """What a unit is made of: the `inputs` that excite it, most first, then those that inhibit it, most first.

    `remarks`: a sentence for each step between that is not linear or is left out, with the convention by which it counts.
    """

    unit: Unit
    inputs: tuple[Connection, ...]
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return told(self, str(self.unit), counted(len(self.inputs), "input"), "exact" if self.exact else "by a convention")

    @property
    def exact(self) -> bool:
        """Whether every step between is linear, so that the patterns are the unit's derivatives, whatever the image is."""
        return not self.remarks

    @property
    def exciting(self) -> tuple[Connection, ...]:
        """The inputs that excite it, most first."""
        return tuple(one for one in self.inputs if one.strength > 0)

    @property
    def inhibiting(self) -> tuple[Connection, ...]:
        """The inputs that inhibit it, most first."""
        return tuple(one for one in self.inputs if one.strength < 0)


@dataclass(frozen=True)
class Feed:
    """One unit above that a unit feeds, and how strongly: the `strength` of the `Connection` between them."""

    target: Unit
    strength: float


@dataclass(frozen=True, repr=False)
class UnitFeeds:
    """What a unit feeds: the units above that it excites, most first, then those that it inhibits, most first."""

    unit: Unit
    targets: tuple[Feed, ...]

    def __repr__(self) -> str:
        return told(self, str(self.unit), f"feeds {few([one.target for one in self.targets])}" if self.targets else "feeds nothing")


@dataclass(frozen=True, repr=False)
class Connections(Table):
    """What some units of a network are made of, and what they feed, in the order in which they were named.

    `model`: the network's name; `run`: the folder of the run by whose activities inputs are weighed, None for patterns alone. `names`: the
    class names of output units, by address. Iterates over its `units`.
    """

    model: str
    run: str | None
    units: tuple[UnitConnections, ...]
    feeds: tuple[UnitFeeds, ...]
    names: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        units = few([one.unit for one in self.units])
        return told(self, f"{units} in {self.model!r}", f"weighed by {self.run!r}" if self.run else "patterns alone")

    def as_columns(self) -> dict[str, Any]:
        """Return a row for each path: of an input to the unit ("input"), or of the unit to one above ("feeds"), and its strength."""
        rows = [(made.unit, "input", one.source, one.strength) for made in self.units for one in made.inputs]
        rows += [(fed.unit, "feeds", one.target, one.strength) for fed in self.feeds for one in fed.targets]
        return {
            "unit": [str(unit) for unit, *_ in rows],
            "path": [path for _, path, *_ in rows],
            "other": [str(other) for *_, other, _ in rows],
            "class": [self.names.get(str(other)) for *_, other, _ in rows],
            "strength": [float(strength) for *_, strength in rows],
        }

    def __len__(self) -> int:
        return len(self.units)

    def __iter__(self) -> Iterator[UnitConnections]:
        return iter(self.units)

    def legend(self, unit: Unit) -> str:
        """Return what to call a unit: its address, and its class where it is an output."""
        name = self.names.get(str(unit))
        return f"{unit} ({name})" if name else str(unit)

    def summary(self) -> dict[str, Any]:
        """Return all of it as plain JSON values."""
        return {"model": self.model, "run": self.run, "units": [self._said(*pair) for pair in zip(self.units, self.feeds, strict=True)]}

    def _said(self, made: UnitConnections, fed: UnitFeeds) -> dict[str, Any]:
        inputs = [
            {**self._named(one.source), "strength": plain(one.strength), "step": list(one.step), "pattern": _rows(one.pattern)}
            for one in made.inputs
        ]
        targets = [{**self._named(one.target), "strength": plain(one.strength)} for one in fed.targets]
        return {**self._named(made.unit), "exact": made.exact, "remarks": list(made.remarks), "inputs": inputs, "feeds": targets}

    def _named(self, unit: Unit) -> dict[str, Any]:
        name = self.names.get(str(unit))
        return {"unit": str(unit)} | ({"class": name} if name else {})


def _rows(pattern: FloatArray) -> list[list[Any]]:
    return [[plain(value) for value in row] for row in pattern]
