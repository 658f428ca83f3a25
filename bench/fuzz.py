"""Hand convscope thousands of generated and mutated inputs: each must be read or be refused in one sentence.

python bench/fuzz.py [AREA ...] [--count 1000] [--first 0] [--seconds 60]

The areas are the modules in tests/fuzzing. The same number always makes the same case, so `AREA --first N --count 1` makes one again.
"""

import argparse
import collections
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fuzzing import running


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"{', '.join(running.areas())}; all of them by default")
    parser.add_argument("--count", type=int, default=1000, help="how many cases of each area")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--seconds", type=float, default=running.SECONDS, help="how long a case may take")
    options = parser.parse_args()
    if unknown := set(options.areas) - set(running.areas()):
        parser.error(f"no area {', '.join(sorted(unknown))}; choose from {', '.join(running.areas())}")
    os.nice(19)
    runner = running.Runner(options.seconds)
    try:
        failed = [report(runner, name, range(options.first, options.first + options.count)) for name in options.areas or running.areas()]
    finally:
        runner.close()
    return int(any(failed))


def report(runner: running.Runner, name: str, numbers: range) -> int:
    """Run the cases of an area, print each fault and a count of the outcomes, and return the number of faults."""
    started, counts, faults = time.perf_counter(), collections.Counter(), 0
    for outcome in runner.outcomes(name, numbers):
        counts[outcome.word] += 1
        if outcome.is_fault:
            faults += 1
            print(f"FAULT {name} {outcome.number}: {outcome.word}\n{outcome.text}", flush=True)
    words = ", ".join(f"{word} {count}" for word, count in counts.most_common())
    print(f"{name}: {len(numbers)} cases in {time.perf_counter() - started:.0f} s: {words}; {faults} faults", flush=True)
    return faults


if __name__ == "__main__":
    sys.exit(main())
