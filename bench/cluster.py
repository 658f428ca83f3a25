"""How many images a second the driver of a scan can serve, with clusters of 8 to 1,000 workers that are simulated.

    python bench/cluster.py [driver] [workers] [listing] [merge]

The driver is the real one: it lists, leases, checks, copies rows, commits and merges in a run's folder below $TMPDIR. The workers are not:
each sleeps, in a simulated time, for as long as its images would take, and hands in a part of true size (random numbers that are half
zeros; a part is merged from some shards once and used again with other images). The simulated clock moves on with the processor time of
the driver, so the result depends neither on this machine's load nor on its cores.

driver: its processor time for 1,000 images, and the images a second that it serves at most, by the size of leases. workers: images
a second of whole clusters, with the leases that the driver chooses. listing: memory of the driver for a list of images. merge: what a
worker takes to merge parts.
"""

import heapq
import pickle
import resource
import shutil
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from convscope.digests import digest
from convscope.files import write_aside
from convscope.formats.journal_files import READ, SHARDS, Done, Part, facts_kind, named, names_digest
from convscope.images import Fit, ImageSet
from convscope.images.source import FileSource
from convscope.scanning import assignments
from convscope.scanning.accumulators import EMPTY, LAST_IMAGE, Statistics
from convscope.scanning.completion import complete_run
from convscope.scanning.leases import Finished, Home, Merge
from convscope.scanning.measure import Measure, MeasuredLayer
from convscope.scanning.shards import SHARD

TOP = 9
RATE = 1500.0  # images a second of one worker: a GPU, assumed
MERGE_SECONDS = 0.15  # of a part, on a worker
LISTED = 200_000  # so that the sample of 4,096 images is no large share
CLUSTERS = (8, 64, 256, 1000)
NETWORKS = {
    "VGG16, 4,224 units": (4224, 0, 4096),
    "VGG16 + 1,000 classes": (4224, 1000, 4096),
    "22,008 units": (22_008, 0, 1280),
    "22,008 units + 300 classes": (22_008, 300, 1280),
    "22,008 units + 1,000 classes": (22_008, 1000, 1280),
}


class Wide(Measure):
    """Says how many units there are; it measures nothing."""

    batch, fit, feature_layer = 32, Fit(3, (224, 224)), "features"

    def __init__(self, units, features):
        self.layers, self.features = (MeasuredLayer("all", units, (), 0),), features

    def label(self, index):
        return str(index)


class Listing(Sequence):
    """Names of images that are nowhere, with labels, made when they are asked for."""

    def __init__(self, count, classes):
        self.count, self.classes = count, classes

    def __len__(self):
        return self.count

    def __getitem__(self, place):
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(self.count))]
        if place >= self.count:
            raise IndexError
        kind = (place * 7919) % self.classes if self.classes else None
        name = f"n{place // 1300:08}/n{place // 1300:08}_{place % 1300:05}.JPEG"
        return FileSource(name=name, label=None if kind is None else f"n{kind:08}", folder="/data/train", path=name)


@cache
def shard_statistics(units, classes, seed):
    """Return the statistics of a shard of random values, of a quarter of which nothing is above 0."""
    random = np.random.default_rng(seed)
    values = np.maximum(random.normal(0.3, 1.0, (SHARD, units)).astype(np.float32) * random.lognormal(0, 1, units).astype(np.float32), 0)
    labels = random.integers(0, classes, SHARD) if classes else np.full(SHARD, -1)
    return Statistics.of(values, np.zeros(values.shape, np.int32), np.arange(SHARD), labels, TOP)


@cache
def template(units, classes, shards):
    """Return the arrays of a part of so many shards; of more than 8 the histograms are those of 8."""
    total = shard_statistics(units, classes, 0)
    for seed in range(1, min(shards, 8)):
        total = total.merge(shard_statistics(units, classes, seed))
    return total.arrays()


class Cluster:
    """An engine whose workers work in a simulated time. `busy`: the processor time of the driver; `now`: the clock, in seconds."""

    def __init__(self, network, workers, most):
        self.most, self.rate = most, RATE
        self.units, self.classes, self.features = NETWORKS[network]
        self.kind = facts_kind()
        self.workers = workers
        self.now, self.busy, self.images, self.reached, self.messages = 0.0, 0.0, 0, 0, 0

    def map(self, function, items):
        """Yield results in the order in which the workers have them; what runs between two yields is the driver's."""
        running, number, items = [], 0, iter(items)
        free = [self.now] * self.workers  # when each worker has done what it was given
        start = time.process_time()

        def give(worker):
            nonlocal number
            item = next(items, None)
            if item is None:
                return
            size = len(pickle.dumps(item, 5))  # what the driver does to hand it out
            assert size
            seconds = len(item.files) * MERGE_SECONDS if isinstance(item, Merge) else sum(b - a for a, b in item.key) / self.rate
            free[worker] = max(free[worker], self.now) + seconds
            heapq.heappush(running, (free[worker], number, worker, seconds, item))
            number += 1

        for given in range(2 * self.workers):  # two for each
            give(given % self.workers)
        while running:
            self._drive(start)
            ready, _, worker, seconds, item = heapq.heappop(running)
            self.now = max(self.now, ready)
            answer = pickle.dumps(self._made(item, seconds), 5)  # the worker's
            start = time.process_time()
            give(worker)
            finished = pickle.loads(answer)
            self.messages += 1
            self.images += 0 if isinstance(item, Merge) else sum(b - a for a, b in item.key)
            yield finished
            if self.images >= self.most:
                self._drive(start)
                # What the workers have done of the leases that they are at, too.
                self.reached = self.images + sum(
                    int(sum(b - a for a, b in item.key) * min(1.0, max(0.0, 1 - (ready - self.now) / seconds)))
                    for ready, _, _, seconds, item in running
                    if not isinstance(item, Merge)
                )
                raise Enough
        self._drive(start)

    def _drive(self, start):
        took = time.process_time() - start
        self.busy += took
        self.now += took

    def _made(self, item, seconds):
        if isinstance(item, Merge):
            spans, arrays, of = [(0, 1)], template(self.units, self.classes, 32), item.of
            part, name = Part((Done(*spans[0]),), arrays, (), of), f"merged-{item.number}"
        else:
            part, name = self._part(item), f"part-{item.key[0][0]}-{item.key[-1][1]}"
        content = part.content()
        return Finished(item.key, named(name, content), write_aside(item.home.folder / SHARDS, content).name, None, (), seconds)

    def _part(self, lease):
        first = lease.key[0][0]
        count = sum(b - a for a, b in lease.key)
        arrays = dict(template(self.units, self.classes, len(lease.shards)))
        images = np.minimum(LAST_IMAGE - (arrays["keys"] & np.uint64(LAST_IMAGE)).astype(np.int64), count - 1) + first
        moved = (arrays["keys"] >> np.uint64(32) << np.uint64(32)) | (LAST_IMAGE - images).astype(np.uint64)
        arrays["keys"] = np.where(arrays["keys"] == EMPTY, EMPTY, moved)
        arrays["count"] = np.minimum(arrays["count"], count)
        facts = np.zeros(count, self.kind)
        facts["state"] = READ
        features = np.zeros((count, self.features), np.float32)
        sampled = sum(len(shard.sampled) for shard in lease.shards)
        rows = {
            "facts": facts.view(np.uint8).reshape(count, -1),
            "features": features,
            "sample": np.zeros((sampled, self.units), np.uint16),
        }
        done = []
        for shard in lease.shards:
            names = names_digest([one.name for one in shard.sources], [one.label for one in shard.sources])
            zeros = digest(features[: len(shard.sources)].tobytes())
            done.append(Done(*shard.span, names, digest(facts[: len(shard.sources)].tobytes()), zeros))
        return Part(tuple(done), arrays, (), lease.of, rows)


SETTINGS = {
    "model": {"digest": "0", "preprocessing": "none"},
    "measured": ["all"],
    "top": TOP,
    "precision": "float32",
    "fit": {"channels": 3, "height": 224, "width": 224},
    "backend": {"name": "none"},
}


class Enough(Exception):
    """What ends a scan when enough of its images are there."""


def scanned(network, workers, images, shards=None):
    """Return the engine after it scanned so many images of a longer list, in leases of so many shards, or as the driver chooses."""
    cluster = Cluster(network, workers, images)
    measure = Wide(cluster.units, cluster.features)
    folder = Path(tempfile.mkdtemp())

    kept = assignments.Assignments._size
    if shards is not None:
        assignments.Assignments._size = lambda self, engine: min(shards, len(self._left))
    try:
        complete_run(folder / "run", ImageSet(Listing(max(LISTED, 2 * images), cluster.classes), None), measure, SETTINGS, cluster, len)
    except Enough:
        return cluster
    finally:
        assignments.Assignments._size = kept
        shutil.rmtree(folder)
    raise AssertionError


def driver():
    print(f"driver: processor time in ms for 1,000 images, and images a second at most; merges on workers; {2**15 // 1024}k images or more")
    print(f"{'':30}{'a shard a lease':>26}{'8 shards':>26}{'32 shards':>26}")
    for network in NETWORKS:
        cells = []
        for shards, leases in ((1, 64), (8, 24), (32, 12)):
            found = scanned(network, 8, leases * shards * SHARD, shards)
            cells.append(f"{found.busy / found.images * 1e6:8.1f} ms {found.images / found.busy:9,.0f}/s")
        print(f"{network:30}" + "".join(f"{one:>26}" for one in cells), flush=True)


def workers():
    print(
        f"\nclusters of workers of {RATE:,.0f} images/s each (assumed), leases as the driver chooses them; images a second, share of ideal"
    )
    for network in ("22,008 units", "VGG16, 4,224 units"):
        print(f"  {network}")
        for count in CLUSTERS:
            images = max(60_000, 300 * count)
            found = scanned(network, count, images)
            rate = found.reached / found.now
            print(f"  {count:8,} workers {rate:12,.0f}/s {rate / RATE / count:8.1%}, {found.messages:,} messages", flush=True)


def listing():
    from convscope.scanning.listing import all_there, listed_in

    print("\nlisting: bytes of the driver for an image of ImageNet's names (a lazy list of sources; what a list of them takes is theirs)")
    for count in (100_000, 1_000_000):
        folder = Path(tempfile.mkdtemp())
        (folder / SHARDS).mkdir()
        given = ImageSet(Listing(count, 1000), None)
        for when in ("first", "again"):
            tracemalloc.start()
            start = time.process_time()
            listed, places = listed_in(folder, given)
            sources = all_there(folder, listed, places, given, {})
            held, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            took = (time.process_time() - start) / count * 1e6
            assert len(sources) == count
            print(f"  {count:10,} {when}: {held / count:5.0f} held, {most / count:5.0f} at most, {took:.1f} us (traced)", flush=True)
        shutil.rmtree(folder)


def merge():
    print("\nmerge: processor time in s for 16 parts of 32 shards, on a worker; size of a part, and of the merged one")
    for network in NETWORKS:
        cluster = Cluster(network, 1, 0)
        folder = Path(tempfile.mkdtemp())
        (folder / SHARDS).mkdir()
        part = Part((Done(0, 1),), template(cluster.units, cluster.classes, 32), (), "of")
        content, files = part.content(), []
        for number in range(16):
            files.append(named(f"part-{number}-{number + 1}", content))
            (folder / SHARDS / files[-1]).write_bytes(content)
        start = time.process_time()
        made = Merge(tuple(files), 1, "of", Home(folder, "")).made()
        took = time.process_time() - start
        print(f"  {network:30}{took:6.2f} s, {len(content) / 2**20:6.1f} MiB, {len(made.content) / 2**20:6.1f} MiB", flush=True)
        shutil.rmtree(folder)


if __name__ == "__main__":
    for part in (driver, workers, listing, merge):
        if len(sys.argv) == 1 or part.__name__ in sys.argv[1:]:
            part()
    print(f"peak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")
