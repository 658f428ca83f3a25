"""Leases and merges: their sizes, who writes parts, and a tree of merges that is the flat one to the bit."""

from dataclasses import replace

import arithmetic
import numpy as np
import pytest

from convscope.engines import Serial
from convscope.formats.journal_files import SHARDS, Rows
from convscope.images import as_image_set
from convscope.scanning import leases, open_run, shards
from convscope.scanning.assignments import LEASE_SECONDS, SHARES, Assignments
from convscope.scanning.completion import complete_run
from convscope.scanning.leases import Finished, Lease, Merge, at_home, merged
from convscope.scanning.shards import SHARD, Shard

pytestmark = pytest.mark.once
COUNT = 12 * SHARD + 9


class Paced(Serial):
    """Says that a shard takes so many seconds of each of its workers."""

    def __init__(self, workers, seconds):
        self.workers, self.seconds, self.sizes = workers, seconds, []

    def map(self, function, items):
        for item in items:
            self.sizes.append(len(item.shards))
            yield Finished(item.key, seconds=self.seconds * len(item.shards))


def sizes(workers, seconds, shards):
    engine = Paced(workers, seconds)
    lease = lambda spans: Lease(tuple(Shard(a, (None,) * (b - a), np.zeros(b - a)) for a, b in spans), 9, "", None)  # noqa: E731
    spans = [(one * 2, one * 2 + 2) for one in range(shards)]
    given = [span for item, _ in Assignments([], spans, lease, lambda: None).results(engine, None, None) for span in item.key]
    assert given == spans and sum(engine.sizes) == shards
    return engine.sizes


def test_one_worker_is_handed_one_shard_at_a_time():
    assert sizes(1, 0.01, 50) == [1] * 50


def test_a_lease_is_what_a_worker_does_in_half_a_minute_and_the_last_ones_are_small():
    slow, quick = sizes(4, LEASE_SECONDS / 3, 400), sizes(4, LEASE_SECONDS / 1000, 4000)
    assert slow[:3] == [1, 3, 3] and max(slow) == 3
    assert quick[:2] == [1, 3999 // (4 * SHARES)] and quick[-1] == 1 and len(quick) < 120
    assert sizes(4, LEASE_SECONDS * 2, 40) == [1] * 40


def test_a_lease_ends_where_a_tar_does_if_that_is_near():
    engine = Paced(2, LEASE_SECONDS / 3)
    lease = lambda spans: Lease(tuple(Shard(a, (None,) * (b - a), np.zeros(b - a)) for a, b in spans), 9, "", None)  # noqa: E731
    spans = [(one, one + 1) for one in range(60)]
    found = Assignments([], spans, lease, lambda: None, lambda image: image % 5 > 0).results(engine, None, None)
    assert [item.key[-1][1] for item, _ in found][:5] == [1, 5, 10, 15, 20]


class Stopped(Exception):
    """What ends a scan."""


@pytest.fixture
def parts(tmp_path):
    """Return a run with a part for each shard, as a scan that was killed left it."""

    class Killed(Serial):
        def map(self, function, items):
            yield from (function(item) for item in items if isinstance(item, Lease))
            raise Stopped

    with pytest.MonkeyPatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Assignments, "_is_open", lambda self: True)
        arithmetic.scan(tmp_path / "run", COUNT, engine=Killed(), function=arithmetic.here)
    return sorted((tmp_path / "run" / SHARDS).glob("part-*.npz"))


def test_a_tree_of_merges_is_the_flat_merge_to_the_bit(parts):
    _, flat = merged(parts, "of")
    run = parts[0].parent.parent
    with at_home(run) as home:
        files, number = [path.name for path in np.random.default_rng(0).permutation(np.asarray(parts, object))], 0
        while len(files) > 1:
            number += 1
            finished = Merge(tuple(files[:3]), number, "of", home).made()
            finished.lies_in(home).rename(parts[0].with_name(finished.name))
            files = [*files[3:], finished.name]
        part, tree = merged([parts[0].with_name(files[0])], "of")
    ours, theirs = flat.arrays(), tree.arrays()
    assert number > 4 and all(np.array_equal(ours[name], theirs[name]) and ours[name].dtype == theirs[name].dtype for name in ours)
    assert [one.span for one in part.done] == [(first, min(first + SHARD, COUNT)) for first in range(0, COUNT, SHARD)]


def test_rows_that_a_loss_of_power_took_come_back_from_the_parts(parts, monkeypatch):
    run = parts[0].parent.parent
    for name in ("features.npy", "sample.npy", "shards/facts.bin", "shards/sample.bin"):
        (run / name).write_bytes(b"")
    found = arithmetic.journal(run, COUNT)
    assert (found.damaged, found.unsampled) == ((), ()) and len(found.spans) == len(parts)
    arithmetic.scan(run, COUNT, engine=arithmetic.Stopping(0, AssertionError), function=arithmetic.here)
    arithmetic.scan(run.with_name("undisturbed"), COUNT)
    assert arithmetic.result(run) == arithmetic.result(run.with_name("undisturbed"))


def test_rows_are_on_the_disk_before_the_parts_that_hold_them_go(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(Rows, "to_disk", lambda self: told.append((self.path.name, len([*self.path.parents[1].rglob("part-*.npz")]))))
    arithmetic.scan(tmp_path / "run", 20 * SHARD)
    assert told[:2] == [("facts.bin", 16), ("features.npy", 17)] or {name for name, _ in told} == {"facts.bin", "features.npy"}
    assert min(count for _, count in told) > 0 and not [*tmp_path.rglob("part-*.npz")]


def test_a_worker_that_may_not_write_hands_its_part_over(tmp_path, monkeypatch):
    arithmetic.scan(tmp_path / "undisturbed", COUNT)
    original, refused = leases.write_aside, []

    def refuse(folder, content):
        if len(content) and len(refused) < 4:
            refused.append(1)
            raise leases.OutputError("Cannot write.")
        return original(folder, content)

    def function(item):
        with monkeypatch.context() as patched:
            patched.setattr(leases, "write_aside", refuse)
            return arithmetic.here(item)

    arithmetic.scan(tmp_path / "run", COUNT, engine=Serial(), function=function)
    assert refused and arithmetic.result(tmp_path / "run") == arithmetic.result(tmp_path / "undisturbed")


def test_a_folder_of_the_same_path_on_another_machine_is_not_the_runs(tmp_path):
    (tmp_path / "run" / SHARDS).mkdir(parents=True)
    with at_home(tmp_path / "run") as home:
        assert home.is_seen() and not replace(home, sign="other").is_seen()
    assert not home.is_seen()


class Nodes(Serial):
    """Machines that take turns, by their names."""

    workers = 2

    def __init__(self, names):
        self.names, self.leases = names, []

    def map(self, function, items):
        for item in items:
            self.leases.append(item.key)
            yield replace(function(item), node=self.names[(len(self.leases) - 1) % len(self.names)])


@pytest.mark.parametrize(("nodes", "turns"), [("a", 2), ("abb", 2), ("abab", 3), ("abaa", 4)])
def test_an_image_that_one_machine_does_not_reach_is_tried_by_another(tmp_path, nodes, turns, monkeypatch):
    from PIL import Image

    monkeypatch.setattr(shards, "SHARD", 2)
    photos = tmp_path / "photos"
    photos.mkdir()
    for number, picture in enumerate(arithmetic.pictures(4)):
        Image.fromarray(picture[..., 0]).save(photos / f"{number}.png")
    given, engine = as_image_set(photos), Nodes(nodes)
    (photos / "1.png").unlink()
    complete_run(tmp_path / "run", given, arithmetic.Arithmetic(), arithmetic.SETTINGS, engine, arithmetic.here)
    run = open_run(tmp_path / "run")
    assert (run.complete, run.unreachable, run.ids.tolist()) == (False, 1, [0, 2, 3])
    assert engine.leases == [((0, 2),), ((2, 4),), *[((1, 2),)] * (turns - 1)]
