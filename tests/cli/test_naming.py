"""The commands `name` and `find`: a table, JSON, and one sentence for what is wrong."""

import json
import sys
from pathlib import Path

import pytest

import convscope
from convscope.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "scanning"))
sys.path.insert(0, str(Path(__file__).parents[1] / "naming"))
pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    from bright import scan

    return scan(tmp_path_factory.mktemp("naming"))


@pytest.fixture(scope="module")
def named(run):
    convscope.name(run)
    return run


def ends(capsys, *words):
    try:
        main([*map(str, words)])
        code = 0
    except SystemExit as ended:
        code = ended.code
    return code, *capsys.readouterr()


def test_names_are_a_table_of_layers_and_json_of_units(run, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = ends(capsys, "find", "top", "-r", run)
    assert code == 2 and "holds no names yet. Make them: convscope name" in err
    code, out, err = ends(capsys, "name", run)
    assert code == 0 and ":0 top 1.00" in out and out.rstrip().endswith("names.parquet") and "5 of 8 units have a name" in err
    code, out, _ = ends(capsys, "name", "-r", run, "--json")
    found = json.loads(out)
    assert code == 0 and found["named"] == 5 and found["units"][5]["name"] == "top" and found["labels"] == "own"
    code, out, err = ends(capsys, "find", "top", "-r", run, "--count", "2")
    assert code == 0 and "sums:0" in out and (tmp_path / "convscope-out" / "find-top.png").is_file()
    code, out, _ = ends(capsys, "find", "silent", "-r", run, "--json")
    assert code == 0 and [one["unit"] for one in json.loads(out)["units"]] == ["maps:1", "maps:3", "maps:4"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["name"], "No run. Expected the folder of a scan: convscope name RUN"),
        (["name", "nowhere/"], "`nowhere` is not a run"),
        (["name", "RUN", "-r", "RUN"], "Received two runs"),
        (["name", "RUN", "--labels", "mine"], "mine"),
        (["find", "-r", "RUN"], "Missing argument 'WORD...'"),
        (["find", "xyzzy", "-r", "RUN"], "matches `xyzzy`"),
        (["find", "top"], "No run. Expected the folder of a scan: convscope find top -r RUN"),
    ],
)
def test_what_is_wrong_is_one_sentence(named, words, said, capsys):
    code, _, err = ends(capsys, *(str(named) if word == "RUN" else word for word in words))
    assert code == 2 and said in err and "Traceback" not in err
