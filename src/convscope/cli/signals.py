"""The signals that ask the program to end: each raises KeyboardInterrupt, wherever the program is.

This module loads nothing heavy, so that Ctrl-C in the first moments finds it ready.
"""

import _thread
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

INTERRUPTED = 130
# A terminal that closes and a kill with SIGTERM end the program as Ctrl-C does: finished work is kept.
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")

_seen: list[int] = []


def is_ending() -> bool:
    """Say whether something asked the program to end that is not Ctrl-C, which in a session only ends what is being done."""
    return any(number != signal.SIGINT for number in _seen)


@contextlib.contextmanager
def caught_signals(alone: bool) -> Iterator[list[int]]:
    """While this lasts, every signal that asks the program to end raises KeyboardInterrupt; yield the list of those that came.

    A signal that the process ignores, as under nohup, stays ignored. `alone`: the process ends afterwards, and a signal
    then ends it at once.
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


def ignore_signals() -> None:
    """Ignore the signals while Python takes itself apart: it resets its own handlers there, and everything is done and written."""
    for number in (getattr(signal, name) for name in SIGNALS if hasattr(signal, name)):
        if signal.getsignal(number) is _leave:
            signal.signal(number, signal.SIG_IGN)


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
