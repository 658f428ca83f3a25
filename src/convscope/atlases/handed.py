"""Parts of an atlas that draw units, made by the workers of an engine; who asked for them writes the folder."""

import platform
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..engines import EVERYWHERE, Engine, Serial, kind_of_workers, reach_of, results_of
from ..errors import ConvscopeError, ImageError
from ..images.places import missing, unseen
from ..models.reference import Travelling
from ..network.network import as_network
from . import patches
from .ledger import Made, Task
from .subject import Layer, Subject
from .synthetic import Synthetic

Drawn = tuple[int, int, Task]  # the place of its layer, its chunk, and the part


def drawn(subject: Subject, synthetic: Synthetic, place: int, chunk: int) -> Iterator[Task]:
    """Yield the parts that draw a chunk of the layer at this place: the synthetic pictures before the patches."""
    layer: Layer = subject.layers[place]
    one = range(chunk, chunk + 1)
    yield from synthetic.tasks(layer, one)
    yield from patches.sheets(subject, layer, one)


class PartMaker:
    """The function that an engine is handed: where a part belongs, its name and key -> its name, and the part.

    It pickles as the run, which a worker reads again from its folder, and a reference to the network.
    """

    def __init__(self, subject: Subject, kind: Mapping[str, str], *, far: bool) -> None:
        self._subject: Subject | None = subject
        self._synthetic: Synthetic | None = None
        self.run, self.layers, self.settings = subject.run, subject.layers, subject.settings.but(engine=None)
        self.network = Travelling(subject.network.bundle, kind, far=far)

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the network. Raises ModelError for one that no other process can load, ImageError for images that are gone."""
        return self.__dict__ | {"_subject": None, "_synthetic": None}

    def __call__(self, asked: tuple[int, int, str, str]) -> tuple[str, Made]:
        """Make a part. Raises ConvscopeError where the worker sees another run."""
        if self._subject is None:
            self._subject = self._opened()
        if self._synthetic is None:
            self._synthetic = Synthetic(self._subject, self.network.kind["precision"])
        place, chunk, name, key = asked
        task = next((one for one in drawn(self._subject, self._synthetic, place, chunk) if (one.name, one.key) == (name, key)), None)
        if task is None:
            raise ConvscopeError(
                f"The worker on `{platform.node()}` sees another run than the atlas is of. Expected the same folder everywhere."
            )
        return name, task.make()

    def _opened(self) -> Subject:
        if away := missing([str(self.run.path)]):
            raise ImageError(unseen(platform.node(), away))
        return Subject(self.run, as_network(self.network.load()), self.layers, self.settings)


def parts_by(engine: Engine, subject: Subject, parts: Iterable[Drawn]) -> Iterator[tuple[Task, Made]]:
    """Yield the parts as they are made, each once: here one after the other, or by the workers of an engine as they finish them."""
    if type(engine) is Serial:
        yield from ((task, task.make()) for _, _, task in parts)
        return
    function = PartMaker(subject, kind_of_workers(engine, "auto"), far=reach_of(engine) == EVERYWHERE)
    waiting: dict[str, Task] = {}

    def items() -> Iterator[tuple[int, int, str, str]]:
        for place, chunk, task in parts:
            waiting[task.name] = task
            yield place, chunk, task.name, task.key

    with results_of(engine, function, items()) as results:
        for name, made in results:
            if (task := waiting.pop(name, None)) is not None:
                yield task, made
    if waiting:
        raise ConvscopeError(
            f"The engine ended with {len(waiting)} parts unfinished. Expected the result of each. Finished parts are kept, and the same "
            "command resumes."
        )
