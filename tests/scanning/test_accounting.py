"""A run does not trust its engine: each image counts once, whatever is handed in, and the end is the bytes of an undisturbed scan."""

import pickle
from dataclasses import replace
from itertools import islice
from pathlib import Path

import arithmetic
import numpy as np
import pytest

from convscope.engines import Serial
from convscope.errors import ConvscopeError
from convscope.files import is_temporary
from convscope.formats.journal_files import read_part
from convscope.scanning import assignments, journal, open_run
from convscope.scanning.leases import Finished, Home, Lease, Merge
from convscope.scanning.shards import SHARD
from sampling import all_but

COUNT = 17 * SHARD + 31
NOWHERE = Home(Path("/nowhere"), "sign")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    arithmetic.scan(run, COUNT)
    return arithmetic.result(run)


@pytest.fixture
def eager(monkeypatch):
    """Let leases grow at once, and parts be merged by threes, so that a small run has many of both."""
    monkeypatch.setattr(assignments, "SHARES", 1)
    monkeypatch.setattr(journal, "FAN_IN", 3)


class Died(Exception):
    """What ends a driver in the middle."""


class Unruly(Serial):
    """Does by chance what a cluster may do: reorders, repeats, loses workers and their work, drops, invents, ends early, dies."""

    def __init__(self, seed):
        self.chance = np.random.default_rng(seed)
        self.workers = int(self.chance.integers(1, 4))

    def map(self, function, items):
        items, waiting, handed = iter(items), [], []
        while True:
            waiting += islice(items, max(0, 2 * self.workers - len(waiting)))
            if not waiting:
                return
            item = waiting[self.chance.integers(len(waiting))]
            match self.chance.choice(
                ["work"] * 12 + ["far"] * 6 + ["killed", "repeat", "other", "nothing", "drop", "end", "die", "interrupt"]
            ):
                case "work" | "far" as how:  # a worker who sees the run's folder, and one who does not
                    waiting.remove(item)
                    asked = item if how == "work" else pickle.loads(pickle.dumps(replace(item, home=NOWHERE)))
                    handed.append(pickle.loads(pickle.dumps(function(asked))))
                    yield handed[-1]
                case "killed":  # after it wrote its part, and before anybody heard of it
                    function(item)
                case "repeat" if handed:
                    yield handed[self.chance.integers(len(handed))]
                case "other" if isinstance(item, Lease):  # shards that were never given out so
                    yield function(replace(item, shards=item.shards[:1] + item.shards))
                case "nothing":
                    yield Finished((0, 3)) if self.chance.random() < 0.5 else object()
                case "drop":
                    waiting.remove(item)
                case "end":
                    return
                case "die":
                    raise Died
                case "interrupt":
                    raise KeyboardInterrupt


@pytest.mark.parametrize("seed", all_but([0, 5, 9], range(12)))
def test_an_unruly_engine_gives_the_bytes_of_an_undisturbed_scan_or_no_complete_run(tmp_path, undisturbed, eager, seed):
    run, turns = tmp_path / "run", 0
    while True:
        turns += 1
        try:
            arithmetic.scan(run, COUNT, engine=Unruly((seed, turns)), function=arithmetic.here)
        except (ConvscopeError, Died, KeyboardInterrupt):
            continue
        if open_run(run).complete:
            break
        reached = open_run(run)
        assert reached.units("maps").count.tolist() == [len(reached)] * 5 and len(reached.ids) == len(reached)
    assert arithmetic.result(run) == undisturbed
    assert not [path for path in run.glob("shards/.*") if is_temporary(path)] and len([*run.glob("shards/*.npz")]) == 1


class Twice(Serial):
    workers = 2

    def map(self, function, items):
        for item in items:
            yield function(item)
            yield function(item)


@pytest.mark.parametrize("home", [None, NOWHERE], ids=["seen", "not seen"])
def test_what_is_handed_in_twice_counts_once_wherever_the_worker_is(tmp_path, undisturbed, eager, home):
    done = []

    def function(item):
        done.append(item)
        return arithmetic.here(item if home is None else replace(item, home=home))

    arithmetic.scan(tmp_path / "run", COUNT, engine=Twice(), function=function)
    assert arithmetic.result(tmp_path / "run") == undisturbed
    assert any(isinstance(item, Merge) for item in done) and max(len(item.key) for item in done if isinstance(item, Lease)) > 1


class Early(Serial):
    def map(self, function, items):
        yield function(next(iter(items)))


def test_an_engine_that_ends_early_is_not_taken_for_an_interrupt(tmp_path):
    with pytest.raises(ConvscopeError, match=r"ended with 17 of 18 shards unfinished, first the images 256 to 511.*resumes"):
        arithmetic.scan(tmp_path / "run", COUNT, engine=Early(), function=arithmetic.here)


def altered(**changes):
    """Return a function that changes the part of the first shard: each change is of what stands there and of another's."""

    def change(mine, other):
        return replace(mine, **{name: value(getattr(mine, name), getattr(other, name)) for name, value in changes.items()})

    return change


@pytest.mark.parametrize(
    "change",
    [
        altered(arrays=lambda mine, other: other),
        altered(arrays=lambda mine, other: mine | {"count": other["count"] + 300}),
        altered(rows=lambda mine, other: {name: rows[:-1] for name, rows in mine.items()}),
        altered(rows=lambda mine, other: mine | {"facts": np.zeros_like(mine["facts"])}),
        altered(rows=lambda mine, other: mine | {"features": mine["features"][:, :1]}),
        altered(rows=lambda mine, other: {}),
        altered(skipped=lambda mine, other: ((0, "no"),)),
        altered(done=lambda mine, other: other),
        altered(done=lambda mine, other: (replace(mine[0], names="0" * 32),)),
        altered(of=lambda mine, other: "another run"),
    ],
    ids=[
        "others' statistics",
        "too many",
        "a row less",
        "no facts",
        "a column less",
        "no rows",
        "skipped",
        "others",
        "names",
        "another run",
    ],
)
def test_a_result_that_cannot_be_that_leases_is_refused(tmp_path, undisturbed, change):
    def function(item):
        if not isinstance(item, Lease) or item.shards[0].first:
            return arithmetic.here(item)
        mine, other = (arithmetic.here(replace(item, shards=(replace(item.shards[0], first=first),))) for first in (0, SHARD))
        mine_part, other_part = (read_part(one.lies_in(item.home)) for one in (mine, other))
        content = change(mine_part, other_part).content()
        return replace(mine, aside="", content=np.frombuffer(content, np.uint8))

    with pytest.raises(ConvscopeError, match="result for the images 0 to 255 is wrong"):
        arithmetic.scan(tmp_path / "run", COUNT, engine=Serial(), function=function)
    arithmetic.scan(tmp_path / "run", COUNT)
    assert arithmetic.result(tmp_path / "run") == undisturbed


def test_a_name_that_leads_out_of_the_run_is_refused(tmp_path):
    function = lambda item: replace(arithmetic.here(item), name="../../part-0-256.npz")  # noqa: E731
    with pytest.raises(ConvscopeError, match="result for the images 0 to 255 is wrong"):
        arithmetic.scan(tmp_path / "run", COUNT, engine=Serial(), function=function)
    assert not (tmp_path / "part-0-256.npz").exists()
