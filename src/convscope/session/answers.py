"""What a session makes of an answer: the next state, or an error that leaves it as it is."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..catalogue import METHODS
from ..errors import OptionError
from ..images.sources import as_image_set
from ..models import as_bundle
from ..models.sources import is_run
from ..network.listing import LayerInfo, layers
from ..options import RUN, Option
from ..scanning import open_run
from ..units import parse
from .questions import asked, asked_option, method_choices
from .running import needs_no_network, run
from .state import BACK, OUT, QUIT, WHOLE, Ended, State, Step, Told, strongest


def start(out: Path = OUT, model: str | None = None, told: Mapping[str, Any] | None = None) -> Step:
    """Return the first state and question; `model` is proposed, `told` holds the other options of `load`, such as custom layers."""
    state = State(out=out, model=model or "vgg16", told=told or {})
    return asked(state)


def advance(state: State, answer: str) -> Step:
    """Take one answer; return the new state and what to show, the next question last. Raises ConvscopeError for unusable answers."""
    answer = answer.strip()
    if answer == QUIT:
        return replace(state, stage="ended"), [Ended()]
    if answer == BACK:
        return asked(replace(state, stage=_before(state)))
    return _STAGES[state.stage](state, answer)


def _before(state: State) -> str:
    order = ["model", "layer", "units", "method", "images"]
    if state.stage not in order:
        return "method"
    place = max(order.index(state.stage) - 1, 0)
    return "layer" if order[place] == "units" and state.layer is None else order[place]


def _take_model(state: State, answer: str) -> Step:
    answer = _unquoted(answer)
    bundle = as_bundle(None if answer in ("", "vgg16") else answer, **state.told)
    notes = [Told(note) for note in bundle.notes]
    images = "sample:cat" if bundle.channels == 3 else "sample:fashion[0-2]"
    run = answer if answer and is_run(answer) else state.run
    return asked(replace(state, stage="layer", bundle=bundle, model=answer or "vgg16", images=images, run=run), *notes)


def _take_layer(state: State, answer: str) -> Step:
    if answer == WHOLE:
        return asked(replace(state, stage="method", layer=None))
    layer = next((info for info in layers(state.bundle) if info.address == answer), None)
    if layer is None:
        raise OptionError(f"No layer `{answer}`. Choose one from the list.")
    return asked(replace(state, stage="units", layer=layer, units=f"0-{min(7, layer.channels - 1)}"))


def _take_units(state: State, answer: str) -> Step:
    assert state.layer is not None
    answer = answer or state.units
    if not answer.startswith("strongest"):
        _check_units(state.layer, answer)
    else:
        strongest(answer)
    return asked(replace(state, stage="method", units=answer))


def _check_units(layer: LayerInfo, answer: str) -> None:
    channels = parse(f"{layer.address}:{answer}").channels
    if isinstance(channels, tuple) and max(channels) >= layer.channels:
        raise OptionError(f"`{layer.address}` has {layer.channels} units, 0 to {layer.channels - 1}, but received {max(channels)}.")


def _take_method(state: State, answer: str) -> Step:
    if answer not in [choice.value for choice in method_choices(state)]:
        raise OptionError(f"No method `{answer}` here. Choose one from the list.")
    method = METHODS.get(answer)
    state = replace(state, method=method, options={})
    return asked(replace(state, stage="images")) if "images" in method.takes else _next_option(state)


def _take_images(state: State, answer: str) -> Step:
    images = _split(answer or state.images)
    if not needs_no_network(state, images):
        as_image_set(images)
    return _next_option(replace(state, images=shlex.join(images)))


def _split(answer: str) -> list[str]:
    """Return the words of an answer, as the shell would. Raises OptionError."""
    try:
        return shlex.split(answer)
    except ValueError as error:
        raise OptionError(f"`{answer}` has an open quotation mark. Close it, or quote it.") from error


def _unquoted(answer: str) -> str:
    """Return the answer without the quotation marks in which terminals wrap a path that is dropped there."""
    words = _split(answer) if answer[:1] in ("'", '"') else [answer]
    return words[0] if len(words) == 1 else answer


def _take_option(state: State, answer: str) -> Step:
    option = asked_option(state)
    answer = _unquoted(answer) if option.names else answer
    value = _converted(option, answer or (state.run if option.names == RUN else ""))
    if option.names == RUN:
        _check_run(value, state.layer)
        state = replace(state, run=str(value))
    return _next_option(replace(state, options=state.options | {option.name: value}))


def _check_run(folder: Path, layer: LayerInfo | None) -> None:
    """Raise ReplayError for a run that cannot be read, and UnitError for a layer that it does not hold, while the user can name another."""
    run = open_run(folder)
    for layer_of_run in run.layers if layer is None else (layer.address,):
        run.units(layer_of_run)
        run.top(layer_of_run)


def _take_again(state: State, answer: str) -> Step:
    if answer not in ("method", "units", "layer", "model"):
        raise OptionError(f"`{answer}` is not in the list. Choose one from it.")
    return asked(replace(state, stage="layer" if answer == "units" and state.layer is None else answer))


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
        return asked(replace(state, stage="option"))
    return run(state)


def _converted(option: Option, answer: str) -> Any:
    if option.type is bool:
        if answer.lower() not in ("yes", "no", "y", "n", ""):
            raise OptionError(f"`{answer}` is neither yes nor no.")
        return bool(option.default) if not answer else answer.lower().startswith("y")
    if answer in ("", option.shown):
        if option.required:
            raise OptionError(f"No value for {option.name}. Expected: {option.help}")
        return option.default
    return option.read(answer)
