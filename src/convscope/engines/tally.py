"""Which node of a cluster has done how much: said once a minute, and at the end."""

import time
from collections import Counter
from collections.abc import Callable

from ..progress import notify

EVERY = 60.0  # seconds between two lines


class Tally:
    """Counts what each node has finished. It says so once a minute and at the end, where there is more than one node.

    `clock` gives seconds; `say` receives a sentence.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, say: Callable[[str], None] = notify) -> None:
        self._clock, self._say = clock, say
        self._count: Counter[str] = Counter()
        self._began = self._said = clock()

    def add(self, node: str, number: int) -> None:
        """Count what a node has finished."""
        self._count[node] += number
        if self._clock() - self._said >= EVERY:
            self.tell()

    def tell(self) -> None:
        """Say how much each node has done, and how many a second since the beginning."""
        self._said = self._clock()
        if len(self._count) > 1:
            seconds = max(self._said - self._began, 1e-9)
            shares = ", ".join(f"{node} {number:,} ({number / seconds:,.1f}/s)" for node, number in sorted(self._count.items()))
            self._say(f"Of {self._count.total():,}: {shares}.")
