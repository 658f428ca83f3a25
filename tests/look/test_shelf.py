"""What is kept is bounded in bytes, and the least recently used goes first."""

import pytest

from convscope.look.shelf import Shelf

pytestmark = pytest.mark.once


def test_the_least_recently_used_goes_first():
    shelf = Shelf(10)
    for key in "abc":
        shelf.put(key, key.upper(), 3)
    assert shelf.get("a") == "A"
    shelf.put("d", "D", 4)
    assert [shelf.get(key) for key in "abcd"] == ["A", None, "C", "D"] and shelf.taken == 10


def test_it_never_takes_more_than_its_room():
    shelf = Shelf(100)
    for key in range(1000):
        shelf.put(key, key, key % 37)
        assert shelf.taken <= 100
    assert shelf.put("large", "whole", 101) == "whole" and shelf.get("large") is None
    shelf.put(999, "again", 50)
    shelf.put(999, "again", 60)
    assert shelf.get(999) == "again" and shelf.taken <= 100
