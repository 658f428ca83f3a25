"""What a unit costs as part of its layer, before and after, in CPU seconds: pages of `top`, dossiers, and the bare stream of portraits.

    python bench/portraits.py --before SRC RUN... [--rounds 3] [--only top dossier stream] [--layers PATTERN]

SRC is the `src` folder of an earlier release; RUN is the folder of a scan. Before and after have a process each, which loads the network
once. They take turns: a round gives either the same next units of the layer, so that what else the machine does meets both alike. The CPU
seconds are those of all threads, and hold what is compiled in that round and the files that are written; a first round is not counted.
`top`: two sheets of 16 units. `dossier`: 2 units at the default size and steps. `stream`: patches and projections both ways of 16 units,
which is what an atlas takes of a layer. Medians over the rounds, ratios round by round; brackets hold the least and the most.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from fnmatch import fnmatchcase
from pathlib import Path
from statistics import median

UNITS = {"top": 32, "dossier": 2, "stream": 16}
NOW = Path(__file__).resolve().parent.parent / "src"


def pages(kind, run, layer, channels):
    """Make and write the pages of a request, as any release does."""
    from convscope.portraits import dossier, top  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        pieces = sys.modules[f"convscope.portraits.{kind}"].pages(run, f"{layer}:{channels[0]}-{channels[-1]}")
        list(pieces.write(Path(folder)))


def stream(kind, run, layer, channels):
    """Make the portraits of units, one by one where there was no stream."""
    from convscope.portraits.scanned_units import rules_of, scanned_units, way_to
    from convscope.projection.caveats import is_pooled
    from convscope.units import Unit

    network = scanned_units(run, f"{layer}:0", None).network
    both = [rules_of("switches", "spread"), rules_of("spread", "spread")]
    rules = both if is_pooled(way_to(network, layer)) else both[:1]
    try:
        from convscope.portraits.layers import portraits_of
    except ImportError:
        from convscope.portraits.gathering import gather

        for channel in channels:
            gather(run, network, [Unit(layer, channel)], rules, view="projection")
        return
    list(portraits_of(run, network, layer, channels, rulesets=rules))


def work(folder):
    """Answer each line, a kind with a layer and channels, with its CPU seconds a unit."""
    import convscope

    run = convscope.open_run(folder)
    for line in sys.stdin:
        kind, layer, channels = json.loads(line)
        began = time.process_time()
        (stream if kind == "stream" else pages)(kind, run, layer, channels)
        print(json.dumps((time.process_time() - began) / len(channels)), flush=True)


class Worker:
    """A process with the sources of one release."""

    def __init__(self, source, folder):
        environment = os.environ | {"PYTHONPATH": str(source), "TF_CPP_MIN_LOG_LEVEL": "3"}
        words = [sys.executable, __file__, "--work", str(folder)]
        self.process = subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, *request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return float(json.loads(self.process.stdout.readline()))


def shown(values):
    return f"{median(values):.3f} ({min(values):.3f}-{max(values):.3f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", type=Path)
    parser.add_argument("--before", metavar="SRC", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=UNITS, default=list(UNITS))
    parser.add_argument("--layers", default="*", metavar="PATTERN")
    chosen = parser.parse_args()
    print("| network, layer | what | before | now | before / now |\n|---|---|---|---|---|")
    for folder in chosen.runs:
        manifest = json.loads((folder / "manifest.json").read_text())
        workers = [Worker(source, folder) for source in (chosen.before, NOW)]
        for one in manifest["layers"]:
            layer = one["address"]
            for kind in chosen.only if any(fnmatchcase(layer, pattern) for pattern in chosen.layers.split(",")) else ():
                rounds = min(chosen.rounds + 1, one["channels"] // UNITS[kind])
                parts = [list(range(number * UNITS[kind], (number + 1) * UNITS[kind])) for number in range(rounds)]
                pairs = [[worker.seconds(kind, layer, part) for worker in workers] for part in parts][1:]
                before, now = ([pair[side] for pair in pairs] for side in (0, 1))
                ratio = shown([pair[0] / pair[1] for pair in pairs])
                print(f"| {manifest['model']['name']}, {layer} | {kind} | {shown(before)} | {shown(now)} | {ratio} |", flush=True)
        for worker in workers:
            worker.process.stdin.close()
            worker.process.wait()


if __name__ == "__main__":
    work(sys.argv[2]) if sys.argv[1:2] == ["--work"] else main()
