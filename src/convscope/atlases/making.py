"""The making of an atlas: what there is to make, in which order, and the pages that show what is made so far."""

import time
from collections.abc import Iterator, Mapping

from ..digests import digest
from ..files import write_files
from ..formats.atlas import MAP, PAGE, PATCH, data_path, synthetic_name, wall_name
from ..progress import counting
from ..render import site
from . import columns, mapping, patches, viewer
from .classes import Told
from .columns import Columns
from .details import Details
from .images import Gallery, gallery_of
from .ledger import Ledger, Task, key_of
from .pages import Walls, run_remarks, start, title
from .plan import steps
from .subject import Subject
from .synthetic import Synthetic

# Seconds after which the pages are written anew, so that they show what was made meanwhile.
FLUSHED_AFTER = 20.0


class Making:
    """What an atlas consists of, part by part. Everything that is cheap for all units comes before the first picture of any."""

    def __init__(self, subject: Subject, ledger: Ledger) -> None:
        self.subject, self.ledger = subject, ledger
        self.gallery: Gallery = gallery_of(subject)
        self.synthetic = Synthetic(subject)
        self.details = Details(subject, self.gallery)
        self.walls = Walls(subject, self.gallery, self.synthetic, ledger)
        self.told = Told(subject, self.gallery)
        self._flushed = 0.0

    def make(self, deadline: float | None) -> None:
        """Make all that is missing, or until the deadline (of `time.monotonic`); Ctrl-C loses the part in progress."""
        self._all("describing units", self._early())
        self.flush()
        tasks = [task for task in self._pictures() if not self.ledger.has(task)]
        with counting("drawing units", len(tasks)) as tell:
            for task in tasks:
                if deadline is not None and time.monotonic() > deadline:
                    return
                self.ledger.complete(task)
                tell(1)
                if time.monotonic() - self._flushed > FLUSHED_AFTER:
                    self.flush()
        self._all("mapping images", self._late())

    def flush(self) -> None:
        """Write the pages that show what is made so far."""
        every = dict(columns.of_layers(self.subject, self.ledger, self.told))
        for one in every.values():
            self.ledger.complete(columns.task(one))
        for task in self.walls.tasks():
            self.ledger.complete(task)
        self.ledger.complete(columns.table_task(self.subject, every))
        self._write_site(every)
        self.ledger.write()
        self._flushed = time.monotonic()

    def count(self) -> tuple[int, int]:
        """Return how many of the parts are made, and how many there are."""
        tasks = [*self._early(), *self._pictures(), *self._late()]
        return sum(map(self.ledger.has, tasks)), len(tasks)

    def notes(self) -> tuple[str, ...]:
        """Return sentences on what is odd about the run or the atlas."""
        return tuple(run_remarks(self.subject, self.ledger))

    def _early(self) -> Iterator[Task]:
        yield from self.gallery.sheets()
        yield from self.told.tasks()
        for layer in self.subject.layers:
            yield from self.details.tasks(layer)
        yield self.details.table()

    def _pictures(self) -> Iterator[Task]:
        """Yield what draws units: the most telling of each layer first, the synthetic picture of a chunk before its patches."""
        for step in steps([len(layer.chunks) for layer in self.subject.layers]):
            layer = self.subject.layers[step.layer]
            for chunk in step.chunks:
                one = range(chunk, chunk + 1)
                yield from self.synthetic.tasks(layer, one)
                yield from patches.sheets(self.subject, layer, one)

    def _late(self) -> Iterator[Task]:
        yield from mapping.tasks(self.subject)

    def _all(self, label: str, tasks: Iterator[Task]) -> None:
        waiting = [task for task in tasks if not self.ledger.has(task)]
        with counting(label, len(waiting)) as tell:
            for task in waiting:
                self.ledger.complete(task)
                tell(1)

    def _has_map(self) -> bool:
        part = self.ledger.part(MAP)
        return part is not None and bool(part.files)

    def _write_site(self, every: Mapping[str, Columns]) -> None:
        """Write the files of the site that say something new; all are asked for with a version that changes with the parts."""
        record = start(self.subject, self.gallery, self.walls, self.ledger, every, has_map=self._has_map())
        script = site.data_file("start", record)
        version = key_of(self.ledger.keys(), digest(script))
        contents = {data_path("start"): script, **viewer.assets(version).files}
        contents[PAGE] = viewer.index(title(self.subject), self._plain(), version=version)
        new = {self.ledger.folder / path: content for path, content in contents.items()}
        changed = {path: content for path, content in new.items() if not path.is_file() or path.read_bytes() != content}
        if changed:
            write_files(changed)

    def _plain(self) -> Iterator[tuple[str, str]]:
        """Yield the address of each layer and its first sheet, for readers without scripts."""
        for layer in self.subject.layers:
            names = (wall_name(layer.n, PATCH, 0), synthetic_name(layer.n, 0))
            name = next((one for one in names if self.ledger.part(one) is not None), None)
            if name is not None:
                yield layer.address, data_path(name, "webp")
