"""How the program begins and ends: an exit code and at most one sentence, whatever comes in between.

Exit codes: 0 done, 1 differs (replay), 2 bad input, 70 a fault of its own, 130 interrupted, 141 nobody reads its output any more. This
module loads nothing heavy, so that Ctrl-C in the first moments finds it ready.
"""

import _thread
import atexit
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from . import terminal
from .terminal import Unheard, say

INTERRUPTED, UNHEARD = 130, 141
# A terminal that goes away and a polite kill end the program as Ctrl-C does: what was reached is kept.
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


_seen: list[int] = []


def is_ending() -> bool:
    """Say whether something asked the program to end that is not Ctrl-C, which in a session only ends what is being done."""
    return any(number != signal.SIGINT for number in _seen)


def main(arguments: list[str] | None = None) -> None:
    """Run the program and leave with its exit code; bad input ends in one sentence, never in a traceback."""
    alone = arguments is None
    if alone:
        terminal.open_closed()
        atexit.register(_deaf)  # the first that is registered runs last
    with _signals(alone) as seen:
        code = _ended(arguments, seen)
    if alone and code == INTERRUPTED:
        # Python would end by the signal instead of the code if it came while a library ran code of its own, and wait for threads.
        with contextlib.suppress(Exception):
            sys.stdout.flush()
        os._exit(code)
    if code:
        sys.exit(code)


def _ended(arguments: list[str] | None, seen: list[int]) -> int:
    """Run the program and return its exit code."""
    try:
        from .app import run

        code = run(arguments)
        terminal.flush()
    except Unheard:
        return UNHEARD
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:
        if seen:  # an interrupt in the middle of an import surfaces as whatever the importing code makes of it
            return _interrupted()
        from . import unexpected

        if unexpected.is_debugged():
            raise
        sentence, code = unexpected.told(error)
        say(f"Error: {sentence}")
    return code


def _interrupted() -> int:
    with contextlib.suppress(KeyboardInterrupt):
        say("Interrupted. What was written before is kept.")
    return INTERRUPTED


@contextlib.contextmanager
def _signals(alone: bool) -> Iterator[list[int]]:
    """While this lasts, every signal that asks the program to end raises KeyboardInterrupt; yield the list of those that came.

    What ignores a signal, as under nohup, goes on ignoring it. `alone`: the process ends afterwards, and a signal then ends it at once.
    """
    seen = _seen
    seen.clear()
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    def again(unraisable: Any) -> None:
        # Raised where no code can pass it on, such as a finaliser: it is raised once more, a moment later.
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            threading.Timer(0.02, _thread.interrupt_main).start()
        else:
            hook(unraisable)

    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    usual = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.getsignal(number) for number in numbers if signal.getsignal(number) in usual}
    hook, sys.unraisablehook = sys.unraisablehook, again
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, _leave if alone else handler)
        sys.unraisablehook = hook


def _deaf() -> None:
    """Ignore the signals while Python takes itself apart: it resets its own handlers there, and everything is done and written."""
    for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
        if signal.getsignal(number) is _leave:
            signal.signal(number, signal.SIG_IGN)


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
