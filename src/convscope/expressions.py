"""What a picture is climbed for, as a value: weighted sums of units, directions and whole layers, and the grammar they are written in.

block4_conv2:17                          a channel; everything that `units` writes is a term
block4_conv2:17 - block4_conv2:20        sums and differences, of any layers; the signs need spaces, because names have hyphens
block4_conv2:1 + 0.5*block3_conv1:2      weights, as they are: nothing is normalised
block4_conv2:cats.npy                    a direction: a vector over the layer's channels, from a file
odds(predictions:tabby)                  a class against all others: its log odds
brightness(block4_conv2)                 a function of the values of one layer, or of several: brightness(conv1, conv2)
block5_conv1, block5_conv1@3,5           a whole layer (DeepDream), and one place of it: all its channels there
"""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .errors import OptionError, UnitError
from .legible import counted, told
from .numerals import REAL, real
from .registry import UNREGISTERED, Registry
from .units import Unit, UnitPattern, as_position, parse, slug

GRAMMAR = (
    "terms with ` + ` or ` - ` between them, each layer:channel, layer:channel@row,column, layer:vector.npy, odds(layer:channel), "
    "function(layer) or a bare layer, a weight before it as in 0.5*layer:channel"
)
ARRAY = ".npy"
MOST_TERMS = 1_000


@dataclass(frozen=True, repr=False)
class Direction:
    """A vector over the channels of a layer; `name` stands for it in words, `path` is the file that holds it, if one does."""

    name: str
    vector: tuple[float, ...]
    path: str | None = None

    def __repr__(self) -> str:
        return told(self, repr(self.name), counted(len(self.vector), "channel"))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Function:
    """A function of the values of `layers`, in their order; see `objective` for what it gets and returns."""

    name: str
    function: Callable[..., Any]
    layers: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.layers)})"

    @property
    def recorded(self) -> str:
        """The text that means it again, where the function is registered."""
        return f"{OBJECTIVES.name_of(self.function)}({', '.join(self.layers)})"


# Functions that an expression can name: `objective` says what they are.
OBJECTIVES: Registry[Callable[..., Any]] = Registry("objective", group="convscope.objectives")


@dataclass(frozen=True)
class Term:
    """`weight` times one thing of a layer: a channel (its number, or a class name until a network is asked), a direction, a function, or
    with None the whole layer; at `position` only where it is given. `odds`: the log odds of the channel against all others.
    """

    weight: float
    layer: str
    channel: int | str | Direction | Function | None
    position: tuple[int, int] | None = None
    odds: bool = False

    @property
    def address(self) -> str:
        """The term without its weight."""
        if isinstance(self.channel, Function):
            return str(self.channel)
        channel = "" if self.channel is None else f":{self.channel}"
        where = "" if self.position is None else "@{},{}".format(*self.position)
        address = f"{self.layer}{channel}{where}"
        return f"odds({address})" if self.odds else address

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers whose values it needs."""
        return self.channel.layers if isinstance(self.channel, Function) else (self.layer,)

    @property
    def recorded(self) -> str:
        """The term without its weight, so that it can be read again: directions by their paths, functions by their registered names."""
        if isinstance(self.channel, Direction):
            return replace(self, channel=self.channel.path or self.channel.name).address
        return self.channel.recorded if isinstance(self.channel, Function) else self.address


@dataclass(frozen=True, repr=False)
class Objective:
    """A weighted sum of terms. It adds, subtracts and scales; equal terms become one, and terms of weight 0 vanish.

    >>> convscope.objective("block4_conv2:17") - 0.5 * convscope.objective("block4_conv2:20")
    """

    terms: tuple[Term, ...] = ()

    def __post_init__(self) -> None:
        weights: dict[Term, float] = {}
        for term in self.terms:
            key = replace(term, weight=1.0)
            weights[key] = weights.get(key, 0.0) + term.weight
        if not all(math.isfinite(weight) for weight in weights.values()):
            raise UnitError(f"`{self}` has a weight that is not finite. Expected a weight such as 0.5.")
        object.__setattr__(self, "terms", tuple(replace(term, weight=weight) for term, weight in weights.items() if weight))

    def __add__(self, other: Any) -> "Objective":
        return Objective(self.terms + as_objective(other).terms)

    def __radd__(self, other: Any) -> "Objective":
        return self if other == 0 else as_objective(other) + self  # so that `sum` adds objectives

    def __sub__(self, other: Any) -> "Objective":
        return self + -as_objective(other)

    def __rsub__(self, other: Any) -> "Objective":
        return as_objective(other) - self

    def __mul__(self, factor: float) -> "Objective":
        return Objective(tuple(replace(term, weight=term.weight * float(factor)) for term in self.terms))

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> "Objective":
        return self * (1 / divisor)

    def __neg__(self) -> "Objective":
        return self * -1.0

    def __repr__(self) -> str:
        return told(self, repr(str(self)))

    def __str__(self) -> str:
        return self._text([term.address for term in self.terms])

    @property
    def recorded(self) -> str:
        """The expression with the paths of its directions and the registered names of its functions, so that it can be read again."""
        return self._text([term.recorded for term in self.terms])

    @property
    def unit(self) -> Unit | None:
        """The unit that this is, None where it is more or other than one."""
        only = self.terms[0] if len(self.terms) == 1 else None
        if only is None or only.weight != 1 or only.odds or not isinstance(only.channel, int):
            return None
        return Unit(only.layer, only.channel, only.position)

    @property
    def layer(self) -> str:
        """The layers it is made of, as words."""
        return " and ".join(dict.fromkeys(layer for term in self.terms for layer in term.layers))

    @property
    def slug(self) -> str:
        """The expression as a file name."""
        return slug(str(self))

    def _text(self, addresses: Sequence[str]) -> str:
        words = []
        for place, (term, address) in enumerate(zip(self.terms, addresses, strict=True)):
            sign = "-" if term.weight < 0 else "+"
            size = "" if abs(term.weight) == 1 else f"{_plain(abs(term.weight))}*"
            words.append((("-" if sign == "-" else "") if place == 0 else f" {sign} ") + size + address)
        return "".join(words)


def objective(text: str | Sequence[str], function: Callable[..., Any] | None = None, *, name: str | None = None) -> Objective:
    """Return the objective that an expression means, such as "block4_conv2:17 - 0.5*block4_conv2:20", to add, subtract and scale.

    With a `function`, `text` is a layer or a list of layers, and the objective is what the function makes of their values. It gets an array
    for each layer, as `activations` shows it (of a softmax the scores before it): (picture, row, column, channel), or (picture, channel),
    float32. It returns one number for each picture, (picture,), larger where the picture is better; the scale does not matter. It must be
    differentiable, and treat each picture by itself. Written with `keras.ops` and plain arithmetic it runs on TensorFlow, JAX and PyTorch.
    `name` stands for it in legends and file names.

    Layers, channels and classes are looked up when a network climbs it. Raises UnitError that shows the grammar.

    >>> convscope.ascend(model, convscope.objective("block4_conv2:17") - convscope.objective("block4_conv2:20"))
    >>> convscope.ascend(model, convscope.objective("block4_conv2", lambda maps: keras.ops.mean(maps[:, :4, :4, 17], axis=(1, 2))))
    """
    if function is None:
        if not isinstance(text, str):
            raise UnitError(f"{text!r} is not an expression. Expected text such as `block4_conv2:17`, or layers and a function.")
        return Objective(tuple(_terms(text)))
    layers = (text,) if isinstance(text, str) else tuple(text)
    if not callable(function) or not layers or not all(isinstance(layer, str) for layer in layers):
        raise UnitError(f"{text!r} with {function!r} is not an objective. Expected a layer or a list of layers, and a function.")
    name = name or getattr(function, "__name__", type(function).__name__).strip("<>")
    return Objective((Term(1.0, layers[0], Function(name, function, layers)),))


def direction(layer: str, vector: Sequence[float], *, name: str = "direction", position: tuple[int, int] | None = None) -> Objective:
    """Return the objective that climbs along a vector over the channels of a layer; at one (row, column) only, with `position`.

    The vector is not normalised: divide it by its norm to compare scores. `name` stands for it in legends and file names.

    >>> convscope.ascend(model, convscope.direction("block4_conv2", vector, name="stripes"))
    """
    values = tuple(float(value) for value in vector)
    if not values or not all(math.isfinite(value) for value in values) or not any(values):
        raise UnitError(f"The direction `{name}` of `{layer}` must be finite numbers, one for each channel, and not all 0.")
    return Objective((Term(1.0, layer, Direction(name, values), position),))


def as_objective(given: Any) -> Objective:
    """Return what an expression, Unit or Objective means as an Objective; raise UnitError for anything else."""
    if isinstance(given, Objective):
        return given
    if isinstance(given, Unit):
        return Objective((Term(1.0, given.layer, given.channel, given.position),))
    if isinstance(given, str):
        return objective(given)
    if callable(given):
        raise UnitError(
            f"{given!r} is a function. Name the layers whose values it takes: convscope.objective(layer, function), or a list of layers."
        )
    raise UnitError(
        f"{given!r} is not an objective. Expected an expression such as `block4_conv2:17 - block4_conv2:20`, a Unit or an Objective."
    )


def is_address(text: str) -> bool:
    """Say whether a text is a plain address of units or a layer, and no expression of several terms, weights or odds."""
    weighted = _WEIGHTED.fullmatch(text.strip())
    if _OPERATOR.search(text) or (weighted and (weighted[1] or weighted[2])):
        return False
    return not text.strip().startswith("odds(") and not _FUNCTION.fullmatch(text.strip())


# Possessive throughout: where text does not fit, no shorter match is tried, so that the time grows with its length and no faster.
_OPERATOR = re.compile(r"(?<!\s)\s++([+-])(?:\s++|$)")
_WEIGHTED = re.compile(rf"(?:([+-])\s*+)?(?:({REAL})\s*+\*\s*+)?(.+)", re.DOTALL)
_BARE = re.compile(r"(?!.*:)(.+)@(.+)")
_FUNCTION = re.compile(rf"((?:{UNREGISTERED})?+[\w<>-]++)\(([^():]*+)\)")


def _terms(text: str) -> Iterator[Term]:
    parts = _OPERATOR.split(text.strip())
    signs = ["+", *parts[1::2]]
    if len(signs) > MOST_TERMS:
        raise UnitError(f"`{text}` has {len(signs):,} terms. convscope reads at most {MOST_TERMS:,} are read.")
    for sign, part in zip(signs, parts[::2], strict=True):
        match = _WEIGHTED.fullmatch(part.strip())
        if match is None:
            raise UnitError(f"`{text}` has a sign without a term. Expected {GRAMMAR}.")
        weight = _weight(match[2] or "1", text) * (-1 if (match[1] == "-") != (sign == "-") else 1)
        yield replace(_term(match[3].strip(), text), weight=weight)


def _weight(written: str, text: str) -> float:
    try:
        return real(written)
    except ValueError as error:
        raise UnitError(f"`{text}` has a weight that is not a number: {error}.") from error


def _term(written: str, text: str) -> Term:
    if not written.startswith("odds(") and (call := _FUNCTION.fullmatch(written)):
        return _function(call[1], call[2], text)
    odds = re.fullmatch(r"odds\((.*)\)", written)
    address = odds[1].strip() if odds else written
    if not re.match(r"\w", address) or re.search(r"[()*]", address.partition(":")[0]):
        raise UnitError(f"`{written}` in `{text}` is not a term. Expected {GRAMMAR}.")
    pattern = _pattern(address)
    channels = pattern.channels
    if channels == "all" or (isinstance(channels, tuple) and len(channels) != 1):
        raise UnitError(
            f"`{address}` in `{text}` means several units, but a term is one unit. Write one channel, or one expression for each."
        )
    channel = channels[0] if isinstance(channels, tuple) else channels
    if odds and (channel is None or (isinstance(channel, str) and channel.endswith(ARRAY))):
        raise UnitError(f"`{written}` in `{text}` does not name a class. Write odds(layer:channel), for example odds(predictions:281).")
    return Term(1.0, pattern.layer, channel, pattern.position, odds is not None)


def _function(name: str, layers: str, text: str) -> Term:
    try:
        function = OBJECTIVES.get(name)
    except OptionError as error:
        fact = str(error).strip()
        raise UnitError(
            f"`{name}({layers})` in `{text}` is not a term. {fact} Functions are registered by name: docs/extending.md."
        ) from error
    return objective([layer.strip() for layer in layers.split(",")], function, name=name).terms[0]


def _pattern(address: str) -> UnitPattern:
    bare = _BARE.fullmatch(address)
    return UnitPattern(address, bare[1], None, as_position(address, bare[2])) if bare else parse(address)


def _plain(weight: float) -> str:
    """Return a weight so that reading it gives the same number."""
    return repr(weight).removesuffix(".0")
