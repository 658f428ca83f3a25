"""What is kept because it may be wanted again, in a room of so many bytes: the least recently used goes first."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Shelf(Generic[Item]):
    """Items by their keys. `room`: how many bytes they may take together; one that is larger than the room is not kept."""

    def __init__(self, room: int) -> None:
        self.room, self.taken = room, 0
        self._items: OrderedDict[Hashable, tuple[Item, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: Hashable) -> Item | None:
        """Return an item, which is then the most recently used; None where it is not here."""
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key][0]

    def put(self, key: Hashable, item: Item, size: int) -> Item:
        """Keep an item of so many bytes in place of what had its key, make room for it, and return it."""
        with self._lock:
            if key in self._items:
                self.taken -= self._items.pop(key)[1]
            if size <= self.room:
                while self.taken + size > self.room:
                    self.taken -= self._items.popitem(last=False)[1][1]
                self._items[key] = item, size
                self.taken += size
        return item
