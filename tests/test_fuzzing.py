"""The first cases of every area of generated and mutated input; `bench/fuzz.py` runs thousands."""

import sys

import pytest

from fuzzing import running

pytestmark = [
    pytest.mark.once,
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="limits on memory need the resource module"),
]


@pytest.fixture(scope="module")
def runner():
    runner = running.Runner()
    yield runner
    runner.close()


@pytest.mark.parametrize("area", running.areas())
def test_no_case_is_a_fault(runner, area):
    faults = [
        f"{outcome.word} (bench/fuzz.py {area} --first {outcome.number} --count 1): {outcome.text}"
        for outcome in runner.outcomes(area, range(running.area(area).SHORT))
        if outcome.is_fault
    ]
    assert not faults, "\n\n".join(faults)
