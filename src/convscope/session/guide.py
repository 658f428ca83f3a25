"""The questions for who does not know the commands yet, as a state machine: (state, place, answer) -> (new state, a line).

    model -> layer -> units -> method -> run or images -> options -> the line that draws, and again, until one leaves

Each answer becomes a line of the prompt, which the front end takes as if it had been typed; an answer that cannot be used raises
ConvscopeError, and the question stays.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..catalogue import COMMANDS, METHODS, summary
from ..errors import OptionError
from ..images.sources import SAMPLE, samples
from ..method import Method
from ..models.loading import DEFAULT
from ..models.sources import is_run
from ..network.listing import LayerInfo
from ..numerals import natural
from ..options import RANKED, RUN, Option
from .place import Place

WHOLE, LEAVE, BACK = "whole network", "leave", "back"
STRONGEST = "strongest"
ORDER = ("model", "layer", "units", "method", "images")


@dataclass(frozen=True)
class Choice:
    """One answer that a question offers."""

    value: str
    title: str


@dataclass(frozen=True)
class Question:
    """What to ask: with `choices` one of them is the answer, else any text. `default` is what Enter alone answers; `names` files or not."""

    stage: str
    text: str
    default: str = ""
    choices: tuple[Choice, ...] = ()
    files: bool = False


@dataclass(frozen=True)
class Menu:
    """The choices of a question as they are searched: those that hold the `typed` text, and the one that is `at`."""

    choices: tuple[Choice, ...]
    typed: str = ""
    at: int = 0

    @property
    def found(self) -> tuple[Choice, ...]:
        """The choices that hold every word that was typed; none where nothing does."""
        words = self.typed.lower().split()
        return tuple(choice for choice in self.choices if all(word in choice.title.lower() for word in words))

    @property
    def chosen(self) -> Choice | None:
        """The highlighted choice, None where nothing matches."""
        return self.found[self.at] if self.found else None

    def search(self, typed: str) -> "Menu":
        """Return the menu of another search, its first row highlighted."""
        return replace(self, typed=typed, at=0)

    def step(self, rows: int) -> "Menu":
        """Return the menu with another row highlighted; the ends stay where they are."""
        return replace(self, at=max(0, min(self.at + rows, len(self.found) - 1)))

    def window(self, height: int) -> tuple[int, tuple[Choice, ...]]:
        """Return the rows that have room around the highlighted one, and the place of the first."""
        first = max(0, min(self.at - height // 2, len(self.found) - height))
        return first, self.found[first : first + height]


@dataclass(frozen=True)
class Asking:
    """Where the questions are: `whole` means the network and not a layer, `ranked` that so many strongest units are looked at."""

    stage: str = "model"
    whole: bool = False
    ranked: int = 0
    method: Method | None = None
    words: tuple[str, ...] = ()
    told: frozenset[str] = field(default_factory=frozenset)


Step = tuple[Asking, str]


def question(asking: Asking, place: Place) -> Question:
    """Return the question of a state."""
    return _QUESTIONS[asking.stage](asking, place)


def answer(asking: Asking, place: Place, text: str) -> Step:
    """Return the next state, and the line that the answer means, "" where none. Raises ConvscopeError."""
    text = text.strip()
    if text == BACK:
        return replace(asking, stage=_before(asking)), ""
    return _ANSWERS[asking.stage](asking, place, text or question(asking, place).default)


def _before(asking: Asking) -> str:
    if asking.stage not in ORDER:
        return "method"
    place = max(ORDER.index(asking.stage) - 1, 0)
    return "layer" if ORDER[place] == "units" and asking.whole else ORDER[place]


def methods_here(asking: Asking, place: Place) -> list[str]:
    """Return the methods for the whole network, for one unit or several, or for the strongest ones."""
    found = []
    single = len(place.numbers(place.units)) == 1 if place.units and place.layers and not asking.whole else False
    for name in METHODS:
        method = METHODS.get(name)
        elsewhere = {"words", "other"} & set(method.takes) or (name in COMMANDS and COMMANDS[name].own)  # more than a place holds
        if elsewhere or bool({"unit", "units", "layer"} & set(method.takes)) == asking.whole:
            continue
        if asking.ranked and not any(option.names == RANKED for option in method.options):
            continue
        if method.takes[0] != "unit" or single:
            found.append(name)
    return found


def _ask_model(asking: Asking, place: Place) -> Question:
    return Question("model", "Model: a file, or a name such as vgg16, squeezenet, fashion, resnet50", place.model or DEFAULT, files=True)


def _ask_layer(asking: Asking, place: Place) -> Question:
    width = max((len(info.address) for info in place.layers), default=0)
    choices = [Choice(info.address, f"{info.address:<{width}}  {described(info)}") for info in place.layers]
    return Question("layer", "Layer", place.layer, (*choices, Choice(WHOLE, f"{WHOLE}: a map of images")))


def described(info: LayerInfo) -> str:
    """Return a layer's kind, map, channels and receptive field in one line."""
    shape = " x ".join(["?" if side is None else str(side) for side in info.shape] + [str(info.channels)])
    return f"{info.kind:<15} {shape:>16}   " + ("sees the whole image" if info.field is None else f"sees {info.field} px")


def _ask_units(asking: Asking, place: Place) -> Question:
    last = place.info.channels - 1
    text = f"Units of {place.layer}, 0 to {last}: such as 17, 0-7, 3,17, all, or {STRONGEST} 6 of an image"
    return Question("units", text, f"0-{min(7, last)}")


def _ask_method(asking: Asking, place: Place) -> Question:
    choices = [Choice(name, f"{name}: {_told_of(METHODS.get(name), place)}") for name in methods_here(asking, place)]
    return Question("method", "Method", choices[0].value if choices else "", tuple(choices))


def _told_of(method: Method, place: Place) -> str:
    words = summary(method.name)
    if method.takes[0] == "layer":
        words += " Of all units."
    return words if place.run or not _needs_run(method) else f"{words} Scans images first."


def _needs_run(method: Method) -> bool:
    return any(option.names == RUN and option.required for option in method.options)


def _ask_run(asking: Asking, place: Place) -> Question:
    return Question("run", "Images to scan, such as photos/, or the run of a scan that is there", _many_images(place), files=True)


def _ask_images(asking: Asking, place: Place) -> Question:
    default = _many_images(place) if asking.whole else shlex.join(place.images)
    return Question("images", f"Images: files, folders, lists, archives, or {SAMPLE}NAME ({', '.join(samples())})", default, files=True)


def _many_images(place: Place) -> str:
    """Return a set of images from which a map or a scan has something to say: the run, those of the place, else the embedded ones."""
    if place.run:
        return place.run
    if not all(image.startswith(SAMPLE) for image in place.images):
        return shlex.join(place.images)
    grey = place.images and place.images[0].startswith(f"{SAMPLE}fashion")
    return SAMPLE + ("fashion" if grey else "photos")


def _next_option(asking: Asking) -> Option | None:
    options = asking.method.options if asking.method is not None else ()
    return next((option for option in options if option.asked and option.names != RUN and option.name not in asking.told), None)


def _ask_option(asking: Asking, place: Place) -> Question:
    option = _next_option(asking)
    assert option is not None
    text = f"{option.name.replace('_', ' ')}: {option.help}"
    if option.type is bool:
        return Question("option", text, "yes" if option.default else "no", (Choice("no", "no"), Choice("yes", "yes")))
    choices = tuple(Choice(choice, choice) for choice in map(str, option.choices))
    default = (option.shown if choices else "") if option.default is None else str(option.default)
    return Question("option", text, default, choices, files=bool(option.names) and option.names != RANKED)


def _ask_again(asking: Asking, place: Place) -> Question:
    choices = [Choice("next", f"the next unit: {place.layer}")] if not asking.whole and place.layer and not asking.ranked else []
    choices += [Choice("method", "another method")]
    choices += [Choice("units", f"other units of {place.layer}")] if not asking.whole else []
    choices += [Choice("layer", "another layer"), Choice("model", "another model"), Choice(LEAVE, "the prompt: commands, no questions")]
    return Question("again", "What next?", choices[0].value, tuple(choices))


def _take_model(asking: Asking, place: Place, text: str) -> Step:
    word = _word(text)
    return replace(asking, stage="layer"), "" if word == place.model and place.layers else f"model {shlex.quote(word)}"


def _take_layer(asking: Asking, place: Place, text: str) -> Step:
    if text == WHOLE:
        return replace(asking, stage="method", whole=True, ranked=0), ""
    if all(info.address != text for info in place.layers):
        raise OptionError(f"No layer `{text}`. Choose one from the list.")
    return replace(asking, stage="units", whole=False), "" if text == place.layer else f"{shlex.quote(text)}:0"


def _take_units(asking: Asking, place: Place, text: str) -> Step:
    if text.startswith(STRONGEST):
        return replace(asking, stage="method", ranked=_strongest(text)), ""
    place.numbers(text)
    return replace(asking, stage="method", ranked=0), f":{shlex.quote(text)}" if text != place.units else ""


def _strongest(text: str) -> int:
    try:
        count = natural(text.removeprefix(STRONGEST).strip())
    except ValueError as error:
        raise OptionError(f"`{text}` is not a selection. Write for example `{STRONGEST} 6`.") from error
    if count < 1:
        raise OptionError(f"`{text}` selects no unit. Write a number from 1.")
    return count


def _take_method(asking: Asking, place: Place, text: str) -> Step:
    if text not in methods_here(asking, place):
        raise OptionError(f"No method `{text}` here. Choose one from the list.")
    method = METHODS.get(text)
    words = ("--strongest", str(asking.ranked)) if asking.ranked else ()
    asking = replace(asking, method=method, words=words, told=frozenset())
    if _needs_run(method) and not place.run:
        return replace(asking, stage="run"), ""
    return (replace(asking, stage="images"), "") if "images" in method.takes else _behind(asking)


def _take_run(asking: Asking, place: Place, text: str) -> Step:
    words = _split(text)
    asking, line = _behind(asking)
    run = f"run {shlex.quote(words[0])}" if len(words) == 1 and is_run(words[0]) else f"scan {shlex.join(words)}"
    return asking, "; ".join(part for part in (run, line) if part)


def _take_images(asking: Asking, place: Place, text: str) -> Step:
    words = _split(text)
    if asking.whole:
        # A map's images are the command's own: a run or features are not images of the place.
        return _behind(replace(asking, words=(*asking.words, *words)))
    asking, line = _behind(asking)
    if words == list(place.images):
        return asking, line
    return asking, "; ".join(part for part in (f"image {shlex.join(words)}", line) if part)


def _take_option(asking: Asking, place: Place, text: str) -> Step:
    option = _next_option(asking)
    assert option is not None
    words: tuple[str, ...] = ()
    if option.type is bool:
        if text.lower() not in ("yes", "no", "y", "n"):
            raise OptionError(f"`{text}` is neither yes nor no.")
        words = (option.flag,) if text.lower().startswith("y") else ()
    elif text and text != option.shown and option.read(text) != option.default:
        words = (option.flag, text)
    return _behind(replace(asking, words=(*asking.words, *words), told=asking.told | {option.name}))


def _behind(asking: Asking) -> Step:
    """Return the next question about an option, or the line that draws."""
    assert asking.method is not None
    if _next_option(asking) is not None:
        return replace(asking, stage="option"), ""
    return replace(asking, stage="again"), shlex.join((asking.method.name, *asking.words))


def _take_again(asking: Asking, place: Place, text: str) -> Step:
    if text == "next":
        return asking, "n; again"
    if text not in (*ORDER[:4], LEAVE):
        raise OptionError(f"`{text}` is not in the list. Choose one from it.")
    return replace(asking, stage=text), ""


_QUESTIONS: dict[str, Callable[[Asking, Place], Question]] = {
    "model": _ask_model,
    "layer": _ask_layer,
    "units": _ask_units,
    "method": _ask_method,
    "run": _ask_run,
    "images": _ask_images,
    "option": _ask_option,
    "again": _ask_again,
}
_ANSWERS: dict[str, Callable[[Asking, Place, str], Step]] = {
    "model": _take_model,
    "layer": _take_layer,
    "units": _take_units,
    "method": _take_method,
    "run": _take_run,
    "images": _take_images,
    "option": _take_option,
    "again": _take_again,
}


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise OptionError(f"`{text}` has an open quotation mark. Close it, or quote it.") from error


def _word(text: str) -> str:
    """Return a text without the quotation marks in which terminals wrap a path that is dropped there."""
    words = _split(text) if text[:1] in ("'", '"') else [text]
    return words[0] if len(words) == 1 else text
