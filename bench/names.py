"""How long names take: 4,224 units, 10,000 images, 1,000 labels in their groups, and how much memory.

python bench/names.py [UNITS IMAGES LABELS]
"""

import resource
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from scipy.sparse import csr_matrix

from convscope.formats.names_file import write_names
from convscope.formats.sample_file import packed, unpacked
from convscope.naming.labels import Labels
from convscope.naming.name import _columns, _named

WIDE = 512  # units of a layer
GROUPS = 80  # of labels: an image has one label, and five groups that hold for more


def labels_of(images: int, labels: int, rng: np.random.Generator) -> Labels:
    one = rng.integers(0, labels, images)
    columns = [one, *(labels + (one * (place + 7)) % (GROUPS // 5) + place * (GROUPS // 5) for place in range(5))]
    rows = np.tile(np.arange(images), len(columns))
    held = csr_matrix((np.ones(len(rows)), (rows, np.concatenate(columns))), shape=(images, labels + GROUPS))
    names = tuple(f"label {number}" for number in range(labels + GROUPS))
    return Labels("own", names, np.arange(images), held, rng.random(images) < 0.5)


def main(units: int = 4224, images: int = 10_000, labels: int = 1000) -> None:
    rng = np.random.default_rng(0)
    codes = packed(np.maximum(0.0, rng.normal(size=(images, units)) - 0.5).astype(np.float32))
    layers = [f"layer{place}" for place in range(-(-units // WIDE))]
    run = SimpleNamespace(
        layers=layers,
        maxima_images=np.arange(images),
        channels=lambda layer: min(WIDE, units - WIDE * layers.index(layer)),
        maxima=lambda layer, channels: unpacked(codes[:, np.asarray(channels) + WIDE * layers.index(layer)]),
    )
    told = labels_of(images, labels, rng)
    before, started, used = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter(), _megabytes()
    made = [*_named(run, told)]
    after = resource.getrusage(resource.RUSAGE_SELF)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{units:,} units, {images:,} images, {len(told.names):,} labels (with groups)")
    print(f"{seconds:.1f} CPU s, {time.perf_counter() - started:.1f} s; {used:.0f} MB before, {_megabytes():.0f} MB at most")
    with tempfile.TemporaryDirectory() as folder:
        columns = _columns(run, told, made)
        started = time.process_time()
        path = write_names(Path(folder), columns, {"run": "", "labels": list(told.names)})
        print(f"written in {time.process_time() - started:.1f} CPU s: {path.stat().st_size / 2**20:.1f} MiB")


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
