"""No model file runs code, reads another file, calls an address or takes the memory: each is refused in one sentence."""

import contextlib
import re
import shutil
import socket
import sys

import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ModelError
from models import hostile, isolated
from sampling import sampled

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits on memory need the resource module")
CASES = hostile.cases()
# Files are read alike on every backend; what the others repeat is what reaches the framework: sizes, arrays, layers of other libraries.
REACHING = ("big:", "array", "tensor", "vocabulary", "lambda", "weights")
TRIED = [name for name in CASES if keras.backend.backend() == "tensorflow" or name.startswith(REACHING)]


class Range:
    """The bait, a process that loads, and what watches both."""

    def __init__(self, folder):
        self.folder, self.scratch = folder, folder / "scratch"
        (folder / "bait").mkdir()
        self.scratch.mkdir()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.server.setblocking(False)
        self.bait = hostile.Bait(folder / "bait", self.server.getsockname()[1])
        self.bait.prepare()
        self.watch = isolated.Watch(self.bait.folder, self.bait.folder / "saved")
        self.worker = isolated.Worker(self.scratch, self.bait.folder)
        self.count = 0

    def write(self, write):
        """Write one file into a folder of its own and forget what writing it touched."""
        self.count += 1
        place = self.folder / f"file{self.count}"
        place.mkdir()
        path = write(place, self.bait)
        self.watch.seen()
        return path

    def damage(self):
        """Return everything that was touched, and clear it away."""
        found = [f"touched {name}" for name in self.watch.seen()]
        if self.bait.mark.exists():
            found.append("the mark was made")
            self.bait.mark.unlink()
        try:
            self.server.accept()[0].close()
            found.append("the address was called")
        except BlockingIOError:
            pass
        for left in self.scratch.iterdir():
            if not left.name.startswith("torchinductor"):  # PyTorch's own cache
                found.append(f"left behind {left.name}")
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        return found

    def close(self):
        self.worker.close()
        self.watch.close()
        self.server.close()


@pytest.fixture(scope="module")
def shooting(tmp_path_factory):
    found = Range(tmp_path_factory.mktemp("hostile"))
    yield found
    found.close()


def faults(case, outcome, damage):
    """Return what is wrong with how a file was met, in words; empty where all is well."""
    found = [*damage, *outcome.faults()]
    if outcome.kind == "loaded" and not case.may_load:
        found.append("it was loaded")
    if outcome.kind == "refused" and not re.search(case.says, outcome.message, re.IGNORECASE):
        found.append(f"the refusal does not name {case.says!r}: {outcome.message[:500]}")
    return found


@pytest.mark.parametrize("name", sampled(TRIED, 24))
def test_a_hostile_file_is_refused_and_leaves_no_mark(shooting, name):
    case = CASES[name]
    path = shooting.write(case.write)
    outcome = shooting.worker.load(path)
    assert not faults(case, outcome, shooting.damage())


@pytest.mark.parametrize("name", sampled(hostile.benign(), 12))
def test_the_same_file_without_the_attack_loads(shooting, name):
    outcome = shooting.worker.load(shooting.write(hostile.benign()[name]))
    assert outcome.kind == "loaded", str(outcome)
    assert not shooting.damage() + outcome.events


# The attacks are real: where nothing stops them, they leave their marks, and the watch sees them.


@pytest.mark.parametrize("name", ["lambda_functional.keras", "lambda_sequential.h5", "lambda_sequential.keras"])
def test_plain_keras_runs_what_is_refused_here(shooting, name):
    path = shooting.write(CASES[name].write)
    shooting.worker.load(path, "keras")
    assert "the mark was made" in shooting.damage()
    assert shooting.worker.load(path).kind == "refused"
    assert not shooting.damage()


def test_unsafe_runs_it_because_the_user_said_so(shooting):
    path = shooting.write(CASES["lambda_functional.keras"].write)
    assert shooting.worker.load(path, unsafe=True).kind in ("loaded", "refused")
    assert "the mark was made" in shooting.damage()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux says which files a process opens")
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("vocabulary_path:StringLookup.keras", "vocabulary.txt"),
        ("hdf5:external_link.h5", "secret.h5"),
        ("hdf5:external_storage.h5", "secret.raw"),
        ("hdf5:virtual_data.h5", "secret.h5"),
    ],
)
def test_the_watch_sees_files_that_keras_opens(shooting, name, file):
    shooting.worker.load(shooting.write(CASES[name].write), "keras")
    seen = shooting.damage()
    if f"touched {file}" not in seen:  # Keras has learned to refuse it: open it as HDF5 would
        (shooting.bait.folder / file).read_bytes()
        seen = shooting.damage()
    assert f"touched {file}" in seen


def test_the_recorder_hears_programs_and_pickles(shooting):
    outcome = shooting.worker.load(shooting.write(CASES["lambda_functional.keras"].write), "keras")
    assert any(event.startswith("marshal.loads") for event in outcome.events)
    shooting.damage()


@pytest.mark.parametrize("name", ["terminal", "terminal_8_bit", "newlines", "climbing"])
def test_a_name_in_a_list_of_units_does_not_reach_the_terminal_raw(shooting, name, capfd):
    from convscope.cli import main

    path = shooting.write(CASES[f"name:{name}.h5"].write)
    with contextlib.suppress(SystemExit):
        main(["layers", "-m", str(path)])
    for text in capfd.readouterr():
        assert not isolated.unprintable(text), repr(text)
    shooting.damage()


def test_a_refusal_is_a_model_error_in_process_too(shooting):
    path = shooting.write(CASES["lambda_functional.keras"].write)
    with pytest.raises(ModelError, match="evil"):
        convscope.load(path)
    assert not shooting.damage()
