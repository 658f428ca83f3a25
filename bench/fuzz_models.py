"""Load thousands of mutated model files: each must load or be refused in one sentence, in time and in memory.

python bench/fuzz_models.py [--count 5000] [--first 0] [--keep FOLDER] [--seconds 20]

The failing files are kept in FOLDER; the same number always makes the same file, so `--first N --count 1` makes one again.
"""

import argparse
import collections
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from models import fuzzing, isolated


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    parser.add_argument("--seconds", type=float, default=isolated.SECONDS)
    options = parser.parse_args()
    os.nice(19)
    with tempfile.TemporaryDirectory() as folder:
        return report(options, Path(folder))


def report(options: argparse.Namespace, folder: Path) -> int:
    started, counts, failed, slowest, largest = time.perf_counter(), collections.Counter(), [], 0.0, 0
    for number, path, outcome in run(options.first, options.count, folder, options.seconds):
        counts[path.name.split("-")[1], outcome.kind] += 1
        slowest, largest = max(slowest, outcome.seconds), max(largest, outcome.memory)
        if faults := outcome.faults():
            failed.append(number)
            options.keep.mkdir(parents=True, exist_ok=True)
            kept = path.rename(options.keep / path.name)
            print(f"FAILED {kept}: {'; '.join(faults)}", flush=True)
        if sum(counts.values()) % 500 == 0:
            print(f"{sum(counts.values())} files, {len(failed)} failed, {time.perf_counter() - started:.0f} s", flush=True)
    for (mutation, kind), count in sorted(counts.items()):
        print(f"{mutation:<8} {kind:<8} {count}")
    print(f"{sum(counts.values())} files, {len(failed)} failed; slowest {slowest:.1f} s, most memory {largest / 2**20:.0f} MB")
    return int(bool(failed))


def run(first, count, folder, seconds=isolated.SECONDS):
    """Yield (number, path, outcome) of mutated files, one after another; each is removed when the next is asked for."""
    for name in ("seeds", "files", "scratch"):
        (folder / name).mkdir()
    paths = fuzzing.seeds(folder / "seeds")
    worker = isolated.Worker(folder / "scratch", seconds=seconds)
    try:
        for number in range(first, first + count):
            path = fuzzing.mutate(paths, number, folder / "files")
            yield number, path, worker.load(path)
            path.unlink(missing_ok=True)
    finally:
        worker.close()


if __name__ == "__main__":
    sys.exit(main())
