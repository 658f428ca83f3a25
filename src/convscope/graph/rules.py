"""What replaces the backward step of one operation, and where: rules and rulesets.

A rule is a few lines; a ruleset is an ordered list of (where, rule), the first match wins, a user's entries go first. What no rule
matches takes its own vector-Jacobian product at the recorded input. `rulesets` has those with a name.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from ..backend import ops
from ..errors import OptionError, UnitError, check_choice
from ..hints import listing
from . import pooling
from .calls import Call
from .kinds import LINEAR, Kind


@dataclass(frozen=True)
class ForwardCall:
    """One call as it ran forward: its inputs, its output, and its vector-Jacobian product there."""

    call: Call
    inputs: tuple[Any, ...]
    output: Any
    vjp: Callable[[Any], list[Any]]


class Exact(IntEnum):
    """How small a part of the image may be on which a rule does what it does on the whole.

    A CROP is the network itself on a part of the image, which ends where the image ends. A CONE has zeros in place of what lies outside a
    map. On the WHOLE anything goes.
    """

    WHOLE = 0
    CROP = 1
    CONE = 2


class Rule(ABC):
    """Replaces one operation's backward step. A rule's options are its only state: two rules with equal options are equal.

    `note`: the sentence that a record shows. `reads`: the rule needs the values of the forward pass. `steady`: it sends a signal down the
    same way whatever the image was. `sloped`: it sends nothing down where the operation has no gradient of its own. `exact`: a rule from
    outside runs on whole images, because nothing is known of it. A rule that treats each place by itself may run on a smaller part.
    """

    note: str | None = None
    reads: ClassVar[bool] = True
    steady: ClassVar[bool] = False
    sloped: ClassVar[bool] = False
    exact: ClassVar[Exact] = Exact.WHOLE

    def __init_subclass__(cls) -> None:
        """Let no rule inherit how exact it is: a rule that derives from another says so itself."""
        if "exact" not in vars(cls):
            cls.exact = Exact.WHOLE

    @abstractmethod
    def backward(self, record: ForwardCall, upstream: Any) -> list[Any]:
        """Return the signal for each input of the call, from the signal at its output."""


@dataclass(frozen=True)
class DeconvRelu(Rule):
    """Rectify the signal, whatever the forward sign was (Zeiler & Fergus 2014)."""

    exact = Exact.CONE
    reads = False
    steady = True

    def backward(self, record: ForwardCall, upstream: Any) -> list[Any]:
        return [ops.relu(upstream)]


@dataclass(frozen=True)
class GuidedRelu(Rule):
    """Rectify the signal and mask it by the forward sign (Springenberg et al. 2014)."""

    exact = Exact.CONE

    def backward(self, record: ForwardCall, upstream: Any) -> list[Any]:
        return [ops.relu(upstream) * ops.cast(record.inputs[0] > 0, upstream.dtype)]


@dataclass(frozen=True)
class PassThrough(Rule):
    """Hand the signal on unchanged; Zeiler & Fergus: no contrast normalisation on the way down."""

    note: str | None = "contrast normalization is skipped on the way down"
    exact = Exact.CONE
    reads = False
    steady = True

    def backward(self, record: ForwardCall, upstream: Any) -> list[Any]:
        return [upstream]


@dataclass(frozen=True)
class HeldGate(Rule):
    """Hold the gate of x·gate(x) (swish, GELU) at its forward value."""

    note = "gates (swish, GELU and their like) are held constant"
    exact = Exact.CONE

    def backward(self, record: ForwardCall, upstream: Any) -> list[Any]:
        value = record.inputs[0]
        tiny = ops.abs(value) < 1e-6  # there the gate is the slope
        (slope,) = record.vjp(ops.ones_like(upstream))
        return [upstream * ops.where(tiny, slope, record.output / ops.where(tiny, ops.ones_like(value), value))]


@dataclass(frozen=True)
class HeldFactor(Rule):
    """Hold the gate of a product constant: the smaller factor, of equals the later one; the signal follows the other."""

    note = "multiplied gates are held constant"
    exact = Exact.CONE

    def backward(self, record: ForwardCall, upstream: Any) -> list[Any]:
        signal = largest(record.inputs)
        gradients = record.vjp(upstream)
        return [one if index == signal else ops.zeros_like(one) for index, one in enumerate(gradients)]


def largest(values: Sequence[Any]) -> int:
    """Return which factor of a product is the signal that the others gate: the first of those with most numbers."""
    sizes = [ops.size(value) for value in values]
    return sizes.index(max(sizes))


@dataclass(frozen=True)
class _Unpool(Rule):
    """Base of the unpoolings: the gradient of a weighted sum of each window's places. Other than 2-D pools take their own product."""

    def backward(self, record: ForwardCall, upstream: Any) -> list[Any]:
        value = record.inputs[0]
        window = pooling.window_of(record.call.operation, *value.shape[1:3]) if len(value.shape) == 4 else None
        if window is None:
            return record.vjp(upstream)
        return [pooling.unpooled(upstream, value, window, self.shares(value, window))]

    @abstractmethod
    def shares(self, value: Any, window: pooling.Window) -> pooling.Shares:
        """Return what each place of a window gets of its signal."""


@dataclass(frozen=True)
class SwitchUnpool(_Unpool):
    """Put each value where its window's maximum was; equal maxima by `ties`: "first" in row-major order, or "spread"."""

    ties: str = "first"
    exact = Exact.CONE

    def backward(self, record: ForwardCall, upstream: Any) -> list[Any]:
        own = self.ties == "first" and hasattr(record.call.operation, "pool_size") and pooling.native_pooling_matches_ties()
        return record.vjp(upstream) if own else super().backward(record, upstream)

    def shares(self, value: Any, window: pooling.Window) -> pooling.Shares:
        return pooling.by_switches(value, window, self.ties)


@dataclass(frozen=True)
class SpreadUnpool(_Unpool):
    """Without switches: g/k² to every place of the window."""

    exact = Exact.CONE
    steady = True

    def shares(self, value: Any, window: pooling.Window) -> pooling.Shares:
        return pooling.by_spreading(window)


@dataclass(frozen=True)
class CenterUnpool(_Unpool):
    """Without switches: g to the centre of the window."""

    exact = Exact.CONE
    steady = True

    def shares(self, value: Any, window: pooling.Window) -> pooling.Shares:
        return pooling.by_centre(window)


# Which calls a rule is for: a kind, a pattern of addresses, or a function of a call that says so.
Where = Kind | str | Callable[[Call], bool]


def fits(where: Where, call: Call) -> bool:
    """Say whether a call is one of those that `where` means."""
    if isinstance(where, Kind):
        return call.kind is where
    return fnmatchcase(call.address, where) if isinstance(where, str) else bool(where(call))


def is_first(call: Call) -> bool:
    """Say whether a call is a first layer: a convolution or dense layer, with no other between it and the picture."""
    return call.depth == 1 and call.kind in LINEAR


@dataclass(frozen=True)
class Both:
    """The calls that each of `wheres` means, such as the convolutions among the layers at some addresses."""

    wheres: tuple[Where, ...]

    def __call__(self, call: Call) -> bool:
        return all(fits(where, call) for where in self.wheres)


def _patterns(where: Where) -> Iterator[str]:
    if isinstance(where, str):
        yield where
    elif isinstance(where, Both):
        yield from (pattern for one in where.wheres for pattern in _patterns(one))


def both(*wheres: Where) -> Both:
    """Return what matches the calls that all of these match."""
    return Both(wheres)


@dataclass(frozen=True)
class Ruleset:
    """Rules by place, in order; the first match wins. An entry is (where, rule).

    `where` is a `Kind`, a pattern of addresses with `*`, `?` and `[…]`, or a function of a `Call`, such as `is_first` or
    `lambda call: call.depth > 10`. An activation that is an argument of its layer is a call of its own at the layer's address:
    `both(Kind.CONVOLUTION, "block1_*")` leaves it out.
    """

    name: str
    rules: tuple[tuple[Where, Rule], ...] = field(default=())

    def __post_init__(self) -> None:
        """Raise OptionError for anything but an entry: it would match no call, or fail in the middle of the way down."""
        for where, rule in self.rules:
            if not (isinstance(where, Kind | str) or callable(where)) or not isinstance(rule, Rule):
                raise OptionError(
                    f"The ruleset `{self.name}` has the entry ({where!r}, {rule!r}). Expected a Kind, a pattern of addresses or a function "
                    "of a call, and an instance of a Rule."
                )

    def rule_for(self, call: Call) -> Rule | None:
        """Return the rule for this call, None where its own vector-Jacobian product stands.

        A call that stands for another network's is that one's; one that was put in only cuts maps, and has no rule.
        """
        meant = call.origin or call
        return next((rule for where, rule in self.rules if fits(where, meant)), None) if meant.layer_type else None

    @property
    def exact(self) -> Exact:
        """The smallest part of an image on which all rules are exact."""
        return min((rule.exact for _, rule in self.rules), default=Exact.CONE)

    def check(self, calls: Iterable[Call]) -> None:
        """Raise UnitError for a pattern of addresses that none of a network's calls fits: its rule would say nothing."""
        addresses = {call.address for call in calls}
        for pattern in (one for where, _ in self.rules for one in _patterns(where)):
            if not any(fnmatchcase(address, pattern) for address in addresses):
                raise UnitError(
                    f"The ruleset `{self.name}` has a rule for `{pattern}`, which is the address of no layer. Expected a pattern that fits "
                    f"one, such as block1_*. `{listing()}` lists the addresses."
                )

    def reads(self, call: Call) -> bool:
        """Return whether a call's backward step needs the values of the forward pass."""
        rule = self.rule_for(call)
        return call.kind not in LINEAR if rule is None else rule.reads

    def is_steady(self, calls: Iterable[Call]) -> bool:
        """Say whether a signal goes down these calls the same way whatever the image was, so that one decides its size alone."""
        return all(
            call.kind in STEADY or call.layer_type in STEADY_TYPES if rule is None else rule.steady
            for call, rule in ((call, self.rule_for(call)) for call in calls)
        )

    def with_first(self, rules: Iterable[tuple[Where, Rule]]) -> "Ruleset":
        """Return this ruleset with the user's entries before its own."""
        return Ruleset(f"{self.name}+", (*rules, *self.rules))

    def notes(self, calls: Iterable[Call]) -> tuple[str, ...]:
        """Return the notes of the rules that these calls meet."""
        found = (rule.note for call in calls if (rule := self.rule_for(call)) is not None)
        return tuple(dict.fromkeys(note for note in found if note))


# What sends a signal down the same way whatever the image was, where no rule replaces it. Max pooling, gates and all others do not.
STEADY = LINEAR | {Kind.INPUT, Kind.AVERAGE_POOL, Kind.GLOBAL_POOL, Kind.PADDING, Kind.CROPPING, Kind.UPSAMPLING, Kind.IDENTITY}
STEADY_TYPES = ("BatchNormalization", "Add", "Subtract", "Average", "Concatenate", "Flatten", "Reshape", "Permute")
GATES = ((Kind.CONTRAST, PassThrough()), (Kind.GATE, HeldGate()), (Kind.MULTIPLY, HeldFactor()))
UNPOOLINGS: dict[str, Callable[[str], Rule]] = {
    "switches": lambda ties: SwitchUnpool(ties),
    "spread": lambda ties: SpreadUnpool(),
    "center": lambda ties: CenterUnpool(),
}
TIES = ("spread", "first")


def deconvnet(switches: str = "switches", ties: str = "spread") -> Ruleset:
    """Return the ruleset of the deconvnet: unpool by "switches", "spread" or "center"; rectify; filter. Raises OptionError."""
    if switches not in UNPOOLINGS:
        raise OptionError(f"No unpooling `{switches}`. Choose one of True (switches), {', '.join(UNPOOLINGS)}.")
    check_choice("tie rule", ties, TIES)
    unpooling = UNPOOLINGS[switches](ties)
    name = f"deconvnet-{switches}" + ("-first" if switches == "switches" and ties == "first" else "")
    return Ruleset(name, ((Kind.RELU, DeconvRelu()), (Kind.MAX_POOL, unpooling), *GATES))


GRADIENT = Ruleset("gradient", ((Kind.MAX_POOL, SwitchUnpool()),))
GUIDED = Ruleset("guided", ((Kind.RELU, GuidedRelu()), (Kind.MAX_POOL, SwitchUnpool())))
