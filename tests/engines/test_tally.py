"""A line a minute says what each node has done, and one at the end; one node alone is not told."""

import pytest

from convscope.engines.tally import EVERY, Tally

pytestmark = pytest.mark.once


def test_nodes_are_told_each_minute_and_at_the_end():
    now, said = [0.0], []
    tally = Tally(lambda: now[0], said.append)
    for node, number in (("big", 500), ("small", 100)):
        now[0] += EVERY / 4
        tally.add(node, number)
    assert said == []
    now[0] = EVERY
    tally.add("big", 600)
    assert said == ["Of 1,200: big 1,100 (18.3/s), small 100 (1.7/s)."]
    now[0] += 1
    tally.add("small", 1)
    assert len(said) == 1
    tally.tell()
    assert said[1] == "Of 1,201: big 1,100 (18.0/s), small 101 (1.7/s)."


def test_one_node_needs_no_line():
    said = []
    tally = Tally(lambda: 0.0, said.append)
    tally.add("only", 5)
    tally.tell()
    assert said == []
