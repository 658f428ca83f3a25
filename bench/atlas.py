"""What the atlas of a whole network would take, from two chunks of 16 units of each layer, in CPU seconds.

    python bench/atlas.py RUN [--synthetic fast] [--projections 9] [--layers PATTERN]

The first chunk of a layer includes what it compiles; the second stands for all others. What is cheap for all units (what they are made
of, what they are like, the map) is timed whole where the atlas has room for it beside. CPU seconds are those of all threads, so they do
not depend on what else the machine does; half of them is about the clock of two cores that do nothing else.
"""

import argparse
import tempfile
import time
from pathlib import Path

from convscope.atlases.atlas import _opened, atlas
from convscope.atlases.handed import drawn
from convscope.atlases.ledger import Ledger
from convscope.atlases.making import Making
from convscope.atlases.subject import subject_of
from convscope.formats.atlas import WITHOUT
from convscope.options import check_options

CHUNKS = 2


def timed(make):
    """Return the CPU seconds of a call, and the bytes of the files that it made."""
    began = time.process_time()
    made = make()
    return time.process_time() - began, sum(map(len, made.files.values()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--synthetic", default="fast")
    parser.add_argument("--projections", type=int, default=9)
    parser.add_argument("--layers", default="all")
    asked = parser.parse_args()
    run, network, _ = _opened(None, None, asked.run, "unused", None)
    settings = check_options(atlas, {"synthetic": asked.synthetic, "projections": asked.projections})
    subject = subject_of(run, network, asked.layers, {}, settings)
    with tempfile.TemporaryDirectory() as folder:
        making = Making(subject, Ledger(Path(folder), {}, {}))
        began = time.process_time()
        early = [timed(task.make) for task in making._early()]
        print(f"describing all units: {time.process_time() - began:.0f} CPU s, {sum(size for _, size in early) / 1e6:.1f} MB", flush=True)
        total, weight, files = time.process_time() - began, sum(size for _, size in early), len(early)
        for place, layer in enumerate(subject.layers):
            chunks = min(CHUNKS, len(layer.chunks))
            tasks = [drawn(subject, making.synthetic, place, chunk) for chunk in range(chunks)]
            costs = [[timed(task.make) for task in some if WITHOUT not in task.name] for some in tasks]
            seconds = [sum(one for one, _ in each) for each in costs]
            parts = ", ".join(f"{one:.1f}" for one, _ in costs[-1])
            total += seconds[0] + seconds[-1] * (len(layer.chunks) - 1)
            weight += sum(size for _, size in costs[-1]) * len(layer.chunks)
            files += len(costs[-1]) * len(layer.chunks)
            # The last sheet of projections without switches stands for all others, unit by unit.
            for task in drawn(subject, making.synthetic, place, len(layer.chunks) - 1):
                if WITHOUT in task.name:
                    units, (cost, size) = len(layer.sheets[-1]), timed(task.make)
                    total += cost / units * len(layer.order)
                    weight += size / units * len(layer.order)
                    files += len(layer.sheets)
            print(f"{layer.address}: {len(layer.chunks)} chunks, first {seconds[0]:.1f} s, then {seconds[-1]:.1f} ({parts})", flush=True)
        print(f"all: {total:.0f} CPU s, {weight / 1e6:.1f} MB in {files} files, without walls, tables and map")


if __name__ == "__main__":
    main()
