"""What a line means where one stands: (place, words) -> (new place, events). It reads nothing, draws nothing and asks nothing.

A line is one of the command line without the word `convscope`, or one of the prompt's own, which move or do what only a prompt can:

    d                 the letter of a method          :18  n  p  ]  [  layer block5*      another unit, another layer
    n; d; a           several, one after the other    image cat.jpg  run RUN  model my.h5   what the next commands look at, and with
    again             the last unit's lines, here     set steps 64  unset steps  back       what they are told; one step back

The events say what is left to do: commands of the command line as words, sentences, and the things that only a front end can do.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..catalogue import COMMANDS
from ..errors import OptionError, closest
from ..network.listing import LayerInfo
from .forms import INSTEAD, UNITS, Form, filled, parted, units_and_images
from .place import Place, Words

PROGRAM = "convscope"
LETTERS = {command.letter: name for name, command in COMMANDS.items() if command.letter}
# What only a front end can do, with its help; what follows is its argument.
DOINGS = {
    "open": "Open the last picture in the system's viewer, or its page in the browser.",
    "show": "Draw the last picture again, as large as the window is now.",
    "history": "List the lines of this session and of earlier ones; `history WORD` those that hold a word.",
    "save": "Write the commands of this session to a file: save tour.convscope.",
    "guide": "Answer questions instead: model, layer, units, method.",
    "help": "Explain the prompt, or a command: help deconv.",
    "quit": "Leave. Ctrl-D does the same.",
}
MOVES = {
    "model": "Open another model: model my.h5.",
    "layer": "Go to a layer: layer block5*.",
    "unit": "Go to a unit of this layer: unit 18, or :18. `:0-7` means eight of them, `:` the whole layer.",
    "n": "The next unit, or as many of the next as here.",
    "p": "The previous unit.",
    "]": "The next layer that learns.",
    "[": "The previous layer that learns.",
    "again": "Run here what was run at the unit before. An arrow key on an empty line does `n; again`.",
    "image": "Choose the images: image photos/dog.jpg.",
    "run": "Choose the run of a scan, for top and dossier: run RUN.",
    "set": "Tell an option to every command that has it: set steps 64. Alone: list what is set.",
    "unset": "Forget what was set: unset steps.",
    "back": "Go back to the place before this one.",
}
ALIASES = {"?": "help", "q": "quit", "exit": "quit", ":quit": "quit", "next": "n", "previous": "p", "images": "image", "session": "model"}
SCRIPT = ".convscope"
# Options that belong to one command and not to all: what to do instead.
OWN_COMMAND, ADDED = "`{}` is a command of its own.", "Add it to a command."
NOT_SET = {"model": OWN_COMMAND, "run": OWN_COMMAND} | dict.fromkeys(("out", "help", "json", "as_json"), ADDED)


@dataclass(frozen=True)
class Command:
    """A command of the command line, complete: `words` begin with its name."""

    words: Words

    def __str__(self) -> str:
        return shlex.join((PROGRAM, *self.words))


@dataclass(frozen=True)
class Opening:
    """A model is wanted: the front end loads it and continues from `opened`; `told` is what `load` is told, by option."""

    model: str
    told: Mapping[str, Words] = field(default_factory=dict)


@dataclass(frozen=True)
class Doing:
    """Something that only a front end can do: one of DOINGS, or `replay` for a script."""

    name: str
    argument: str = ""


@dataclass(frozen=True)
class Told:
    """A sentence for the user."""

    text: str


Event = Command | Opening | Doing | Told
Step = tuple[Place, tuple[Event, ...]]


def meant(name: str) -> str:
    """Return the command that a name, its alias or its letter means."""
    name = ALIASES.get(name, name)
    return LETTERS.get(name, name)


def split(line: str) -> list[Words]:
    """Return the words of each command on a line; a semicolon divides them, and `#` at the start makes a remark. Raises OptionError."""
    if line.lstrip().startswith("#"):
        return []
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";")
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        words = list(lexer)
    except ValueError as error:
        raise OptionError(f"`{line}` has an open quotation mark. Close it, or quote it.") from error
    commands: list[list[str]] = [[]]
    for word in words:
        if set(word) == {";"}:
            commands.append([])
        else:
            commands[-1].append(word)
    return [tuple(command) for command in commands if command]


def advance(place: Place, words: Sequence[str], forms: Mapping[str, Form]) -> Step:
    """Return where the words of one command lead from a place, and what is to be done. Raises ConvscopeError; the place then stays.

    `forms`: what each command of the command line takes.
    """
    name, *rest = words[1:] if words[0] == PROGRAM and len(words) > 1 else words
    name = meant(name)
    if name in _MOVES:
        return _MOVES[name](place, tuple(rest), forms)
    if name in DOINGS:
        return place, (Doing(name, " ".join(rest)),)
    if name == "replay" and len(rest) == 1 and rest[0].endswith((SCRIPT, ".txt")):
        return place, (Doing(name, rest[0]),)
    if name in forms:
        return _command(place, (name, *rest), forms)
    if not rest and (":" in name or any(info.address == name for info in place.layers)):
        return place.at_address(name if name != ":" else f"{place.info.address}"), ()
    known = [*forms, *MOVES, *DOINGS]
    raise OptionError(f"No command `{name}`. {closest('the commands', name, known)} `?` explains the prompt.")


def opened(place: Place, opening: Opening, layers: Iterable[LayerInfo], classes: Sequence[str], images: Words) -> Place:
    """Return the place in a model that was opened: the first unit of its last convolution, or of its last layer.

    `images`: those to look at first, where none are chosen. What was set stays.
    """
    known = tuple(layers)
    learning = [info for info in known if info.convolves] or [info for info in known if info.learns] or list(known)
    kept = opening.model == place.model and any(info.address == place.layer for info in known)
    layer = place.layer if kept else learning[-1].address if learning else ""
    units = place.units if kept else "0" if layer else ""
    at = place.moved(model=opening.model, layers=known, classes=tuple(classes), layer=layer, units=units)
    return replace(at, images=place.images or images, settings={**place.settings, **opening.told})


def _command(place: Place, words: Words, forms: Mapping[str, Form]) -> Step:
    form = forms[words[0]]
    command = Command(filled(place, words[1:], form))
    told = parted(words[1:], form)
    here = bool({*UNITS} & {*form.takes}) and INSTEAD not in told.given and not units_and_images(told, form)[0]
    looks = (*(one for one in place.looks if one != words), words) if here else place.looks
    return replace(place, looks=looks), (command,)


def _to_model(place: Place, rest: Words, forms: Mapping[str, Form]) -> Step:
    told = parted(rest, forms["layers"])
    values: dict[str, Words] = {}
    for word, option in _valued(told.options, forms["layers"]):
        values[option] = (*values.get(option, ()), word)
    models = (*values.pop("model", ()), *told.inputs)
    if len(models) > 1:
        raise OptionError(f"Received {len(models)} models. Expected one: model my.h5")
    # What an earlier model had to be told is not true of this one.
    settings = {name: words for name, words in place.settings.items() if name not in _told_options(forms)}
    return replace(place, settings=settings), (Opening("".join(models), values),)


def _told_options(forms: Mapping[str, Form]) -> set[str]:
    """Return the options that tell `load` what a model's file does not say."""
    return {flag.option for flag in forms["layers"].flags.values()}


def _valued(options: Sequence[str], form: Form) -> Iterable[tuple[str, str]]:
    """Yield each option's value with its name, "yes" for a flag alone."""
    rest = list(options)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        flag = form.flags.get(name)
        if flag is None:
            raise OptionError(f"No option `{name}`. {closest('the options', name, form.flags)}")
        yield (value if equals else rest.pop(0) if flag.valued and rest else "yes"), flag.option


def _to_layer(place: Place, rest: Words, forms: Mapping[str, Form]) -> Step:
    if not rest:
        return place, (Command(filled(place, (), forms["layers"])),)
    at, told = place.at_layer(",".join(rest))
    return at, ((Told(told),) if told else ())


def _to_unit(place: Place, rest: Words, forms: Mapping[str, Form]) -> Step:
    if len(rest) != 1:
        raise OptionError(f"Expected one unit or a range: unit 18, or :0-7. `{place.layer}` has {place.info.channels}.")
    return place.at_address(rest[0] if ":" in rest[0] else f":{rest[0]}"), ()


def _by(step: int, layer: bool = False) -> Callable[[Place, Words, Mapping[str, Form]], Step]:
    def move(place: Place, rest: Words, forms: Mapping[str, Form]) -> Step:
        if rest:
            raise OptionError(f"Nothing may follow here, but received `{' '.join(rest)}`. Divide commands by a semicolon: n; d")
        return (place.next_layer(step) if layer else place.next_units(step)), ()

    return move


def _again(place: Place, rest: Words, forms: Mapping[str, Form]) -> Step:
    if not place.last:
        return place, (Told("Nothing was run at the unit before. Run a method such as `d`, then `n; again`."),)
    events: list[Event] = []
    for words in place.last:
        place, more = _command(place, words, forms)
        events += more
    return place, tuple(events)


def _to_images(place: Place, rest: Words, forms: Mapping[str, Form]) -> Step:
    if not rest:
        raise OptionError("No image. Expected `image cat.jpg`, a folder, a list, an archive or sample:NAME.")
    return place.moved(images=rest), ()


def _to_run(place: Place, rest: Words, forms: Mapping[str, Form]) -> Step:
    if len(rest) != 1:
        raise OptionError("No run. Expected the folder of a scan: run RUN. `scan photos/` makes one.")
    return place.moved(run=rest[0]), (() if place.layers else (Opening(rest[0]),))


def _set(place: Place, rest: Words, forms: Mapping[str, Form]) -> Step:
    if len(rest) == 1 and "=" in rest[0]:
        rest = tuple(rest[0].split("=", 1))
    if not rest:
        listed = [f"{name} {' '.join(values)}" for name, values in place.settings.items()]
        return place, (Told(", ".join(listed) or "Nothing is set. `set steps 64` tells an option to every command that has it."),)
    name = _option(rest[0], forms)
    values = rest[1:] or ("yes",)
    if name in _told_options(forms):
        told = {option: words for option, words in place.settings.items() if option in _told_options(forms)}
        return place, (Opening(place.model, {**told, name: values}),)
    return place.moved(settings={**place.settings, name: values}), ()


def _option(word: str, forms: Mapping[str, Form]) -> str:
    """Return the name of an option that some command has. Raises OptionError."""
    name = word.lstrip("-").replace("-", "_")
    if name in NOT_SET:
        raise OptionError(f"`{name}` cannot be set for all commands. {NOT_SET[name].format(name)}")
    known = dict.fromkeys(flag.option for form in forms.values() for flag in form.flags.values())
    if name not in known:
        raise OptionError(f"No option `{name}`. {closest('the options', name, known)}")
    return name


def _unset(place: Place, rest: Words, forms: Mapping[str, Form]) -> Step:
    names = {word.lstrip("-").replace("-", "_") for word in rest} or {*place.settings}
    absent = next((name for name in names if name not in place.settings), None)
    if absent is not None:
        raise OptionError(f"`{absent}` is not set. {closest('what is set', absent, place.settings) or 'Nothing is.'}")
    return place.moved(settings={name: values for name, values in place.settings.items() if name not in names}), ()


def _back(place: Place, rest: Words, forms: Mapping[str, Form]) -> Step:
    if place.before is None:
        raise OptionError("This is the first place. `n`, `layer` and `model` lead to others.")
    return place.before, ()


_MOVES: Mapping[str, Callable[[Place, Words, Mapping[str, Form]], Step]] = {
    "model": _to_model,
    "layer": _to_layer,
    "unit": _to_unit,
    "n": _by(1),
    "p": _by(-1),
    "]": _by(1, layer=True),
    "[": _by(-1, layer=True),
    "again": _again,
    "image": _to_images,
    "run": _to_run,
    "set": _set,
    "unset": _unset,
    "back": _back,
}
