"""The files that the mutations start from; `tests/fuzzing/models.py` loads the mutated ones."""

import pytest

import convscope
from models import mutations


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return mutations.seeds(tmp_path_factory.mktemp("seeds"))


@pytest.mark.long
def test_the_files_that_the_mutations_start_from_load(paths):
    for path in paths:
        assert convscope.load(path, preprocess="unit").network.built, path.name


@pytest.mark.once
def test_the_same_number_makes_the_same_file(paths, tmp_path):
    for folder in ("first", "again"):
        (tmp_path / folder).mkdir()
    for number in range(12):
        first, again = (mutations.mutate(paths, number, tmp_path / folder) for folder in ("first", "again"))
        assert first.read_bytes() == again.read_bytes(), first.name
