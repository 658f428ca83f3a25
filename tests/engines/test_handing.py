"""Each item is finished once, whoever dies, lingers or answers late; and at the end the slow ones are repeated."""

import random

import pytest

from convscope.engines.handing import Handing

pytestmark = pytest.mark.once


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_lost_item_goes_out_again_before_new_ones():
    handing = Handing("abc")
    assert handing.next_for("one", idle=True) == (0, "a")
    assert handing.lose("one") == 1
    assert handing.next_for("two", idle=True) == (0, "a")
    assert handing.next_for("two", idle=False) == (1, "b")


def test_what_takes_longer_than_usual_is_repeated_by_who_is_idle_and_counts_once():
    clock = Clock()
    handing = Handing("ab", clock)
    slow, quick = handing.next_for("slow", idle=True), handing.next_for("quick", idle=True)
    clock.now = 1.0
    assert handing.finish("quick", quick[0])
    assert handing.next_for("quick", idle=True) is None  # not late yet
    clock.now = 2.0
    assert handing.next_for("quick", idle=False) is None
    assert handing.next_for("quick", idle=True) == slow
    assert handing.next_for("third", idle=True) is None  # two are enough
    assert handing.lose("slow") == 0  # the other has it
    assert handing.finish("quick", 0) and handing.is_done
    assert not handing.finish("slow", 0)


def test_items_are_taken_only_when_somebody_is_there():
    taken = []
    handing = Handing(taken.append(number) or number for number in range(9))
    assert not handing.is_done and taken == [0]  # it must look whether there is one
    handing.next_for("one", idle=True), handing.next_for("one", idle=False)
    assert taken == [0, 1]
    assert Handing([]).is_done


@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_each_item_is_finished_once(seed):
    rng, clock = random.Random(seed), Clock()
    handing, held, done, workers = Handing(range(40), clock), {}, [], list(range(4))
    while not handing.is_done:
        clock.now += rng.random()
        worker = rng.choice(workers)
        match rng.choice(["take", "take", "finish", "finish", "die"]):
            case "take" if (given := handing.next_for(worker, idle=not held.get(worker))) is not None:
                held.setdefault(worker, []).append(given)
            case "finish" if held.get(worker):
                number, item = held[worker].pop(0)
                done += [item] if handing.finish(worker, number) else []
            case "die":
                handing.lose(worker)
                held.pop(worker, None)
                workers[workers.index(worker)] = max(workers) + 1
    assert sorted(done) == list(range(40))
