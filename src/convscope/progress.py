"""Progress bars on standard error, for terminals and notebooks; nothing anywhere else."""

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

Item = TypeVar("Item")


def track(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items while a bar with the remaining time shows how many are done; it vanishes at the end."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    if not _watched():
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield from bar.track(items, total=total, description=label)


@contextlib.contextmanager
def working(label: str) -> Iterator[None]:
    """Show that something goes on whose end is not known; it vanishes with the `with`."""
    if not _watched():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(label):
        yield


def _watched() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules
