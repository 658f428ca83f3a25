"""What a unit is made of, and what it feeds: plain records of the paths between units of measured layers."""

from dataclasses import dataclass

from ..units import Unit
from .record import FloatArray


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class UnitConnections:
    """What a unit is made of: the `inputs` that excite it, most first, then those that inhibit it, most first.

    `remarks`: a sentence for each step between that is not linear or is left out, with the convention by which it counts.
    """

    unit: Unit
    inputs: tuple[Connection, ...]
    remarks: tuple[str, ...] = ()

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


@dataclass(frozen=True)
class UnitFeeds:
    """What a unit feeds: the units above that it excites, most first, then those that it inhibits, most first."""

    unit: Unit
    targets: tuple[Feed, ...]
