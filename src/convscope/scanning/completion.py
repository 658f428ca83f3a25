"""A run brought to its end: whatever was done of it before, only the rest is processed."""

import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..digests import digest
from ..engines import Engine, Serial
from ..errors import ImageError, OptionError, OutputError, UnreachableError
from ..files import check_writable, remove_forgotten, unwritten
from ..formats.journal_files import LOCK, READ, SHARDS, read_settings, write_settings
from ..formats.run_folder import NO_ID
from ..images import ImageSet, Source, entering
from ..progress import counting
from .assignments import Assignments, Function, merges_of
from .columns import write_tables
from .journal import Journal
from .leases import Finished, Home, Lease, Merge, at_home, nobody
from .listing import Listed, all_there, is_away, listed_in, written_as
from .lock import locked
from .measure import Measure
from .shards import SHARD, Shard, unfinished

MOST_CELLS = 2**23  # classes x units whose means are kept: 128 MiB
CHECKED = 16
MOST_TURNS = 4  # what could not be reached is tried once more when all else is done, and then until so many machines have tried it
AGREEING = 2
KEEP = "keep_maxima"  # of the settings, where it is True: a run that has it keeps it, and one that has not can get it
MOST_ROW_BYTES = 2**27  # of the images of a lease: they are in a worker's memory until it is done
# What a run cannot change on its way, and how its settings say it.
COMPARED: dict[str, Callable[[Any], Any]] = {
    "model": lambda said: said["model"]["digest"],
    "preprocessing": lambda said: said["model"]["preprocessing"],
    "layers": lambda said: said["measured"],
    "top": lambda said: said["top"],
    "precision": lambda said: said["precision"],
    "picture size": lambda said: said["fit"],
    "backend": lambda said: said["backend"]["name"],
    "rank of saturated units": lambda said: said.get("ranked", {}),
    "measure": lambda said: said.get("measure", {}),
}


def complete_run(
    folder: Path,
    given: ImageSet,
    measure: Measure,
    settings: dict[str, Any],
    engine: Engine | None = None,
    function: Function | None = None,
) -> None:
    """Measure the images that the run does not know yet, lease by lease, and write its tables. Ctrl-C writes them for the images so far.

    `settings`: what the run is of, with the entries that COMPARED asks for, and perhaps KEEP; kept in its manifest. `engine` works the
    leases off by `function`, by default here, one after the other. Raises OptionError for a run of something else, ImageError, OutputError.
    """
    _check_folder(folder)
    with locked(folder):
        known = _check_settings(folder, settings)
        settings = settings | ({KEEP: True} if known is not None and known.get(KEEP) else {})
        listed, places = listed_in(folder, given)
        journal = Journal(folder, listed, measure, identity_of(settings), anonymous=known is None, every=KEEP in settings)
        if known is None or (KEEP in settings) != bool(known.get(KEEP)):
            write_settings(folder, settings)
        sources = all_there(folder, listed, places, given, dict(journal.skipped))
        _check_unchanged(folder, journal, sources, measure)
        classes = _classes(listed, measure)
        left = sum(end - first for first, end in [*journal.damaged, *journal.unsampled, *unfinished(journal.spans, len(sources))])
        unreached: dict[int, str] = {}
        with counting("scanning", len(sources), len(sources) - left) as advance, at_home(folder) as home:
            tell: Callable[[int], None] = advance
            if engine is None or function is None:
                engine, function, tell = Serial(), lambda item: item.done(lambda: measure, advance), nobody
            work = _Work(journal, sources, classes, settings["top"], home, engine, function, tell)
            try:
                unreached = work.turns()
            except KeyboardInterrupt:
                if not journal.spans or journal.damaged:
                    raise
            else:
                work.merge()
                journal.sample.settle()
        missed = [(image, listed.names[image], reason) for image, reason in unreached.items()]
        missed += [(NO_ID, written_as(one.name), one.reason) for one in given.sources if is_away(one)]
        write_tables(folder, journal, listed, measure, settings, missed)
        remove_forgotten(folder / SHARDS, older_than=0.0)  # parts that came too late


@dataclass
class _Work:
    """What a scan does between its journal and an engine; `tell` is told how many images more are done."""

    journal: Journal
    sources: Sequence[Source]
    classes: NDArray[np.int64]
    top: int
    home: Home
    engine: Engine
    function: Function
    tell: Callable[[int], None]

    def turns(self) -> dict[int, str]:
        """Measure all that is left; return the images that were not reached, with the reasons.

        Those are tried again when all else is done, and then as long as only one of several machines has tried them.
        """
        tried, nodes = defaultdict[int, set[str]](set), set[str]()
        unreached: dict[int, str] = {}
        for turn in range(MOST_TURNS):
            unreached = {}
            for finished in self._turn():
                nodes.add(finished.node)
                for image, reason in finished.unreached:
                    unreached[image] = reason
                    tried[image].add(finished.node)
            if turn and all(len(tried[image]) >= min(AGREEING, len(nodes)) for image in unreached):
                break
        return unreached

    def _turn(self) -> Iterator[Finished]:
        """Give out what is left, keep what comes back, and yield it."""
        repairs = [*self.journal.damaged, *self.journal.unsampled]
        spans = list(unfinished(self.journal.spans, len(self.sources)))
        if not repairs and not spans:
            return
        self.journal.forget_merges()
        row = SHARD * self.journal.row_bytes
        due = lambda: self.journal.due(self.home)  # noqa: E731
        given = Assignments(repairs, spans, self._lease, due, self._is_joined, max(1, MOST_ROW_BYTES // row))
        with contextlib.closing(given.results(self.engine, self.function, self.home)) as results:  # ends the workers
            for item, finished in results:
                if isinstance(item, Merge):
                    self.journal.replace(item, finished, self.home)
                    continue
                self.journal.keep(item, finished, self.home)
                self.tell(sum(end - first for first, end in item.key) - len(finished.unreached))
                yield finished

    def _lease(self, spans: Sequence[tuple[int, int]]) -> Lease:
        sample = self.journal.sample
        shards = (Shard(a, tuple(self.sources[a:b]), self.classes[a:b], tuple(sample.of(a, b).tolist())) for a, b in spans)
        return Lease(tuple(shards), self.top, self.journal.of, self.home)

    def _is_joined(self, image: int) -> bool:
        """Return whether an image lies in one tar with the image before it."""
        return image < len(self.sources) and self.sources[image - 1].group == self.sources[image].group != ""

    def merge(self) -> None:
        """Merge all parts: many of them on the engine, the last few here."""
        while merges := self.journal.all_due(self.home):
            for merge, finished in merges_of(self.engine, self.function, merges):
                self.journal.replace(merge, finished, self.home)
        self.journal.settle()


def _classes(listed: Listed, measure: Measure) -> Any:
    """Return the number of each image's class, -1 for none; -1 for all where so many means would not fit into memory."""
    codes = listed.labels.codes.astype(np.int64)
    return codes if len(listed.classes) * measure.units <= MOST_CELLS else np.full_like(codes, -1)


def known_settings(folder: Path) -> dict[str, Any] | None:
    """Return the settings with which a run was begun, None if it is new, or they are missing or damaged.

    Raises OutputError, and OptionError for a newer convscope's.
    """
    known = read_settings(folder)
    try:
        return known if known is not None and difference(known, known) == "" else None
    except (LookupError, TypeError, AttributeError):
        return None


def _check_folder(folder: Path) -> None:
    """Raise OptionError for a folder that holds something else, OutputError for one that cannot be written."""
    check_writable(folder / LOCK)
    try:
        others = [one for one in folder.iterdir() if one.name != LOCK and not one.name.startswith(".")]
    except OSError as error:
        raise OutputError(unwritten(folder, error)) from error
    if not (folder / SHARDS).is_dir() and others:
        raise OptionError(f"`{folder}` holds files, but not a scan to resume. Choose a new or empty folder with --out.")
    if (folder / SHARDS).is_symlink():
        raise OptionError(f"`{folder / SHARDS}` is a link. Expected the folder that the scan made. Replace the link by that folder.")


def _check_settings(folder: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the run says it is of, None where it does not. Raises OptionError if that is something else."""
    known = known_settings(folder)
    what = "" if known is None else difference(known, asked)
    if what and known is not None and "ranked" not in known and not difference({**known, "ranked": asked.get("ranked", {})}, asked):
        first, *others = asked["ranked"]
        layers = f"`{first}`" + (f" and {len(others)} other layers" if others else "")
        raise OptionError(
            f"The run in `{folder}` was started by an earlier convscope. It ranked the units of {layers} after their flat "
            f"activation; this one ranks them before it. The run can be read, but not resumed. Scan again with another --out."
        )
    if what:
        raise OptionError(f"`{folder}` was scanned with {what}. Use the same settings to resume it, or choose a new folder with --out.")
    return known


def identity_of(settings: Mapping[str, Any]) -> str:
    """Return what stands for what a run is of; a part made with something else never counts."""
    compared = {noun: value for noun, said in COMPARED.items() if (value := said(settings))}  # so that a later noun may be empty
    return digest(json.dumps(compared, sort_keys=True).encode())


def difference(known: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Return what a run with the settings `known` is of and one with those `asked` is not, "" where they are the same."""
    for noun, said in COMPARED.items():
        before, now = said(known), said(asked)
        if before != now:
            short = all(isinstance(value, str | int) and len(str(value)) <= 20 for value in (before, now))
            return f"{noun} {before}, not {now}" if short else f"{'other' if noun.endswith('s') else 'another'} {noun}"
    return ""


def _check_unchanged(folder: Path, journal: Journal, sources: Sequence[Source], measure: Measure) -> None:
    """Raise ImageError if one of a few known images is not what it was: another data set may have the same names."""
    facts, finished = journal.facts.read(), np.zeros(len(sources), bool)
    for first, end in set(journal.spans) - set(journal.damaged):
        finished[first:end] = True
    known = np.flatnonzero(finished & (facts["state"] == READ))
    unreached: list[UnreachableError] = []
    chosen = known[np.linspace(0, len(known) - 1, min(CHECKED, len(known))).astype(int)]
    for image in chosen:
        try:
            same = entering(sources[image], measure.fit)[1] == facts["digest"][image].tobytes()
        except UnreachableError as error:
            unreached.append(error)
            continue
        except ImageError:
            same = False
        if not same:
            raise ImageError(
                f"`{sources[image].name}` has changed since the run in `{folder}` read it. Restore the images, or choose a new "
                f"folder with --out."
            )
    if unreached and len(unreached) == len(chosen):
        raise unreached[0]
