"""How the program begins and ends: an exit code and at most one sentence, whatever comes in between.

Exit codes: 0 done, 1 differs (replay), 2 bad input, 70 a fault of its own, 130 interrupted, 141 nobody reads its output any more. This
module loads nothing heavy, so that Ctrl-C in the first moments finds it ready.
"""

import atexit
import contextlib
import os
import sys

from . import terminal
from .signals import INTERRUPTED, caught_signals, ignore_signals
from .terminal import Unheard, say

UNHEARD = 141


def main(arguments: list[str] | None = None) -> None:
    """Run the program and leave with its exit code; bad input ends in one sentence, never in a traceback."""
    alone = arguments is None
    if alone:
        terminal.open_closed()
        atexit.register(ignore_signals)  # the first that is registered runs last
    with caught_signals(alone) as seen:
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
