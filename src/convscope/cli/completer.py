"""Completion at the prompt: its own commands, and those of the command line by the same code as in the shell."""

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from click.shell_completion import CompletionItem, ShellComplete
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

from ..catalogue import summary
from ..legible import legible
from ..session.lines import DOINGS, MOVES, NOT_SET, PROGRAM, meant
from .helping import ELSEWHERE
from .known import HERE, Known, image_items, layer_items, model_items, unit_items
from .sitting import Sitting

# A word that was begun: what is quoted belongs to it, with its blanks.
WORD = re.compile(r"""(?:[^\s'"\\;]|\\.|'[^']*'|"[^"]*"|'[^']*$|"[^"]*$)*$""")
LONGEST_HELP = 90


class LineCompleter(Completer):
    """Completes the line at the place of a sitting."""

    def __init__(self, sitting: Sitting) -> None:
        self.sitting = sitting
        self.paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Yield what the word before the cursor may become."""
        text = document.text_before_cursor
        found = WORD.search(text)
        begun = found[0] if found else ""
        try:
            before = list(shlex.shlex(text[: len(text) - len(begun)], posix=True, punctuation_chars=";"))
            words = shlex.split(text[: len(text) - len(begun)].rpartition(";")[2] if ";" in before else text[: len(text) - len(begun)])
        except ValueError:
            return
        word = begun.strip("'\"").replace("\\", "")
        token = HERE.set(self.sitting.place)
        try:
            items = list(_items(words, word, self.sitting))
        finally:
            HERE.reset(token)
        for item in items:
            if item.type == "plain":
                shown = legible(item.value)
                yield Completion(_quoted(item.value), -len(begun), display=shown, display_meta=(item.help or "")[:LONGEST_HELP])
            else:
                yield from self._files(word, begun, complete_event)

    def _files(self, word: str, begun: str, event: CompleteEvent) -> Iterator[Completion]:
        for one in self.paths.get_completions(Document(word), event):
            whole = word + one.text
            yield Completion(_quoted(whole), -len(begun), display=one.display)


def _quoted(word: str) -> str:
    """Return a word as the line must hold it; one that may be continued, such as a folder's or `layer:`, is left open."""
    return word if re.fullmatch(r"[\w@%+=:,./~\[\]#-]*", word) else shlex.quote(word)


def _items(words: list[str], word: str, sitting: Sitting) -> Iterator[CompletionItem]:
    if words and words[0] == PROGRAM:
        words = words[1:]
    here = Known(sitting.place.layers, sitting.place.classes)
    if not words:
        yield from _first(word, here, sitting)
        return
    name = meant(words[0])
    if name in _OWN:
        yield from _OWN[name](words[1:], word, here, sitting)
    elif name in sitting.forms:
        if word.startswith(":"):
            yield from unit_items(here, word, sitting.place.layer)
        yield from ShellComplete(sitting.forms.group, {}, PROGRAM, "").get_completions([name, *words[1:]], word)


def _first(word: str, here: Known, sitting: Sitting) -> Iterator[CompletionItem]:
    if ":" in word:
        yield from unit_items(here, word, sitting.place.layer)
        return
    own = {**MOVES, **DOINGS}
    for name in (*(one for one in sitting.forms if one not in ELSEWHERE), *own):
        if name.startswith(word):
            yield CompletionItem(name, help=own.get(name) or summary(name))
    if word:
        yield from layer_items(here, word, ":")


def _layers(words: list[str], word: str, here: Known, sitting: Sitting) -> Iterator[CompletionItem]:
    return layer_items(here, word)


def _units(words: list[str], word: str, here: Known, sitting: Sitting) -> Iterator[CompletionItem]:
    return unit_items(here, word if ":" in word else f":{word}", sitting.place.layer)


def _images(words: list[str], word: str, here: Known, sitting: Sitting) -> Iterator[CompletionItem]:
    return image_items(word)


def _models(words: list[str], word: str, here: Known, sitting: Sitting) -> Iterator[CompletionItem]:
    if word.startswith("-"):
        yield from ShellComplete(sitting.forms.group, {}, PROGRAM, "").get_completions(["session", *words], word)
    else:
        yield from model_items(word)


def _files(words: list[str], word: str, here: Known, sitting: Sitting) -> Iterator[CompletionItem]:
    yield CompletionItem(word, type="file")


def _commands(words: list[str], word: str, here: Known, sitting: Sitting) -> Iterator[CompletionItem]:
    return _first(word, Known(), sitting)


def _settings(words: list[str], word: str, here: Known, sitting: Sitting) -> Iterator[CompletionItem]:
    options = dict(reversed([*_options(sitting)]))
    if not words:
        for name, option in options.items():
            if name.startswith(word):
                yield CompletionItem(name, help=option.help or "")
    elif words[0] in options:
        option = options[words[0]]
        if option.is_flag:
            yield from (CompletionItem(value) for value in ("yes", "no") if value.startswith(word))
        else:
            yield from option.type.shell_complete(sitting.forms.group.make_context(PROGRAM, [], resilient_parsing=True), option, word)


def _set(words: list[str], word: str, here: Known, sitting: Sitting) -> Iterator[CompletionItem]:
    yield from (CompletionItem(name, help=" ".join(value)) for name, value in sitting.place.settings.items() if name.startswith(word))


def _options(sitting: Sitting) -> Iterator[tuple[str, Any]]:
    """Yield each option that some command has, by name, the first that has it."""
    for name in sitting.forms:
        for param in sitting.forms.command(name).params:
            if param.param_type_name == "option" and param.name not in NOT_SET:
                yield str(param.name), param


_OWN: dict[str, Any] = {
    "layer": _layers,
    "unit": _units,
    "image": _images,
    "model": _models,
    "run": _files,
    "save": _files,
    "replay": _files,
    "help": _commands,
    "set": _settings,
    "unset": _set,
}
