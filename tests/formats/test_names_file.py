"""The table of names: what is written is read, and what an earlier release wrote too."""

from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from convscope.errors import ReplayError
from convscope.formats.names_file import NAMES, read_areas, read_names, write_names
from convscope.scanning.named import names_in

pytestmark = pytest.mark.once
GOLDEN = Path(__file__).parents[1] / "golden" / "names"
SAID = {
    "run": "the run",
    "source": "own",
    "labels": ["Bag", "</script>\u202e"],
    "counts": [12, 7],
    "halves": [10, 9],
    "tried": 22,
    "least_auc": 0.8,
    "most_p": 0.01,
    "notes": ["Names were chosen on 10 images and tested on 9 others."],
    "versions": {"convscope": "0.1.0"},
}
AREAS = np.asarray([[0.25, 0.987654], [np.nan, np.nan], [0.5, 1.0]], np.float32)


def columns():
    return {
        "layer": ["one", "one", "two"],
        "channel": np.asarray([0, 1, 0]),
        "name": ["Bag OR </script>\u202e", None, "NOT Bag"],
        "auc": np.asarray([0.95, np.nan, 0.5]),
        "p": np.asarray([1e-9, np.nan, 1.0]),
        "images": np.asarray([6, 0, 4]),
        "label": ["Bag", None, "</script>\u202e"],
        "label_auc": np.asarray([0.9, np.nan, 0.5]),
        "label_p": np.asarray([1e-8, np.nan, 1.0]),
        "chosen_areas": AREAS,
        "tested_areas": AREAS[:, ::-1],
    }


def check(folder):
    found = names_in(folder, "the run")
    assert found.names == ("Bag OR </script>\u202e", None, "NOT Bag") and found.vocabulary == ("Bag", "</script>\u202e")
    assert found.of("one", 0).said == "fires for Bag OR </script>\u202e, AUC 0.95" and found.of("two", 0).images == 4
    assert found.named == 1 and not found.outdated and names_in(folder, "another").outdated
    chosen, tested = read_areas(folder)
    assert chosen == pytest.approx(np.round(AREAS, 4), nan_ok=True) and tested[0, 0] == pytest.approx(0.9877)


def test_what_is_written_is_read_and_layers_are_groups(tmp_path):
    assert read_names(tmp_path) is None
    write_names(tmp_path, columns(), SAID)
    check(tmp_path)
    assert pyarrow.parquet.ParquetFile(tmp_path / NAMES).metadata.num_row_groups == 2


def test_the_golden_file_is_read():
    check(GOLDEN)


def test_damage_is_named_or_changes_nothing(tmp_path):
    """What the file's footer says of sizes and statistics is not read."""
    data, named = (GOLDEN / NAMES).read_bytes(), 0
    for place in range(0, len(data), 97):
        (tmp_path / NAMES).write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        try:
            check(tmp_path)
        except ReplayError as error:
            assert "is damaged" in str(error)
            named += 1
    assert named > 10


def test_a_newer_one_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr("convscope.formats.names_file.SCHEMA", 2)
    write_names(tmp_path, columns(), SAID | {"versions": {"convscope": "9.9"}})
    monkeypatch.undo()
    with pytest.raises(ReplayError, match=r"newer convscope \(schema 2\).*convscope 9\.9 or newer"):
        read_names(tmp_path)
