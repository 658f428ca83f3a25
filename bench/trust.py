"""What it costs to measure how far the pictures of a layer can be trusted, in CPU seconds of all threads and seconds of the clock.

    python bench/trust.py RUN LAYER... [--synthetic fast]

RUN is the folder of a scan; its images must be there. Each layer is measured in a copy of the run's tables, so that nothing is there
already, and in one process: the first layer also pays for the judge and the images that it sees first. What a layer needs is divided by
what is computed: synthetic pictures, images compared, images judged, projections.
"""

import argparse
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

import convscope
from convscope.formats.trust_file import TABLE
from convscope.trusting import gathering, judge, measuring, projecting, synthetic

PARTS = {
    "synthetic pictures": (synthetic.Pictures, "of"),
    "images compared": (gathering.Layer, "profiles"),
    "images judged": (judge.Judge, "look"),
    "projections": (projecting.Projecting, "of"),
    "maps of synthetic pictures": (measuring.Measuring, "_on_picture"),
}
SPENT = Counter()


def counted(name, kind, attribute):
    """Count the CPU seconds of a method, so that the parts can be told."""
    own = getattr(kind, attribute)

    def timed(*arguments, **named):
        began = time.process_time()
        try:
            return own(*arguments, **named)
        finally:
            SPENT[name] += time.process_time() - began

    setattr(kind, attribute, timed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("layers", nargs="+", metavar="LAYER")
    parser.add_argument("--synthetic", choices=synthetic.SYNTHETIC, default=None)
    chosen = parser.parse_args()
    for name, (kind, attribute) in PARTS.items():
        counted(name, kind, attribute)
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "run"
        shutil.copytree(chosen.run, copy, ignore=shutil.ignore_patterns(TABLE))
        run = convscope.open_run(copy)
        bundle = run.load_model()
        print(f"before: {time.process_time() - began:.1f} CPU s\n\n| layer | units | CPU s | s | parts |\n|---|---|---|---|---|")
        for layer in chosen.layers:
            SPENT.clear()
            cpu, clock = time.process_time(), time.perf_counter()
            found = convscope.trust(bundle, layer, run=run, synthetic=chosen.synthetic)
            cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
            parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in SPENT.most_common())
            print(f"| {layer} | {len(found)} | {cpu:.1f} | {clock:.1f} | {parts} |", flush=True)


if __name__ == "__main__":
    main()
