"""The tables of units: one layer is read without the others, and is what the whole table holds."""

import arithmetic
import numpy as np
import pytest

from convscope import tables
from convscope.errors import ReplayError
from convscope.footers import chunks
from convscope.formats import run_folder
from convscope.scanning import open_run

pytestmark = pytest.mark.once


@pytest.fixture
def read(monkeypatch):
    """Return the list of the groups of rows that readers of runs ask for."""
    asked, original = [], tables.read_parquet

    def watched(path, columns=None, groups=None):
        asked.append((path.stem, groups))
        return original(path, columns, groups)

    monkeypatch.setattr(run_folder, "read_parquet", watched)
    return asked


def test_only_the_rows_of_the_layer_are_read_and_once(tmp_path, read):
    arithmetic.scan(tmp_path / "run", 50)
    run = open_run(tmp_path / "run")
    assert {chunk.group for chunk in chunks(tmp_path / "run" / "units.parquet")} == {0, 1}
    for _ in range(2):
        run.units("sums", [1]), run.top("sums"), run.percentile("sums:0", 0.5)
    assert read == [("units", [1]), ("top", [1])]


def test_files_of_one_group_tell_the_same(tmp_path, monkeypatch, read):
    """As releases before schema 2.1 wrote them."""
    arithmetic.scan(tmp_path / "new", 50)
    monkeypatch.setattr(run_folder, "BY_LAYER", ())
    arithmetic.scan(tmp_path / "old", 50)
    new, old = open_run(tmp_path / "new"), open_run(tmp_path / "old")
    for layer in new.layers:
        for name in ("top", "units"):
            ours, theirs = vars(getattr(new, name)(layer)), vars(getattr(old, name)(layer))
            assert all(np.array_equal(value, theirs[field], equal_nan=True) for field, value in ours.items() if hasattr(value, "shape"))
    assert [one for one in read if one[1] is None] == [("top", None), ("units", None)]


def test_a_layer_without_a_single_number_has_units_and_no_top_images(tmp_path, monkeypatch):
    def spoilt(self, pixels, original=arithmetic.Arithmetic.__call__):
        numbers = original(self, pixels)
        numbers.values[:, :5] = np.nan
        return numbers

    monkeypatch.setattr(arithmetic.Arithmetic, "__call__", spoilt)
    arithmetic.scan(tmp_path / "run", 50)
    run = open_run(tmp_path / "run")
    assert (run.top("maps").images == -1).all() and run.top("sums").images.shape == (3, arithmetic.TOP)
    assert run.units("maps").count.tolist() == [0] * 5


def test_tables_that_a_scan_has_replaced_are_not_mixed_with_older_ones(tmp_path):
    arithmetic.scan(tmp_path / "run", 50)
    run = open_run(tmp_path / "run")
    run.units("maps")
    arithmetic.scan(tmp_path / "run", 60)
    with pytest.raises(ReplayError, match=r"units.parquet` is damaged, or has changed since the run was opened"):
        run.units("sums")
