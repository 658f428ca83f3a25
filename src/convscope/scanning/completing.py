"""A run brought to its end: whatever was done of it before, only the rest is worked off."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ImageError, OptionError, near_misses
from ..files import check_writable, write_files
from ..images import ImageSet, Source, entering
from ..json_files import read_json
from ..progress import counting
from ..tables import parquet, read_parquet
from .executors import Executor, Function, Serial
from .journal import FOLDER, LOCK, Journal, locked
from .measure import Measure
from .run import keyed, written_as
from .shards import READ, Finished, Shard, unfinished, work
from .written import Listed, write_run

MOST_CELLS = 2**23  # classes x units whose means are kept: 128 MiB
CHECKED = 16
SETTINGS = "settings.json"
# What a run cannot change on its way, and how its settings say it.
COMPARED: dict[str, Callable[[Any], Any]] = {
    "model": lambda said: said["model"]["digest"],
    "preprocessing": lambda said: said["model"]["preprocessing"],
    "layers": lambda said: said["measured"],
    "top": lambda said: said["top"],
    "precision": lambda said: said["precision"],
    "picture size": lambda said: said["fit"],
    "backend": lambda said: said["backend"]["name"],
}


def complete_run(
    run: Path,
    given: ImageSet,
    measure: Measure,
    settings: dict[str, Any],
    executor: Executor | None = None,
    function: Function | None = None,
) -> None:
    """Measure the images that the run does not know yet, shard by shard, and write its tables; Ctrl-C writes them for what was reached.

    `settings`: what the run is of, with the entries that COMPARED asks for; kept in its manifest. `executor` works the shards off by
    `function`, by default here, one after the other. Raises OptionError for a run of something else, ImageError, OutputError.
    """
    _check_folder(run)
    with locked(run):
        _check_settings(run, settings)
        listed, sources = _listed(run, given)
        journal = Journal(run, len(sources), measure.features)
        _check_unchanged(run, journal, sources, measure)
        left = list(unfinished(journal.spans, len(sources)))
        classes = _classes(listed, measure)
        shards = (Shard(first, tuple(sources[first:end]), classes[first:end]) for first, end in left)
        with counting("scanning", len(sources), len(sources) - sum(end - first for first, end in left)) as advance:
            if executor is None or function is None:
                results = Serial().map(lambda shard: work(shard, measure, settings["top"], advance), shards)
            else:
                results = _counted(executor.map(function, shards), advance)
            interrupted = _keep(results, journal)
        if interrupted and journal.statistics is None:
            raise KeyboardInterrupt
        write_run(run, journal, listed, measure, settings)


def _counted(results: Iterator[Finished], advance: Callable[[int], None]) -> Iterator[Finished]:
    for finished in results:
        yield finished
        advance(finished.span[1] - finished.span[0])


def _keep(results: Iterator[Finished], journal: Journal) -> bool:
    """Keep what is finished, until all is done or Ctrl-C; say whether it was that."""
    try:
        for finished in results:
            journal.add(finished)
        journal.merge()
        return False
    except KeyboardInterrupt:
        return True
    finally:
        if hasattr(results, "close"):
            results.close()  # ends the workers


def _classes(listed: Listed, measure: Measure) -> Any:
    """Return the number of each image's class, -1 for none; -1 for all where so many means would not fit into memory."""
    index = {name: number for number, name in enumerate(listed.classes)}
    if len(index) * measure.units > MOST_CELLS:
        index = {}
    return np.asarray([index.get(label, -1) if label is not None else -1 for label in listed.labels], np.int64)


def known_settings(run: Path) -> dict[str, Any] | None:
    """Return the settings with which a run was begun, None if it is new."""
    try:
        known: dict[str, Any] = read_json(run / FOLDER / SETTINGS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise OptionError(f"`{run / FOLDER / SETTINGS}` is damaged: {error}. Begin another run with --out.") from error
    return known


def _check_folder(run: Path) -> None:
    """Raise OptionError for a folder that holds something else, OutputError for one that cannot be written."""
    check_writable(run / LOCK)
    if not (run / FOLDER).is_dir() and any(one.name != LOCK for one in run.iterdir()):
        raise OptionError(f"`{run}` holds files, but no scan that can go on. Give a new or an empty folder with --out.")


def _check_settings(run: Path, asked: dict[str, Any]) -> None:
    """Write what the run is of, or raise OptionError if it is of something else."""
    known = known_settings(run)
    if known is None:
        write_files({run / FOLDER / SETTINGS: json.dumps(asked, indent=1, sort_keys=True).encode()}, durable=True)
        return
    for noun, said in COMPARED.items():
        before, now = said(known), said(asked)
        if before != now:
            short = max(len(str(before)), len(str(now))) <= 20
            what = f"{noun} {before}, not {now}" if short else f"{'other' if noun.endswith('s') else 'another'} {noun}"
            raise OptionError(f"The run in `{run}` is of {what}. Go on with the same, or begin another run with --out.")


def _listed(run: Path, given: ImageSet) -> tuple[Listed, list[Source]]:
    """Return the images in the order of their ids, and where they are: first those the run knows, by name, then the new ones."""
    path = run / FOLDER / "sources.parquet"
    by_key = keyed(given.sources)
    names: list[str] = []
    labels: list[str | None] = []
    if path.exists():
        table = read_parquet(path)
        names, labels = [str(name) for name in table.texts["name"]], list(table.texts["label"])
    seen: Counter[str] = Counter()
    sources = []
    for name, label in zip(names, labels, strict=True):
        source = by_key.pop((name, seen[name]), None)
        seen[name] += 1
        if source is None:
            raise ImageError(
                f"The run in `{run}` knows {len(names)} images, and `{name}` is not among the {len(given)} given. "
                f"Closest: {near_misses(name, (one.name for one in given.sources))}. Give all of them again, and new ones beside them; "
                "or begin another run with --out."
            )
        if written_as(source.label) != label:
            raise ImageError(f"The run in `{run}` knows `{name}` with the label {label}, not {source.label}. Begin another run with --out.")
        sources.append(source)
    if new := list(by_key.values()):
        names.extend(written_as(one.name) for one in new)
        labels.extend(written_as(one.label) for one in new)
        write_files({path: parquet({"name": names, "label": labels}, {})}, durable=True)
    classes = tuple(dict.fromkeys(one for one in labels if one is not None))
    return Listed(tuple(names), tuple(labels), classes, given.given), [*sources, *new]


def _check_unchanged(run: Path, journal: Journal, sources: Sequence[Source], measure: Measure) -> None:
    """Raise ImageError if one of a few known images is not what it was: another data set may have the same names."""
    facts = journal.facts.read()
    known = np.flatnonzero(facts["state"] == READ)
    for image in known[np.linspace(0, len(known) - 1, min(CHECKED, len(known))).astype(int)]:
        try:
            same = entering(sources[image], measure.fit)[1] == facts["digest"][image].tobytes()
        except ImageError:
            same = False
        if not same:
            raise ImageError(
                f"`{sources[image].name}` has changed since the run in `{run}` read it. Put the same images back, or begin another run "
                "with --out."
            )
