"""Subclassed models, followed through one call."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras, ops
from convscope.errors import ModelError
from networks import filled, images


class Own(keras.Model):
    """Two convolutions, of which the second is added to the first."""

    def __init__(self):
        super().__init__(name="own")
        self.first = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="first")
        self.second = keras.layers.Conv2D(3, 3, padding="same", name="second")

    def call(self, picture):
        value = self.first(picture)
        return ops.relu(value + self.second(value))


class Opaque(Own):
    """One whose way hangs on the values."""

    def call(self, picture):
        return self.first(picture) if float(ops.sum(picture)) > 0 else picture


def built(kind):
    model = kind()
    model(np.ones((1, 8, 8, 3), np.float32))
    return filled(model)


def test_every_layer_that_the_call_passes_through_is_reachable():
    model, picture = built(Own), images(1, 8, 8, 3)
    bundle = convscope.load(model, preprocess="unit")
    assert [info.address for info in convscope.layers(bundle) if info.learns] == ["first", "second"]
    found = convscope.activations(bundle, "first", picture[0]).maps
    assert np.allclose(found, ops.convert_to_numpy(model.first(picture)), atol=1e-6)
    assert convscope.deconv(bundle, "second:1", picture[0]).pixels.shape == (1, 1, 8, 8, 3)


def test_a_call_that_no_graph_can_say_is_named():
    with pytest.raises(ModelError, match=r"subclassed model \(Opaque\) whose `call` could not be followed"):
        convscope.load(Opaque(), input_shape=(8, 8, 3))


def test_a_model_that_was_never_called_needs_the_shape_of_its_input():
    with pytest.raises(ModelError, match="`input_shape="):
        convscope.load(Own())
    assert convscope.load(Own(), input_shape=(8, 8, 3)).shape == (8, 8, 3)


def test_a_chain_without_input_takes_the_shape_that_is_given():
    chain = keras.Sequential([keras.layers.Conv2D(2, 3, name="conv"), keras.layers.Flatten()], name="chain")
    assert convscope.load(chain, input_shape=(6, 7, 3)).shape == (6, 7, 3)
