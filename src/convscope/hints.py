"""The commands that sentences recommend: in the shell with the user's own model and run, ready to be copied; elsewhere as Python."""

import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class _Shell:
    """What a command line says of its model and its run, as words of the shell."""

    model: tuple[str, ...] = ()
    run: tuple[str, ...] = ()


_SHELL: ContextVar[_Shell | None] = ContextVar("shell", default=None)


@contextmanager
def in_shell() -> Iterator[None]:
    """Recommend commands of the shell, and not of Python, while the `with` lasts."""
    before = _SHELL.set(_Shell())
    try:
        yield
    finally:
        _SHELL.reset(before)


def remember(*, model: Sequence[str] | None = None, run: Sequence[str] | None = None) -> None:
    """Remember the words that say which model, and which run, is meant; without a shell nothing is remembered."""
    if (shell := _SHELL.get()) is not None:
        shell.model = shell.model if model is None else tuple(model)
        shell.run = shell.run if run is None else tuple(run)


def command(shell: str, python: str, *, run: bool = False) -> str:
    """Return the command to recommend: in the shell "convscope", `shell` and the user's model, or with `run` the run; else `python`."""
    told = _SHELL.get()
    if told is None:
        return python
    words = told.run if run else told.model
    return " ".join(["convscope", shell, *([shlex.join(words)] if words else [])])


def option(name: str, value: str | None = None, python: str = "") -> str:
    """Return an option, perhaps with its value, as the shell or as Python writes it; there as `python` where the two differ."""
    if _SHELL.get() is None:
        return f"`{python}`" if python else f"`{name}`" if value is None else f'{name}="{value}"'
    return f"--{name.replace('_', '-')}" + ("" if value is None else f" {shlex.quote(value)}")


# An option of the shell in a sentence, perhaps in backticks, with its value where that cannot be the sentence's next word.
_FLAG = re.compile(r"`?(?<![\w-])--([a-z]+(?:-[a-z]+)*)(?: ((?=[^\s`]*[\d:/._A-Z])[^\s`;()]*[\w/]))?`?(?![\w-]|[./]\w)")
_CHOICE = re.compile(r"`?(?<![\w-])--(preprocess|weights|ties|engine) ([a-z]\w*)\b`?(?![:./]\w)")
_IN_PYTHON = {"input": "inputs", "no-switches": "switches=False", "page": "save_page"}


def for_the_reader(text: str) -> str:
    """Return a sentence of the shell as the reader knows the options: outside of a shell as Python writes them."""
    if _SHELL.get() is not None or "--" not in text:
        return text
    return _FLAG.sub(_as_python, _CHOICE.sub(lambda found: f'`{found[1]}="{found[2]}"`', text))


def _as_python(found: re.Match[str]) -> str:
    name = _IN_PYTHON.get(found[1], found[1].replace("-", "_"))
    if found[2] is None:
        return f"`{name}`"
    return f"`{name}=({found[2]})`" if re.fullmatch("[0-9,]+,[0-9,]+", found[2]) else f'`{name}="{found[2]}"`'


def listing() -> str:
    """Return the command that lists the layers of the user's model."""
    return command("layers", "convscope.layers(model)")
