"""A long call that tells of its steps becomes an iterator over them: between two steps it stands still."""

import contextvars
import threading
from collections.abc import Callable, Iterator
from typing import Any


class _StoppedError(KeyboardInterrupt):
    """Nobody wants the next step. What hears of Ctrl-C keeps what it has and ends."""


class Turns:
    """`call(watch)` runs in a thread of its own, which waits inside each `watch(step)` until the next step is asked for.

    Iterate over it for the steps; `result` is what the call returned. Only one of both threads runs at a time, so that to the network they
    are one. `close` ends the call at its next step, as Ctrl-C would.
    """

    def __init__(self, call: Callable[[Callable[[Any], None]], Any]) -> None:
        self.result: Any = None
        self._call, self._steps = call, list[Any]()
        self._fault: BaseException | None = None
        self._go, self._here, self._stopped, self._ended = threading.Semaphore(0), threading.Semaphore(0), False, False
        self._thread = threading.Thread(target=contextvars.copy_context().run, args=(self._run,), name="convscope-turns", daemon=True)

    def __iter__(self) -> Iterator[Any]:
        try:
            self._thread.start()
            self._here.acquire()
            while self._steps:
                yield self._steps.pop()
                self._go.release()
                self._here.acquire()
            if self._fault is not None:
                raise self._fault
        finally:
            self.close()

    def close(self) -> None:
        """End the call, and wait until it has ended."""
        self._stopped = True
        while self._thread.is_alive() and not self._ended:
            self._go.release()
            self._here.acquire()
            self._steps.clear()

    def _run(self) -> None:
        try:
            self.result = self._call(self._watch)
        except BaseException as error:  # raised again where the steps are taken
            self._fault = error
        self._ended = True
        self._here.release()

    def _watch(self, step: Any) -> None:
        if self._stopped:
            raise _StoppedError
        self._steps.append(step)
        self._here.release()
        self._go.acquire()
        if self._stopped:
            raise _StoppedError
