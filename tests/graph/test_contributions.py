"""What channels below contribute, against the sums written out."""

import numpy as np
import pytest

from convscope.backend import keras
from convscope.errors import UnitError
from convscope.graph.contributions import contributions, mixing_call
from convscope.graph.history import flatten
from convscope.units import Unit
from networks import array, model_of, residual, small, tensor


def test_all_together_are_the_value_less_the_bias(record_error):
    network = small()
    graph = flatten(network)
    call = mixing_call(graph, Unit("conv2", 2))
    below = np.random.default_rng(0).random((3, 4, 4, 4)).astype("float32")
    places = np.asarray([[0, 0], [1, 3], [2, 1]])
    parts, largest = contributions(graph, call, tensor(below), 2, places)
    kernel, bias = weights(network, "conv2")
    padded = np.pad(below, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for image, (row, column) in enumerate(places):
        window = padded[image, row : row + 3, column : column + 3]
        expected = (window * kernel[..., 2]).sum(axis=(0, 1))
        assert record_error("contributions", np.abs(parts[image] - expected).max() / np.abs(expected).max()) < 1e-5
        assert largest[image] == pytest.approx(window.max(axis=(0, 1)), abs=1e-6)
    value = array(call(tensor(below)))[np.arange(3), places[:, 0], places[:, 1], 2]
    assert parts.sum(axis=1) + bias[2] == pytest.approx(value, rel=1e-5)


def weights(network, address):
    return [array(one) for one in network.get_layer(address).weights]


def test_a_dense_unit_counts_each_number_below():
    graph = flatten(small())
    call = mixing_call(graph, Unit("predictions", 1))
    below = np.random.default_rng(0).random((2, 20)).astype("float32")
    parts, largest = contributions(graph, call, tensor(below), 1, np.full((2, 2), -1))
    assert parts.shape == largest.shape == (2, 20) and np.array_equal(largest, below)


def test_a_unit_behind_activation_and_normalization_is_its_convolutions():
    graph = flatten(residual())
    assert mixing_call(graph, Unit("swish", 1)).address == "expand"
    with pytest.raises(UnitError, match="`both` is made by a call of kind merge"):
        mixing_call(graph, Unit("both", 0))
    with pytest.raises(UnitError, match="`stem_relu` takes the image itself"):
        mixing_call(graph, Unit("stem_relu", 0))
    chain = flatten(model_of(keras.layers.Conv2D(3, 3, name="first"), keras.layers.MaxPooling2D(name="pool")))
    with pytest.raises(UnitError, match="`pool` is made by a call of kind max pooling"):
        mixing_call(chain, Unit("pool", 0))
