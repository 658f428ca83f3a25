"""The prompt: a thin coat over a sitting. It reads lines with history, completion and keys, and shows the pictures."""

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from ..files import state_folder
from ..legible import legible
from ..models.loading import DEFAULT
from .pictures import Screen
from .signals import is_ending
from .sitting import BAD_INPUT, Sitting
from .terminal import put, say

WELCOME = "convscope: what has this network learned?  ? explains, Tab completes, guide asks step by step, Ctrl-D leaves."


def interact(out: Path, model: str | None = None, told: Iterable[str] = ()) -> int:
    """Take lines until the user leaves, and return the exit code. Without a terminal the lines of standard input are a script."""
    if not sys.stdin.isatty():
        return _follow(out, model, told)
    if not sys.stdout.isatty():
        raise click.UsageError("The prompt needs a terminal. Use commands in scripts: convscope --help")
    from .guide import guide

    screen = Screen()
    history = _History()
    sitting = Sitting(out, screen.show, guide, history.lines)
    sitting.asks_model = model is None
    _ = screen.graphics  # asked now, before the user types
    put(WELCOME)
    reader, line = _reader(sitting, history), ""
    if model or history.found:
        line = _opened(sitting, shlex.join(("model", model, *told)) if model else "")
    if not history.found and not line:
        _taken(sitting, "guide")
    with suppress(EOFError):
        while True:
            line = line or ("" if sitting.place.layers else _opened(sitting, ""))
            line = reader(line)
            if _taken(sitting, line) != BAD_INPUT:  # else the line stays for editing
                line = ""
    if sitting.desk.script is not None:
        put(f"The session as commands: {sitting.desk.script}")
    return 0


def _opened(sitting: Sitting, line: str) -> str:
    """Open a model by a line, or the default one; return the line for editing where that was not possible."""
    line = line or f"model {DEFAULT}"
    return "" if _taken(sitting, line) == 0 else line


def _follow(out: Path, model: str | None, told: Iterable[str]) -> int:
    """Take the lines of standard input as a script."""
    lines = sys.stdin.read().splitlines()
    if not any(line.strip() for line in lines):
        raise click.UsageError("The prompt needs a terminal, or a script at standard input: convscope < tour.txt")
    sitting = Sitting(out)
    if model and (code := sitting.take(shlex.join(("model", model, *told)))):
        return code
    return sitting.follow(lines, "standard input")


def _taken(sitting: Sitting, line: str) -> int:
    """Take a line; Ctrl-C ends what it does. Raises EOFError to leave, and KeyboardInterrupt where the program is to end."""
    try:
        return sitting.take(line)
    except KeyboardInterrupt:
        if is_ending():
            raise
        say("Interrupted.")
        return 130


class _History:
    """The lines of all sittings, in the user's own folder; where that cannot be written, of this sitting alone."""

    def __init__(self) -> None:
        from prompt_toolkit.history import FileHistory, InMemoryHistory

        self.kept: Any = InMemoryHistory()
        self.found = False
        with suppress(OSError, RuntimeError):
            path = state_folder() / "history"
            path.parent.mkdir(parents=True, exist_ok=True)
            self.found = path.exists()
            path.touch()
            self.kept = FileHistory(str(path))

    def lines(self) -> Iterator[str]:
        """Yield the lines, the oldest first."""
        yield from dict.fromkeys(reversed(list(self.kept.load_history_strings())))


def _reader(sitting: Sitting, history: _History) -> Callable[[str], str]:
    """Return what reads a line, given what it holds at first."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
    from prompt_toolkit.formatted_text import FormattedText

    from .completer import LineCompleter
    from .keys import STYLE, bindings, toolbar

    session: PromptSession[str] = PromptSession(
        history=history.kept,
        auto_suggest=AutoSuggestFromHistory(),
        completer=LineCompleter(sitting),
        complete_while_typing=False,
        enable_history_search=True,
        reserve_space_for_menu=8,
        key_bindings=bindings(sitting),
        bottom_toolbar=lambda: toolbar(sitting),
        style=STYLE,
    )

    def read(line: str) -> str:
        text = FormattedText([("class:place", legible(sitting.place)), ("class:mark", " > ")])
        found = session.prompt(text, default=line)
        if is_ending():
            raise KeyboardInterrupt
        return found

    return read
