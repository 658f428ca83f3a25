"""What a session asks next, and what it proposes."""

from collections.abc import Callable

from ..catalogue import METHODS, summary
from ..images.sources import SAMPLE, samples
from ..network.listing import LayerInfo, layers
from ..options import RANKED, RUN, Option
from .state import QUIT, WHOLE, Choice, Event, Question, State, Step


def asked(state: State, *events: Event) -> Step:
    """Return a state with what to show, and its question."""
    return state, [*events, question(state)]


def asked_option(state: State) -> Option:
    """Return the first option that is asked for and not answered."""
    assert state.method is not None
    return next(option for option in state.method.options if option.asked and option.name not in state.options)


def question(state: State) -> Question:
    """Return what a state asks."""
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


def method_choices(state: State) -> list[Choice]:
    """Return the methods for the chosen layer or the whole network, for units or for the strongest of them."""
    choices = []
    for name in METHODS:
        method = METHODS.get(name)
        of_layer = bool({"unit", "units", "layer"} & set(method.takes))
        ranked = state.layer is not None and state.units.startswith("strongest")
        if of_layer == (state.layer is not None) and (not ranked or any(option.names == RANKED for option in method.options)):
            choices.append(Choice(name, f"{name}: {summary(name)}"))
    return choices


def _ask_method(state: State) -> Question:
    choices = method_choices(state)
    return Question("method", "Method", choices[0].value, tuple(choices))


def _ask_images(state: State) -> Question:
    names = ", ".join(SAMPLE + name for name in samples())
    return Question("images", f"Images: files, folders, globs, lists, archives, or {names}", state.images, free=True, paths=True)


def _ask_option(state: State) -> Question:
    option = asked_option(state)
    if option.type is bool:
        default = "yes" if option.default else "no"
        return Question("option", f"{option.name}: {option.help}", default, (Choice("no", "no"), Choice("yes", "yes")))
    choices = tuple(Choice(choice, choice) for choice in map(str, option.choices))
    return Question(
        "option",
        f"{option.name}: {option.help}",
        _default(state, option),
        choices,
        free=not choices,
        paths=bool(option.names) and option.names != RANKED,
    )


def _default(state: State, option: Option) -> str:
    """Return the answer that a question about an option proposes."""
    if option.names == RUN:
        return state.run
    if option.default is None:
        return option.shown if option.choices else ""
    return str(option.default)


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
