"""The sums of a lesion come back as they were written, and a file of something else is not read."""

from pathlib import Path

import numpy as np
import pytest

from convscope.errors import ReplayError
from convscope.formats import lesion_file
from convscope.formats.lesion_file import LesionSums, lesion_path, read_lesions, write_lesions

pytestmark = pytest.mark.once

GOLDEN = Path(__file__).parents[1] / "golden" / "lesions.parquet"
OF = {"run": "r", "network": "n", "layer": "block1:conv/1", "judged": "labels", "chosen": "c"}


def sums():
    """Two units and four classes, of which one does not occur."""
    made = LesionSums.empty(2, 4)
    made.count[:] = [3, 0, 2, 1]
    made.loss[:], made.right[:] = [0.5, 0, 1.25, 2], [3, 0, 1, 0]
    made.loss_without[:] = [[1, 0, 2, 3], [0.25, 0, 4, 5]]
    made.right_without[:], made.changed[:], made.active[:] = [[2, 0, 1, 0], [3, 0, 0, 1]], [[1, 0, 0, 0], [0, 0, 1, 1]], [5, 6]
    made.done = 6
    return made


def same(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_sums_come_back_and_a_file_of_something_else_does_not(tmp_path):
    path = lesion_path(tmp_path, OF["layer"])
    assert read_lesions(path) is None
    write_lesions(path, sums(), OF)
    assert path.name == "block1-conv-1.parquet" and same(read_lesions(path, OF), sums())
    assert all(read_lesions(path, OF | {name: "other"}) is None for name in OF)
    path.write_bytes(path.read_bytes()[:-20])
    assert read_lesions(path, OF) is None


def test_the_golden_file_is_read_and_a_newer_one_is_refused(tmp_path, monkeypatch):
    assert same(read_lesions(GOLDEN, OF), sums())
    monkeypatch.setattr(lesion_file, "SCHEMA", 2)
    write_lesions(tmp_path / "newer.parquet", sums(), OF)
    monkeypatch.setattr(lesion_file, "SCHEMA", 1)
    with pytest.raises(ReplayError, match="newer convscope"):
        read_lesions(tmp_path / "newer.parquet")
