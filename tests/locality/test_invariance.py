"""Layers whose work depends on the place have a receptive field, but no crops; their likes that treat every place alike have both."""

import numpy as np
import pytest

from convscope.backend import keras, ops
from convscope.graph.history import flatten
from convscope.graph.projector import Projector
from convscope.graph.rules import deconvnet
from convscope.locality.crops import crops_of
from convscope.locality.receptive import receptive_field
from networks import array, filled, images, model_of, tensor

layers = keras.layers
SIDE, CHANNELS = 24, 4
RNG = np.random.default_rng(3)


def numbers(*shape):
    return RNG.uniform(0.5, 1.5, shape).astype("float32")


class Ramp(layers.Rescaling):
    """A user's layer that is brighter below."""

    def call(self, value):
        return value * ops.reshape(ops.arange(value.shape[1], dtype="float32"), (-1, 1, 1))


class Position(layers.Layer):
    """A learned position, added."""

    def build(self, shape):
        self.map = self.add_weight(shape=shape[1:])

    def call(self, value):
        return value + self.map


PLACED = {
    "PReLU": lambda: layers.PReLU(),
    "PReLU, shared rows": lambda: layers.PReLU(shared_axes=[1]),
    "batch norm of rows": lambda: layers.BatchNormalization(axis=1),
    "batch norm of columns": lambda: layers.BatchNormalization(axis=2),
    "normalization of places": lambda: layers.Normalization(axis=(1, 2, 3), mean=numbers(SIDE, SIDE, 4), variance=numbers(SIDE, SIDE, 4)),
    "rescaling by a map": lambda: layers.Rescaling(numbers(SIDE, SIDE, 1)),
    "rescaling by a list": lambda: layers.Rescaling(1.0, numbers(SIDE, 1, 1).tolist()),
    "constant added": lambda: lambda value: ops.add(value, numbers(SIDE, SIDE, 1)),
    "constant of rows maximised": lambda: lambda value: ops.maximum(value, numbers(1, SIDE, 1, CHANNELS)),
    "concatenated rows": lambda: lambda value: layers.Concatenate(1)([value[:, :3], value])[:, :SIDE],
    "a user's position": lambda: Position(),
    "a user's rescaling": lambda: Ramp(1.0),
}
ALIKE = {
    "PReLU, shared": lambda: layers.PReLU(shared_axes=[1, 2]),
    "batch norm": lambda: layers.BatchNormalization(),
    "batch norm of axis 3": lambda: layers.BatchNormalization(axis=3),
    "layer norm of channels": lambda: layers.LayerNormalization(),
    "softmax of channels": lambda: layers.Softmax(),
    "normalization of channels": lambda: layers.Normalization(mean=numbers(CHANNELS), variance=numbers(CHANNELS)),
    "rescaling of channels": lambda: layers.Rescaling(numbers(CHANNELS), numbers(1, 1, CHANNELS)),
    "constant of channels": lambda: lambda value: ops.multiply(value, numbers(1, 1, 1, CHANNELS)),
    "spatial dropout": lambda: layers.SpatialDropout2D(0.5),
    "noise": lambda: layers.GaussianNoise(0.5),
    "dense over channels": lambda: layers.Dense(CHANNELS),
    "sum of branches": lambda: lambda value: layers.Add()([value, layers.Conv2D(CHANNELS, 3, padding="same")(value)]),
}


def around(layer):
    """Return the graph of convolution, layer, convolution."""
    first, last = layers.Conv2D(CHANNELS, 3, name="before"), layers.Conv2D(2, 3, name="after")
    padded = layers.ZeroPadding2D(1)
    return flatten(model_of(padded, first, layer, last, shape=(SIDE, SIDE, 3)))


@pytest.mark.parametrize("name", PLACED)
def test_what_depends_on_the_place_has_no_crops(name):
    graph = around(PLACED[name]())
    assert crops_of(graph, graph.find("before"), (SIDE, SIDE)) is not None
    assert crops_of(graph, graph.find("after"), (SIDE, SIDE)) is None


@pytest.mark.parametrize("name", [name for name in PLACED if name not in ("concatenated rows", "a user's position")])
def test_but_its_receptive_field_is_that_of_the_place(name):
    graph = around(PLACED[name]())
    assert receptive_field(graph, graph.find("after"), (9, 10), (SIDE, SIDE)) == (8, 9, 13, 14)


@pytest.mark.parametrize("name", ALIKE)
def test_t11_what_treats_all_places_alike_has_exact_crops(name, record_error):
    graph = around(ALIKE[name]())
    call, pixels = graph.find("after"), images(1, SIDE, SIDE, 3)
    crops = crops_of(graph, call, (SIDE, SIDE))
    for position in ((9, 12), (0, SIDE - 3)):
        (top, left, bottom, right), place = crops.at(position)
        part, whole = (Projector(graph, tensor(one), [call]) for one in (pixels[:, top:bottom, left:right], pixels))
        seeds = [np.zeros(tuple(one.value(call).shape), "float32") for one in (part, whole)]
        seeds[0][0, place[0], place[1]] = seeds[1][0, position[0], position[1]] = 1.0
        cut, full = (array(one.project(call, tensor(seed), deconvnet())) for one, seed in zip((part, whole), seeds, strict=True))
        pasted = np.zeros_like(full)
        pasted[:, top:bottom, left:right] = cut
        assert full.any()
        assert record_error("T11", np.abs(pasted - full).max() / np.abs(full).max()) <= 1e-5


@pytest.mark.parametrize("merge", [layers.Add, layers.Multiply, layers.Concatenate])
def test_a_second_input_may_lie_over_the_places(merge):
    image, other = keras.Input((SIDE, SIDE, 3), name="image"), keras.Input((SIDE, SIDE, CHANNELS), name="other")
    before = layers.Conv2D(CHANNELS, 3, padding="same", name="before")(image)
    graph = flatten(filled(keras.Model([image, other], layers.Conv2D(2, 3, name="after")(merge()([before, other])))))
    assert crops_of(graph, graph.find("before"), (SIDE, SIDE)) is not None
    assert crops_of(graph, graph.find("after"), (SIDE, SIDE)) is None
