"""Mutated files load or are refused in one sentence: no other exception, no crash, no hang, no gigabytes."""

import sys

import pytest

from convscope.backend import keras
from models import fuzzing, isolated

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits on memory need the resource module")
FILES, PARTS = (300 if keras.backend.backend() == "tensorflow" else 60), 10


@pytest.fixture(scope="module")
def field(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("seeds", "files", "scratch"):
        (folder / name).mkdir()
    worker = isolated.Worker(folder / "scratch")
    yield worker, fuzzing.seeds(folder / "seeds"), folder / "files"
    worker.close()


def test_the_files_that_the_mutations_start_from_load(field):
    worker, paths, _ = field
    outcomes = {path.name: worker.load(path) for path in paths}
    assert not [f"{name}: {outcome}" for name, outcome in outcomes.items() if outcome.kind != "loaded"]


@pytest.mark.parametrize("part", range(PARTS))
def test_a_mutated_file_loads_or_is_refused(field, part):
    worker, paths, folder = field
    faults = []
    for number in range(part, FILES, PARTS):
        path = fuzzing.mutate(paths, number, folder)
        outcome = worker.load(path)
        faults += [f"{path.name} (bench/fuzz_models.py --first {number} --count 1): {fault}" for fault in outcome.faults()]
        path.unlink()
    assert not faults, "\n".join(faults)


def test_the_same_number_makes_the_same_file(field, tmp_path):
    _, paths, folder = field
    (tmp_path / "again").mkdir()
    for number in range(12):
        first, again = fuzzing.mutate(paths, number, folder), fuzzing.mutate(paths, number, tmp_path / "again")
        assert first.read_bytes() == again.read_bytes(), first.name
        first.unlink()
