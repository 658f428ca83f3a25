"""Damage to any file of a run's folder, finished or half done; then it is opened, all of it is read, and the scan is resumed.

Whatever is read is what was written, or a sentence; a resumed run has the bytes of an undisturbed one, or a sentence says why not.
"""

import contextlib
import functools
import os
import random
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "scanning"))

import arithmetic

from convscope.embedding.runs import read_run
from convscope.errors import ConvscopeError
from convscope.scanning import open_run
from convscope.scanning.shards import SHARD

from .running import unsound

SHORT = 40
COUNT = 3 * SHARD + 17
TEMPLATES = ("finished", "half", "grown", "killed")
# As an earlier release wrote them, without checksums: damage may show as other numbers there, never as a traceback.
SCHEMA_1 = Path(__file__).parents[1] / "corpus" / "faults" / "runs_of_schema_1.tar.xz"
OLD, OLD_COUNT = ("done", "half"), 2 * SHARD + 88


@functools.cache
def templates():
    """Return a folder of runs: finished, interrupted, finished and then killed while images were added, killed at once."""
    folder = Path(tempfile.mkdtemp(prefix="convscope-runs-"))
    arithmetic.scan(folder / "finished", COUNT)
    arithmetic.scan(folder / "half", COUNT, engine=arithmetic.Stopping(2), function=arithmetic.here)
    arithmetic.scan(folder / "grown", SHARD + 5)
    for name in ("grown", "killed"):
        with contextlib.suppress(ValueError):
            arithmetic.scan(folder / name, COUNT, engine=arithmetic.Stopping(2, ValueError), function=arithmetic.here)
    return folder


@functools.cache
def expected(name):
    """Return what is read of a run that is not damaged, and the bytes that it has when it is finished."""
    return read(templates() / name)[0], arithmetic.result(templates() / "finished")


def read(run):
    """Return what can be read of a run, by what was asked, and the sentences of what cannot."""
    found, refused = {}, {}
    try:
        opened = open_run(run)
    except ConvscopeError as error:
        return {}, {"open": str(error)}
    asked = {
        "manifest": lambda: opened.manifest,
        "images": lambda: [opened.images.texts, {name: one.tolist() for name, one in opened.images.numbers.items()}],
        "skipped": lambda: [opened.skipped.texts, opened.skipped.numbers["image"].tolist()],
        "features": lambda: opened.features[opened.ids].tobytes(),
        "input": lambda: opened.input()["digest"],
        "map": lambda: read_run(run).values.tobytes(),
        "percentile": lambda: opened.percentile("maps:2", 0.3),
    }
    for layer in ("maps", "sums"):
        asked[f"top of {layer}"] = lambda layer=layer: plain(opened.top(layer))
        asked[f"units of {layer}"] = lambda layer=layer: plain(opened.units(layer))
    for name, ask in asked.items():
        try:
            found[name] = ask()
        except ConvscopeError as error:
            refused[name] = str(error)
    return found, refused


def plain(record):
    """Return a record of arrays as what can be compared."""
    return {name: one.tobytes() if isinstance(one, np.ndarray) else repr(one) for name, one in vars(record).items()}


def attempt(number, folder):
    rng = random.Random(number)
    if rng.random() < 0.2:
        return attempt_old(rng, folder)
    name = rng.choice(TEMPLATES)
    run = folder / "run"
    shutil.copytree(templates() / name, run)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        damage(run, rng)
    known, finished = expected(name)
    before = compared(run, known)
    try:
        arithmetic.scan(run, COUNT)
    except ConvscopeError as error:
        assert not unsound(str(error)), unsound(str(error))
        compared(run, known)
        return f"{before}, not resumed"
    differing = [one for one in arithmetic.RESULT if (run / one).read_bytes() != finished[one]]
    assert not differing, f"resumed to other bytes in {differing}"
    return f"{before}, resumed"


def attempt_old(rng, folder):
    """Damage a run of schema 1, read all of it, and resume it."""
    with tarfile.open(SCHEMA_1) as archive:
        archive.extractall(folder, filter="data")
    run = folder / rng.choice(OLD)
    for _ in range(rng.choice((1, 1, 2, 4))):
        damage(run, rng)
    found, refused = read(run)
    word = "old: read" if not refused else "old: refused in part" if found else "old: refused"
    for said in refused.values():
        assert not unsound(said), unsound(said)
    try:
        arithmetic.scan(run, OLD_COUNT)
    except ConvscopeError as error:
        assert not unsound(str(error)), unsound(str(error))
        return f"{word}, not resumed"
    assert open_run(run).count == OLD_COUNT, "resumed, and images are missing"
    return f"{word}, resumed"


def compared(run, known):
    """Say how much of a run is read; what is, must be right."""
    found, refused = read(run)
    for name, value in found.items():
        others = [expected(one)[0][name] for one in ("finished", "half", "grown")] if name == "manifest" else []  # put whole in its place
        assert any(repr(value) == repr(one) for one in (known.get(name), *others)), f"{name} is silently different"
    for said in refused.values():
        assert not unsound(said), unsound(said)
    return "read" if not refused else "refused in part" if found else "refused"


def damage(run, rng):
    """Do something to one file of a run, or to the folder of shards."""
    files = sorted(path for path in run.rglob("*") if path.is_file() or path.is_symlink())
    if not files:
        return
    path = rng.choice(files)
    match rng.choice(
        ("flip", "flip", "flip", "cut", "zero", "end", "remove", "empty", "folder", "pipe", "link", "swap", "other", "part", "away")
    ):
        case "flip":
            rewrite(path, lambda data: flipped(data, rng))
        case "cut":
            rewrite(path, lambda data: data[: rng.randrange(len(data) + 1)])
        case "zero":
            rewrite(path, lambda data: zeroed(data, rng))
        case "end":
            rewrite(path, lambda data: data + rng.randbytes(rng.choice((1, 17, 4096))))
        case "remove":
            path.unlink()
        case "empty":
            rewrite(path, lambda data: b"")
        case "folder":
            path.unlink()
            path.mkdir()
        case "pipe":
            path.unlink()
            os.mkfifo(path)
        case "link":
            elsewhere = run.parent / f"elsewhere-{rng.random()}"
            path.rename(elsewhere)
            path.symlink_to(elsewhere)
        case "swap":
            other = rng.choice(files)
            one, two = bytes_of(path), bytes_of(other)
            rewrite(path, lambda data: two)
            rewrite(other, lambda data: one)
        case "other":
            theirs = templates() / rng.choice(TEMPLATES) / path.relative_to(run)
            if theirs.is_file():
                rewrite(path, lambda data: theirs.read_bytes())
        case "away":
            shutil.rmtree(run / "shards", ignore_errors=True)
        case "part":
            source = rng.choice(sorted((run / "shards").glob("*.npz")) or [path])
            rewrite(source, lambda data: flipped(data, rng))


def bytes_of(path):
    return path.read_bytes() if path.is_file() else b""


def rewrite(path, change):
    if path.is_file():
        path.write_bytes(change(path.read_bytes()))


def flipped(data, rng):
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20)) if data else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def zeroed(data, rng):
    first = rng.randrange(len(data) + 1)
    length = rng.choice((1, 64, 4096))
    return data[:first] + bytes(len(data[first : first + length])) + data[first + length :]
