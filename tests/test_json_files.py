"""The door to JSON: whatever the text, the answer is its value or one short sentence."""

import json
import os

import pytest

from convscope.json_files import DEEPEST, JsonError, parse_json, read_json

pytestmark = pytest.mark.once


@pytest.mark.parametrize("value", [None, 3, "word", [], {}, [1, {"a": [True, None, 2.5]}], {"näme": "\N{SNOWMAN}"}])
def test_reads_what_json_writes(value, tmp_path):
    path = tmp_path / "value.json"
    path.write_text(json.dumps(value, ensure_ascii=False), "utf-8")
    assert read_json(path) == value == parse_json(json.dumps(value)) == parse_json(b"\xef\xbb\xbf" + json.dumps(value).encode())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "nested deeper"),
        ("[" * 100_000 + "]" * 100_000, "nested deeper"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested deeper"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "nested deeper"),
        ("[" + "[]," * 4_000_001 + "[]]", "more than 4,000,000 values"),
        ("1" * 5000, "a number of 5,000 digits"),
        ("", "is not JSON"),
        ("{'a': 1}", "is not JSON"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
    ],
)
def test_refuses_the_rest_with_one_sentence(text, said):
    with pytest.raises(JsonError, match=said):
        parse_json(text)


def test_the_deepest_that_is_read():
    assert parse_json("[" * DEEPEST + "]" * DEEPEST)


def test_bounds_the_size(tmp_path):
    path = tmp_path / "large.json"
    path.write_text('"' + "a" * 100 + '"')
    with pytest.raises(JsonError, match="more than 50 bytes"):
        read_json(path, most_bytes=50)


@pytest.mark.skipif(os.name == "nt", reason="no such files there")
def test_waits_for_no_pipe_and_no_device(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(JsonError, match="not a file"):
            read_json(path)
