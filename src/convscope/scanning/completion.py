"""A run brought to its end: whatever was done of it before, only the rest is worked off."""

import contextlib
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..digests import digest
from ..engines import Engine, Serial
from ..errors import ConvscopeError, ImageError, OptionError, OutputError, UnreachableError
from ..files import check_writable, unwritten
from ..formats.journal_files import LOCK, READ, SHARDS, read_settings, write_settings
from ..formats.run_folder import NO_ID
from ..images import ImageSet, Source, entering
from ..progress import counting
from .columns import write_tables
from .journal import Journal, locked
from .listing import Listed, all_there, is_away, listed_in, written_as
from .measure import Measure
from .sample import Sample
from .shards import Finished, Shard, unfinished, work

MOST_CELLS = 2**23  # classes x units whose means are kept: 128 MiB
CHECKED = 16
TURNS = 2  # what could not be reached is tried once more when all else is done
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
    function: Callable[[Shard], Finished] | None = None,
) -> None:
    """Measure the images that the run does not know yet, shard by shard, and write its tables. Ctrl-C writes them for the images so far.

    `settings`: what the run is of, with the entries that COMPARED asks for; kept in its manifest. `engine` works the shards off by
    `function`, by default here, one after the other. Raises OptionError for a run of something else, ImageError, OutputError.
    """
    _check_folder(folder)
    with locked(folder):
        known = _check_settings(folder, settings)
        listed, found = listed_in(folder, given)
        journal = Journal(folder, listed, measure, identity_of(settings), anonymous=not known)
        if not known:
            write_settings(folder, settings)
        sources = all_there(folder, listed, found, given, dict(journal.skipped))
        _check_unchanged(folder, journal, sources, measure)
        classes = _classes(listed, measure)
        left = sum(end - first for first, end in _left(journal, len(sources)))
        unreached: dict[int, str] = {}
        interrupted = False
        tell: Callable[[int], None]
        with counting("scanning", len(sources), len(sources) - left) as advance:
            for turn in range(TURNS):
                spans = [] if turn and not unreached else _left(journal, len(sources))
                shards = (
                    Shard(first, tuple(sources[first:end]), classes[first:end], tuple(journal.sample.of(first, end).tolist()))
                    for first, end in spans
                )
                if engine is None or function is None:
                    results, tell = Serial().map(lambda shard: work(shard, measure, settings["top"], advance), shards), _nobody
                else:
                    results, tell = iter(engine.map(function, shards)), advance
                try:
                    unreached = _keep(_accounted(results, spans, measure, settings["top"], journal.sample), journal, tell) if spans else {}
                except KeyboardInterrupt:
                    unreached, interrupted = {}, True
                    break
        if not interrupted:
            journal.merge()
            journal.sample.settle()
        elif journal.statistics is None or journal.damaged:
            raise KeyboardInterrupt
        missed = [(image, listed.names[image], reason) for image, reason in unreached.items()]
        missed += [(NO_ID, written_as(one.name), one.reason) for one in given.sources if is_away(one)]
        write_tables(folder, journal, listed, measure, settings, missed)


def _left(journal: Journal, count: int) -> list[tuple[int, int]]:
    """Return the spans of what is left to measure of `count` images, in this order or the next time."""
    return [*journal.damaged, *journal.unsampled, *unfinished(journal.spans, count)]


def _keep(accounted: Generator[Finished, None, None], journal: Journal, advance: Callable[[int], None]) -> dict[int, str]:
    """Keep what is finished; return the images that were not reached, with the reasons."""
    unreached: dict[int, str] = {}
    with contextlib.closing(accounted):  # ends the workers
        for finished in accounted:
            journal.keep(finished)
            unreached.update(finished.unreached)
            advance(finished.span[1] - finished.span[0] - len(finished.unreached))
    return unreached


def _nobody(count: int) -> None:
    """Take a count of images that was told already."""


def _accounted(
    results: Iterator[Finished], spans: Iterable[tuple[int, int]], measure: Measure, top: int, sample: Sample
) -> Generator[Finished, None, None]:
    """Yield the result of each span once, whatever else an engine hands in; raise ConvscopeError if one never comes.

    A span that comes again, or that nobody asked for, is passed over: on a cluster, a worker that was given up may still answer.
    """
    missing = dict.fromkeys(spans)
    count = len(missing)
    try:
        for finished in results:
            if isinstance(finished, Finished) and finished.span in missing:
                finished.check(measure, top, len(sample.of(*finished.span)))
                del missing[finished.span]
                yield finished
            if not missing:
                break
    finally:
        if hasattr(results, "close"):
            results.close()
    if missing:
        first, end = next(iter(missing))
        raise ConvscopeError(
            f"The engine ended with {len(missing)} of {count} shards unfinished, first the images {first} to {end - 1}. "
            f"Expected the result of each shard. Finished shards are kept, and the same command resumes."
        )


def _classes(listed: Listed, measure: Measure) -> Any:
    """Return the number of each image's class, -1 for none; -1 for all where so many means would not fit into memory."""
    index = {name: number for number, name in enumerate(listed.classes)}
    if len(index) * measure.units > MOST_CELLS:
        index = {}
    return np.asarray([index.get(label, -1) if label is not None else -1 for label in listed.labels], np.int64)


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


def _check_settings(folder: Path, asked: dict[str, Any]) -> bool:
    """Return whether the run says what it is of. Raises OptionError if that is something else."""
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
    return known is not None


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
