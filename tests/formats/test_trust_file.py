"""The table of trust: what is written comes back; what is not one, or newer, is refused; the golden file is read as it is."""

from pathlib import Path

import numpy as np
import pytest

from convscope.errors import ReplayError
from convscope.formats import trust_file
from convscope.formats.trust_file import TABLE, read_trust, write_trust
from convscope.results.trust import CURVES, NUMBERS, of_rows
from convscope.units import Unit

pytestmark = pytest.mark.once
GOLDEN = Path(__file__).parents[1] / "golden" / "trust"
LAYERS = ("first", "<script>", "\u202efirst")


def write(folder, **more):
    rng = np.random.default_rng(0)
    texts = {"layer": ["first", "<script>"], "synthetic": ["best", "fast"], "effort": ["unit", "layer"]}
    numbers = {"channel": [3, 0], "seed": [0, 7]} | {name: rng.normal(size=2) for name in NUMBERS}
    curves = {name: rng.normal(size=(2, 3)) for name in CURVES}
    write_trust(folder, "digest", LAYERS, texts, numbers, curves, "0.1.0")
    return numbers, curves


def test_rows_come_back_as_they_were(tmp_path):
    assert read_trust(tmp_path) is None
    numbers, curves = write(tmp_path)
    table = read_trust(tmp_path)
    assert (table.run, table.layers) == ("digest", LAYERS)
    found = of_rows(table)
    assert list(found) == [Unit("first", 3), Unit("<script>", 0)] == [one.unit for one in found.values()]
    one = found[Unit("<script>", 0)]
    assert (one.synthetic, one.effort, one.seed) == ("fast", "layer", 7) and list(of_rows(table, "first")) == [Unit("first", 3)]
    assert one.numbers == pytest.approx({name: numbers[name][1] for name in NUMBERS}, rel=1e-6)
    assert all(np.allclose(one.curves[name], curves[name][1]) for name in CURVES)


def test_a_newer_table_and_a_damaged_one_are_one_sentence(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(trust_file, "SCHEMA", 2)
        write(tmp_path)
    with pytest.raises(ReplayError, match="newer convscope"):
        read_trust(tmp_path)
    (tmp_path / TABLE).write_bytes(b"PAR1 and nothing else")
    with pytest.raises(ReplayError, match=r"trust\.parquet` is damaged"):
        read_trust(tmp_path)


def test_the_golden_file_is_read_as_it_is():
    found = of_rows(read_trust(GOLDEN))
    one = found[Unit("block2_conv1", 5)]
    assert (
        [str(unit) for unit in found] == ["block1_conv1:3", "block2_conv1:5"] and one.layers[0] == "block1_conv1" and len(one.layers) == 7
    )
    assert (one.synthetic, one.effort, one.seed, one.numbers["others"]) == ("fast", "unit", 0, 27)
    assert (one.numbers["path"], one.numbers["natural"]) == (pytest.approx(0.8962, abs=1e-4), pytest.approx(0.63))
    assert one.curve("path_synthetic")[0] == ("block1_conv1", "block1_conv2") and one.curve("ranks_switches")[1][0] == pytest.approx(
        0.32305574
    )
