import numpy as np
import pytest

from convscope.atlases.plan import chunks_of, selectivity, steps, telling_order, top_classes
from convscope.scanning import UnitStatistics

pytestmark = pytest.mark.once


def statistics(fires, *, median=0.1, high=1.0, means=None):
    count = len(fires)
    full = np.full(count, 1.0, np.float32)
    return UnitStatistics(
        layer="layer",
        channels=np.arange(count),
        count=np.full(count, 1000),
        fires=np.asarray(fires, np.float64),
        saturated=np.zeros(count, np.int64),
        mean=full,
        least=0 * full,
        largest=full,
        quantiles={0.5: full * np.float32(median), 0.99: full * np.float32(high)},
        histogram=np.zeros((count, 1), np.int64),
        edges=np.zeros(2),
        class_means=None if means is None else np.asarray(means, np.float32),
    )


def test_units_that_fire_always_or_never_come_last():
    order = telling_order(statistics([1.0, 0.5, 0.05, 0.0, 0.2]))
    assert order == (2, 4, 1, 0, 3)


def test_a_unit_with_all_but_no_weights_comes_last():
    known = statistics([0.1, 0.5, 0.9, 0.95])
    known.largest[0] = 1e-6
    assert telling_order(known) == (1, 2, 3, 0)


def test_equals_are_ordered_by_channel():
    assert telling_order(statistics([0.1] * 5)) == (0, 1, 2, 3, 4)


def test_a_class_that_was_not_seen_yet_goes_first():
    # Three equal units for class 0 and one, a little weaker, for class 1: it is the second.
    order = telling_order(statistics([0.1] * 4, means=[[1, 0], [1, 0], [1, 0], [0.02, 1]]))
    assert order[:2] == (0, 3)


def test_selectivity_is_that_of_the_definition():
    found = selectivity(statistics([0.5] * 4, means=[[4, 1, 1], [1, 1, 1], [0, 0, 0], [2, np.nan, 1]]))
    assert found == pytest.approx([(4 - 1) / 5, 0, 0, (2 - 1) / 3])
    assert not selectivity(statistics([0.5])).any()


def test_the_top_class_is_that_of_the_largest_mean_above_zero():
    assert top_classes(statistics([0.5] * 3, means=[[1, 2], [np.nan, 1], [-1, -2]])).tolist() == [1, 1, -1]
    assert top_classes(statistics([0.5])).tolist() == [-1]


def test_steps_cover_each_chunk_once_and_all_layers_early():
    chunks = [1, 5, 0, 12]
    found = [(step.layer, chunk) for step in steps(chunks) for chunk in step.chunks]
    assert sorted(found) == [(layer, chunk) for layer, count in enumerate(chunks) for chunk in range(count)]
    assert found[:3] == [(0, 0), (1, 0), (3, 0)]
    assert len(list(steps([100]))) == 5  # 1, 3, 12, 48, 36: few turns


def test_chunks_hold_sixteen_units():
    assert [len(one) for one in chunks_of(range(40), 16)] == [16, 16, 8]
