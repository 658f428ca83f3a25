"""The sizes of columns in a Parquet file's footer, against pyarrow, which ends the process where their statistics are damaged."""

import contextlib
import dataclasses
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
    places = [(group, place) for group in range(about.num_row_groups) for place in range(about.num_columns)]
    assert footers.chunks(path) == [chunk_of(group, about.row_group(group).column(place)) for group, place in places]
    footers.check_pages(path, footers.chunks(path))


def chunk_of(group, said):
    start = min(one for one in (said.dictionary_page_offset, said.data_page_offset) if one)
    return footers.Chunk(group, said.path_in_schema, said.num_values, said.total_uncompressed_size, start, said.total_compressed_size)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("options", [{}, {"use_dictionary": False}, {"data_page_size": 64, "write_batch_size": 8, "compression": "zstd"}])
def test_pages_have_as_many_values_as_the_footer_says(version, options, tmp_path):
    path, count = tmp_path / "t.parquet", 5000
    rng = np.random.default_rng(0)
    columns = {"n": rng.normal(size=count), "words": ["w" * 3000 if one % 7 else None for one in range(count)]}
    columns["lists"] = [[1.0] * (one % 3) for one in range(count)]
    pq.write_table(pa.table(columns), path, data_page_version=version, row_group_size=1500, **options)
    known = footers.chunks(path)
    footers.check_pages(path, known)
    for change in ({"values": known[0].values + 1}, {"start": -1}, {"start": 2**40}, {"values": 2**60}):
        with pytest.raises(ValueError, match=r"pages|cut off|holds a value|too long"):
            footers.check_pages(path, [dataclasses.replace(known[0], **change)])


def test_a_footer_that_promises_more_values_than_there_are_is_refused(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"n": np.arange(97_656)}), path, compression="zstd")
    data = path.read_bytes()
    told, lie = varint(2 * (97_656)), varint(2 * 1_000_000)
    assert len(told) == len(lie) and data.count(told) >= 1
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    path.write_bytes(data[:footer] + data[footer:].replace(told, lie))
    with pytest.raises(ImageError, match=r"its footer gives the column `n` 1,000,000 values, but its pages hold 97,656"):
        read_parquet(path)


def varint(number):
    """Return a number as the compact protocol writes it."""
    found = []
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


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
