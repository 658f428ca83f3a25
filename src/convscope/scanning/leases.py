"""What a worker is handed: a lease of some shards, or a merge of parts; and what it answers with: the name of a part, or its content.

A worker that sees the run's folder writes the part there, under a temporary name. It counts when the driver has renamed it. What the
driver never hears of, or hears of twice, keeps its temporary name and is removed: a worker may die, or come back from the dead.
"""

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..digests import digest
from ..errors import OutputError
from ..files import remove_aside, write_aside
from ..formats.checksums import DamageError
from ..formats.journal_files import DAMAGING, ROWS, SHARDS, Done, Part, named, names_digest, read_part
from .accumulators import Statistics
from .listing import written_as
from .measure import Measure
from .shards import Measured, Shard, spans_of, work

Span = tuple[int, int]
Open = Callable[[], Measure]
Advance = Callable[[int], None]
STATISTICS = frozenset(Statistics.NAMES)


def nobody(count: int) -> None:
    """Take a count of images that nobody waits for."""


@dataclass(frozen=True)
class Home:
    """A run's `folder` as the driver sees it, and a `sign`, the name of a file there: who finds it sees that folder, not its namesake."""

    folder: Path
    sign: str

    def is_seen(self) -> bool:
        """Return whether this process sees the folder."""
        return os.path.isfile(self.folder / SHARDS / self.sign)  # noqa: PTH113 (Path's own raises for what may not be seen)


@contextmanager
def at_home(folder: Path) -> Iterator[Home]:
    """Leave a sign in a run's folder, which workers look for. Raises OutputError."""
    sign = write_aside(folder.absolute() / SHARDS, b"")
    try:
        yield Home(folder.absolute(), sign.name)
    finally:
        remove_aside(sign)


@dataclass(frozen=True)
class Finished:
    """What became of the lease or merge with this `key`: a part of this `name`, which lies in the run's folder as `aside`, or comes along
    as `content` (byte,) uint8. No name: nothing could be done.

    `unreached`: (image, reason) of those that could not be had this time, which are not finished. `seconds`: how long the images took;
    `node`: the machine that did it.
    """

    key: tuple[Any, ...]
    name: str = ""
    aside: str = ""
    content: NDArray[np.uint8] | None = None
    unreached: tuple[tuple[int, str], ...] = ()
    seconds: float = 0.0
    node: str = field(default_factory=platform.node)

    @property
    def images(self) -> int:
        """How many images the lease had, 0 for a merge."""
        return sum(span[1] - span[0] for span in self.key if not isinstance(span, str))

    def lies_in(self, home: Home) -> Path:
        """Return the file of its part, still aside, which is written if the content came along. Raises OutputError."""
        return (
            home.folder / SHARDS / Path(self.aside).name
            if self.content is None
            else write_aside(home.folder / SHARDS, self.content.tobytes())
        )


@dataclass(frozen=True)
class Lease:
    """Shards for one worker, who makes one part of them, with the `top` images of each unit. `of`: what stands for what the run is of."""

    shards: tuple[Shard, ...]
    top: int
    of: str
    home: Home

    @property
    def key(self) -> tuple[Span, ...]:
        """The spans of its shards."""
        return tuple(shard.span for shard in self.shards)

    def done(self, opened: Open, advance: Advance = nobody) -> Finished:
        """Measure the images; `advance` is told how many more are done."""
        measure, start = opened(), time.monotonic()
        parts, unreached = list[Part](), list[tuple[int, str]]()
        statistics: Statistics | None = None
        for shard in self.shards:
            measured = work(shard, measure, self.top, advance)
            unreached.extend(measured.unreached)
            if part := _part_of(shard, measured):
                parts.append(part)
                statistics = measured.statistics if statistics is None else statistics.merge(measured.statistics)
        seconds = time.monotonic() - start
        if statistics is None:
            return Finished(self.key, unreached=tuple(unreached), seconds=seconds)
        done, skipped = _joined(parts)
        rows = {name: np.concatenate([part.rows[name] for part in parts]) for name in ROWS}
        name = f"part-{done[0].first}-{done[-1].end}"
        return _handed_in(self.home, self.key, name, Part(done, statistics.arrays(), skipped, self.of, rows), tuple(unreached), seconds)


@dataclass(frozen=True)
class Merge:
    """Parts for one worker, who makes one of them: `files` in the run's folder, and the `number` of the merged file."""

    files: tuple[str, ...]
    number: int
    of: str
    home: Home

    @property
    def key(self) -> tuple[str, ...]:
        """The names of the parts."""
        return self.files

    def done(self, opened: Open, advance: Advance = nobody) -> Finished:
        """Merge the parts, without a measure. A worker who does not see them does nothing, nor one who comes when they are merged already.

        Raises OutputError for a part that is damaged.
        """
        try:
            return self.made() if self.home.is_seen() else Finished(self.key)
        except OutputError:
            if all((self.home.folder / SHARDS / file).exists() for file in self.files):
                raise
            return Finished(self.key)

    def made(self) -> Finished:
        """Merge the parts, which this process sees."""
        part, statistics = merged([self.home.folder / SHARDS / file for file in self.files], self.of)
        return _handed_in(self.home, self.key, f"merged-{self.number}", replace(part, arrays=statistics.arrays()))


def worked(item: Lease | Merge, opened: Open) -> Finished:
    """Do what a worker was handed. `opened` returns the measure, and is called only where images are measured."""
    return item.done(opened)


def merged(files: Sequence[Path], of: str) -> tuple[Part, Statistics]:
    """Return what parts stand for, and their statistics; two are in memory at a time. Raises OutputError for one that is damaged."""
    heads = list[Part]()
    total: Statistics | None = None
    for path in files:
        try:
            part = read_part(path, STATISTICS)
            found = statistics_of(part)
        except DamageError as error:
            raise OutputError(
                f"`{path}` is damaged: {error}. Expected the file that the scan wrote. The same command resumes, and measures its images "
                "again."
            ) from error
        heads.append(replace(part, arrays={}))
        total = found if total is None else total.merge(found)
    assert total is not None
    done, skipped = _joined(heads)
    return Part(done, {}, skipped, of), total


def statistics_of(part: Part) -> Statistics:
    """Return the statistics in a part. Raises DamageError."""
    try:
        return Statistics.from_arrays(part.arrays)
    except DAMAGING as error:
        raise DamageError(str(error)) from error


def _part_of(shard: Shard, measured: Measured) -> Part | None:
    """Return the rows of a shard's images that are finished, None if there are none."""
    first, end = shard.span
    finished = np.setdiff1d(np.arange(first, end), [image for image, _ in measured.unreached])
    facts = np.ascontiguousarray(measured.facts).view(np.uint8).reshape(end - first, measured.facts.itemsize)
    features = np.ascontiguousarray(measured.features, "<f4")
    done = []
    for start, stop in spans_of(finished):
        here = slice(start - first, stop - first)
        sources = shard.sources[here]
        names = names_digest([written_as(one.name) for one in sources], [written_as(one.label) for one in sources])
        done.append(Done(start, stop, names, digest(facts[here].tobytes()), digest(features[here].tobytes())))
    rows = facts[finished - first], features[finished - first], measured.sample[np.isin(shard.sampled, finished)]
    return Part(tuple(done), {}, measured.skipped, "", dict(zip(ROWS, rows, strict=True))) if done else None


def _joined(parts: Sequence[Part]) -> tuple[tuple[Done, ...], tuple[tuple[int, str], ...]]:
    """Return what parts say is done and skipped, by id."""
    return tuple(sorted((one for part in parts for one in part.done), key=lambda one: one.span)), tuple(
        sorted(one for part in parts for one in part.skipped)
    )


def _handed_in(
    home: Home, key: tuple[Any, ...], name: str, part: Part, unreached: tuple[tuple[int, str], ...] = (), seconds: float = 0.0
) -> Finished:
    """Return the answer of a worker; the part is written where the run's folder is seen and takes it."""
    content = part.content()
    name = named(name, content)
    if home.is_seen():
        try:
            return Finished(key, name, write_aside(home.folder / SHARDS, content).name, None, unreached, seconds)
        except OutputError:
            pass  # the driver may have more rights, or says why it cannot write either
    return Finished(key, name, "", np.frombuffer(content, np.uint8), unreached, seconds)
