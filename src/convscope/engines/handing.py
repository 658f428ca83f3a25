"""Which items are with which workers: the next one, those that go out again after a death, and those that go out twice at the end."""

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic

from .engine import Item


@dataclass
class _Given(Generic[Item]):
    """An item that is not finished, and since when which workers have it."""

    item: Item
    holders: dict[Hashable, float] = field(default_factory=dict)


class Handing(Generic[Item]):
    """The items of one `map`, by their numbers. An item is taken from the iterator when a worker is there for it."""

    def __init__(self, items: Iterable[Item], clock: Callable[[], float] = time.monotonic) -> None:
        self._items, self._clock = enumerate(items), clock
        self._exhausted = False
        self._given: dict[int, _Given[Item]] = {}
        self._lost: deque[int] = deque()
        self._seconds = self._finished = 0.0

    def next_for(self, worker: Hashable, *, idle: bool) -> tuple[int, Item] | None:
        """Return an item for a worker, None if there is none: a lost one, a new one, or what takes long elsewhere.

        The last is for a worker that is `idle`, which has nothing else.
        """
        number = self._lost.popleft() if self._lost else self._new()
        if number is None and idle:
            number = self._straggler(worker)
        if number is None:
            return None
        given = self._given[number]
        given.holders[worker] = self._clock()
        return number, given.item

    def finish(self, worker: Hashable, number: int) -> bool:
        """Note that a worker has finished an item, and return whether it is the first that did."""
        given = self._given.pop(number, None)
        if given is None:
            return False
        self._seconds += self._clock() - given.holders.get(worker, self._clock())
        self._finished += 1
        return True

    def lose(self, worker: Hashable) -> int:
        """Take back all that a worker has, and return how many items nobody else has: they are given out again, before new ones."""
        lost = [number for number, given in self._given.items() if given.holders.pop(worker, None) is not None and not given.holders]
        self._lost.extend(lost)
        return len(lost)

    @property
    def is_done(self) -> bool:
        """Say whether all items are finished."""
        if not self._given and not self._exhausted and (number := self._new()) is not None:
            self._lost.appendleft(number)
        return not self._given

    def _new(self) -> int | None:
        if self._exhausted:
            return None
        found = next(self._items, None)
        if found is None:
            self._exhausted = True
            return None
        self._given[found[0]] = _Given(found[1])
        return found[0]

    def _straggler(self, worker: Hashable) -> int | None:
        """Return the item that one other worker has had for longest, if that is longer than items take on average."""
        if not self._finished:
            return None
        alone = {number: min(one.holders.values()) for number, one in self._given.items() if len(one.holders) == 1}
        alone = {number: since for number, since in alone.items() if worker not in self._given[number].holders}
        number = min(alone, key=alone.__getitem__, default=None)
        late = number is not None and self._clock() - alone[number] > self._seconds / self._finished
        return number if late else None
