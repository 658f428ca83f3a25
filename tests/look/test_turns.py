"""A call that tells of its steps, as an iterator."""

import threading

import pytest

from convscope.look.turns import Turns

pytestmark = pytest.mark.once


def test_steps_come_one_by_one_and_the_call_stands_still_between_them():
    log = []

    def call(watch):
        for step in range(3):
            log.append(f"made {step}")
            watch(step)
        return "done"

    turns = Turns(call)
    for step in turns:
        log.append(f"seen {step}")
    assert log == ["made 0", "seen 0", "made 1", "seen 1", "made 2", "seen 2"] and turns.result == "done"


def test_what_the_call_raises_is_raised_where_its_steps_are_taken():
    def call(watch):
        watch(1)
        raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        list(Turns(call))


def test_closing_ends_the_call_as_ctrl_c_does():
    kept, threads = [], threading.active_count()

    def call(watch):
        try:
            while True:
                watch(0)
        except KeyboardInterrupt:
            kept.append("what it has")

    steps = iter(Turns(call))
    assert next(steps) == 0
    steps.close()
    assert kept == ["what it has"]
    assert threading.active_count() <= threads + 1


def test_a_call_without_steps_is_done_at_once():
    turns = Turns(lambda watch: 7)
    assert list(turns) == [] and turns.result == 7
