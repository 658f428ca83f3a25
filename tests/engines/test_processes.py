"""Several processes give the very bytes of one; one that is killed is replaced."""

import concurrent.futures
import os

import arithmetic
import pytest

from convscope.engines import Processes, processes
from convscope.errors import ConvscopeError
from convscope.scanning import open_run

COUNT = 5 * 256 + 3
RESULT = ("images.parquet", "units.parquet", "top.parquet", "skipped.parquet", "features.npy", "manifest.json")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    run = tmp_path_factory.mktemp("alone") / "run"
    arithmetic.scan(run, COUNT)
    return {name: (run / name).read_bytes() for name in RESULT}


def test_several_processes_give_the_bytes_of_one(tmp_path, alone):
    arithmetic.scan(tmp_path / "run", COUNT, engine=Processes(2), function=arithmetic.here)
    assert {name: (tmp_path / "run" / name).read_bytes() for name in RESULT} == alone


def test_processes_share_the_cores_unless_the_user_says_how_many_threads(monkeypatch):
    monkeypatch.setattr(processes, "available_cpus", lambda: 7)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "5")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert list(Processes(2).map(os.getenv, ["OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"])) in (["3", "5"], ["5", "3"])
    assert "OMP_NUM_THREADS" not in os.environ
    assert list(Processes(8).map(os.getenv, ["OMP_NUM_THREADS"])) == ["1"]


def wait_for_all(running, **when):
    """Show what was finished and a death after it together, as to a parent that is slow."""
    return concurrent.futures.wait(running)


@pytest.mark.parametrize("wait", [concurrent.futures.wait, wait_for_all], ids=["seen at once", "seen late"])
def test_the_shards_of_a_killed_process_are_given_out_again(tmp_path, alone, monkeypatch, wait):
    monkeypatch.setattr(processes, "wait", wait)
    function = arithmetic.here_but_die_first(tmp_path / "died")
    arithmetic.scan(tmp_path / "run", COUNT, engine=Processes(1), function=function)
    assert (tmp_path / "died").exists()
    assert {name: (tmp_path / "run" / name).read_bytes() for name in RESULT} == alone


def test_processes_that_all_die_end_the_scan_with_advice_and_keep_what_was_done(tmp_path):
    arithmetic.scan(tmp_path / "run", 256)
    with pytest.raises(ConvscopeError, match="worker process died.*fewer `workers`"):
        arithmetic.scan(tmp_path / "run", COUNT, engine=Processes(1), function=arithmetic.die)
    assert len(open_run(tmp_path / "run")) == 256
