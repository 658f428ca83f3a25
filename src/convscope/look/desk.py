"""The one worker that owns the network, and whose turn it is.

A job is made of steps. Tabs take turns, a step each, and so do the jobs of one tab: a picture that climbs for a minute holds nobody up.
A tab has one job of each kind: a newer one replaces it, because nobody looks at what it would show any more.
"""

import contextlib
import contextvars
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import ConvscopeError

# So many tabs may have jobs at a time.
MOST_TABS = 64


class SupersededError(ConvscopeError):
    """A newer request of the same tab took the place of this one."""


class BusyError(ConvscopeError):
    """More tabs want something than take turns."""


@dataclass(frozen=True)
class Heard:
    """What a step of a job returned; `last`: nothing follows, because it is done or, for the reason `fault`, not to be had."""

    value: Any = None
    last: bool = False
    fault: BaseException | None = None


Steps = Callable[[], Iterator[Any]]


@dataclass(eq=False)
class Job:
    """What a `tab` wants of a `kind`: `steps()` is iterated over by the worker, and `hear` told of each step, in the worker's thread."""

    tab: str
    kind: str
    steps: Steps
    hear: Callable[[Heard], object]
    wanted: bool = True
    _running: Iterator[Any] | None = field(default=None, repr=False)

    def step(self) -> bool:
        """Take a step, and say whether another one may follow."""
        try:
            if self._running is None:
                self._running = iter(self.steps())
            value = next(self._running)
        except StopIteration:
            self._tell(Heard(last=True))
        except BaseException as error:  # whatever it is, the others must have their turns
            self._tell(Heard(last=True, fault=error))
        else:
            self._tell(Heard(value))
            return self.wanted
        return False

    def close(self) -> None:
        """Let go of what the steps hold."""
        if isinstance(self._running, contextlib.AbstractContextManager) or hasattr(self._running, "close"):
            with contextlib.suppress(Exception):
                self._running.close()  # type: ignore[union-attr]

    def _tell(self, heard: Heard) -> None:
        if self.wanted:
            self.wanted = not heard.last
            self.hear(heard)


class Desk:
    """Takes jobs from any thread, and works on them in its own until `close`."""

    def __init__(self) -> None:
        # By tab and kind; whoever is first has the next turn.
        self._waiting: dict[str, dict[str, Job]] = {}
        self._left: list[Job] = []
        self._changed, self._open = threading.Condition(), True
        # Sentences recommend commands of the shell where whoever opened the desk has one.
        run = contextvars.copy_context().run
        self._worker = threading.Thread(target=run, args=(self._work,), name="convscope-desk", daemon=True)
        self._worker.start()

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def submit(self, tab: str, kind: str, steps: Steps, hear: Callable[[Heard], object]) -> Job:
        """Let a job wait for its turns, in place of an older one of its tab and kind. Raises BusyError where too many tabs wait."""
        job = Job(tab, kind, steps, hear)
        with self._changed:
            if tab not in self._waiting and len(self._waiting) >= MOST_TABS:
                raise BusyError(f"{MOST_TABS} tabs wait for the network. Close some of them, and try again.")
            older = self._waiting.setdefault(tab, {}).pop(kind, None)
            self._waiting[tab][kind] = job
            if older is not None:
                self._drop(older)
            self._changed.notify()
        if older is not None:
            older.hear(Heard(last=True, fault=SupersededError("A newer request of this page took its place.")))
        return job

    def withdraw(self, job: Job) -> None:
        """Take a job back that nobody waits for any more; the step that it is at is its last."""
        with self._changed:
            jobs = self._waiting.get(job.tab, {})
            if jobs.get(job.kind) is job:
                del jobs[job.kind]
                if not jobs:
                    del self._waiting[job.tab]
            if job.wanted:
                self._drop(job)
            self._changed.notify()

    def close(self) -> None:
        """End all jobs, and the worker after the step that it is at."""
        with self._changed:
            self._open = False
            for jobs in self._waiting.values():
                for job in jobs.values():
                    self._drop(job)
            self._waiting.clear()
            self._changed.notify()
        self._worker.join(timeout=2)

    def _drop(self, job: Job) -> None:
        job.wanted = False
        self._left.append(job)

    def _work(self) -> None:
        while (job := self._turn()) is not None:
            if not job.step():
                self.withdraw(job)
                job.close()

    def _turn(self) -> Job | None:
        """Return the job whose turn it is, which goes behind the others of its tab, and its tab behind the other tabs; None at the end."""
        with self._changed:
            while True:
                while self._left:
                    self._left.pop().close()
                if not self._open:
                    return None
                if self._waiting:
                    break
                self._changed.wait()
            tab = next(iter(self._waiting))
            jobs = self._waiting.pop(tab)
            self._waiting[tab] = jobs
            kind = next(iter(jobs))
            jobs[kind] = jobs.pop(kind)
            return jobs[kind]
