"""Seeds: where a unit is strongest, and the signal placed there."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import UnitError
from convscope.network.network import as_network
from convscope.projection.seeds import Seed, Spot, peaks, seeded_call, signal_of, slope_sign, sown
from convscope.units import Unit
from networks import images, model_of, small


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


@pytest.fixture(scope="module")
def graph():
    return as_network(convscope.load(small())).graph


def test_a_seed_is_its_value_where_the_unit_is_strongest_and_zero_elsewhere(graph):
    maps, call = images(3, 4, 5), graph.find("conv2")
    position, value, amount = sown(graph, call, Seed(Unit("conv2", 1), 0), maps)
    assert position == np.unravel_index(maps[..., 1].argmax(), (3, 4))
    assert value == amount == maps[..., 1].max()
    signal = signal_of(graph, call, Seed(Unit("conv2", 1), 0), maps)
    assert np.count_nonzero(signal) == 1 and signal[(*position, 1)] == value


def test_a_value_below_zero_is_known_but_not_sent_down(graph):
    maps, call = -1 - images(3, 4, 5), graph.find("conv2")
    seed = Seed(Unit("conv2", 1), 0, (2, 3))
    assert sown(graph, call, seed, maps) == ((2, 3), maps[2, 3, 1], maps[2, 3, 1])
    assert not signal_of(graph, call, seed, maps).any()


def test_an_amount_stands_as_it_is_and_a_negative_one_where_the_map_is_least(graph):
    maps, call = images(3, 4, 5), graph.find("conv2")
    for amount, spot in ((2.0, maps[..., 1].argmax()), (-1.0, maps[..., 1].argmin())):
        seed = Seed(Unit("conv2", 1), 0, amount=amount)
        position, value, sent = sown(graph, call, seed, maps)
        assert position == np.unravel_index(spot, (3, 4)) and sent == amount and value == maps[(*position, 1)]
        assert signal_of(graph, call, seed, maps)[(*position, 1)] == signal_of(graph, call, seed, maps).sum() == amount


def test_a_class_is_seeded_with_its_score_less_the_mean_of_the_others(graph):
    scores, call = images(3), graph.score(graph.find("predictions"))
    position, value, amount = sown(graph, call, Seed(Unit("predictions", 2), 0), scores)
    assert position is None and value == scores[2]
    assert amount == pytest.approx(scores[2] - scores[:2].mean(), rel=1e-6)
    assert sown(graph, call, Seed(Unit("predictions", 2), 0, amount=1.0), scores).amount == 1.0


def test_the_whole_map_leaves_the_other_channels_zero(graph):
    maps = images(3, 4, 5)
    signal = signal_of(graph, graph.find("conv2"), Seed(Unit("conv2", 1), 0, Spot.MAP), maps)
    np.testing.assert_array_equal(signal[..., 1], maps[..., 1])
    assert not signal[..., [0, 2, 3, 4]].any()


def test_a_unit_that_is_flat_above_is_seeded_before_its_activations_with_their_sign():
    layers = keras.layers
    turned = [layers.Conv2D(2, 3, name="conv"), layers.Activation("tanh"), layers.Rescaling(-1.0), layers.ReLU(0.5, name="act")]
    graph, unit = as_network(convscope.load(model_of(*turned))).graph, Unit("act", 1)
    assert slope_sign(graph, unit) == -1.0 and slope_sign(graph, Unit("conv", 1)) == 1.0
    assert seeded_call(graph, Seed(unit, 0, amount=-1.0)) is graph.find("conv")
    assert seeded_call(graph, Seed(unit, 0)) is graph.find("act")  # a deconvnet takes no negative seed
