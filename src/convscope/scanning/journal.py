"""The journal of a run: what is finished is on the disk, whole, in parts; a kill at any moment loses only what was in flight.

A worker or the driver writes a part under a temporary name. It counts once the driver has renamed it, which is a commit: an image counts in
one part. The part holds the rows of its images as well. The driver copies them into the files of all rows, and makes those durable before
parts are merged into a file without rows. A merged file names the spans it holds, so that parts that a kill left behind are known to be in
it.

Nothing is taken on trust. A damaged part is removed, so that its images are scanned again; damaged rows are made again and must come out
the same. Parts of schema 1 hold no checksums: theirs are taken when they are first read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ConvscopeError, ImageError, OptionError, OutputError, UnreachableError
from ..files import remove_aside, remove_forgotten, write_aside
from ..formats.checksums import DamageError
from ..formats.journal_files import (
    DAMAGING,
    FACTS_FILE,
    NAME,
    NOT_REACHED,
    READ,
    ROWS,
    SETTINGS,
    SHARDS,
    SKIPPED,
    Done,
    Part,
    Rows,
    commit_part,
    facts_kind,
    merged_number,
    named,
    naming,
    part_files,
    read_part,
)
from ..formats.run_folder import FEATURES, array_header
from ..formats.sample_file import KIND
from .accumulators import Ints, Statistics, images_of
from .leases import Finished, Home, Lease, Merge, merged, statistics_of
from .listing import Listed
from .measure import Measure, columns_of
from .sample import MOST_SAMPLED, Sample, sampled_images
from .shards import cut, spans_of

FAN_IN = 16  # parts that one merge makes one of
CHECKED = ("keys", "count")  # of the statistics of a part, what is compared with its images
FLOATS = np.dtype("<f4")


@dataclass(frozen=True)
class Kept:
    """A part that counts: its `file`, what it stands for, and how often it was merged, so that parts are merged with those of their size.

    Schema 1 has merged files that do not say what they are of: they count as parts, and are merged again with that and their checksums.
    """

    file: str
    done: tuple[Done, ...]
    skipped: tuple[tuple[int, str], ...]
    level: int


class Journal:
    """What is finished of a run: `spans` of image ids, and `skipped`, (image, reason); the parts hold its statistics.

    `damaged`: those of the spans whose rows are not what was noted. `unsampled`: spans of whole batches of finished images among which some
    have no row in the `sample`; all have one unless an earlier convscope finished them, or the file is damaged. Both are measured again.
    """

    def __init__(self, folder: Path, listed: Listed, measure: Measure, of: str, *, anonymous: bool = False, every: bool = False) -> None:
        """Read what an earlier process left, and make room for the listed images and what the measure records of each.

        `of`: what stands for what the run is of; `anonymous`: nothing but the parts says it. `every`: the values of all units are kept for
        every image. Raises OptionError for parts of something else or of other images, OutputError.
        """
        self.folder, self.of, self.measure, self._listed, self._anonymous = folder, of, measure, listed, anonymous
        self._kept, self._is_stale, count = list[Kept](), False, len(listed.names)
        self._merging = set[str]()
        self.kind, shape = facts_kind(columns_of(measure)), (count, measure.features)
        with naming(folder / SHARDS):
            (folder / SHARDS).mkdir(parents=True, exist_ok=True)
        for one in (folder, folder / SHARDS):
            remove_forgotten(one, older_than=0.0)
        self._recover()
        self._number = max(map(merged_number, part_files(folder)), default=0)
        self.facts = Rows(folder / SHARDS / FACTS_FILE, self.kind, (count,))
        self.features = Rows(folder / FEATURES, FLOATS, shape, array_header(FLOATS, shape))
        self.sample = Sample(folder, sampled_images(listed.names, every=every), measure.units)
        self._kept = [replace(part, done=tuple(self._noted(one) for one in part.done)) for part in self._kept]
        self.damaged = tuple(one.span for one in self._put_back([one for one in self.done if not self._is_intact(one)]))
        self.unsampled = tuple(self._unsampled(measure.batch))

    @property
    def row_bytes(self) -> int:
        """How many bytes the rows of an image take in a worker's memory, except for those of a sample, which few images have."""
        every = len(self.sample.images) == len(self._listed.names) > MOST_SAMPLED
        return 4 * self.measure.features + self.kind.itemsize + (KIND.itemsize * self.measure.units if every else 0)

    @property
    def done(self) -> tuple[Done, ...]:
        """The finished spans, with their checksums."""
        return tuple(one for part in self._kept for one in part.done)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The finished spans."""
        return [one.span for one in self.done]

    @property
    def skipped(self) -> tuple[tuple[int, str], ...]:
        """The finished images that cannot be read, and why."""
        return tuple(one for part in self._kept for one in part.skipped)

    def statistics(self) -> Statistics:
        """Return the statistics of all images that are finished, at least one. Raises OutputError."""
        return merged([self._path(part) for part in self._kept], self.of)[1]

    @property
    def read(self) -> Ints:
        """The ids of the finished images that could be read; a kill may have left rows of a span that is not finished."""
        return np.flatnonzero(self.among(self.spans) & (self.facts.read()["state"] == READ))

    def keep(self, lease: Lease, finished: Finished, home: Home) -> None:
        """Keep the result of a lease: new images, damaged rows, or rows of the sample. Raises OutputError, ImageError, ConvscopeError."""
        aside = finished.lies_in(home) if finished.name else None
        part = None if aside is None else self._checked(lease, finished, aside)
        repaired = lease.key[0] if len(lease.key) == 1 else None
        if repaired in self.damaged:
            self._restore(repaired, part, finished.unreached)
        elif repaired in self.unsampled:
            self._resample(repaired, part, finished.unreached)
        else:
            self._blank(finished.unreached)
            if part is None or aside is None:  # no image could be reached, so nothing counts as done
                return
            self._write_rows(part)
            commit_part(aside, finished.name)
            self._kept.append(Kept(finished.name, part.done, part.skipped, 0))
            return
        if aside is not None:
            remove_aside(aside)

    def _checked(self, lease: Lease, finished: Finished, aside: Path) -> Part:
        """Return a part that a worker made of a lease, with its rows. Raises ConvscopeError for what cannot be a part of that lease."""
        try:
            part = read_part(aside, (*ROWS, *CHECKED), checked=False)
            sound = self._is_of(part, lease, finished)
        except (*DAMAGING, AttributeError):
            sound = False
        if not sound:
            remove_aside(aside)
            first, end = lease.key[0][0], lease.key[-1][1]
            raise ConvscopeError(
                f"The engine's result for the images {first} to {end - 1} is wrong: other images, or another number of them. "
                "Expected the result of its function for that lease. Finished shards are kept, and the same command resumes."
            )
        return part

    def _is_of(self, part: Part, lease: Lease, finished: Finished) -> bool:
        images, first = part.images, lease.key[0][0]
        leased = np.concatenate([np.arange(*span) for span in lease.key])
        state, told = self._facts_of(part)["state"], np.asarray([image for image, _ in part.skipped], np.int64)
        unreached = np.asarray([image for image, _ in finished.unreached], np.int64)
        read = np.zeros(lease.key[-1][1] - first, bool)
        read[images[state == READ] - first] = True
        strongest = images_of(part.arrays["keys"])
        widths = {"facts": self.kind.itemsize, "features": self.measure.features, "sample": self.measure.units}
        counts = {"facts": len(images), "features": len(images), "sample": len(np.intersect1d(self.sample.images, images))}
        return bool(
            NAME.fullmatch(finished.name)
            and part.of == self.of
            and np.array_equal(np.sort(np.concatenate([images, unreached])), leased)
            and all(one.names == self._listed.digest(*one.span) for one in part.done)
            and all(part.rows[name].shape == (counts[name], width) for name, width in widths.items())
            and np.array_equal(np.sort(told), images[state == SKIPPED])
            and len(told) + read.sum() == len(images)
            and strongest.shape == (self.measure.units, lease.top)
            and read[strongest[strongest >= 0] - first].all()
            and part.arrays["count"].shape == (self.measure.units,)
            and part.arrays["count"].max() <= read.sum()
        )

    def _restore(self, span: tuple[int, int], part: Part | None, unreached: Sequence[tuple[int, str]]) -> None:
        """Write damaged rows again. Raises OutputError where they do not come out as they were noted, UnreachableError."""
        if part is None or unreached:
            raise UnreachableError(
                f"The rows of the images {span[0]} to {span[1] - 1} are damaged and cannot be computed again now: {unreached[0][1]}"
            )
        (new,) = part.done
        old = next(one for one in self.done if one.span == span)
        if any(noted not in ("", one) for noted, one in ((old.facts, new.facts), (old.features, new.features))):
            raise OutputError(
                f"`{self.features.path}` or `{self.facts.path}` is damaged, and the images {old.first} to {old.end - 1} now "
                f"give different numbers. Restore the images and the set-up, or choose a new folder with --out."
            )
        self._write_rows(part)
        self._is_stale = True  # so that the new checksums are written
        self._kept = [replace(one, done=tuple(new if done.span == span else done for done in one.done)) for one in self._kept]
        self.damaged = tuple(one for one in self.damaged if one != span)

    def _resample(self, span: tuple[int, int], part: Part | None, unreached: Sequence[tuple[int, str]]) -> None:
        """Write rows of the sample for images that are finished. Raises ImageError where they are not the same pictures any more."""
        if part is None or unreached:
            raise UnreachableError(f"The sample of the run in `{self.folder}` cannot be completed now: {unreached[0][1]}")
        images = self.sample.of(*span)
        old, new = self.facts.read()[images], self._facts_of(part)[images - span[0]]
        for image in images[(old["state"] == READ) & ((new["state"] != READ) | (old["digest"] != new["digest"]).any(axis=1))]:
            raise ImageError(
                f"`{self._listed.names[image]}` has changed since the run in `{self.folder}` read it, and the run lacks the image's values "
                "in its sample. Restore the image, or choose a new folder with --out."
            )
        self.sample.write(images, part.rows["sample"])
        self.unsampled = tuple(one for one in self.unsampled if one != span)

    def due(self, home: Home) -> Merge | None:
        """Return a merge of FAN_IN parts that were merged equally often, None where there are not so many. No part is in two of them."""
        free = [part for part in list(self._kept) if part.file not in self._merging]
        for level in sorted({part.level for part in free}):
            here = [part for part in free if part.level == level]
            if len(here) >= FAN_IN:
                return self._merge_of(here[:FAN_IN], home)
        return None

    def forget_merges(self) -> None:
        """Let the parts of merges that were given out, and never came back, be merged again."""
        self._merging.clear()

    def all_due(self, home: Home) -> list[Merge]:
        """Return merges of all parts, where there are more than the driver merges alone."""
        self.forget_merges()
        groups = max(1, -(-len(self._kept) // FAN_IN))
        ends = [len(self._kept) * number // groups for number in range(groups + 1)]
        return [self._merge_of(self._kept[a:b], home) for a, b in pairwise(ends)] if groups > 1 else []

    def _merge_of(self, parts: Sequence[Kept], home: Home) -> Merge:
        self._number += 1
        files = tuple(part.file for part in parts)
        self._merging.update(files)
        return Merge(files, self._number, self.of, home)

    def replace(self, merge: Merge, finished: Finished | None, home: Home) -> None:
        """Let a merged part count instead of those it was made of; if no worker could make it, it is made here. Raises OutputError."""
        if finished is None or not finished.name:
            finished = merge.made()
        aside = finished.lies_in(home)
        members = [part for part in self._kept if part.file in merge.files]
        self._rows_to_disk()
        commit_part(aside, finished.name)
        done, skipped = tuple(one for part in members for one in part.done), tuple(one for part in members for one in part.skipped)
        level = max(part.level for part in members) + 1
        self._replace(members, Kept(finished.name, done, skipped, level))

    def settle(self) -> None:
        """Write one file for all that is finished, if there is not one already."""
        if not self._kept or (len(self._kept) == 1 and self._kept[0].level and not self._is_stale):
            return
        self._rows_to_disk()
        part, statistics = merged([self._path(one) for one in self._kept], self.of)
        # What was noted anew is in memory only.
        done, skipped = tuple(sorted(self.done, key=lambda one: one.span)), tuple(sorted(self.skipped))
        content = replace(part, done=done, skipped=skipped, arrays=statistics.arrays()).content()
        self._number += 1
        name = named(f"merged-{self._number}", content)
        commit_part(write_aside(self.folder / SHARDS, content), name)
        self._replace(self._kept, Kept(name, done, skipped, 1))
        self._is_stale = False

    def _replace(self, members: Sequence[Kept], new: Kept) -> None:
        # A kill before this loop ends leaves parts beside the file that holds them. `_recover` finds them covered, and removes them.
        files = {part.file for part in members}
        self._kept = [*(part for part in self._kept if part.file not in files), new]
        for file in files:
            _remove(self.folder / SHARDS / file)

    def _path(self, part: Kept) -> Path:
        return self.folder / SHARDS / part.file

    def features_of(self, spans: Sequence[tuple[int, int]]) -> list[str]:
        """Return the checksums of the features of these images, span by span."""
        known = {one.span: one.features for one in self.done}
        return [known.get(span) or self.features.digest(*span) for span in spans]

    def _write_rows(self, part: Part) -> None:
        facts, start = self._facts_of(part), 0
        for first, end in spans_of(part.images):
            here = slice(start, start := start + end - first)
            self.facts.write(first, facts[here])
            self.features.write(first, part.rows["features"][here])
        self.sample.write(np.intersect1d(self.sample.images, part.images), part.rows["sample"])

    def _facts_of(self, part: Part) -> NDArray[np.void]:
        return np.ascontiguousarray(part.rows["facts"]).reshape(-1).view(self.kind)

    def _blank(self, unreached: Sequence[tuple[int, str]]) -> None:
        """Say of images that were not reached that nothing is known; a kill may have left something there."""
        for first, end in spans_of(np.asarray(sorted(image for image, _ in unreached), np.int64)):
            self.facts.write(first, np.zeros(end - first, self.kind))
            self.features.write(first, np.full((end - first, self.measure.features), np.nan, np.float32))

    def _rows_to_disk(self) -> None:
        self.facts.to_disk()
        self.features.to_disk()

    def _put_back(self, damaged: Sequence[Done]) -> list[Done]:
        """Write the rows of parts that still hold them, where a loss of power took some; return those of the spans that stay damaged."""
        for kept in self._kept:
            images = np.concatenate([np.arange(*one.span) for one in kept.done])
            if kept.level == 0 and (not set(kept.done).isdisjoint(damaged) or len(self.sample.missing(images))):
                part = read_part(self.folder / SHARDS / kept.file, ROWS, checked=False)
                if part.rows:
                    self._write_rows(part)
        return [one for one in damaged if not self._is_intact(one)]

    def _recover(self) -> None:
        """Read the newest sound merged file, then what is not in it; remove what is, or is damaged."""
        covered = np.zeros(len(self._listed.names), bool)
        for path in part_files(self.folder):
            try:
                part = _read(path)
            except DamageError:
                _remove(path)
                continue
            if any(covered[one.first : one.end].any() for one in part.done):
                _remove(path)
                continue
            self._check(path, part)
            for one in part.done:
                covered[one.first : one.end] = True
            self._kept.append(Kept(path.name, part.done, part.skipped, int(merged_number(path) > 0)))
            self._is_stale |= not part.of

    def _check(self, path: Path, part: Part) -> None:
        """Raise OptionError for a part of another run, or of other images than those listed."""
        of = part.of
        if not of and self._anonymous:
            raise OptionError(
                f"`{self.folder / SHARDS / SETTINGS}` is missing or damaged, and it alone describes the run. Choose a new folder with "
                "--out."
            )
        if of not in ("", self.of):
            raise OptionError(
                f"`{path}` was made with a different model, or with different layers or options. Use those with which the "
                f"run in `{self.folder}` started, or choose a new folder with --out."
            )
        for one in part.done:
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
        skipped = {image for image, _ in self.skipped if one.first <= image < one.end}
        return bool((state != NOT_REACHED).all()) and skipped == set((one.first + np.flatnonzero(state != READ)).tolist())

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


def _read(path: Path) -> Part:
    """Return what a part stands for. Raises DamageError, OutputError. What has no checksum must hold statistics."""
    head = read_part(path, ())
    if not head.of:
        statistics_of(read_part(path))
    return head


def _remove(path: Path) -> None:
    with naming(path):
        path.unlink()
