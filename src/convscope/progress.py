"""Progress bars on standard error, for terminals and notebooks; nothing anywhere else."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, TypeVar

from .legible import legible, sentence
from .notebook import Output, kernel, progress_bar

Item = TypeVar("Item")
PATIENCE = 0.5  # seconds without a bar: what is done by then needs none
PERIOD = 0.2  # between two looks of a notebook's bar


def track(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items while a bar with the remaining time shows how many are done; it vanishes at the end."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    if not _watched():
        yield from items
        return
    with counting(label, total) as advance:
        for item in items:
            yield item
            advance(1)


@contextlib.contextmanager
def counting(label: str, total: int | None, done: int = 0) -> Iterator[Callable[[float], None]]:
    """Yield a function that is told how many more are done, while a bar shows it with the remaining time; it vanishes at the end."""
    if not _watched():
        yield lambda count: None
        return
    if kernel() is not None:
        with _below_the_cell(label, total, done) as advance:
            yield advance
        return
    with _bar() as bar:
        task = bar.add_task(label, total=total, completed=done)
        yield lambda count: bar.advance(task, count)


def notify(text: str) -> None:
    """Say a sentence on standard error now, above a bar where one is shown."""
    with contextlib.suppress(OSError, ValueError):
        print(sentence(text), file=sys.stderr, flush=True)


@contextlib.contextmanager
def _below_the_cell(label: str, total: int | None, done: float = 0) -> Iterator[Callable[[float], None]]:
    """Yield what a bar below a notebook's cell is told; the terminal's would need a widget there, which nbconvert does not have."""
    start, first, output, shown = time.monotonic(), done, None, 0.0

    def advance(count: float) -> None:
        nonlocal done, output, shown
        done, now = done + count, time.monotonic()
        if now - start < PATIENCE or now - shown < PERIOD:
            return
        left = (now - start) * (total - done) / (done - first) if total and done > first else None
        html, shown = progress_bar(label, int(done), total, left), now
        if output is None:
            output = Output(html)
        else:
            output.show(html)

    try:
        yield advance
    finally:
        if output is not None:
            output.show("")


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        """How many a second, where it is more than one."""

        def render(self, task: Task) -> Text:
            """Return the words."""
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f}/s" if speed and speed > 1 else "")

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn()
    return Progress(*columns, console=Console(stderr=True), transient=True)


@contextlib.contextmanager
def working(label: str) -> Iterator[None]:
    """Show that work of unknown length is running. The line vanishes with the `with`."""
    if not _watched():
        yield
        return
    if kernel() is not None:
        output = Output(progress_bar(label))
        try:
            yield
        finally:
            output.show("")
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(legible(label))):
        yield


def _watched() -> bool:
    return (sys.stderr is not None and sys.stderr.isatty()) or kernel() is not None
