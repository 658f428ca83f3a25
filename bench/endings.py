"""End short commands at random moments, by Ctrl-C once or twice, SIGTERM, SIGHUP, and with standard streams closed or full.

python bench/endings.py [--count 100] [--first 0]

Each must end within two minutes with a known exit code and no traceback, and leave no file half written. The same number makes the
same case.
"""

import argparse
import atexit
import collections
import functools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

COMMANDS = (
    ("--help",),
    ("layers", "fashion"),
    ("layers", "fashion", "--json"),
    ("activations", "block1_conv1", "sample:fashion[0-40]", "-m", "fashion"),
    ("deconv", "block2_conv1:0-3", "sample:fashion[0-20]", "-m", "fashion"),
    ("ascend", "block1_conv1:0-7", "-m", "fashion"),
    ("ascend", "dense1:0-2", "-m", "fashion", "--every", "3"),
    ("tsne", "sample:fashion[0-299]", "-m", "fashion"),
    ("scan", "sample:fashion[0-299]", "-m", "fashion", "-o", "run"),
    ("ascend", "--layers", "block1_conv1", "-m", "fashion", "--steps", "8", "-o", "filters"),
    ("tsne", "sample:fashion[0-99]", "-m", "fashion", "--page", "-o", "map"),
    ("top", "block1_conv1:0-7", "-r", "scanned"),
    ("dossier", "block1_conv1:0-1", "-r", "scanned", "-o", "dossiers"),
    ("fetch", "mobilenetv2"),
)
SCAN = ("scan", "sample:fashion[0-49]", "-m", "fashion", "--layers", "block1_conv1", "-o", "scanned")
ENDS = ("once", "twice", "term", "hup", "closed output", "full output", "full error", "closed error", "no reader", "closed input")
SIGNALS = {"once": signal.SIGINT, "twice": signal.SIGINT, "term": signal.SIGTERM, "hup": signal.SIGHUP}
CODES = {0, 2, 130, 141}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    counts, faults = collections.Counter(), 0
    for number in range(asked.first, asked.first + asked.count):
        with tempfile.TemporaryDirectory() as folder:
            end, code, fault = attempt(number, Path(folder))
        counts[f"{end}: {code}"] += 1
        if fault:
            faults += 1
            print(f"FAULT {number}: {fault}", flush=True)
    print(", ".join(f"{words} {count}" for words, count in sorted(counts.items())))
    print(f"{asked.count} cases, {faults} faults")
    return int(faults > 0)


def attempt(number: int, folder: Path) -> tuple[str, int, str]:
    """Run case `number` in an empty folder; return how it was ended, its exit code, and what is wrong, if anything is."""
    draw = random.Random(number)
    end, command = ENDS[number % len(ENDS)], draw.choice(COMMANDS)
    delay = draw.choice((draw.uniform(0.05, 0.6), draw.uniform(0.3, 4.0), draw.uniform(2.0, 15.0)))
    if "scanned" in command:
        shutil.copytree(_scanned(), folder / "scanned")
    said, code = ended(command, end, delay, draw.uniform(0.0, 1.0), folder)
    what = f"{' '.join(command)}; {end} after {delay:.2f} s; exit code {code}"
    if "Traceback" in said or "Exception ignored" in said or code not in CODES:
        return end, code, f"{what}\n{said}"
    if left := [path.name for path in folder.rglob(".convscope-*")]:
        return end, code, f"{what}: left {left}"
    if broken := [path.name for path in folder.rglob("*") if not _is_whole(path)]:
        return end, code, f"{what}: not whole: {broken}"
    return end, code, ""


@functools.cache
def _scanned() -> Path:
    """Return the folder of a run, made once, that cases copy."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "convscope", *SCAN], cwd=folder, check=True, capture_output=True)
    return folder / "scanned"


def _is_whole(path: Path) -> bool:
    """Say whether a file can be read to its end, as what its name says it is."""
    try:
        if path.suffix == ".json":
            json.loads(path.read_text("utf-8"))
        elif path.suffix in (".png", ".jpg", ".gif"):
            Image.open(path).load()
        elif path.suffix == ".html":
            return path.read_text("utf-8").rstrip().endswith("</html>")
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                return all(arrays[name].size >= 0 for name in arrays)
    except FileNotFoundError:
        return True
    except (OSError, ValueError, SyntaxError):
        return False
    return True


def ended(command: tuple[str, ...], end: str, delay: float, between: float, folder: Path) -> tuple[str, int]:
    """Run a command and end it; return what it wrote to standard error, and its exit code."""
    words = [sys.executable, "-m", "convscope", *command]
    redirected = {
        "closed output": ">&-",
        "full output": ">/dev/full",
        "full error": "2>/dev/full",
        "closed error": "2>&-",
        "closed input": "<&-",
    }
    if end == "no reader":
        words = ["bash", "-c", 'set -o pipefail; "$@" | true', "bash", *words]
    elif end in redirected:
        words = ["bash", "-c", f'exec "$@" {redirected[end]}', "bash", *words]
    process = subprocess.Popen(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=os.environ | {"KERAS_HOME": str(folder / "keras")},
        preexec_fn=_attentive,
    )
    try:
        if end in SIGNALS:
            time.sleep(delay)
            process.send_signal(SIGNALS[end])
            if end == "twice":
                time.sleep(between)
                process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        return f"Traceback: it did not end\n{process.communicate()[1]}", -1
    return said, process.returncode


def _attentive() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell begins in the background ignores it


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    sys.exit(main())
