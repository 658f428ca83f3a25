"""Whose turn it is: tabs in turn, the newest question of a kind, and nobody stopped by another's fault."""

import threading

import pytest

from convscope.look.desk import MOST_TABS, BusyError, Desk, SupersededError

pytestmark = pytest.mark.once


class Ears:
    """What a job told, and when it was done."""

    def __init__(self):
        self.heard, self.done = [], threading.Event()

    def __call__(self, heard):
        self.heard.append(heard)
        if heard.last:
            self.done.set()

    @property
    def values(self):
        assert self.done.wait(60)
        return [one.value for one in self.heard if not one.last]


@pytest.fixture
def held():
    """A desk whose worker is busy until it is let go, so that jobs wait together."""
    free, begun = threading.Event(), threading.Event()

    def busy():
        begun.set()
        free.wait(60)
        yield

    with Desk() as desk:
        desk.submit("busy", "one", busy, Ears())
        assert begun.wait(60)
        yield desk, free.set
        free.set()


def test_tabs_take_turns_step_by_step_and_so_do_the_jobs_of_one(held):
    desk, go = held
    log, ears = [], [Ears() for _ in range(3)]

    def steps(name):
        def make():
            for step in range(3):
                log.append(f"{name}{step}")
                yield step

        return make

    desk.submit("a", "climb", steps("a"), ears[0])
    desk.submit("a", "wall", steps("w"), ears[1])
    desk.submit("b", "wall", steps("b"), ears[2])
    go()
    assert [one.values for one in ears] == [[0, 1, 2]] * 3
    assert log == ["a0", "b0", "w0", "b1", "a1", "b2", "w1", "a2", "w2"]


def test_a_newer_question_takes_the_place_of_an_older_one_of_its_kind(held):
    desk, go = held
    log, old, other, new = [], Ears(), Ears(), Ears()

    def steps(name):
        def make():
            log.append(name)
            yield name

        return make

    desk.submit("a", "wall", steps("old"), old)
    desk.submit("b", "wall", steps("other"), other)
    desk.submit("a", "wall", steps("new"), new)
    assert old.done.is_set() and isinstance(old.heard[-1].fault, SupersededError)
    go()
    assert new.values == ["new"] and other.values == ["other"] and "old" not in log


def test_a_job_that_nobody_waits_for_is_closed_between_two_steps():
    closed, first, ears = threading.Event(), threading.Event(), Ears()

    def steps():
        try:
            while True:
                first.set()
                yield 0
        finally:
            closed.set()

    with Desk() as desk:
        job = desk.submit("a", "climb", steps, ears)
        assert first.wait(60)
        desk.withdraw(job)
        assert closed.wait(60) and len(desk) == 0
        told = len(ears.heard)
        after = Ears()
        desk.submit("a", "wall", lambda: iter([1]), after)
        assert after.values == [1] and len(ears.heard) == told


def test_a_fault_is_told_to_its_job_alone():
    bad, good = Ears(), Ears()

    def fails():
        raise ZeroDivisionError("no network")
        yield

    with Desk() as desk:
        desk.submit("a", "wall", fails, bad)
        desk.submit("a", "unit", lambda: iter(["here"]), good)
        assert good.values == ["here"] and bad.values == []
        assert isinstance(bad.heard[-1].fault, ZeroDivisionError)


def test_so_many_tabs_and_no_more(held):
    desk, _ = held
    for tab in range(MOST_TABS - 1):  # one is busy
        desk.submit(f"tab{tab}", "wall", lambda: iter([]), Ears())
    with pytest.raises(BusyError, match="Close some"):
        desk.submit("another", "wall", lambda: iter([]), Ears())
    desk.submit("tab0", "unit", lambda: iter([]), Ears())
    assert len(desk) == MOST_TABS + 1
