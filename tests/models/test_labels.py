"""Labels in the forms in which people keep them; anything else is one sentence."""

import json
import os

import pytest

from convscope.errors import OptionError
from convscope.models.labels import read_labels

pytestmark = pytest.mark.once


def written(folder, value, name="labels.json"):
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path


@pytest.mark.parametrize(
    "value",
    [
        ["cat", "dog"],
        {"0": "cat", "1": "dog"},
        {"1": "dog", "0": "cat"},
        {"0": ["n1", "cat"], "1": ["n2", "dog"]},
        [["n1", "cat"], ["n2", "dog"]],
        {"dog": 1, "cat": 0},
    ],
)
def test_reads_every_form(value, tmp_path):
    assert read_labels(written(tmp_path, value)) == ["cat", "dog"]


def test_reads_lines_behind_a_byte_order_mark(tmp_path):
    assert read_labels(written(tmp_path, "\ufeffcat\r\n\n dog \n", "labels.txt")) == ["cat", "dog"]


def test_numbers_are_names(tmp_path):
    assert read_labels(written(tmp_path, [3, 7])) == ["3", "7"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (5, "one number"),
        ("null", "null"),
        ('"cat"', "one text"),
        ("[]", "holds no labels"),
        ("{}", "holds no labels"),
        ({"a": "b"}, "not the numbers 0 to 0"),
        ({"0": "cat", "2": "dog"}, "not the numbers 0 to 1"),
        ({"cat": 0, "dog": 0}, "not the numbers"),
        ([["n1", "cat"], []], "entry 1 is an empty list"),
        ([{"name": "cat"}], "entry 0 is an object"),
        ("[" * 100_000, "nested deeper"),
        ("{", "not JSON"),
    ],
)
def test_refuses_the_rest(value, said, tmp_path):
    with pytest.raises(OptionError, match=said) as raised:
        read_labels(written(tmp_path, value))
    assert "labels.json" in str(raised.value)


def test_refuses_what_is_not_a_file(tmp_path):
    with pytest.raises(OptionError, match="holds no labels"):
        read_labels(written(tmp_path, "\n", "labels.txt"))
    for path in (tmp_path, tmp_path / "missing.txt", tmp_path / "a\0b", tmp_path / ("a" * 5000)):
        with pytest.raises(OptionError, match="Could not read labels"):
            read_labels(path)
    if os.name != "nt":
        os.mkfifo(tmp_path / "pipe.json")
        with pytest.raises(OptionError, match="a pipe"):
            read_labels(tmp_path / "pipe.json")
