"""What an engine is: who works on items, how far away, and what a user asks of its workers."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar

from ..errors import OptionError
from ..reach import EVERYWHERE as EVERYWHERE
from ..reach import MACHINE as MACHINE
from ..reach import PROCESS as PROCESS

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_WORKERS = 65536


class Engine(Protocol):
    """Maps a function over items and yields the results in any order.

    Function, items and results can be pickled. They share nothing but the files that they name: neither this process's memory nor the
    folder that is written, which is the caller's alone. A function may be slow at its first item, and quick from then on, if the same
    (unpickled) object is called again. The items come from an iterator: take few more than are worked on. A result may come twice, and
    results that nobody waits for are passed over; one that never comes is an error. An exception of the function is raised as it is. When
    the iterator is closed before its end, the work ends too. `map` is called several times, one after the other.

    An engine may have three more attributes. `reach`: how far away its workers may be, one of PROCESS, MACHINE, EVERYWHERE; where they may
    be on other machines, they are asked what they are before the work begins. `workers`: how many there are now. `close()`: end what
    outlives a `map`.
    """

    def map(self, function: Callable[[Item], Result], items: Iterable[Item], /) -> Iterator[Result]:
        """Yield function(item) for each item."""


class Serial:
    """One after the other, here."""

    reach, workers = PROCESS, 1

    def __repr__(self) -> str:
        return "Serial()"

    def map(self, function: Callable[[Item], Result], items: Iterable[Item], /) -> Iterator[Result]:
        """Yield function(item) for each item, in their order."""
        return map(function, items)


@dataclass(frozen=True)
class Workers:
    """What a user asks of an engine's workers; None where the engine decides.

    `count`: how many. `cpus`, `gpus`: of each. `memory`: of each, in bytes. `address`: of the cluster that they are on.
    """

    count: int | None = None
    cpus: float | None = None
    gpus: float | None = None
    memory: int | None = None
    address: str | None = None

    def __post_init__(self) -> None:
        """Raise OptionError for numbers that mean nothing."""
        if self.count is not None and not 1 <= self.count <= MOST_WORKERS:
            raise OptionError(f"Received {self.count} workers. Expected 1 to {MOST_WORKERS:,}.")
        for name, least in (("cpus", 0), ("gpus", 0), ("memory", 1)):
            number = getattr(self, name)
            if number is not None and not least <= number <= 2**60:
                raise OptionError(f"Received {number} as {name} of a worker. Expected {least} or more.")

    def only(self, engine: str, *names: str) -> None:
        """Raise OptionError if something else than `names` is asked of an engine."""
        odd = next((one.name for one in fields(self) if one.name not in names and getattr(self, one.name) is not None), None)
        if odd is not None:
            flag = {"count": "--workers", "address": "--address"}.get(odd, f"--worker-{odd}")
            raise OptionError(f"The engine `{engine}` takes no {flag}. Leave it out, or choose an engine on a cluster, such as ray.")


@contextmanager
def results_of(engine: Engine, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Iterator[Result]]:
    """Yield the results of an engine; at the end of the block its work ends too, whether all results were taken or not."""
    results = iter(engine.map(function, items))
    try:
        yield results
    finally:
        if (close := getattr(results, "close", None)) is not None:
            close()


def reach_of(engine: Any) -> str:
    """Return how far away the workers of an engine may be, "" where it does not say."""
    reach = getattr(engine, "reach", "")
    return reach if reach in (PROCESS, MACHINE, EVERYWHERE) else ""
