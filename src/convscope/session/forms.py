"""What a command takes, as far as a place fills it in, and how its words are told apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..options import RANKED, RUN
from ..requests import is_image
from .place import Place, Words

MODEL, INSTEAD = "model", "instead"
UNITS = ("layer", "unit", "units")
WORDS = "words"


@dataclass(frozen=True)
class Flag:
    """One spelling of an option: the option's name, whether a value follows, what it `names` (MODEL, RUN, RANKED, or INSTEAD of units)."""

    option: str
    valued: bool = True
    names: str = ""


@dataclass(frozen=True)
class Form:
    """A command: the inputs it `takes` in order ("model", "layer", "unit", "units", "images", "words"), those that may be absent, its
    flags.

    `suffices`: says of images whether they hold what a network would compute, such as a run, so that none is named.
    """

    name: str
    takes: Words = ()
    optional: frozenset[str] = frozenset()
    flags: Mapping[str, Flag] = field(default_factory=dict)
    suffices: Callable[[Words], bool] | None = None

    def flag(self, names: str) -> str | None:
        """Return the flag of the option that names something of a kind, None if there is none."""
        return next((flag for flag, one in self.flags.items() if one.names == names and flag.startswith("--")), None)


@dataclass(frozen=True)
class Parted:
    """The words of a command told apart: its inputs, its options with their values, and the names of the options that were given."""

    inputs: Words
    options: Words
    given: frozenset[str]


def parted(words: Sequence[str], form: Form) -> Parted:
    """Tell the words behind a command's name apart, as the command line does."""
    inputs: list[str] = []
    options: list[str] = []
    given: set[str] = set()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            inputs += rest
            break
        flag, long = _flag(word, form)
        if flag is None:
            inputs.append(word)
            continue
        given |= {flag.option, flag.names} - {""}
        options.append(word)
        if flag.valued and not long and rest:
            options.append(rest.pop(0))
    return Parted(tuple(inputs), tuple(options), frozenset(given))


def _flag(word: str, form: Form) -> tuple[Flag | None, bool]:
    """Return the flag that a word begins, and whether the word holds its value."""
    if word in form.flags:
        return form.flags[word], False
    name, equals, _ = word.partition("=")
    if equals and name.startswith("--") and name in form.flags:
        return form.flags[name], True
    short = form.flags.get(word[:2])
    # As for the command line, what is numbered like a unit is a term with a minus, not the option -m with its value.
    if short is not None and not word.startswith("--") and ":" not in word and (short.valued or set(word[2:]) <= {"h"}):
        return short, True
    # An unknown option is left to the command line, which says so.
    return (Flag(word), True) if word.startswith("-") and len(word) > 1 and ":" not in word else (None, False)


def filled(place: Place, words: Sequence[str], form: Form) -> Words:
    """Return the words of a command line: what `words` leave out is taken from the place; addresses that begin with a colon are its
    layer's.
    """
    told = parted(words, form)
    options = [*told.options]
    for option, values in place.settings.items():
        options += () if option in told.given else _setting(option, values, form)
    has_run = RUN in told.given or "run" in told.given
    if not has_run and place.run and (run := form.flag(RUN)) is not None:
        options += [run, place.run]
        has_run = True
    inputs = _inputs(place, told, form, has_run=has_run)
    named = MODEL in told.given or (form.takes == (MODEL,) and bool(told.inputs)) or (form.suffices is not None and form.suffices(inputs))
    if place.model and not named and (model := form.flag(MODEL)) is not None:
        options += [model, place.model]
    ended = any(word.startswith("-") and ":" not in word for word in inputs)
    return (form.name, *options, "--", *inputs) if ended else (form.name, *inputs, *options)


def _setting(option: str, values: Words, form: Form) -> Words:
    """Return the words that set an option, none where the command does not have it."""
    flag, one = next(((flag, one) for flag, one in form.flags.items() if one.option == option and flag.startswith("--")), (None, None))
    if flag is None or one is None:
        return ()
    if not one.valued:
        return (flag,) if values == ("yes",) else ()
    return tuple(word for value in values for word in (flag, value))


def _inputs(place: Place, told: Parted, form: Form, *, has_run: bool) -> Words:
    """Return the inputs of a command, those of the place where there are none."""
    if not form.takes:
        return told.inputs
    first, *behind = form.takes
    if first == MODEL:
        rest = told.inputs or (place.images if "images" in behind and not has_run else ())
        # Where the model has an option, that one is filled in.
        return rest if form.flag(MODEL) is not None or told.inputs else tuple(word for word in (place.model,) if word) + rest
    if first == WORDS:
        return told.inputs
    if first not in UNITS:
        known = (place.run,) if form.suffices is not None and place.run else place.images
        return told.inputs or (() if has_run and first in form.optional else known)
    units, images = units_and_images(told, form)
    if not units and INSTEAD not in told.given and place.layer:
        units = (place.layer if first == "layer" or RANKED in told.given else place.address,)
    else:
        units = tuple(place.info.address + word if word.startswith(":") else word for word in units)
    return (*units, *(images or (place.images if behind else ())))


def units_and_images(told: Parted, form: Form) -> tuple[Words, Words]:
    """Return which inputs of a command that takes units are units: all up to the first image, and what begins with a colon."""
    if "images" not in form.takes:
        return told.inputs, ()
    count = next((number for number, word in enumerate(told.inputs) if is_image(word)), len(told.inputs))
    units = [word for number, word in enumerate(told.inputs) if number < count or word.startswith(":")]
    return tuple(units), tuple(word for word in told.inputs[count:] if not word.startswith(":"))
