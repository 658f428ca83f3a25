"""Progress bars on standard error, for terminals and notebooks; nothing anywhere else."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, TypeVar

from .legible import legible, sentence

Item = TypeVar("Item")


def track(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items while a bar with the remaining time shows how many are done; it vanishes at the end."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    if not _watched():
        yield from items
        return
    with _bar() as bar:
        yield from bar.track(items, total=total, description=label)


@contextlib.contextmanager
def counting(label: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many more are done, while a bar shows it with the remaining time; it vanishes at the end."""
    if not _watched():
        yield lambda count: None
        return
    with _bar() as bar:
        task = bar.add_task(label, total=total, completed=done)
        yield lambda count: bar.advance(task, count)


def notify(text: str) -> None:
    """Say a sentence on standard error now, above a bar where one is shown."""
    with contextlib.suppress(OSError, ValueError):
        print(sentence(text), file=sys.stderr, flush=True)


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
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(legible(label))):
        yield


def _watched() -> bool:
    return (sys.stderr is not None and sys.stderr.isatty()) or "ipykernel" in sys.modules
