"""How long the live page waits: first maps of an image, a wall, projections of each way, first and later ones; and what memory it takes.

python bench/look.py [MODEL] [--images N] [--layer ADDRESS ...]

Requests go through the page's own server, one at a time, as a reader makes them who looks at an image, opens a layer and walks through its
units. Each line has medians: seconds on the clock, and CPU seconds of all threads, which other work on the machine changes less.
"""

import argparse
import json
import resource
import statistics
import threading
import time
from urllib.parse import urlencode
from urllib.request import urlopen

from convscope.look.live import open_live

UNITS = 6  # of a layer; the first one pays the compilation


class Times:
    """Seconds by what was asked."""

    def __init__(self) -> None:
        self.clock: dict[str, list[float]] = {}
        self.cpu: dict[str, list[float]] = {}

    def ask(self, what: str, address: str, path: str, **query: str) -> dict[str, object]:
        begun, used = time.perf_counter(), time.process_time()
        with urlopen(f"{address}{path}?{urlencode(query)}") as answer:
            told: dict[str, object] = json.loads(answer.read())
        self.clock.setdefault(what, []).append(time.perf_counter() - begun)
        self.cpu.setdefault(what, []).append(time.process_time() - used)
        return told

    def show(self) -> None:
        for what, seconds in self.clock.items():
            clock, cpu = statistics.median(seconds), statistics.median(self.cpu[what])
            print(f"{what:<34} median {clock:.3f} s, {cpu:.3f} s CPU, slowest {max(seconds):.3f} s ({len(seconds)})")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?", default="vgg16")
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--layer", action="append")
    options = parser.parse_args()
    server = open_live(options.model)
    threading.Thread(target=server.run, daemon=True).start()
    times = Times()
    start = times.ask("start", server.address, "start")
    names = [base if count == 1 else f"{base}[{first + k}]" for base, first, count in start["images"] for k in range(count)]
    every = [layer["address"] for layer in start["layers"]]
    layers = options.layer or every[:: max(1, len(every) // 4)]
    for name in names[: options.images]:
        strongest = times.ask("first maps of an image", server.address, "image", image=name)["layers"]
        for layer in layers:
            times.ask("a wall", server.address, "wall", image=name, layer=layer)
            channels = strongest[every.index(layer)]["channels"][:UNITS]
            for way in ("switches", "spread"):
                for number, channel in enumerate(channels):
                    first = "first projection of a layer" if name == names[0] and number == 0 else f"projection, {layer}, {way}"
                    times.ask(first, server.address, "projection", image=name, unit=f"{layer}:{channel}", way=way)
            times.ask("the map of a unit", server.address, "unit", image=name, unit=f"{layer}:{channels[0]}")
    times.show()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"most memory {most:.2f} GiB after {min(options.images, len(names))} images")
    server.stop()


if __name__ == "__main__":
    main()
