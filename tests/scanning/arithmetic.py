"""A measure without a network, so that a process begins in a moment: pixels times weights. Run as a program, it scans until it is killed.

python arithmetic.py RUN COUNT
"""

import os
import signal
import sys
from functools import partial
from pathlib import Path

import numpy as np

from convscope.engines import Serial
from convscope.images import Fit, as_image_set
from convscope.scanning.completion import complete_run, identity_of
from convscope.scanning.journal import Journal
from convscope.scanning.leases import Lease, worked
from convscope.scanning.listing import listed_in
from convscope.scanning.measure import Measure, MeasuredLayer, Numbers

SIDE, BATCH, TOP = 6, 32, 4
# The files of a finished run that must not depend on how it came about.
RESULT = (
    "images.parquet",
    "units.parquet",
    "top.parquet",
    "skipped.parquet",
    "spans.parquet",
    "features.npy",
    "sample.npy",
    "manifest.json",
)
SETTINGS = {
    "model": {"digest": "arithmetic", "preprocessing": "none"},
    "measured": ["maps", "sums"],
    "top": TOP,
    "precision": "float32",
    "fit": {"channels": 1, "height": SIDE, "width": SIDE},
    "backend": {"name": "numpy"},
}


class Arithmetic(Measure):
    """Two layers: `maps`, (6, 6) of 5 units, some of them negative and one of them 0; and `sums`, 3 units without space."""

    layers = (MeasuredLayer("maps", 5, (SIDE, SIDE), 0), MeasuredLayer("sums", 3, (), 5))
    batch, fit, features, feature_layer = BATCH, Fit(1, (SIDE, SIDE)), 2, "sums"
    weights = np.asarray([1.0, -1.0, 0.5, 0.0, -2.0], np.float32)

    def __call__(self, pixels):
        assert pixels.shape == (BATCH, SIDE, SIDE, 1)
        flat = (pixels * self.weights).reshape(BATCH, -1, 5)
        rows = np.stack([pixels[:, i, :, 0].max(axis=1) for i in range(3)], axis=1)
        values = np.concatenate([flat.max(axis=1), rows], axis=1)
        places = np.concatenate([flat.argmax(axis=1), np.full((BATCH, 3), -1)], axis=1).astype(np.int32)
        return Numbers(values, places, rows[:, :2], rows.argmax(axis=1).astype(np.int32), rows.max(axis=1))

    def label(self, index):
        return f"row {index}"

    def fields(self, layer, rows, columns):
        return np.stack([rows, columns, rows + 1, columns + 1], axis=1)


def pictures(count):
    """Return (count, 6, 6, 1) uint8, a function of the id alone; few values, so that many maxima are equal."""
    mixed = (np.arange(count)[:, None] * 2654435761 + np.arange(SIDE * SIDE) * 40503) % 4294967296
    return (mixed >> 24 << 4).astype(np.uint8).reshape(count, SIDE, SIDE, 1)


def here(item):
    """Measure a lease, or merge parts: what processes are handed."""
    return worked(item, Arithmetic)


class Watched:
    """Does the same, and keeps the spans that it measured."""

    def __init__(self):
        self.spans = []

    def __call__(self, item):
        self.spans += item.key if isinstance(item, Lease) else []
        return here(item)


def here_but_die_first(marker):
    """Return the same, but the first process that comes to it is killed."""
    return partial(_die_first, marker)


def _die_first(marker, item):
    if isinstance(item, Lease) and item.shards[0].first >= 256 and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return here(item)


def die(item):
    os.kill(os.getpid(), signal.SIGKILL)


class Stopping(Serial):
    """Raises an error, an interrupt by default, after so many shards."""

    def __init__(self, after, error=KeyboardInterrupt):
        self.after, self.error = after, error

    def map(self, function, shards):
        for number, shard in enumerate(shards):
            if number == self.after:
                raise self.error
            yield function(shard)


def result(run):
    """Return the bytes of each file of a finished run."""
    return {name: (Path(run) / name).read_bytes() for name in RESULT}


def scan(run, count, **more):
    complete_run(Path(run), as_image_set(pictures(count)), Arithmetic(), SETTINGS, **more)


def journal(run, count):
    """Return the journal of a run of so many pictures, as the next scan would open it."""
    return Journal(run, listed_in(Path(run), as_image_set(pictures(count)))[0], Arithmetic(), identity_of(SETTINGS))


if __name__ == "__main__":
    print("ready", flush=True)
    scan(sys.argv[1], int(sys.argv[2]))
