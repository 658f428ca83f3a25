"""What is flat above is found by numbers, whatever it is called, and ranks by the value before it."""

import numpy as np
import pytest

from convscope.backend import keras, ops
from convscope.graph.history import flatten
from convscope.graph.saturation import ranking, seed_call
from convscope.network.addresses import unit_call
from convscope.units import Unit
from networks import array, filled, images, model_of, tensor

layers = keras.layers


class Capped(keras.layers.Layer):
    def call(self, value):
        return ops.relu(value) - ops.relu(value - 2.0)


class Squeezed(keras.layers.Layer):
    """Not by the number: each depends on its whole map."""

    def call(self, value):
        return ops.minimum(value, ops.mean(value, axis=(1, 2), keepdims=True))


def conv(**more):
    return layers.Conv2D(3, 3, name="conv", **more)


def ranked(*chain, shape=(8, 8, 3)):
    graph = flatten(model_of(*chain, shape=shape))
    return ranking(graph, graph.calls[graph.outputs[0].call])


FLAT = {
    "relu6": ([conv(activation="relu6")], 6.0),
    "relu of a largest value": ([conv(), layers.ReLU(5.0, negative_slope=0.1)], 5.0),
    "a largest value far away": ([conv(), layers.ReLU(10_000.0)], 10_000.0),
    "tanh": ([conv(activation="tanh")], 1.0),
    "hard sigmoid": ([conv(activation="hard_sigmoid")], 1.0),
    "sigmoid without its name": ([conv(), layers.Lambda(lambda x: 1.0 / (1.0 + ops.exp(-x)))], 1.0),
    "log sigmoid": ([conv(activation="log_sigmoid")], 0.0),
    "clip": ([conv(), lambda x: ops.clip(x, -1, 1)], 1.0),
    "minimum": ([conv(), lambda x: ops.minimum(x, np.array([1.0, 2.0, 3.0], "float32"))], [1.0, 2.0, 3.0]),
    "a hard sigmoid of operations": ([conv(), lambda x: ops.relu6(x + 3.0) * (1 / 6)], 1.0),
    "a layer of one's own": ([conv(), Capped()], 2.0),
    "two ways from one call": ([conv(), lambda x: ops.relu(x) - ops.relu(x - 2.0)], 2.0),
    "steps": ([conv(), lambda x: ops.sign(x)], 1.0),
    "flat after flat": ([conv(activation="relu6"), layers.Activation("tanh")], np.tanh(6.0)),
    "dropout after it": ([conv(activation="relu6"), layers.Dropout(0.5)], 6.0),
    "dense": ([layers.Flatten(), layers.Dense(4, activation="tanh")], 1.0),
}


@pytest.mark.parametrize("name", FLAT)
def test_a_unit_that_is_flat_above_is_ranked_by_what_comes_before(name):
    chain, ceiling = FLAT[name]
    found = ranked(*chain)
    assert not found.is_own and (found.signs == 1).all()
    np.testing.assert_allclose(found.ceilings, np.broadcast_to(ceiling, found.ceilings.shape), rtol=1e-3, atol=1e-6)


RISING = ["relu", "leaky_relu", "elu", "softplus", "exponential", "silu", "hard_silu", "gelu", "mish", "softmax", "log_softmax", "linear"]


@pytest.mark.parametrize("name", RISING)
def test_what_rises_without_end_or_mixes_channels_is_ranked_by_itself(name):
    assert ranked(conv(activation=name)).is_own


@pytest.mark.parametrize(
    "layer",
    [layers.LayerNormalization(), layers.PReLU(), layers.MaxPooling2D(2), Squeezed(), layers.Conv2D(3, 1)],
    ids=lambda one: one.name,
)
def test_what_is_not_by_the_number_is_ranked_by_itself(layer):
    assert ranked(conv(), layer).is_own


def test_a_normalization_turns_some_units_round():
    model = model_of(conv(activation="relu"), layers.BatchNormalization(name="bn"))
    model.get_layer("bn").gamma.assign([1.0, -2.0, 0.0])
    graph = flatten(model)
    found = ranking(graph, graph.find("bn"))
    assert found.signs.tolist() == [0, -1, 0]
    pixels = images(6, 8, 8, 3)
    before, own = (array(one) for one in graph.run(tensor(pixels), [call.index for call in found.calls]))
    strengths = array(found.strengths(tensor(before), tensor(own)))
    assert np.array_equal(strengths[..., [0, 2]], own[..., [0, 2]]) and np.array_equal(strengths[..., 1], -before[..., 1])
    flat = strengths.reshape(-1, 3)
    np.testing.assert_allclose(array(found.values(tensor(flat))), own.reshape(-1, 3), rtol=1e-5, atol=1e-6)
    assert seed_call(graph, Unit("bn", 1)) is graph.find("bn")


def test_own_values_follow_from_what_ranks():
    model = filled(model_of(conv(), layers.BatchNormalization(), layers.ReLU(0.5, name="relu")))
    graph = flatten(model)
    found = ranking(graph, unit_call(graph, Unit("relu", 0)))
    assert found.before is graph.calls[graph.find("relu").sources[0].call] and seed_call(graph, Unit("relu", 2)) is found.before
    before, own = (array(one).reshape(-1, 3) for one in graph.run(tensor(images(4, 8, 8, 3)), [found.before.index, found.call.index]))
    assert np.array_equal(array(found.values(tensor(before))), own) and (own == found.ceilings).any()
    assert np.array_equal(found.one(2, before[:, 2]), own[:, 2])


def test_it_is_found_once():
    graph = flatten(model_of(conv(activation="relu6")))
    assert ranking(graph, graph.find("conv")) is ranking(graph, graph.find("conv"))
