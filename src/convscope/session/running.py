"""What a session makes of its answers: a request, its files, and the command that does the same."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..method import Written
from ..options import RANKED, Option
from ..requests import Finished, Note, Request
from ..units import parse, slug
from .questions import asked
from .state import State, Step, Told, strongest


def run(state: State) -> Step:
    """Write the request of a state; return the state that knows its command, and what to show."""
    assert state.method is not None
    network = None if needs_no_network(state, shlex.split(state.images)) else state.bundle
    request = Request(state.method, tuple(_taken(state).values()), state.options | _ranked(state), network)
    target, command = _target(state, request)
    written, notes, end = _written(request, target)
    stop = None if written.result is None else written.result.provenance.parameters.get("stop")
    # Repeating an interrupted picture makes the same one only if it ends after as many steps. A request of many pieces resumes instead.
    if end.interrupted and request.pieces.write is None and stop is not None:
        again = replace(request, options={**request.options, "stop": stop})
        command = _command(state, again, target)
    told = [Told(text) for text in (*_narrowed(state, request), *notes, *end.sentences(), f"the same again: {command}")]
    commands = state.commands if command in state.commands else (*state.commands, command)
    return asked(replace(state, stage="again", commands=commands), written, *told)


def _target(state: State, request: Request) -> tuple[Path, str]:
    """Return where a request is written, and its command: a new place, or that of the same request before, which then resumes there."""
    for number in range(1, len(state.commands) + 2):
        stem = f"{number:02d}-{request.method.name}-{_subject(state, request)}"
        target = state.out / (f"{stem}.png" if request.pieces.write is None else stem)
        command = _command(state, request, target)
        if command in state.commands[number - 1 : number]:
            break
    return target, command


def _command(state: State, request: Request, target: Path) -> str:
    model, told = (None, {}) if request.network is None else (state.model, state.told)
    return request.command_line(model=model, told=told, out=target)


def needs_no_network(state: State, images: list[str]) -> bool:
    """Say whether the images hold what a network would compute, such as the features of a run."""
    assert state.method is not None
    suffices = state.method.suffices
    return suffices is not None and state.method.takes == ("images",) and suffices((images,))


def _written(request: Request, target: Path) -> tuple[Written, list[str], Finished]:
    """Write a request; return its files with the first result, so that memory does not grow with the pieces, the notes and the end."""
    paths: list[Path] = []
    notes: list[str] = []
    first, end = None, Finished()
    for event in request.write(target, folder=target.parent):
        if isinstance(event, Written):
            first = first or event.result
            paths.extend(event.paths if event.listed else ())
        elif isinstance(event, Note):
            notes.append(event.text)
        else:
            end = event
    return Written((*([end.index] if end.index else []), *paths), result=first), notes, end


def _ranked(state: State) -> dict[str, Any]:
    """Return what was answered of the units as the method's options: how many of the strongest."""
    ranked = state.layer is not None and state.units.startswith("strongest")
    return {option.name: strongest(state.units) for option in _naming(state, RANKED)} if ranked else {}


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


def script(state: State) -> str:
    """Return the session as a shell script of the equivalent commands."""
    return "#!/bin/sh\nset -e\n" + "".join(f"{command}\n" for command in state.commands)
