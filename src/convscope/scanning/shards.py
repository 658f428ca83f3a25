"""The work, in shards: some hundred images each, whose result depends on nothing but themselves and the measure."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, UnreachableError
from ..formats.journal_files import READ, SKIPPED, facts_kind
from ..formats.sample_file import Codes, packed
from ..images import Fit, Source, entering
from ..images.source import Read
from .accumulators import Ints, Statistics
from .measure import Measure, Numbers, check_numbers, columns_of

SHARD = 256
READERS = 2
AHEAD = 2  # batches that wait, read, for the network


@dataclass(frozen=True)
class Shard:
    """Images `first`, `first` + 1, ... of the run, where they are, and their classes (-1 for none).

    `sampled`: the ids of those whose values of all units are kept.
    """

    first: int
    sources: tuple[Source, ...]
    classes: Ints
    sampled: tuple[int, ...] = ()

    @property
    def span(self) -> tuple[int, int]:
        """The ids of its images, end exclusive."""
        return self.first, self.first + len(self.sources)


@dataclass(frozen=True)
class Measured:
    """What a shard gave: `facts` and `features` by image, and the `statistics` of those that could be read.

    `sample`: what ranks all units on those of the shard that are sampled, (image, unit), packed by `formats.sample_file`; NaN for those
    that were not read. `skipped`: (image, reason) of those that cannot be read; `unreached`: of those that could not be had this time,
    which are not finished.
    """

    facts: NDArray[np.void]
    features: NDArray[np.float32]
    statistics: Statistics
    sample: Codes
    skipped: tuple[tuple[int, str], ...] = ()
    unreached: tuple[tuple[int, str], ...] = ()


def unfinished(done: Sequence[tuple[int, int]], count: int) -> Iterator[tuple[int, int]]:
    """Yield what is left of `count` images beside the spans that are done, cut at multiples of a shard's length."""
    left = np.ones(count, bool)
    for first, end in done:
        left[first:end] = False
    yield from cut(left)


def cut(wanted: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the spans of the images that are wanted (image,), cut at multiples of a shard's length."""
    for first in range(0, len(wanted), SHARD):
        yield from spans_of(first + np.flatnonzero(wanted[first : first + SHARD]))


def spans_of(images: Ints) -> Iterator[tuple[int, int]]:
    """Yield the spans of rising ids."""
    for span in np.split(images, np.flatnonzero(np.diff(images) != 1) + 1):
        if len(span):
            yield int(span[0]), int(span[-1]) + 1


def work(shard: Shard, measure: Measure, top: int, advance: Callable[[int], None] = lambda count: None) -> Measured:
    """Measure the images of a shard; `advance` is told how many more are done. While one batch is computed, the next ones are read.

    An image has the same place in its batch in every run: its id modulo the batch's size. A network's last bits may depend on that place.
    """
    first, end = shard.span
    facts = np.zeros(len(shard.sources), facts_kind(columns_of(measure)))
    features = np.full((len(shard.sources), measure.features), np.nan, np.float32)
    values, before = np.full((2, len(shard.sources), measure.units), np.nan, np.float32)
    places = np.full((len(shard.sources), measure.units), -1, np.int32)
    skipped, unreached = list[tuple[int, str]](), list[tuple[int, str]]()
    for batch in _read_ahead(shard, measure):
        numbers: Numbers = measure(batch.pixels)
        check_numbers(numbers, measure)
        for image, reason in batch.skipped:
            facts[image - first]["state"] = SKIPPED
            skipped.append((image, reason))
        unreached.extend(batch.unreached)
        here, there = batch.images % measure.batch, batch.images - first
        facts["state"][there], facts["digest"][there] = READ, batch.digests
        facts["predicted"][there], facts["probability"][there] = numbers.predicted[here], numbers.probability[here]
        for name, column in (numbers.columns or {}).items():
            facts[name][there] = column[here]
        features[there], values[there], places[there] = numbers.features[here], numbers.values[here], numbers.places[here]
        before[there] = (numbers.values if numbers.before is None else numbers.before)[here]
        advance(len(batch.images) + len(batch.skipped))
    read = facts["state"] == READ
    images = np.arange(first, end)[read]
    statistics = Statistics.of(before[read], places[read], images, shard.classes[read], top, values[read], measure.ceilings)
    sample = packed(before[np.asarray(shard.sampled, np.int64) - first])
    return Measured(facts, features, statistics, sample, tuple(skipped), tuple(unreached))


@dataclass(frozen=True)
class _Batch:
    """`pixels`: a full batch, each image at its place; the `images` that were read, with their digests, and the others, with reasons."""

    pixels: NDArray[np.float32]
    images: Ints
    digests: NDArray[np.uint8]
    skipped: tuple[tuple[int, str], ...]
    unreached: tuple[tuple[int, str], ...]


def _read_ahead(shard: Shard, measure: Measure) -> Iterator[_Batch]:
    """Yield the batches of a shard, read by threads, a few ahead of who takes them."""
    waiting: queue.Queue[_Batch | BaseException | None] = queue.Queue(AHEAD)
    stopped = threading.Event()

    def put(item: _Batch | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                return waiting.put(item, timeout=0.1)
            except queue.Full:
                continue

    def produce() -> None:
        try:
            with ThreadPoolExecutor(READERS) as pool:
                for batch in _batches(shard, measure, pool):
                    if stopped.is_set():
                        return
                    put(batch)
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()


def _batches(shard: Shard, measure: Measure, pool: ThreadPoolExecutor) -> Iterator[_Batch]:
    first, end = shard.span
    for start in range(first - first % measure.batch, end, measure.batch):
        images = range(max(start, first), min(start + measure.batch, end))
        pixels = np.zeros((measure.batch, *measure.fit.size, measure.fit.channels), np.float32)
        found = pool.map(lambda image: _one(shard.sources[image - first], measure.fit), images)
        known, digests = list[int](), list[NDArray[np.uint8]]()
        skipped, unreached = list[tuple[int, str]](), list[tuple[int, str]]()
        for image, one in zip(images, found, strict=True):
            if isinstance(one, ImageError):
                (unreached if isinstance(one, UnreachableError) else skipped).append((image, str(one)))
                continue
            pixels[image - start], digest = one
            known.append(image)
            digests.append(np.frombuffer(digest, np.uint8))
        ids, kept = np.asarray(known, np.int64), np.asarray(digests, np.uint8).reshape(-1, 16)
        yield _Batch(pixels, ids, kept, tuple(skipped), tuple(unreached))


def _one(source: Source, fit: Fit) -> Read | ImageError:
    try:
        return entering(source, fit)
    except ImageError as error:
        return error
