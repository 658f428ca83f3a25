"""Chunks of a large request, climbed by the workers of an engine; who asked for them writes the pictures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..engines import EVERYWHERE, Engine, kind_of_workers, reach_of, results_of
from ..errors import ConvscopeError
from ..models.reference import Travelling
from ..network.network import as_network
from ..network.targets import Target
from .ascend import canvas_for, climber_of
from .climb import Climbed, Climber
from .run import Stage

Chunk = tuple[int, tuple[Target, ...]]  # its number, and the units that climb together


class ChunkClimber:
    """The function that an engine is handed: a chunk -> its number, and the pictures as they climbed.

    It pickles as a reference to the network, the settings and all `units` of the request. A worker loads the network once, and keeps what
    it compiles for a layer.
    """

    def __init__(self, climber: Climber, units: Sequence[Target], kind: Mapping[str, str], *, far: bool) -> None:
        self._climber: Climber | None = climber
        self.settings, self.units = climber.settings, tuple(units)
        self.network = Travelling(climber.network.bundle, kind, far=far)

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the network. Raises ModelError for one that no other process can load."""
        return self.__dict__ | {"_climber": None}

    def __call__(self, chunk: Chunk) -> tuple[int, Climbed]:
        """Climb for the units of a chunk. Raises BackendError on a worker that computes otherwise."""
        if self._climber is None:
            self._climber = climber_of(as_network(self.network.load()), self.units, self.settings)
        number, units = chunk
        return number, self._climber.climb(units, canvas_for(self._climber, units), _unwatched)


def climbed_by(
    engine: Engine, climber: Climber, units: Sequence[Target], chunks: Sequence[tuple[Target, ...]]
) -> Iterator[tuple[int, Climbed]]:
    """Yield the number of each chunk and its pictures, as the workers of an engine finish them, each once.

    Raises ConvscopeError for an engine that ends before that, and what the workers raise.
    """
    kind = kind_of_workers(engine, climber.settings.precision)
    function = ChunkClimber(climber, units, kind, far=reach_of(engine) == EVERYWHERE)
    missing = set(range(len(chunks)))
    with results_of(engine, function, enumerate(chunks)) as results:
        for number, climbed in results:
            if number in missing:
                missing.discard(number)
                yield number, climbed
            if not missing:
                return
    raise ConvscopeError(
        f"The engine ended with {len(missing)} of {len(chunks)} chunks unfinished. Expected the result of each. "
        "Finished pictures are kept, and the same command resumes."
    )


def _unwatched(stage: Stage) -> None:
    """Take a step of a climb that nobody watches."""
