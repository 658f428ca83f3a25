"""Many images in little memory."""

import pickle
import tracemalloc

import pytest

from convscope import store
from convscope.images import buckets
from convscope.images.compact import FolderSources, joined
from convscope.images.source import Unreadable
from convscope.store import Entry, Location
from convscope.words import Words

pytestmark = pytest.mark.once

WORDS = ("plain.png", "", "ü/😀.png", "\udce4.png", "שלום", "a" * 300)


def test_names_come_back_as_they_were():
    names = Words(WORDS)
    assert tuple(names) == WORDS and len(names) == len(WORDS) and names[-2] == WORDS[-2] and tuple(names[1:4]) == WORDS[1:4]
    with pytest.raises(IndexError):
        names[len(WORDS)]


def test_sources_are_made_when_they_are_taken():
    shut = Unreadable(name="b", label=None, reason="shut", may_pass=True)
    folder = FolderSources("/data", Words(["a/0.png", "b", "c.png"]), [(1, shut)])
    both = joined([folder, [], [shut], FolderSources(Location("s3", "bucket", "x"), Words(["d/1.png"]))])
    assert [(one.name, one.label) for one in both] == [("a/0.png", "a"), ("b", None), ("c.png", None), ("b", None), ("d/1.png", "d")]
    assert [one.name for one in both[1:-1]] == ["b", "c.png", "b"] and both[1] is both[3] is shut
    assert (both[-1].uri, both[0].place, len(pickle.loads(pickle.dumps(both[:2])))) == ("s3://bucket/x/d/1.png", "/data", 2)
    with pytest.raises(IndexError):
        both[5]


def test_the_memory_of_a_listing_is_that_of_its_names_and_its_largest_folder(monkeypatch):
    folders, count, alive, most = 100, 200, 0, 0

    class Listed(list):
        """The entries of a folder, which say how many such lists there are at a time."""

        def __init__(self, entries):
            nonlocal alive, most
            super().__init__(entries)
            alive += 1
            most = max(most, alive)

        def __del__(self):
            nonlocal alive
            alive -= 1

    def entries(location):
        if location.key == "set":
            return [Entry(f"class{number:05}", True) for number in range(folders)]
        return Listed(Entry(f"{location.name}_{number:08}.JPEG", False, 1) for number in range(count))

    monkeypatch.setattr(store, "entries", entries)
    tracemalloc.start()
    try:
        sources = buckets.from_bucket(Location("s3", "bucket", "set"))
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    longest = len(sources[0].name) + 8
    assert len(sources) == folders * count and sources[-1].name == f"class{folders - 1:05}/class{folders - 1:05}_{count - 1:08}.JPEG"
    assert kept < 1.4 * longest * len(sources)
    assert 0 < most <= buckets.AHEAD + 4
