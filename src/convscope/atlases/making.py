"""The making of an atlas: what there is to make, in which order, and the pages that show what is made so far."""

import itertools
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ..digests import digest
from ..engines import Engine
from ..files import write_files
from ..formats.atlas import MAP, PAGE, PATCH, data_path, synthetic_name, wall_name
from ..progress import counting
from ..render import site
from . import columns, mapping, viewer
from .classes import Told
from .columns import Columns
from .details import Details
from .handed import Drawn, drawn, parts_by
from .images import Gallery, gallery_of
from .ledger import Ledger, Task, key_of
from .pages import Walls, run_remarks, start, title
from .plan import steps
from .subject import Subject
from .synthetic import Synthetic

# Seconds after which the pages are written anew, so that they show what was made meanwhile; and at least so many times as long as that
# took, which grows with the network: no more than a twentieth of the time goes into it.
FLUSHED_AFTER, FLUSHES = 20.0, 20


class Making:
    """What an atlas consists of, part by part. Everything that is cheap for all units comes before the first picture of any."""

    def __init__(self, subject: Subject, ledger: Ledger) -> None:
        self.subject, self.ledger = subject, ledger
        self.gallery: Gallery = gallery_of(subject)
        self.synthetic = Synthetic(subject)
        self.details = Details(subject, self.gallery)
        self.walls = Walls(subject, self.gallery, self.synthetic, ledger)
        self.told = Told(subject, self.gallery)
        self._flush_due = 0.0

    def make(self, deadline: float | None, engine: Engine) -> None:
        """Make all that is missing, or until the deadline (of `time.monotonic`); Ctrl-C loses what is in progress.

        `engine`: who draws the units.
        """

        def in_time(part: Any = None) -> bool:
            return deadline is None or time.monotonic() <= deadline

        left = [part for part in self._pictures() if not self.ledger.has(part[2])]
        for _, _, task in left:
            self.ledger.forget(task)
        self._all("describing units", self._early())
        self.flush()
        with counting("drawing units", len(left)) as tell:
            for task, made in parts_by(engine, self.subject, itertools.takewhile(in_time, left)):
                self.ledger.keep(task, made)
                tell(1)
                if time.monotonic() > self._flush_due:
                    self.flush()
        if not left or in_time():
            self._all("mapping images", self._late())

    def flush(self) -> None:
        """Write the pages that show what is made so far."""
        began = time.monotonic()
        every = dict(columns.of_layers(self.subject, self.ledger, self.told))
        for one in every.values():
            self.ledger.complete(columns.task(one))
        for task in self.walls.tasks():
            self.ledger.complete(task)
        self.ledger.complete(columns.table_task(self.subject, every))
        self._write_site(every)
        self.ledger.write()
        ended = time.monotonic()
        self._flush_due = ended + max(FLUSHED_AFTER, FLUSHES * (ended - began))

    def count(self) -> tuple[int, int]:
        """Return how many of the parts are made, and how many there are."""
        tasks = [*self._early(), *(task for _, _, task in self._pictures()), *self._late()]
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

    def _pictures(self) -> Iterator[Drawn]:
        """Yield what draws units: the most telling of each layer first, the synthetic picture of a chunk before its patches."""
        for step in steps([len(layer.chunks) for layer in self.subject.layers]):
            for chunk in step.chunks:
                yield from ((step.layer, chunk, task) for task in drawn(self.subject, self.synthetic, step.layer, chunk))

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
