"""A run does not trust its engine: each span counts once, whatever is handed in, and the end is the bytes of an undisturbed scan."""

import random
from dataclasses import replace

import arithmetic
import numpy as np
import pytest

from convscope.engines import Serial
from convscope.errors import ConvscopeError
from convscope.scanning import open_run
from convscope.scanning.shards import SHARD, Shard

COUNT = 7 * SHARD + 31


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    arithmetic.scan(run, COUNT)
    return arithmetic.result(run)


class Died(Exception):
    """What ends a driver in the middle."""


class Unruly(Serial):
    """Reorders, repeats, cuts shards in two or joins them, invents, ends early, and dies: what a cluster may do, from a number."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def map(self, function, shards):
        waiting, handed = list(shards), []
        self.random.shuffle(waiting)
        while waiting:
            match self.random.choice(["work"] * 6 + ["repeat", "overlap", "invent", "nothing", "end", "die", "interrupt"]):
                case "work":
                    handed.append(function(waiting.pop()))
                    yield handed[-1]
                case "repeat" if handed:
                    yield self.random.choice(handed)
                case "overlap":
                    shard = self.random.choice(waiting)
                    middle = len(shard.sources) // 2 + 1
                    yield function(Shard(shard.first, shard.sources[:middle], shard.classes[:middle]))
                    yield function(Shard(shard.first + 1, shard.sources[1:] + shard.sources[:1], shard.classes))
                case "invent":
                    yield replace(function(waiting[0]), span=(10 * COUNT, 10 * COUNT + SHARD))
                case "nothing":
                    yield self.random.choice([object(), "done", 3])
                case "end":
                    return
                case "die":
                    raise Died
                case "interrupt":
                    raise KeyboardInterrupt


@pytest.mark.parametrize("seed", range(12))
def test_an_unruly_engine_gives_the_bytes_of_an_undisturbed_scan_or_no_complete_run(tmp_path, undisturbed, seed):
    run, turns = tmp_path / "run", 0
    while True:
        turns += 1
        try:
            arithmetic.scan(run, COUNT, engine=Unruly(100 * seed + turns), function=arithmetic.here)
        except (ConvscopeError, Died, KeyboardInterrupt):
            continue
        if open_run(run).complete:
            break
        reached = open_run(run)
        assert reached.units("maps").count.tolist() == [len(reached)] * 5 and len(reached.ids) == len(reached)
    assert arithmetic.result(run) == undisturbed


class Twice(Serial):
    def map(self, function, shards):
        for shard in shards:
            yield function(shard)
            yield function(shard)


def test_a_shard_that_is_handed_in_twice_counts_once(tmp_path, undisturbed):
    arithmetic.scan(tmp_path / "run", COUNT, engine=Twice(), function=arithmetic.here)
    assert arithmetic.result(tmp_path / "run") == undisturbed


class Early(Serial):
    def map(self, function, shards):
        yield function(next(iter(shards)))


def test_an_engine_that_ends_early_is_not_taken_for_an_interrupt(tmp_path):
    with pytest.raises(ConvscopeError, match=r"ended with 7 of 8 shards unfinished, first the images 256 to 511.*resumes"):
        arithmetic.scan(tmp_path / "run", COUNT, engine=Early(), function=arithmetic.here)


@pytest.mark.parametrize(
    "changed",
    [
        lambda one, other: replace(one, statistics=other.statistics),
        lambda one, other: replace(one, facts=one.facts[:-1]),
        lambda one, other: replace(one, facts=np.zeros_like(one.facts)),
        lambda one, other: replace(one, features=one.features[:, :1]),
        lambda one, other: replace(one, skipped=((0, "no"),)),
        lambda one, other: replace(one, statistics=one.statistics.merge(other.statistics)),
        lambda one, other: replace(one, facts=None),
    ],
    ids=["statistics of others", "a row less", "no rows", "a column less", "skipped and read", "too many counted", "nothing"],
)
def test_a_result_that_cannot_be_that_shards_is_refused(tmp_path, undisturbed, changed):
    def function(shard):
        if shard.first:
            return arithmetic.here(shard)
        other = Shard(SHARD, shard.sources, shard.classes)
        return changed(arithmetic.here(shard), arithmetic.here(other))

    with pytest.raises(ConvscopeError, match="result for the images 0 to 255 is wrong"):
        arithmetic.scan(tmp_path / "run", COUNT, engine=Serial(), function=function)
    arithmetic.scan(tmp_path / "run", COUNT)
    assert arithmetic.result(tmp_path / "run") == undisturbed
