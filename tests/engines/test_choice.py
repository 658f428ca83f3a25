"""Which engine a text or an object means."""

import pytest

from convscope.engines import ENGINES, MACHINE, PROCESS, Processes, Serial, engine_of, reach_of
from convscope.errors import OptionError

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ({}, "Serial()"),
        ({"workers": 1}, "Serial()"),
        ({"workers": 3}, "Processes(3)"),
        ({"engine": "local"}, "Serial()"),
        ({"engine": "processes:2"}, "Processes(2)"),
        ({"engine": "processes", "workers": "4"}, "Processes(4)"),
    ],
)
def test_a_text_means_an_engine(asked, meant):
    assert repr(engine_of(**asked)) == meant


def test_auto_is_a_worker_for_each_processor(monkeypatch):
    monkeypatch.setattr("convscope.engines.choice.available_cpus", lambda: 5)
    assert repr(engine_of(workers="auto")) == repr(engine_of("processes:auto")) == "Processes(5)"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"engine": "prosesses"}, "No engine `prosesses`.*processes"),
        ({"engine": "processes:"}, "Received `` workers"),
        ({"engine": "processes:0"}, "Received 0 workers"),
        ({"engine": "processes:1_0"}, "Received `1_0` workers"),
        ({"engine": "processes:2", "workers": 2}, "Say the number once"),
        ({"engine": "processes:2000"}, "1 to 1,024 processes"),
        ({"engine": "local:2"}, "one worker: this process. Use `engine=.processes:2"),
        ({"engine": "processes", "gpus": 1}, "takes no `worker_gpus`"),
        ({"engine": "local", "address": "head:6379"}, "takes no `address`"),
        ({"engine": "ray://head:10001"}, "Ray Client, which convscope does not use.*`address=.head:6379"),
        ({"engine": Serial}, "Expected a name"),
        ({"engine": Serial(), "workers": 2}, "2 workers and an engine that is made already"),
    ],
)
def test_what_means_no_engine_is_refused(asked, said):
    with pytest.raises(OptionError, match=said):
        engine_of(**asked)


def test_an_engine_says_how_far_its_workers_are():
    class Theirs:
        def map(self, function, items):
            return map(function, items)

    assert [reach_of(one) for one in (Serial(), Processes(2), Theirs())] == [PROCESS, MACHINE, ""]
    assert engine_of(theirs := Theirs()) is theirs


def test_a_plug_in_is_an_engine_by_its_name(monkeypatch):
    monkeypatch.setitem(ENGINES._entries, "theirs", lambda workers: (workers.count, workers.gpus))
    assert engine_of("theirs:3", gpus=0.5) == (3, 0.5)
