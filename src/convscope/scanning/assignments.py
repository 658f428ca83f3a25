"""Which work is given out, and what came back of it: each lease once, whatever an engine does."""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

from ..engines import Engine, results_of
from ..errors import ConvscopeError
from ..files import remove_aside
from ..formats.journal_files import SHARDS
from .leases import Finished, Home, Lease, Merge, Span

LEASE_SECONDS = 30.0  # what a worker loses at most when it dies, about
SHARES = 4  # a lease is at most this part of a worker's share of what is left, so that all end together
MOST_SHARDS = 256  # of a lease
Function = Callable[[Lease | Merge], Finished]


class Assignments:
    """The work of one turn: `repairs`, each a lease of its own, then `spans`, as many in a lease as a worker measures in LEASE_SECONDS.

    `lease` makes a lease of spans; `merge` returns a merge that is due, or None. The size of a lease follows the time that the last one
    took, and has up to `most` shards. It ends where a tar does, if that is near: `joined` says whether an image lies in one tar with the
    image before it. One worker is handed one shard at a time, so that nothing but the shard in progress is ever lost.
    """

    def __init__(
        self,
        repairs: Sequence[Span],
        spans: Sequence[Span],
        lease: Callable[[Sequence[Span]], Lease],
        merge: Callable[[], Merge | None],
        joined: Callable[[int], bool] = lambda image: False,
        most: int = MOST_SHARDS,
    ) -> None:
        self._repairs, self._left, self._lease, self._merge = deque(repairs), deque(spans), lease, merge
        self._joined, self._most = joined, min(most, MOST_SHARDS)
        self._count, self._pace = len(repairs) + len(spans), 1
        self._missing = dict[tuple[Any, ...], Lease | Merge]()

    def results(self, engine: Engine, function: Function, home: Home) -> Generator[tuple[Lease | Merge, Finished]]:
        """Yield each item with its result, once; raise ConvscopeError if the result of a lease never comes.

        A result that comes again, or that nobody asked for, is passed over: on a cluster, a worker that was given up may still answer.
        """
        with results_of(engine, function, self._items(engine)) as results:
            for finished in results:
                item = self._missing.pop(finished.key, None) if isinstance(finished, Finished) else None
                if item is not None:
                    if isinstance(item, Lease) and finished.seconds > 0:
                        self._pace = int(LEASE_SECONDS * len(item.shards) / finished.seconds)
                    yield item, finished
                elif isinstance(finished, Finished):
                    discard(finished, home)
                if not self._is_open():
                    break
        if self._is_open():
            left = [*(span for one in self._missing.values() if isinstance(one, Lease) for span in one.key), *self._repairs, *self._left]
            first, end = left[0]
            raise ConvscopeError(
                f"The engine ended with {len(left)} of {self._count} shards unfinished, first the images {first} to {end - 1}. "
                f"Expected the result of each shard. Finished shards are kept, and the same command resumes."
            )

    def _is_open(self) -> bool:
        """Return whether a shard has no result yet."""
        return bool(self._repairs or self._left or any(isinstance(one, Lease) for one in list(self._missing.values())))

    def _items(self, engine: Engine) -> Iterator[Lease | Merge]:
        while (item := self._next(engine)) is not None:
            self._missing[item.key] = item
            yield item

    def _next(self, engine: Engine) -> Lease | Merge | None:
        if self._repairs:
            return self._lease([self._repairs.popleft()])
        if (merge := self._merge()) is not None or not self._left:
            return merge
        size = self._size(engine)
        spans = [self._left.popleft() for _ in range(size)]
        while self._left and size > 1 and len(spans) < min(2 * size, self._most) and self._joined(spans[-1][1]):
            spans.append(self._left.popleft())
        return self._lease(spans)

    def _size(self, engine: Engine) -> int:
        workers = int(getattr(engine, "workers", 1))
        return 1 if workers <= 1 else max(1, min(self._pace, self._most, len(self._left) // (SHARES * workers)))


def discard(finished: Finished, home: Home) -> None:
    """Remove a part that nobody wants: it lies aside, and never counted."""
    if finished.aside:
        remove_aside(home.folder / SHARDS / finished.aside)


def merges_of(engine: Engine, function: Function, merges: Sequence[Merge]) -> Iterator[tuple[Merge, Finished | None]]:
    """Yield each merge with its result, None where none came."""
    missing = {one.key: one for one in merges}
    with results_of(engine, function, merges) as results:
        for finished in results:
            if isinstance(finished, Finished) and finished.key in missing:
                yield missing.pop(finished.key), finished
            if not missing:
                break
    yield from ((one, None) for one in missing.values())
