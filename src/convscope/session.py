"""The interactive session as a state machine: (state, answer) -> (new state, events). It never prints and never asks.

    model -> layer -> units -> method -> images -> options -> result, and again, until quit

A front end shows the events and hands back answers; `Question.text` is for people, `Choice.value` for the machine. An answer that cannot
be used raises ConvscopeError and leaves the state as it was.
"""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .catalogue import METHODS, summary
from .errors import OptionError
from .images.sources import SAMPLE, as_image_set, samples
from .method import Method, Written
from .models import ModelBundle, as_bundle
from .network.listing import LayerInfo, layers
from .numerals import natural
from .options import RANKED, RUN, Option
from .requests import Finished, Note, Request
from .units import parse, slug

OUT = Path("convscope-out")
WHOLE = "whole network"
BACK, QUIT = ":back", ":quit"


@dataclass(frozen=True)
class Choice:
    """One answer that a question offers."""

    value: str
    title: str


@dataclass(frozen=True)
class Question:
    """What to ask next. With `choices` one of them is the answer; `free` says that any text is (paths complete where `paths`)."""

    stage: str
    text: str
    default: str
    choices: tuple[Choice, ...] = ()
    free: bool = False
    paths: bool = False


@dataclass(frozen=True)
class Told:
    """A sentence for the user."""

    text: str


@dataclass(frozen=True)
class Ended:
    """The session is over."""


Event = Question | Told | Written | Ended


@dataclass(frozen=True)
class State:
    """Where the session is and what has been answered; `commands` are the command lines that would have done the same.

    `told`: what `load` is told beside the model's name. `run`: the folder of the scan that was looked at last.
    """

    stage: str = "model"
    bundle: ModelBundle | None = None
    model: str = "vgg16"
    told: Mapping[str, Any] = field(default_factory=dict)
    layer: LayerInfo | None = None
    units: str = "0-7"
    method: Method | None = None
    images: str = "sample:cat"
    options: dict[str, Any] = field(default_factory=dict)
    run: str = ""
    commands: tuple[str, ...] = ()
    out: Path = OUT


Step = tuple[State, list[Event]]


def start(out: Path = OUT, model: str | None = None, told: Mapping[str, Any] | None = None) -> Step:
    """Return the first state and question; `model` is proposed, `told` holds the other options of `load`, such as custom layers."""
    state = State(out=out, model=model or "vgg16", told=told or {})
    return state, [_question(state)]


def advance(state: State, answer: str) -> Step:
    """Take one answer; return the new state and what to show, the next question last. Raises ConvscopeError for unusable answers."""
    answer = answer.strip()
    if answer == QUIT:
        return replace(state, stage="ended"), [Ended()]
    if answer == BACK:
        return _asked(replace(state, stage=_before(state)))
    return _STAGES[state.stage](state, answer)


def _asked(state: State, *events: Event) -> Step:
    return state, [*events, _question(state)]


def _before(state: State) -> str:
    order = ["model", "layer", "units", "method", "images"]
    if state.stage not in order:
        return "method"
    place = max(order.index(state.stage) - 1, 0)
    return "layer" if order[place] == "units" and state.layer is None else order[place]


def _take_model(state: State, answer: str) -> Step:
    bundle = as_bundle(None if answer in ("", "vgg16") else answer, **state.told)
    notes = [Told(note) for note in bundle.notes]
    images = "sample:cat" if bundle.channels == 3 else "sample:fashion[0-2]"
    return _asked(replace(state, stage="layer", bundle=bundle, model=answer or "vgg16", images=images), *notes)


def _take_layer(state: State, answer: str) -> Step:
    if answer == WHOLE:
        return _asked(replace(state, stage="method", layer=None))
    found = next((info for info in layers(state.bundle) if info.address == answer), None)
    if found is None:
        raise OptionError(f"No layer `{answer}`. Choose one from the list.")
    return _asked(replace(state, stage="units", layer=found, units=f"0-{min(7, found.channels - 1)}"))


def _take_units(state: State, answer: str) -> Step:
    assert state.layer is not None
    answer = answer or state.units
    if not answer.startswith("strongest"):
        _check_units(state.layer, answer)
    else:
        _strongest(answer)
    return _asked(replace(state, stage="method", units=answer))


def _strongest(answer: str) -> int:
    """Return how many of the strongest units an answer means. Raises OptionError."""
    try:
        count = natural(answer.removeprefix("strongest"))
    except ValueError as error:
        raise OptionError(f"`{answer}` is not a selection. Write for example `strongest 6`.") from error
    if count < 1:
        raise OptionError(f"`{answer}` selects no unit. Write a number from 1.")
    return count


def _check_units(layer: LayerInfo, answer: str) -> None:
    channels = parse(f"{layer.address}:{answer}").channels
    if isinstance(channels, tuple) and max(channels) >= layer.channels:
        raise OptionError(f"`{layer.address}` has {layer.channels} units, 0 to {layer.channels - 1}, but received {max(channels)}.")


def _take_method(state: State, answer: str) -> Step:
    if answer not in [choice.value for choice in _method_choices(state)]:
        raise OptionError(f"No method `{answer}` here. Choose one from the list.")
    method = METHODS.get(answer)
    state = replace(state, method=method, options={})
    return _asked(replace(state, stage="images")) if "images" in method.takes else _next_option(state)


def _take_images(state: State, answer: str) -> Step:
    given = _split(answer or state.images)
    as_image_set(given)
    return _next_option(replace(state, images=shlex.join(given)))


def _split(answer: str) -> list[str]:
    """Return the words of an answer, as the shell would. Raises OptionError."""
    try:
        return shlex.split(answer)
    except ValueError as error:
        raise OptionError(f"`{answer}` has an open quotation mark. Close it, or quote it.") from error


def _take_option(state: State, answer: str) -> Step:
    option = _option(state)
    value = _converted(option, answer or (state.run if option.names == RUN else ""))
    run = str(value) if option.names == RUN else state.run
    return _next_option(replace(state, run=run, options=state.options | {option.name: value}))


def _take_again(state: State, answer: str) -> Step:
    if answer not in ("method", "units", "layer", "model"):
        raise OptionError(f"`{answer}` is not in the list. Choose one from it.")
    return _asked(replace(state, stage="layer" if answer == "units" and state.layer is None else answer))


_STAGES: dict[str, Callable[[State, str], Step]] = {
    "model": _take_model,
    "layer": _take_layer,
    "units": _take_units,
    "method": _take_method,
    "images": _take_images,
    "option": _take_option,
    "again": _take_again,
}


def _next_option(state: State) -> Step:
    """Ask for the next option that is asked at all; when there is none, run."""
    assert state.method is not None
    if any(option.asked and option.name not in state.options for option in state.method.options):
        return _asked(replace(state, stage="option"))
    return _run(state)


def _run(state: State) -> Step:
    assert state.method is not None
    request = Request(state.method, tuple(_taken(state).values()), state.options | _ranked(state), state.bundle)
    target, command = _target(state, request)
    written, notes, end = _written(request, target)
    stop = None if written.result is None else written.result.provenance.parameters.get("stop")
    if end.interrupted and request.pieces.write is None and stop is not None:
        again = replace(request, options={**request.options, "stop": stop})
        command = again.command_line(model=state.model, told=state.told, out=target)
    told = [Told(text) for text in (*_narrowed(state, request), *notes, *end.sentences(), f"the same again: {command}")]
    commands = state.commands if command in state.commands else (*state.commands, command)
    return _asked(replace(state, stage="again", commands=commands), written, *told)


def _target(state: State, request: Request) -> tuple[Path, str]:
    """Return where a request is written, and its command: a new place, or that of the same request before, which then resumes there."""
    for number in range(1, len(state.commands) + 2):
        stem = f"{number:02d}-{request.method.name}-{_subject(state, request)}"
        target = state.out / (f"{stem}.png" if request.pieces.write is None else stem)
        command = request.command_line(model=state.model, told=state.told, out=target)
        if command in state.commands[number - 1 : number]:
            break
    return target, command


def _written(request: Request, target: Path) -> tuple[Written, list[str], Finished]:
    """Write a request; return its files with the first result, so that memory does not grow with the pieces, the notes and the end."""
    paths: list[Path] = []
    notes: list[str] = []
    first, end = None, Finished()
    for event in request.write(target, folder=target.parent):
        if isinstance(event, Written):
            first = first or event.result
            paths.extend(event.paths if event.sheet or not event.units else ())
        elif isinstance(event, Note):
            notes.append(event.text)
        else:
            end = event
    return Written((*([end.index] if end.index else []), *paths), result=first), notes, end


def _ranked(state: State) -> dict[str, Any]:
    """Return what was answered of the units as the method's options: how many of the strongest."""
    ranked = state.layer is not None and state.units.startswith("strongest")
    return {option.name: _strongest(state.units) for option in _naming(state, RANKED)} if ranked else {}


def _naming(state: State, kind: str) -> list[Option]:
    """Return the method's options whose text names something of a kind."""
    assert state.method is not None
    return [option for option in state.method.options if option.names == kind]


def _taken(state: State) -> dict[str, Any]:
    """Return what the method takes before its options, in order."""
    assert state.method is not None
    values: dict[str, Any] = {"images": shlex.split(state.images)}
    if state.layer is not None:
        bare = state.units.startswith("strongest")
        address = state.layer.address if bare else f"{state.layer.address}:{state.units}"
        channels = parse(address).channels
        named = isinstance(channels, str) and channels != "all"
        first = address if named else f"{state.layer.address}:{channels[0] if isinstance(channels, tuple) else 0}"
        values |= {"layer": state.layer.address, "units": [address], "unit": first}
    return {name: values[name] for name in state.method.takes}


def _narrowed(state: State, request: Request) -> list[str]:
    """Return the sentence that says so where the method looks at more or less than the units that were answered."""
    name, takes = request.method.name, request.method.takes
    if state.layer is None or takes[0] == "units":
        return []
    if takes[0] == "layer":
        return [f"{name} draws the whole layer `{state.layer.address}`, not only its units {state.units}."]
    address = f"{state.layer.address}:{state.units}"
    return [] if request.inputs[0] == address else [f"{name} takes one unit: `{request.inputs[0]}`, the first of {address}."]


def _subject(state: State, request: Request) -> str:
    if state.layer is None:
        return "network"
    return slug(f"{state.layer.address}-{state.units}" if request.method.takes[0] == "units" else str(request.inputs[0]))


def _converted(option: Option, answer: str) -> Any:
    if option.type is bool:
        if answer.lower() not in ("yes", "no", "y", "n", ""):
            raise OptionError(f"`{answer}` is neither yes nor no.")
        return bool(option.default) if not answer else answer.lower().startswith("y")
    if answer == "":
        if option.required:
            raise OptionError(f"No value for {option.name}. Expected: {option.help}")
        return option.default
    return option.read(answer)


def _option(state: State) -> Option:
    assert state.method is not None
    return next(option for option in state.method.options if option.asked and option.name not in state.options)


def _question(state: State) -> Question:
    return _QUESTIONS[state.stage](state)


def _ask_model(state: State) -> Question:
    return Question("model", "Model file, or a name (vgg16, squeezenet, fashion, resnet50, ...)", state.model, free=True, paths=True)


def _ask_layer(state: State) -> Question:
    infos = layers(state.bundle)
    width = max(len(info.address) for info in infos)
    choices = [Choice(info.address, f"{info.address:<{width}}  {describe(info)}") for info in infos]
    default = next((info.address for info in reversed(infos) if info.learns), infos[-1].address)
    return Question("layer", "Layer", default, (*choices, Choice(WHOLE, f"{WHOLE}: a map of images")))


def describe(info: LayerInfo) -> str:
    """Return a layer's kind, map, channels and receptive field in one line."""
    shape = " x ".join(["?" if side is None else str(side) for side in info.shape] + [str(info.channels)])
    field_text = "sees the whole image" if info.field is None else f"sees {info.field} px"
    return f"{info.kind:<15} {shape:>16}   {field_text}"


def _ask_units(state: State) -> Question:
    assert state.layer is not None
    text = f"Units of {state.layer.address}, 0 to {state.layer.channels - 1} (such as 17, 0-7, 3,17, all, strongest 6)"
    return Question("units", text, state.units, free=True)


def _method_choices(state: State) -> list[Choice]:
    found = []
    for name in METHODS:
        method = METHODS.get(name)
        of_layer = bool({"unit", "units", "layer"} & set(method.takes))
        ranked = state.layer is not None and state.units.startswith("strongest")
        if of_layer == (state.layer is not None) and (not ranked or any(option.names == RANKED for option in method.options)):
            found.append(Choice(name, f"{name}: {summary(name)}"))
    return found


def _ask_method(state: State) -> Question:
    choices = _method_choices(state)
    return Question("method", "Method", choices[0].value, tuple(choices))


def _ask_images(state: State) -> Question:
    names = ", ".join(SAMPLE + name for name in samples())
    return Question("images", f"Images: files, folders, globs, lists, archives, or {names}", state.images, free=True, paths=True)


def _ask_option(state: State) -> Question:
    option = _option(state)
    if option.type is bool:
        default = "yes" if option.default else "no"
        return Question("option", f"{option.name}: {option.help}", default, (Choice("no", "no"), Choice("yes", "yes")))
    choices = tuple(Choice(choice, choice) for choice in option.choices)
    default = state.run if option.names == RUN else "" if option.default is None else str(option.default)
    return Question(
        "option", f"{option.name}: {option.help}", default, choices, free=not choices, paths=bool(option.names) and option.names != RANKED
    )


def _ask_again(state: State) -> Question:
    choices = [Choice("method", "another method"), Choice("layer", "another layer"), Choice("model", "another model")]
    if state.layer is not None:
        choices.insert(1, Choice("units", f"other units of {state.layer.address}"))
    return Question("again", "What next?", "method", (*choices, Choice(QUIT, "quit")))


_QUESTIONS: dict[str, Callable[[State], Question]] = {
    "model": _ask_model,
    "layer": _ask_layer,
    "units": _ask_units,
    "method": _ask_method,
    "images": _ask_images,
    "option": _ask_option,
    "again": _ask_again,
}


def script(state: State) -> str:
    """Return the session as a shell script of the equivalent commands."""
    return "#!/bin/sh\nset -e\n" + "".join(f"{command}\n" for command in state.commands)
