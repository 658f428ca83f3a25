"""The one door to the terminal: sentences to standard error, results to standard output, both safe to be shown and to be lost."""

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from ..errors import OutputError
from ..legible import legible, sentence

_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)


class Unheard(Exception):
    """Nobody reads standard output any more, as behind `| head`: there is nothing left to do and nothing to say."""


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Say nothing while the `with` lasts; what ends it as an error is said later."""
    before = _QUIET.set(True)
    try:
        yield
    finally:
        _QUIET.reset(before)


def say(text: object, **style: Any) -> None:
    """Write a sentence to standard error, as plain text; where that is closed or full, it is lost and nothing else is."""
    import click

    if _QUIET.get():
        return
    try:
        click.echo(_styled(sentence(text), style), err=True)
    except (OSError, ValueError):
        _silence("stderr")


def agrees(question: str) -> bool:
    """Ask on the terminal, and say whether the answer is yes; without a terminal it is no. Ctrl-C is passed on."""
    import click

    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        return False
    return bool(click.confirm(sentence(question), err=True))


def put(text: object, **style: Any) -> None:
    """Write a line to standard output: legible in a terminal, as it is, to the byte, for other programs. Raises OutputError, Unheard."""
    shown = legible(text) if _is_terminal() else str(text)
    with writing():
        _echo(shown, style)


def put_json(value: Any) -> None:
    """Write a value as JSON to standard output, in letters that every terminal knows. Raises OutputError, Unheard."""
    put_lines(json.dumps(value, indent=1))


def put_lines(text: str) -> None:
    """Write lines that are convscope's own to standard output as they are. Raises OutputError, Unheard."""
    with writing():
        _echo(text, {})


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Turn the errors of writing to standard output into OutputError or Unheard while the `with` lasts."""
    try:
        yield
    except BrokenPipeError as error:
        _silence("stdout")
        raise Unheard from error
    except OSError as error:
        if error.filename is not None:
            raise
        raise OutputError(unwritten(error)) from error


def flush() -> None:
    """Write what still waits for standard output, so that its errors are noticed here. Raises OutputError, Unheard."""
    with writing():
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()


def unwritten(error: OSError) -> str:
    """Return the sentence for standard output that cannot be written; what waits for it is dropped."""
    _silence("stdout")
    reasons = {errno.ENOSPC: "the disk is full", errno.EBADF: "it is closed", errno.EPIPE: "its reader has gone"}
    reason = reasons.get(error.errno or 0, error.strerror or str(error))
    return f"Cannot write to standard output: {reason}. Files already written are kept. Redirect the output elsewhere."


def open_closed() -> None:
    """Open standard streams that were closed when the program began, or the first files it opens would take their numbers.

    Input is then empty and errors go nowhere; writing to output stays an error, because someone may miss it.
    """
    for number, (name, mode) in enumerate((("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY))):
        try:
            os.fstat(number)
        except OSError:
            if os.open(os.devnull, mode) == number and getattr(sys, name) is None:
                setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w"))


def _is_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


def _echo(text: str, style: dict[str, Any]) -> None:
    import click

    try:
        click.echo(_styled(text, style))
    except UnicodeEncodeError:  # a file name that is not Unicode: its bytes, as the system has them
        try:
            click.echo(os.fsencode(text))
        except UnicodeEncodeError:
            click.echo(text.encode("utf-8", "backslashreplace"))


def _styled(text: str, style: dict[str, Any]) -> str:
    """Return a text in a style, plain where the user or the terminal wants no colours."""
    import click

    plain = not style or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if plain else click.style(text, **style)


def _silence(name: str) -> None:
    """Let a standard stream go nowhere: what it still holds would fail again when Python ends, with a traceback and another code."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, getattr(sys, name).fileno())
        os.close(nowhere)
