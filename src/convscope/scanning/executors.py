"""Who does the work: this process, or several. A distributed engine would be one more `Executor`."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol

from ..errors import ConvscopeError
from .shards import Finished, Shard

Function = Callable[[Shard], Finished]


class Executor(Protocol):
    """Maps a function over shards and yields the results in any order."""

    def map(self, function: Function, shards: Iterable[Shard]) -> Iterator[Finished]:
        """Yield function(shard) for each shard."""


class Serial:
    """One after the other, here."""

    def map(self, function: Function, shards: Iterable[Shard]) -> Iterator[Finished]:
        """Yield function(shard) for each shard, in their order."""
        return map(function, shards)


class Processes:
    """`count` new processes, each of which is handed the function once and then shards, two at a time.

    A process that dies (killed, out of memory) is replaced and its shards are given out again, unless no shard was finished
    in between: then ConvscopeError says so.
    """

    def __init__(self, count: int) -> None:
        self._count = count

    def map(self, function: Function, shards: Iterable[Shard]) -> Iterator[Finished]:
        """Yield function(shard) for each shard, as they come."""
        waiting = iter(shards)
        lost: list[Shard] = []
        while True:
            progress = False
            try:
                for finished in self._once(function, waiting, lost):
                    progress = True
                    yield finished
                return
            except BrokenProcessPool as error:
                if not progress:
                    raise ConvscopeError(
                        "A worker process died before it finished anything: it was killed, or memory ran out. Finished "
                        "shards are kept. Repeat the command with fewer --workers to resume."
                    ) from error

    def _once(self, function: Function, waiting: Iterator[Shard], lost: list[Shard]) -> Iterator[Finished]:
        """Work until all is done or a process dies; what was given out and has not come back is then in `lost`."""
        running: dict[Future[Finished], Shard] = {}
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(self._count, mp_context=context, initializer=_begin, initargs=(function,))
        try:
            while True:
                while len(running) < 2 * self._count and (shard := lost[-1] if lost else next(waiting, None)) is not None:
                    lost[-1:] = [shard]  # until it is given out: a broken pool refuses it
                    with _interrupts_ignored():  # what a process that is begun here inherits, until `_begin` says so again
                        running[pool.submit(_run, shard)] = shard
                    lost.pop()
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda one: one.exception() is not None):  # what was finished before a death counts
                    finished = future.result()
                    del running[future]
                    yield finished
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


def _begin(function: Function) -> None:
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


def _run(shard: Shard) -> Finished:
    finished: Finished = _function(shard)
    return finished
