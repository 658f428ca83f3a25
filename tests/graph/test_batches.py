"""Operations that mix the images of a batch are told by numbers; what draws at random or works along other axes is not."""

import pytest

import convscope
from convscope.backend import keras, ops
from convscope.errors import ModelError
from convscope.network.network import as_network
from networks import images, model_of


def network(function):
    return convscope.load(
        model_of(keras.layers.Conv2D(3, 1, name="first"), function, keras.layers.Conv2D(2, 1, name="last"), shape=(6, 6, 3))
    )


@pytest.mark.parametrize(
    "function",
    [ops.flip, lambda value: ops.cumsum(value, axis=0), lambda value: ops.softmax(value, axis=0), lambda value: value / ops.max(value)],
    ids=["flip", "cumsum", "softmax", "largest"],
)
def test_an_operation_that_mixes_images_is_named_and_one_image_alone_is_looked_at(function):
    bundle = network(function)
    for look in (convscope.activations, lambda *given: convscope.saliency(given[0], f"{given[1]}:0", given[2])):
        look(bundle, "last", images(1, 6, 6, 3))
        with pytest.raises(ModelError, match="mixes the images of a batch"):
            look(bundle, "last", images(2, 6, 6, 3))
    convscope.activations(bundle, "first", images(2, 6, 6, 3))


class Noisy(keras.layers.Layer):
    """Draws anew at every call, as the sampling of an autoencoder does."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(1)

    def call(self, value):
        return value + keras.random.normal(ops.shape(value), seed=self.generator)


@pytest.mark.parametrize(
    "function",
    [lambda value: ops.flip(value, axis=1), lambda value: value[..., ::1] - 0.5, lambda value: Noisy()(value)],
    ids=["rows", "arithmetic", "noise"],
)
def test_what_keeps_images_apart_is_let_pass(function):
    assert not as_network(network(function)).graph.mixing
