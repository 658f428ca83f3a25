"""The prompt over the session: shows its events, asks its questions, hands back the answers."""

import contextlib
import sys
from pathlib import Path
from typing import Any

import click

from .. import session
from ..errors import ConvscopeError
from ..files import write_files
from ..method import Written
from ..progress import working
from ..reach import allowing
from .preview import preview
from .signals import is_ending
from .terminal import agrees, put, put_lines, say

HELP = "Arrows choose, typing searches, Tab completes. Ctrl-C goes back one question, or quits at the first."


def interact(out: Path, model: str | None = None, told: dict[str, Any] | None = None) -> None:
    """Ask until the user quits; offer to save the session as commands. Without a terminal, a usage error."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError("The interactive session needs a terminal. Use commands in scripts: convscope --help")
    put(f"convscope: what has this network learned?  {HELP}")
    state, events = session.start(out, model, told)
    try:
        while not isinstance(events[-1], session.Ended):
            for event in events[:-1]:
                _show(event)
            state, events = _answered(state, events[-1])
    except EOFError:
        pass
    finally:
        _offer_script(state)


def _answered(state: session.State, question: Any) -> session.Step:
    """Ask until the answer can be used."""
    while True:
        answer = _ask(question)
        if is_ending():
            raise KeyboardInterrupt
        if answer is None:
            answer = session.QUIT if question.stage == "model" else session.BACK
        try:
            with allowing((), agrees), working("loading") if question.stage == "model" else contextlib.nullcontext():
                return session.advance(state, answer)
        except ConvscopeError as error:
            say(str(error), fg="red")
        except KeyboardInterrupt:
            if is_ending():
                raise
            say("Interrupted.")


def _ask(question: session.Question) -> str | None:
    """Return the answer, None for Ctrl-C."""
    import questionary

    if question.free and question.paths:
        prompt = questionary.path(_with_default(question))
    elif question.free:
        prompt = questionary.text(_with_default(question))
    else:
        choices = [questionary.Choice(choice.title, value=choice.value) for choice in question.choices]
        default = next((choice for choice in choices if choice.value == question.default), None)
        prompt = questionary.select(question.text, choices, default=default, use_search_filter=True, use_jk_keys=False)
    answer: str | None = prompt.ask(kbi_msg="")
    return question.default if answer == "" else answer


def _with_default(question: session.Question) -> str:
    """Return the text of a question with what Enter alone answers: a text to erase first would be in the way of another answer."""
    return f"{question.text} [{question.default}]" if question.default else question.text


def _show(event: Any) -> None:
    if isinstance(event, session.Told):
        put(event.text, dim=True)
    elif isinstance(event, Written):
        put_lines(preview(_picture(event)))
        put(str(event.paths[0]), bold=True)


def _picture(written: Written) -> Any:
    """Return the picture of what was written; of pieces that were there already the first file."""
    if written.result is not None:
        return written.result.picture()
    from PIL import Image

    return Image.open(next(path for path in written.paths if path.suffix == ".png"))


def _offer_script(state: session.State) -> None:
    if not state.commands:
        return
    path = state.out / "session.sh"
    write_files({path: session.script(state).encode("utf-8", "surrogateescape")})
    put(f"The session as commands: {path}")
