"""Several processes of this machine."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ..errors import ConvscopeError, OptionError
from .cores import available_cpus, inherited, with_threads
from .engine import MACHINE, Item, Result

MOST_PROCESSES = 1024


class Processes:
    """`count` new processes, which share the cores; each is handed the function once and then items, two at a time.

    A process that dies (killed, out of memory) is replaced and its items are given out again, unless none was finished
    in between: then ConvscopeError says so.
    """

    reach = MACHINE

    def __init__(self, count: int) -> None:
        if not 1 <= count <= MOST_PROCESSES:
            raise OptionError(f"Received {count} workers. Expected 1 to {MOST_PROCESSES:,} processes.")
        self.workers = count

    def __repr__(self) -> str:
        return f"Processes({self.workers})"

    def map(self, function: Callable[[Item], Result], items: Iterable[Item], /) -> Iterator[Result]:
        """Yield function(item) for each item, as they come."""
        waiting = iter(items)
        lost: list[Item] = []
        while True:
            progress = False
            try:
                for result in self._once(function, waiting, lost):
                    progress = True
                    yield result
                return
            except BrokenProcessPool as error:
                if not progress:
                    raise ConvscopeError(
                        "A worker process died before it finished anything: it was killed, or memory ran out. Finished "
                        "work is kept. Repeat the command with fewer --workers to resume."
                    ) from error

    def _once(self, function: Callable[[Item], Result], waiting: Iterator[Item], lost: list[Item]) -> Iterator[Result]:
        """Work until all is done or a process dies. `lost` then holds the items whose results have not come back."""
        running: dict[Future[Result], Item] = {}
        context, threads = multiprocessing.get_context("spawn"), with_threads(max(1, available_cpus() // self.workers))
        pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_begin, initargs=(function,))
        try:
            while True:
                while len(running) < 2 * self.workers and (item := lost[-1] if lost else next(waiting, None)) is not None:
                    lost[-1:] = [item]  # until it is given out: a broken pool refuses it
                    with _interrupts_ignored(), inherited(threads):  # what a process that begins here has before `_begin`
                        running[pool.submit(_call, item)] = item
                    lost.pop()
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda one: one.exception() is not None):  # what was finished before a death counts
                    result = future.result()
                    del running[future]
                    yield result
        except BrokenProcessPool:
            lost.extend(running.values())
            raise
        finally:
            for process in list((pool._processes or {}).values()):  # what they compute now is not wanted any more
                process.terminate() if running else None
            pool.shutdown(wait=True, cancel_futures=True)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


_function: Any = None


def _begin(function: Callable[[Any], Any]) -> None:
    """Prepare a new process: Ctrl-C is its parent's business, and it does not outlive its parent."""
    global _function
    _function = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _call(item: Any) -> Any:
    return _function(item)
