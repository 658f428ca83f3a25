"""The strongest value over images, against all values sorted."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.network.network import as_network
from convscope.network.strongest import layer_ranking, strongest_units, strongest_values
from convscope.units import Unit
from networks import images, model_of, small


@pytest.fixture(scope="module")
def network():
    return as_network(convscope.load(small(activation="relu")))


@pytest.mark.parametrize("at_once", [1, 3, 7])
def test_value_image_and_position_are_those_of_all_values_together(network, at_once):
    pixels = images(7, 8, 8, 3)
    batches = [pixels[start : start + at_once] for start in range(0, 7, at_once)]
    found = strongest_values(network, {name: layer_ranking(network, name) for name in ("conv2", "predictions")}, batches)
    maps = convscope.activations(network.bundle, "conv2", pixels).maps
    for channel in range(5):
        image, row, column = np.unravel_index(maps[..., channel].argmax(), maps.shape[:3])
        assert found["conv2"].values[channel] == pytest.approx(maps[..., channel].max(), rel=1e-5)
        assert (found["conv2"].images[channel], *found["conv2"].positions[channel]) == (image, row, column)
    assert found["predictions"].positions.tolist() == [[-1, -1]] * 3


@pytest.mark.once
def test_what_is_not_a_number_counts_for_nothing():
    network = as_network(convscope.load(model_of(keras.layers.Conv2D(5, 3, name="conv2"))))
    pixels = images(3, 8, 8, 3)
    pixels[1] = np.nan
    found = strongest_values(network, {"conv2": layer_ranking(network, "conv2")}, [pixels])["conv2"]
    alone = strongest_values(network, {"conv2": layer_ranking(network, "conv2")}, [pixels[[0, 2]]])["conv2"]
    assert np.array_equal(found.values, alone.values) and set(found.images) <= {0, 2}


@pytest.mark.once
def test_units_come_strongest_first(network):
    units = [Unit("conv2", channel) for channel in range(5)]
    maps = convscope.activations(network.bundle, "conv2", images(4, 8, 8, 3)).maps
    expected = np.argsort(-maps.max(axis=(0, 1, 2)))[:3].tolist()
    assert [unit.channel for unit in strongest_units(network, units, [images(4, 8, 8, 3)], 3)] == expected
