"""The sizes of columns in a Parquet file's footer, against pyarrow, which ends the process where their statistics are damaged."""

import contextlib
import random

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from convscope import footers
from convscope.errors import ImageError
from convscope.tables import read_parquet

pytestmark = pytest.mark.once

TABLES = {
    "text": {"path": ["a", None, "c"] * 20},
    "lists": {"features": [[1.0, 2.0]] * 60, "n": np.arange(60)},
    "nested": {"a": [{"b": {"c": [1, 2, 3], "d": None}, "é.e": "x"}] * 60},
    "many": {f"column {place}": np.arange(60) for place in range(40)},
    "none": {"n": np.arange(0)},
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("options", [{}, {"row_group_size": 7, "store_schema": False}, {"write_statistics": False, "compression": "zstd"}])
def test_says_what_pyarrow_says(name, options, tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(TABLES[name]), path, **options)
    about = pq.read_metadata(path)
    columns = [about.row_group(group).column(place) for group in range(about.num_row_groups) for place in range(about.num_columns)]
    assert footers.chunks(path) == [footers.Chunk(one.path_in_schema, one.num_values, one.total_uncompressed_size) for one in columns]


def test_a_table_with_any_bit_of_its_footer_flipped_is_read_or_refused(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"path": ["0.png"], "n": [1]}), path, store_schema=False)
    data = path.read_bytes()
    for place in range(len(data) - int.from_bytes(data[-8:-4], "little") - 8, len(data)):
        for bit in (0, 4):  # some of these in the statistics made pyarrow end the process
            path.write_bytes(data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :])
            with contextlib.suppress(ImageError):
                read_parquet(path)


def test_a_footer_of_nonsense_is_a_value_error(tmp_path):
    for number in range(300):
        rng = random.Random(number)
        footer = rng.randbytes(rng.choice((0, 1, 20, 2000)))
        (tmp_path / "t.parquet").write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
        with contextlib.suppress(ValueError):
            footers.chunks(tmp_path / "t.parquet")
    (tmp_path / "t.parquet").write_bytes(b"PAR1\x19" + b"\x19" * 5000 + (5001).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(ValueError, match="nested too deeply"):
        footers.chunks(tmp_path / "t.parquet")
    (tmp_path / "t.parquet").write_bytes(b"PAR1" + (2**31).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(ValueError, match="cut off"):
        footers.chunks(tmp_path / "t.parquet")
