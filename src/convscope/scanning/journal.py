"""The journal of a run: every finished shard is on the disk, whole, before the next is begun; a kill at any moment loses only what was
in flight. `formats.journal_files` says what it writes.

The rows of a shard are written before its part, and the part is what counts: rows without one are written again. A merged file names the
spans it holds, so that parts that a kill left behind are known to be in it. The lock is the operating system's, which opens it when its
holder dies.

Nothing is taken on trust. A damaged part is removed, so that its images are scanned again; damaged rows are made again and must come out
the same. Parts of schema 1 hold no checksums: theirs are taken when they are first read.
"""

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..digests import digest
from ..errors import ImageError, OptionError, OutputError, UnreachableError
from ..files import open_in_place, remove_forgotten
from ..formats.checksums import DamageError
from ..formats.journal_files import (
    DAMAGING,
    FACTS_FILE,
    LOCK,
    NOT_REACHED,
    READ,
    SETTINGS,
    SHARDS,
    Done,
    Part,
    Rows,
    facts_kind,
    merged_number,
    naming,
    part_files,
    read_part,
    write_part,
)
from ..formats.run_folder import FEATURES, array_header
from .accumulators import Ints, Statistics
from .listing import Listed
from .measure import Measure, columns_of
from .sample import Sample, sampled_images
from .shards import Finished, cut

# Each part holds the statistics of all units. More of them would cost more to read than to merge now and then.
MOST_PARTS = 32
FLOATS = np.dtype("<f4")
# What systems answer where another process holds the lock.
HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run for this process alone. Raises OutputError if another one has it."""
    with os.fdopen(open_in_place(folder / LOCK), "r+b") as file:
        try:
            _lock(file.fileno())
        except OSError as error:
            if error.errno in HELD:
                said = f"Another process is working on `{folder}`. Wait until it ends, or choose another folder with --out."
            else:
                said = (
                    f"Cannot lock `{folder / LOCK}`: {error.strerror}. Expected a disk that supports locks. Choose a folder on "
                    f"another disk with --out."
                )
            raise OutputError(said) from error
        yield


if os.name == "nt":  # pragma: no cover
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@dataclass(frozen=True)
class Kept:
    """What is finished of a run, in one record, so that an interrupt never falls between its parts."""

    done: tuple[Done, ...] = ()
    statistics: Statistics | None = None
    skipped: tuple[tuple[int, str], ...] = ()

    def merge(self, other: "Kept") -> "Kept":
        """Return both, which share no image."""
        both = [one.statistics for one in (self, other) if one.statistics is not None]
        statistics = both[0].merge(both[1]) if len(both) == 2 else next(iter(both), None)
        return Kept(self.done + other.done, statistics, self.skipped + other.skipped)


class Journal:
    """What is finished of a run: `spans` of image ids, their merged `statistics` (None for none), and `skipped`, (image, reason).

    `damaged`: those of the spans whose rows are not what was noted. `unsampled`: spans of whole batches of finished images among which some
    have no row in the `sample`; all have one unless an earlier convscope finished them, or the file is damaged. Both are measured again.
    """

    def __init__(self, folder: Path, listed: Listed, measure: Measure, of: str, *, anonymous: bool = False) -> None:
        """Read what an earlier process left, and make room for the listed images and what the measure records of each.

        `of`: what stands for what the run is of; `anonymous`: nothing but the parts says it. Raises OptionError for parts of something
        else or of other images, OutputError.
        """
        self.folder, self._of, self._listed, self._anonymous = folder, of, listed, anonymous
        self._kept, self._parts, count = Kept(), 0, len(listed.names)
        self._kind, shape = facts_kind(columns_of(measure)), (count, measure.features)
        with naming(folder / SHARDS):
            (folder / SHARDS).mkdir(parents=True, exist_ok=True)
        for one in (folder, folder / SHARDS):
            remove_forgotten(one, older_than=0.0)
        self._recover()
        self.facts = Rows(folder / SHARDS / FACTS_FILE, self._kind, (count,))
        self.features = Rows(folder / FEATURES, FLOATS, shape, array_header(FLOATS, shape))
        self.sample = Sample(folder, sampled_images(listed.names), measure.units)
        self._kept = replace(self._kept, done=tuple(self._noted(one) for one in self._kept.done))
        self.damaged = tuple(one.span for one in self._kept.done if not self._is_intact(one))
        self.unsampled = tuple(self._unsampled(measure.batch))

    @property
    def done(self) -> tuple[Done, ...]:
        """The finished spans, with their checksums."""
        return self._kept.done

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The finished spans."""
        return [one.span for one in self._kept.done]

    @property
    def statistics(self) -> Statistics | None:
        """The statistics of all images that are finished."""
        return self._kept.statistics

    @property
    def skipped(self) -> tuple[tuple[int, str], ...]:
        """The finished images that cannot be read, and why."""
        return self._kept.skipped

    @property
    def read(self) -> Ints:
        """The ids of the finished images that could be read; a kill may have left rows of a span that is not finished."""
        return np.flatnonzero(self.among(self.spans) & (self.facts.read()["state"] == READ))

    def keep(self, finished: Finished) -> None:
        """Keep what is finished: a new shard, damaged rows, or rows of the sample. Raises OutputError, ImageError."""
        if finished.span in self.damaged:
            self._restore(finished)
        elif finished.span in self.unsampled:
            self._resample(finished)
        else:
            self._add(finished)

    def _add(self, finished: Finished) -> None:
        """Keep a finished shard: its rows first, then the part that says so."""
        first, end = finished.span
        self._write_rows(finished)
        if not finished.spans:  # no image of the shard could be reached, so nothing counts as done
            return
        done = tuple(Done(*span, self._listed.digest(*span), *self._digests(finished, span)) for span in finished.spans)
        kept = Kept(done, finished.statistics, finished.skipped)
        self._write_part(f"part-{first}-{end}", kept)
        self._kept = self._kept.merge(kept)
        self._parts += 1
        if self._parts >= MOST_PARTS:
            self.merge()

    def _restore(self, finished: Finished) -> None:
        """Write damaged rows again. Raises OutputError where they do not come out as they were noted, UnreachableError."""
        if finished.unreached:
            raise UnreachableError(
                f"The rows of the images {finished.span[0]} to {finished.span[1] - 1} are damaged and cannot be computed "
                f"again now: {finished.unreached[0][1]}"
            )
        found = self._digests(finished, finished.span)
        place, old = next((place, one) for place, one in enumerate(self._kept.done) if one.span == finished.span)
        if any(noted not in ("", one) for noted, one in zip((old.facts, old.features), found, strict=True)):
            raise OutputError(
                f"`{self.features.path}` or `{self.facts.path}` is damaged, and the images {old.first} to {old.end - 1} now "
                f"give different numbers. Restore the images and the set-up, or choose a new folder with --out."
            )
        self._write_rows(finished)
        done = list(self._kept.done)
        done[place] = Done(*old.span, self._listed.digest(*old.span), *found)
        self._kept = replace(self._kept, done=tuple(done))
        self._parts += 1  # so that the new checksums are written
        self.damaged = tuple(one for one in self.damaged if one != old.span)

    def _resample(self, finished: Finished) -> None:
        """Write rows of the sample for images that are finished. Raises ImageError where they are not the same pictures any more."""
        if finished.unreached:
            raise UnreachableError(f"The sample of the run in `{self.folder}` cannot be completed now: {finished.unreached[0][1]}")
        images, first = self.sample.of(*finished.span), finished.span[0]
        old, new = self.facts.read()[images], finished.facts[images - first]
        for image in images[(old["state"] == READ) & ((new["state"] != READ) | (old["digest"] != new["digest"]).any(axis=1))]:
            raise ImageError(
                f"`{self._listed.names[image]}` has changed since the run in `{self.folder}` read it, and the run lacks the image's values "
                "in its sample. Restore the image, or choose a new folder with --out."
            )
        self.sample.write(images, finished.sample)
        self.unsampled = tuple(one for one in self.unsampled if one != finished.span)

    def merge(self) -> None:
        """Write one file for all that is finished, then remove those that it stands for."""
        if self._kept.statistics is None or not self._parts:
            return
        old = part_files(self.folder)
        ordered = Kept(tuple(sorted(self._kept.done, key=lambda one: one.span)), self._kept.statistics, tuple(sorted(self._kept.skipped)))
        new = self._write_part(f"merged-{max(map(merged_number, old), default=0) + 1}", ordered)
        # A kill before this loop ends leaves parts beside the file that holds them. `_recover` finds them covered, and removes them.
        for path in old:
            if path != new:
                _remove(path)
        self._parts = 0

    def features_of(self, spans: Sequence[tuple[int, int]]) -> list[str]:
        """Return the checksums of the features of these images, span by span."""
        known = {one.span: one.features for one in self._kept.done}
        return [known.get(span) or self.features.digest(*span) for span in spans]

    def _write_rows(self, finished: Finished) -> None:
        self.facts.write(finished.span[0], finished.facts)
        self.features.write(finished.span[0], finished.features)
        self.sample.write(self.sample.of(*finished.span), finished.sample)

    def _write_part(self, name: str, kept: Kept) -> Path:
        assert kept.statistics is not None
        return write_part(self.folder, name, Part(kept.done, kept.statistics.arrays(), kept.skipped, self._of))

    def _recover(self) -> None:
        """Read the newest sound merged file, then what is not in it; remove what is, or is damaged."""
        covered = np.zeros(len(self._listed.names), bool)
        for path in part_files(self.folder):
            try:
                kept, of = _read(path)
            except DamageError:
                _remove(path)
                continue
            if any(covered[one.first : one.end].any() for one in kept.done):
                _remove(path)
                continue
            self._check(path, kept, of)
            for one in kept.done:
                covered[one.first : one.end] = True
            self._kept = self._kept.merge(kept)
            # A merged file of schema 1 does not say what it is of. Counted as a part, it is written again with that and its checksums.
            self._parts += path.name.startswith("part-") or not of

    def _check(self, path: Path, kept: Kept, of: str) -> None:
        """Raise OptionError for a part of another run, or of other images than those listed."""
        if not of and self._anonymous:
            raise OptionError(
                f"`{self.folder / SHARDS / SETTINGS}` is missing or damaged, and it alone describes the run. Choose a new folder with "
                "--out."
            )
        if of not in ("", self._of):
            raise OptionError(
                f"`{path}` was made with a different model, or with different layers or options. Use those with which the "
                f"run in `{self.folder}` started, or choose a new folder with --out."
            )
        for one in kept.done:
            listed = self._listed.digest(one.first, one.end) if one.names else ""
            if one.end > (len(self._listed.names) if listed else self._listed.known) or one.names != listed:
                raise OptionError(
                    f"The list of the images of the run in `{self.folder}` is missing or damaged, and those that it knows as {one.first} "
                    f"to {one.end - 1} differ from the images in this command. Use the images with which the run started, or "
                    f"choose a new folder with --out."
                )

    def _noted(self, one: Done) -> Done:
        """Return a span of schema 1 with the checksums that its rows have now, if they can be whole; others as they are."""
        if one.facts or min(self.facts.held, self.features.held) < one.end or not self._agrees(one):
            return one
        return Done(*one.span, self._listed.digest(*one.span), self.facts.digest(*one.span), self.features.digest(*one.span))

    def _agrees(self, one: Done) -> bool:
        """Return whether the record of each image says that it was reached, and of the right ones that they were skipped."""
        state = self.facts.read()["state"][one.first : one.end]
        skipped = {image for image, _ in self._kept.skipped if one.first <= image < one.end}
        return bool((state != NOT_REACHED).all()) and skipped == set((one.first + np.flatnonzero(state != READ)).tolist())

    def _digests(self, finished: Finished, span: tuple[int, int]) -> tuple[str, str]:
        """Return the checksums of the rows of some images of a shard: facts, features."""
        rows = slice(span[0] - finished.span[0], span[1] - finished.span[0])
        facts, features = np.ascontiguousarray(finished.facts[rows], self._kind), np.ascontiguousarray(finished.features[rows], "<f4")
        return digest(facts.tobytes()), digest(features.tobytes())

    def among(self, spans: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
        """Return which images are in one of the spans."""
        found = np.zeros(len(self._listed.names), bool)
        for first, end in spans:
            found[first:end] = True
        return found

    def _unsampled(self, batch: int) -> Iterator[tuple[int, int]]:
        missing = np.setdiff1d(self.sample.missing(self.read), np.flatnonzero(self.among(self.damaged)))
        wanted = np.isin(np.arange(len(self._listed.names)) // batch, missing // batch)
        return cut(wanted & self.among([one for one in self.spans if one not in self.damaged]))

    def _is_intact(self, one: Done) -> bool:
        return (one.facts, one.features) == (self.facts.digest(*one.span), self.features.digest(*one.span))


def _read(path: Path) -> tuple[Kept, str]:
    """Return what a part holds, and what it says it is of, "" for schema 1. Raises DamageError, OutputError."""
    part = read_part(path)
    try:
        return Kept(part.done, Statistics.from_arrays(part.arrays), part.skipped), part.of
    except DAMAGING as error:
        raise DamageError(str(error)) from error


def _remove(path: Path) -> None:
    with naming(path):
        path.unlink()
