"""Options, written once: the annotated signature of a function is the form.

    def climb(model, units, *, steps: Annotated[int | None, Opt("How many steps to climb.", least=1, shown="until it stands")] = None):
        options = check_options(climb, locals())

`options_of` reads the form; the command line, the questions of the guide, the help and the documentation are made from it. `check_options`
checks the values of one call, which then stand in the provenance. Nothing here is heavy: `convscope --help` asks for it.
"""

import functools
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Annotated, Any

from .errors import OptionError, check_choice, closest
from .legible import shortened
from .numerals import real, whole

# What the text of an option may name, so that all who hand it on treat it as that.
IMAGES, FOLDER, RUN, RANKED, ENGINE = "images", "folder", "run", "ranked", "engine"
KINDS = (bool, int, float, str, Path)
# Whole numbers go through files and random generators, which hold 64 bits.
MOST_WHOLE = 2**63 - 1
LONGEST_VALUE = 100
MOST_TOLD = 10**9  # a larger number does not help a reader


@dataclass(frozen=True)
class Opt:
    """What the annotation of a parameter says: `help` is a sentence. Name, type and default come from the signature.

    `least`, `most`: the range of a number, ends included; `above`: what it must exceed. `choices` restricts a text or a whole number, and
    `aliases` are other values that stand for one of them. `shown`: the default as it is told to people. `shortcuts` are flags that stand
    for a value, such as ("--no-switches", "spread"); `short` is a second flag, such as "-r"; `metavar` the value's name in the help.
    `asked`: the guide asks for it. `required`: the command line must have it; a call from Python may have it from elsewhere. `hidden`:
    the help leaves it out. `names`: what its text names: IMAGES, a FOLDER, the RUN of a scan, the ENGINE that works; or RANKED, how many
    of the strongest units are looked at. `several`: the command line may have it more than once, and hands on all texts. `recorded`: the
    provenance holds it as it is given.
    """

    help: str
    least: float | None = None
    most: float | None = None
    above: float | None = None
    choices: tuple[str, ...] | tuple[int, ...] = ()
    aliases: tuple[tuple[Any, str], ...] = ()
    shown: str = ""
    shortcuts: tuple[tuple[str, str], ...] = ()
    short: str = ""
    metavar: str | None = None
    asked: bool = False
    required: bool = False
    hidden: bool = False
    names: str = ""
    several: bool = False
    recorded: bool = True


@dataclass(frozen=True, kw_only=True)
class Option(Opt):
    """One keyword of a function: `--name` on the command line, perhaps a question of the guide.

    `type` is int, float, str, Path or bool (a flag). `optional`: None may be given. `open`: it takes values
    of other kinds too, such as arrays or names of plug-ins, which only the function can judge.
    """

    name: str
    type: type
    default: Any = None
    optional: bool = False
    open: bool = False

    @property
    def flag(self) -> str:
        """The option's name in the shell."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def told(self) -> str:
        """The help with the default and the range, as the command line shows it."""
        default = self.shown or ("" if self.default is None or self.type is bool else str(self.default))
        facts = [f"default: {default}"] if default and not self.required else []
        facts += self._range(MOST_TOLD)
        return f"{self.help}  [{'; '.join(facts)}]" if facts else self.help

    def read(self, text: str) -> Any:
        """Return the value that a text means. Raises OptionError."""
        try:
            value = {int: whole, float: real}.get(self.type, self.type)(text)
        except ValueError as error:
            raise OptionError(f"{self.name}: {error}. Expected {self.wanted}.") from error
        return self.check(value)

    def check(self, value: Any) -> Any:
        """Return a value as the function takes it: a plain Python one, in range, among the choices. Raises OptionError."""
        # A number of NumPy would not compare with the default, and JSON could not record it.
        if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
            value = value.item()
        value = next((choice for alias, choice in self.aliases if value is alias), value)
        if value is None and self.optional:
            return None
        if self.choices and self.type is str and not self.open:
            check_choice(self.name, value, tuple(map(str, self.choices)))
            return value
        if self._fits(value):
            return float(value) if self.type is float else int(value) if self.type is int else value
        if self.open and not isinstance(value, bool | Integral | Real):
            return value
        raise OptionError(f"`{self.name}` is {_shown(value)}. Expected {self.wanted}{', or leave it out' if self.optional else ''}.")

    @property
    def wanted(self) -> str:
        """What is expected, in words."""
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        noun = {bool: "True or False", int: "a whole number", float: "a number", Path: "a path"}.get(self.type, "text")
        return " ".join((noun, *self._range()))

    def _range(self, largest: float = math.inf) -> list[str]:
        """Return the range in words, if there is one; an end beyond `largest` is not told."""
        most = None if self.most is None or self.most > largest else self.most
        if self.least is not None and most is not None:
            return [f"from {self.least:,} to {most:,}"]
        bounds = (("at least", self.least), ("above", self.above), ("at most", most))
        words = [f"{word} {bound:,}" for word, bound in bounds if bound is not None]
        return [" and ".join(words)] if words else []

    def _fits(self, value: Any) -> bool:
        if self.type is bool or isinstance(value, bool):
            return self.type is bool and isinstance(value, bool)
        if self.type in (str, Path):
            return isinstance(value, str | Path if self.type is Path else str)
        if not isinstance(value, Integral if self.type is int else Real):
            return False
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = self.type is int
        most = self.most if self.most is not None else MOST_WHOLE if self.type is int else math.inf
        least = self.least if self.least is not None else -most
        number: Any = value
        allowed = not self.choices or number in self.choices
        return allowed and finite and bool(least <= number <= most) and (self.above is None or bool(number > self.above))


class Options:
    """The options of one call, each read by its name: `options.steps`."""

    def __init__(self, options: tuple[Option, ...], values: Mapping[str, Any]) -> None:
        self._options, self._values = options, dict(values)

    def __getattr__(self, name: str) -> Any:
        """Return the value of an option."""
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(name) from None

    def but(self, **values: Any) -> "Options":
        """Return the same options with other values."""
        return Options(self._options, self._values | values)

    def recorded(self) -> dict[str, Any]:
        """Return what the provenance holds of them."""
        return {option.name: self._values[option.name] for option in self._options if option.recorded}


@functools.cache
def options_of(function: Callable[..., Any]) -> tuple[Option, ...]:
    """Return the options of a function: its parameters that an `Opt` annotates, in order."""
    hints = typing.get_type_hints(function, include_extras=True)
    options = []
    for name, parameter in inspect.signature(function).parameters.items():
        annotation = hints.get(name)
        opt = next((one for one in getattr(annotation, "__metadata__", ()) if isinstance(one, Opt)), None)
        if opt is not None:
            options.append(_option(name, parameter, typing.get_args(annotation)[0], opt))
    return tuple(options)


def check_options(function: Callable[..., Any], values: Mapping[str, Any]) -> Options:
    """Return the options of a call of `function`: those among `values`, checked, and the defaults of all others.

    `values` may hold the function's other parameters too, as its `locals()` do before its first line. Raises OptionError.
    """
    options, parameters = options_of(function), inspect.signature(function).parameters
    odd = next((name for name in values if name not in parameters), None)
    if odd is not None:
        raise OptionError(f"No option `{odd}`. {closest('the options', odd, [option.name for option in options])}")
    return Options(options, {one.name: one.check(values.get(one.name, one.default)) for one in options})


def _option(name: str, parameter: inspect.Parameter, annotation: Any, opt: Opt) -> Option:
    kinds = typing.get_args(annotation) if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union else ()
    kinds = kinds or (annotation,)
    plain = [kind for kind in kinds if kind in KINDS]
    required = parameter.default is inspect.Parameter.empty
    return Option(
        **{field.name: getattr(opt, field.name) for field in fields(Opt)} | {"required": opt.required or required},
        name=name,
        type=str if not plain or any(isinstance(one, str) for one in opt.choices) else Path if Path in plain else plain[0],
        default=None if required else parameter.default,
        optional=type(None) in kinds,
        open=len(plain) + (type(None) in kinds) < len(kinds),
    )


def _shown(value: Any) -> str:
    """Return a value as a sentence shows it."""
    if isinstance(value, int) and value.bit_length() > 1000:
        return f"a number of {value.bit_length():,} bits"
    return shortened(repr(value), LONGEST_VALUE)


# How the pictures of every method are drawn.
THEMES = ("light", "dark")
Theme = Annotated[str, Opt("Background of the pictures.", choices=THEMES)]
# Every method that Ctrl-C can cut short takes it, and records it then.
Stop = Annotated[int | None, Opt("End after so many steps or images, as Ctrl-C would.", least=1, metavar="N", hidden=True, recorded=False)]
