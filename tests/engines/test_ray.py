"""A cluster of several nodes on this machine: whatever dies, a run has the bytes of one process."""

import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import arithmetic
import numpy as np
import pytest
from clustered import COUNT, die, doubled, linger_first, refuse, slow

import convscope
from convscope import assets
from convscope.engines import EVERYWHERE, Ray, engine_of
from convscope.engines import ray as engine_module
from convscope.errors import BackendError, ConvscopeError, OptionError, UnitError

pytestmark = [
    pytest.mark.long,  # nodes and workers are processes, which start slowly
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore"),  # Ray's own
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed"),
]
PATHS = [str(Path(__file__).parent), str(Path(arithmetic.__file__).parent), str(Path(__file__).parents[1])]


@pytest.fixture(scope="module")
def cluster():
    """A head that works on nothing, and one node of one CPU; on the loopback interface alone."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", os.pathsep.join([*PATHS, os.environ.get("PYTHONPATH", "")]))
        patched.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        engine_module._imported(local=True)
        from ray.cluster_utils import Cluster

        folder = tempfile.mkdtemp(prefix="cs-")  # a short path, because sockets lie in it
        (Path(tempfile.gettempdir()) / "ray").mkdir(exist_ok=True)  # Ray notes the cluster there, whatever its own folder is
        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": engine_module.HEALTH, "object_store_memory": 10**8}
        with engine_module._handlers_kept():  # of the tests that come after
            made = Cluster(initialize_head=True, head_node_args=head | {"temp_dir": folder})
        yield made
        made.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def node(cluster):
    return add(cluster)


def add(cluster):
    with engine_module._handlers_kept():
        return cluster.add_node(num_cpus=1, object_store_memory=10**8)


@pytest.fixture(scope="module")
def engine(cluster, node):
    made = Ray(address=cluster.address, cpus=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    run = tmp_path_factory.mktemp("serial") / "run"
    arithmetic.scan(run, COUNT)
    return arithmetic.result(run)


class Disturbed:
    """An engine to which something happens after so many results, once `ready` says that it would matter."""

    reach, happened = EVERYWHERE, False

    def __init__(self, engine, after, happen, ready=lambda: True):
        self.engine, self.left, self.happen, self.ready = engine, after, happen, ready

    @property
    def workers(self):
        return self.engine.workers

    def map(self, function, items):
        results = self.engine.map(function, items)
        try:
            for result in results:
                yield result
                self.left -= 1
                if self.left <= 0 and not self.happened and self.ready():
                    self.happened = True
                    self.happen()
        finally:
            results.close()


def test_a_function_is_mapped_and_its_error_is_raised_as_it_is(engine):
    assert sorted(engine.map(doubled, range(9))) == list(range(0, 18, 2))
    with pytest.raises(UnitError, match="`0` is not a unit"):
        list(engine.map(refuse, range(3)))
    assert sorted(engine.map(doubled, range(3))) == [0, 2, 4]


def test_a_node_that_is_killed_takes_nothing_along(cluster, engine, tmp_path, capfd):
    """3,000 pictures, a network in memory; another node joins late, and is gone without grace in the middle."""
    network = convscope.load(convscope.load("fashion").network, preprocess="unit")
    with np.load(assets.path("fashion_test.npz")) as sample:
        pictures = np.resize(sample["images"], (3000, 28, 28))[..., None]
    asked = {"layers": "block3_conv1,dense1", "precision": "float32"}
    alone = convscope.scan(network, pictures, out=tmp_path / "alone", **asked)
    other = add(cluster)
    wait_for(lambda: engine.workers == 2, engine)

    def has_work():
        return any(actor.running and actor.node[0] == other.node_id for actor in engine._actors)

    disturbed = Disturbed(engine, 3, lambda: cluster.remove_node(other, allow_graceful=False), has_work)
    run = convscope.scan(network, pictures, out=tmp_path / "run", engine=disturbed, **asked)
    assert disturbed.happened and arithmetic.result(run.path) == arithmetic.result(alone.path)
    assert capfd.readouterr().out == ""  # Ray would print there


def test_the_pictures_of_a_layer_are_those_of_one_process(engine, tmp_path):
    asked = {"layers": "block1_conv1", "size": 16, "steps": 2, "precision": "float32"}
    for name, who in (("here", None), ("there", engine)):
        convscope.ascend_all("fashion", engine=who, **asked).save(tmp_path / name)
    pictures = {path.name: path.read_bytes() for path in (tmp_path / "here").glob("*.png")}
    assert len(pictures) > 1 and pictures == {path.name: path.read_bytes() for path in (tmp_path / "there").glob("*.png")}


def test_ctrl_c_keeps_what_was_done_and_a_plain_scan_ends_it(engine, tmp_path, serial):
    def interrupt():
        raise KeyboardInterrupt

    arithmetic.scan(tmp_path / "run", COUNT, engine=Disturbed(engine, 2, interrupt), function=slow)
    assert not convscope.open_run(tmp_path / "run").complete
    arithmetic.scan(tmp_path / "run", COUNT)
    assert arithmetic.result(tmp_path / "run") == serial


def test_a_driver_that_is_killed_resumes_on_the_cluster(cluster, engine, tmp_path, serial):
    engine.close()  # it would hold the only CPU
    program = [sys.executable, str(Path(__file__).parent / "clustered.py"), cluster.address, str(tmp_path / "run")]
    driver = subprocess.Popen(program, start_new_session=True)
    until = time.monotonic() + 240
    while not any((tmp_path / "run" / "shards").glob("part-*")) and driver.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(driver.pid, signal.SIGKILL)
    assert driver.wait() == -signal.SIGKILL and not (tmp_path / "run" / "manifest.json").exists()
    assert any((tmp_path / "run" / "shards").glob("part-*"))
    arithmetic.scan(tmp_path / "run", COUNT, engine=engine, function=slow)
    assert arithmetic.result(tmp_path / "run") == serial


def test_what_takes_forever_is_repeated_elsewhere(cluster, engine, tmp_path):
    other = add(cluster)
    wait_for(lambda: engine.workers == 2, engine)
    assert sorted(engine.map(functools.partial(linger_first, tmp_path), range(6))) == list(range(6))
    cluster.remove_node(other, allow_graceful=False)


def test_workers_that_keep_dying_end_the_request_with_advice(engine, monkeypatch, capfd):
    monkeypatch.setattr(engine_module, "DEATHS", 1)
    engine._told.clear()
    with pytest.raises(ConvscopeError, match=r"workers died one after the other.*Finished work is kept.*`worker_memory`"):
        list(engine.map(die, [1]))
    assert "What it had is given out again: 1 part of the work" in capfd.readouterr().err
    assert list(engine.map(doubled, [1])) == [2]


def wait_for(come, engine, seconds=180):
    """Let the engine look after its workers until something has come."""
    until = time.monotonic() + seconds
    while not come() and time.monotonic() < until:
        list(engine.map(doubled, [1]))
        time.sleep(0.2)
    assert come()


def test_what_no_node_has_room_for_is_said(cluster, engine):
    with pytest.raises(OptionError, match=r"No node of the Ray cluster has room for a worker with 1 CPUs, 8 GPUs"):
        next(Ray(cpus=1, gpus=8, address=cluster.address).map(doubled, [1]))


def test_the_workers_of_a_large_machine_share_it():
    nodes = [{"Alive": True, "Resources": {"CPU": 64.0, "GPU": 8.0}}, {"Alive": True, "Resources": {"CPU": 16.0}}]
    assert Ray()._share(nodes) == (8, 1)
    assert Ray(gpus=0.5)._share(nodes) == (4, 0.5)
    assert Ray()._share(nodes[1:]) == (2, 0)
    assert [engine_module._room(node, 2, 0, None) for node in nodes] == [32, 8]
    assert engine_module._room(nodes[0], 2, 1, None) == 8


def test_the_engine_by_its_name(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")
    assert repr(engine_of("ray:3")) == "Ray(3 workers, head:6379)"
    assert engine_of("ray").reach == EVERYWHERE
    monkeypatch.delenv("RAY_ADDRESS")
    assert Ray().reach == "this machine"
    with pytest.raises(OptionError, match=r"address of Ray Client, which convscope does not use"):
        Ray(address="ray://head:10001")


def test_a_ray_that_is_missing_or_old_is_said(monkeypatch):
    monkeypatch.setattr("ray.__version__", "2.9.3")
    with pytest.raises(BackendError, match=r"Ray 2.9.3 is installed; convscope needs 2.52 or newer"):
        engine_module._imported(local=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BackendError, match=r'pip install "convscope\[ray\]"'):
        engine_module._imported(local=False)


def test_neither_the_package_nor_its_help_imports_ray():
    code = "import sys, convscope.cli, convscope.engines\ntry: convscope.cli.main(['scan', '--help'])\nexcept SystemExit: pass\n"
    ended = subprocess.run([sys.executable, "-c", code + "assert 'ray' not in sys.modules"], capture_output=True, check=False)
    assert ended.returncode == 0 and b"--worker-gpus" in ended.stdout
