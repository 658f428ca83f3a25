"""A few images at a time, and an interruption that keeps the results so far."""

from collections.abc import Callable
from typing import TypeVar

from ..progress import counting, track

Part = TypeVar("Part")


def in_chunks(count: int, chunk: int, stop: int | None, make: Callable[[slice], Part], label: str) -> tuple[list[Part], dict[str, int]]:
    """Return what `make` returns for a few of `count` images at a time, and what the provenance records if these are not all of them.

    They end after `stop` images, where that is given, or where Ctrl-C ends them; with nothing made it is passed on.
    """
    end = count if stop is None else min(stop, count)
    parts: list[Part] = []
    try:
        for start in track(range(0, end, chunk), label):
            parts.append(make(slice(start, min(start + chunk, end))))
    except KeyboardInterrupt:
        if not parts:
            raise
    reached = min(end, len(parts) * chunk)
    return parts, {"stop": reached} if reached < count else {}


def one_by_one(
    count: int, stop: int | None, make: Callable[[int, Callable[[float], None]], Part], label: str
) -> tuple[list[Part], dict[str, int]]:
    """As `in_chunks`, one image after the other; `make` gets its number, and tells the bar which share of it is done."""
    end = count if stop is None else min(stop, count)
    parts: list[Part] = []
    try:
        with counting(label, end) as advance:
            for number in range(end):
                parts.append(make(number, advance))
    except KeyboardInterrupt:
        if not parts:
            raise
    return parts, {"stop": len(parts)} if len(parts) < count else {}
