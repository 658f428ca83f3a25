import json

import pytest

from convscope.atlases.ledger import Ledger, Made, Task, key_of
from convscope.formats.atlas import JOURNAL, MANIFEST, read_manifest

pytestmark = pytest.mark.once
FACTS = {"layers": [], "model": {"digest": "d"}, "run": {"first": "f"}}


def ledger_in(folder):
    parts = read_manifest(folder)["parts"] if (folder / MANIFEST).exists() else {}
    return Ledger(folder, FACTS, parts)


def task(name, key="k", content=b"content", made=None, **facts):
    def make():
        if made is not None:
            made.append(name)
        return Made({f"data/{name}.js": content}, facts)

    return Task(name, key, make)


def test_a_part_is_made_once_and_found_again_by_another_process(tmp_path):
    made = []
    assert ledger_in(tmp_path).complete(task("one", made=made, scores=[1.5, None]))
    again = ledger_in(tmp_path)
    assert not again.complete(task("one", made=made))
    assert made == ["one"] and again.part("one").facts == {"scores": [1.5, None]}


@pytest.mark.parametrize("harm", ["other key", "file gone", "file cut", "never listed"])
def test_what_is_not_the_very_same_is_made_again(tmp_path, harm):
    ledger_in(tmp_path).complete(task("one"))
    path = tmp_path / "data/one.js"
    if harm == "file gone":
        path.unlink()
    elif harm == "file cut":
        path.write_bytes(b"conten")
    elif harm == "never listed":  # killed between the file and the manifest
        (tmp_path / MANIFEST).unlink()
    made = []
    assert ledger_in(tmp_path).complete(task("one", key="other" if harm == "other key" else "k", made=made))
    assert made == ["one"] and path.read_bytes() == b"content"


def test_parts_are_lines_of_a_journal_until_the_manifest_is_written(tmp_path):
    ledger = ledger_in(tmp_path)
    for name in ("one", "two", "three"):
        ledger.complete(task(name))
    assert b"one" not in (tmp_path / MANIFEST).read_bytes()
    journal = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(journal[:-5])  # a kill while the last line was written
    again = ledger_in(tmp_path)
    assert [*again._parts] == ["one", "two"]
    again.complete(task("three"))
    again.write()
    assert not (tmp_path / JOURNAL).exists() and [*ledger_in(tmp_path)._parts] == ["one", "three", "two"]


def test_what_fails_leaves_the_parts_before_it(tmp_path):
    def fail():
        raise KeyboardInterrupt

    ledger = ledger_in(tmp_path)
    ledger.complete(task("one"))
    with pytest.raises(KeyboardInterrupt):
        ledger.complete(Task("two", "k", fail))
    assert [*ledger_in(tmp_path)._parts] == ["one"]


def test_the_manifest_does_not_depend_on_the_order_of_making(tmp_path):
    for folder, names in (("a", "xyz"), ("b", "zxy")):
        ledger = ledger_in(tmp_path / folder)
        for name in names:
            ledger.complete(task(name))
        ledger.write()
    first, second = ((tmp_path / folder / MANIFEST).read_bytes() for folder in "ab")
    assert first == second and json.loads(first)["kind"] == "atlas"


def test_keys_differ_where_any_part_of_the_data_does():
    keys = {key_of(*parts) for parts in ((), ([],), ("a",), ("a", "b"), (["a", "b"],), ({"a": 1},), ({"a": 2},), (1.5,))}
    assert len(keys) == 8
    assert key_of({"b": 1, "a": 2}) == key_of({"a": 2, "b": 1})
