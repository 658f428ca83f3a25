"""Seeds: where a unit is strongest, and the signal placed there."""

import numpy as np
import pytest

from convscope.errors import UnitError
from convscope.projection.seeds import peaks, seed_map, seed_peaks
from convscope.units import Unit
from networks import images


def test_the_peak_is_the_first_of_the_largest_values_in_row_major_order():
    maps = np.zeros((2, 3, 4, 2), "float32")
    maps[0, 1, 3, 1] = maps[0, 2, 0, 1] = 5.0
    maps[1] = -1.0
    places, values = peaks(maps, Unit("conv", 1))
    assert places.tolist() == [[1, 3], [0, 0]]
    assert values.tolist() == [5.0, -1.0]


def test_a_unit_with_a_position_is_taken_there():
    maps = images(2, 3, 4, 2)
    places, values = peaks(maps, Unit("conv", 1, (2, 3)))
    assert places.tolist() == [[2, 3], [2, 3]]
    assert values.tolist() == maps[:, 2, 3, 1].tolist()


@pytest.mark.parametrize("position", [(3, 0), (0, 4)])
def test_a_position_outside_the_map_is_refused_with_its_size(position):
    with pytest.raises(UnitError, match="`conv:1@.* is outside the map of `conv`, which has 3 rows and 4 columns"):
        peaks(images(1, 3, 4, 2), Unit("conv", 1, position))


def test_behind_a_dense_layer_there_is_no_position():
    scores = images(3, 5)
    places, values = peaks(scores, Unit("dense", 4))
    assert places.tolist() == [[-1, -1]] * 3
    assert values.tolist() == scores[:, 4].tolist()


def test_a_sequence_is_refused():
    with pytest.raises(UnitError, match="need rows and columns"):
        peaks(images(1, 5, 2), Unit("reshape", 0))


def test_the_seed_is_zero_but_at_the_peak():
    maps, unit = images(3, 3, 4, 2), Unit("conv", 1)
    places, values = peaks(maps, unit)
    signal = seed_peaks(maps, unit, places, values)
    assert np.count_nonzero(signal) == 3
    assert [float(signal[i, row, column, 1]) for i, (row, column) in enumerate(places)] == values.tolist()


def test_the_seed_of_a_score_is_zero_but_at_its_unit():
    scores = images(2, 5)
    signal = seed_peaks(scores, Unit("dense", 4), np.full((2, 2), -1), np.array([2.0, 3.0]))
    assert signal.tolist() == [[0, 0, 0, 0, 2], [0, 0, 0, 0, 3]]


def test_the_whole_map_leaves_the_other_channels_zero():
    maps = images(2, 3, 4, 3)
    signal = seed_map(maps, Unit("conv", 1))
    np.testing.assert_array_equal(signal[..., 1], maps[..., 1])
    assert not signal[..., [0, 2]].any()
