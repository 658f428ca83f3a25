"""A scan that is killed, interrupted, continued and added to ends as if nothing had happened."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import arithmetic
import numpy as np
import pytest

from convscope.engines import Serial
from convscope.errors import ImageError, OptionError, OutputError
from convscope.scanning import open_run
from convscope.scanning.lock import locked
from convscope.scanning.shards import SHARD, unfinished
from sampling import all_but

COUNT = 40 * SHARD + 17


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    arithmetic.scan(run, COUNT)
    return arithmetic.result(run)


def begun(run, count=COUNT):
    """Return a process that is about to scan."""
    process = subprocess.Popen([sys.executable, arithmetic.__file__, str(run), str(count)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process


def ended(process):
    process.stdout.close()
    return process.wait()


@pytest.mark.long
@pytest.mark.parametrize("times", all_but([1], [1, 20]))
def test_a_scan_killed_at_random_moments_ends_with_the_very_bytes(tmp_path, undisturbed, times):
    moments, run, kills, window, before = random.Random(3), tmp_path / "run", 0, 0.2, 0
    while kills < times:
        process = begun(run)
        time.sleep(moments.uniform(0.0, window))
        how = moments.choice((signal.SIGKILL, signal.SIGTERM))
        process.send_signal(how)
        if ended(process) != -how:  # it came to its end before: once more from the beginning
            assert arithmetic.result(run) == undisturbed
            shutil.rmtree(run)
            window, before = window / 1.5, 0
            continue
        done = done_in(run)
        kills += done > before  # only those count that struck at work, after a shard or more
        window *= 1.0 if done > before else 1.1
        before = done
    arithmetic.scan(run, COUNT)
    assert arithmetic.result(run) == undisturbed


def done_in(run):
    """Return how many images the parts and merged files of a run stand for, by their names and what they say."""
    spans = set()
    for path in run.glob("shards/*.npz"):
        with np.load(path) as file:
            spans.update(tuple(span[:2]) for span in json.loads(file["about"].tobytes())["spans"])
    return sum(end - first for first, end in spans)


def test_ctrl_c_keeps_and_writes_what_was_reached(tmp_path, undisturbed):
    run = tmp_path / "run"
    arithmetic.scan(run, COUNT, engine=arithmetic.Stopping(3), function=arithmetic.here)
    reached = open_run(run)
    assert not reached.complete and len(reached) == 3 * SHARD and reached.manifest["count"] == COUNT
    assert reached.units("maps").count.tolist() == [3 * SHARD] * 5
    arithmetic.scan(run, COUNT)
    assert open_run(run).complete and arithmetic.result(run) == undisturbed


def test_ctrl_c_before_the_first_shard_has_nothing_to_keep(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        arithmetic.scan(tmp_path / "run", COUNT, engine=arithmetic.Stopping(0), function=arithmetic.here)
    with pytest.raises(Exception, match="not finished. The same scan command resumes"):
        open_run(tmp_path / "run")


class Shuffled(Serial):
    """Gives the shards out in a random order, as several processes would."""

    def map(self, function, shards):
        shards = list(shards)
        random.Random(5).shuffle(shards)
        return map(function, shards)


def test_the_order_of_the_shards_does_not_matter(tmp_path, undisturbed):
    arithmetic.scan(tmp_path / "run", COUNT, engine=Shuffled(), function=arithmetic.here)
    assert arithmetic.result(tmp_path / "run") == undisturbed


@pytest.mark.parametrize("before", [2, SHARD - 1, SHARD, 5 * SHARD + 100])
def test_adding_images_scans_only_the_new_ones_and_ends_as_all_at_once(tmp_path, undisturbed, before):
    run = tmp_path / "run"
    arithmetic.scan(run, before)
    watched = arithmetic.Watched()
    arithmetic.scan(run, COUNT, engine=Serial(), function=watched)
    assert [first for first, _ in watched.spans] == sorted({before, *range(-(-before // SHARD) * SHARD, COUNT, SHARD)})
    assert arithmetic.result(run) == undisturbed


def test_a_finished_run_has_nothing_left_to_do(tmp_path, undisturbed):
    arithmetic.scan(tmp_path / "run", COUNT)
    arithmetic.scan(tmp_path / "run", COUNT, engine=arithmetic.Stopping(0, AssertionError), function=arithmetic.here)
    assert arithmetic.result(tmp_path / "run") == undisturbed


def test_a_kill_between_the_merged_file_and_the_removal_of_its_parts_counts_no_image_twice(tmp_path, undisturbed):
    run = tmp_path / "run"
    arithmetic.scan(run, COUNT, engine=arithmetic.Stopping(5), function=arithmetic.here)
    kept = {path: path.read_bytes() for path in run.glob("shards/part-*.npz")}
    assert len(kept) == 5
    arithmetic.journal(run, COUNT).settle()
    for path, content in kept.items():
        path.write_bytes(content)
    (run / "shards" / ".convscope-0123.tmp").write_bytes(b"half")
    arithmetic.scan(run, COUNT)
    assert arithmetic.result(run) == undisturbed
    assert [path.name[:9] for path in sorted(run.glob("shards/*"))][:2] == ["facts.bin", "merged-4-"]


def test_two_processes_on_one_run_the_second_says_so(tmp_path):
    run = tmp_path / "run"
    with locked(run):
        process = subprocess.run([sys.executable, arithmetic.__file__, str(run), "10"], capture_output=True, text=True)
    assert process.returncode and "Another process is working on" in process.stderr
    arithmetic.scan(run, 10)
    assert len(open_run(run)) == 10


def test_a_lock_dies_with_its_holder(tmp_path):
    holder = "import sys, time; from pathlib import Path; from convscope.scanning.lock import locked\nwith locked(Path(sys.argv[1])):"
    process = subprocess.Popen([sys.executable, "-c", f"{holder} print(flush=True); time.sleep(60)", str(tmp_path)], stdout=subprocess.PIPE)
    process.stdout.readline()
    with pytest.raises(OutputError, match="Another process"), locked(tmp_path):
        pass
    process.kill()
    ended(process)
    with locked(tmp_path):
        pass


@pytest.mark.parametrize(
    ("entry", "value", "said"),
    [
        ("top", 5, "was scanned with top 4, not 5"),
        ("precision", "bfloat16", "was scanned with precision float32, not bfloat16"),
        ("measured", ["maps"], "was scanned with other layers"),
        ("model", {"digest": "0" * 32, "preprocessing": "none"}, "was scanned with another model"),
        ("backend", {"name": "jax"}, "was scanned with backend numpy, not jax"),
    ],
)
def test_a_run_of_something_else_is_refused(tmp_path, monkeypatch, entry, value, said):
    arithmetic.scan(tmp_path / "run", 10)
    before = arithmetic.result(tmp_path / "run")
    monkeypatch.setitem(arithmetic.SETTINGS, entry, value)
    with pytest.raises(OptionError, match=said):
        arithmetic.scan(tmp_path / "run", 10)
    assert arithmetic.result(tmp_path / "run") == before


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OptionError, match="holds files, but not a scan"):
        arithmetic.scan(tmp_path, 10)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_in_which_a_scan_was_killed_at_its_very_beginning_is_taken(tmp_path):
    """Killed between a trial file and its removal, or while anything else waited under a temporary name, a folder of files too."""
    trial, folder = tmp_path / ".convscope-0123456789ab.tmp", tmp_path / ".convscope-ba9876543210.tmp"
    trial.touch()
    folder.mkdir()
    (folder / "half.png").touch()
    (tmp_path / ".DS_Store").touch()  # what a file manager leaves is no file of the user's
    arithmetic.scan(tmp_path, 10)
    assert open_run(tmp_path).complete and not trial.exists() and not folder.exists() and (tmp_path / ".DS_Store").exists()
    (tmp_path / "shards" / folder.name).mkdir()
    arithmetic.scan(tmp_path, 10)
    assert not (tmp_path / "shards" / folder.name).exists()


def link(path, target):
    path.symlink_to(target)


def hard_link(path, target):
    path.hardlink_to(target)


def pipe(path, target):
    os.mkfifo(path)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there, and there are no pipes in folders")
@pytest.mark.parametrize("make", [link, hard_link, pipe])
@pytest.mark.parametrize("name", ["features.npy", "shards/facts.bin", "lock"])
def test_nothing_is_written_through_a_link_in_the_run(tmp_path, name, make):
    run, mine = tmp_path / "run", tmp_path / "mine"
    arithmetic.scan(run, 10)
    mine.write_bytes(b"mine")
    (run / name).unlink()
    make(run / name, mine)
    kind = {"link": "a link", "hard_link": r"a file that has 2 names \(hard links\)", "pipe": "a pipe"}[make.__name__]
    with pytest.raises(OutputError, match=f"Cannot write.*{kind}.*stands there"):
        arithmetic.scan(run, 400)
    assert mine.read_bytes() == b"mine"


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_the_folder_of_shards_is_no_link(tmp_path):
    run = tmp_path / "run"
    arithmetic.scan(run, 10)
    (run / "shards").rename(tmp_path / "elsewhere")
    (run / "shards").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OptionError, match="shards` is a link"):
        arithmetic.scan(run, 10)


def test_images_that_are_gone_or_have_changed_are_said(tmp_path):
    run = tmp_path / "run"
    arithmetic.scan(run, 100)
    with pytest.raises(ImageError, match=r"knows 100 images, and `array\[60\]` is not among the 60 in this command"):
        arithmetic.scan(run, 60)
    from convscope.images import as_image_set
    from convscope.scanning.completion import complete_run

    with pytest.raises(ImageError, match="has changed since the run"):
        complete_run(run, as_image_set(255 - arithmetic.pictures(120)), arithmetic.Arithmetic(), arithmetic.SETTINGS)


def test_what_is_left_is_cut_at_multiples_of_a_shard():
    assert list(unfinished([], 2 * SHARD + 1)) == [(0, SHARD), (SHARD, 2 * SHARD), (2 * SHARD, 2 * SHARD + 1)]
    assert list(unfinished([(0, 10), (SHARD, 2 * SHARD)], 2 * SHARD + 1)) == [(10, SHARD), (2 * SHARD, 2 * SHARD + 1)]
    assert list(unfinished([(0, 5), (7, 9)], 10)) == [(5, 7), (9, 10)]
    assert not list(unfinished([(0, 10)], 10))


def test_features_are_an_ordinary_npy_file_that_grows(tmp_path):
    arithmetic.scan(tmp_path / "run", 30)
    first = np.load(tmp_path / "run" / "features.npy")
    assert first.shape == (30, 2) and first.dtype == np.float32
    arithmetic.scan(tmp_path / "run", 3000)
    grown = np.load(tmp_path / "run" / "features.npy", mmap_mode="r")
    assert grown.shape == (3000, 2) and np.array_equal(grown[:30], first)
