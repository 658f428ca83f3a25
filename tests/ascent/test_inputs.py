"""Which units see the whole picture: by their own shape, whatever lies before them."""

import pytest

import convscope
from convscope.ascent.inputs import is_flat, sees_all
from convscope.backend import keras
from convscope.network.network import as_network
from convscope.network.targets import as_targets
from networks import filled


@pytest.fixture(scope="module")
def network():
    layers = keras.layers
    image = keras.Input((16, 16, 3))
    value = layers.Conv2D(4, 3, name="conv")(image)
    squeezed = layers.Reshape((1, 1, 4), name="squeezed")(layers.GlobalAveragePooling2D()(value))
    value = layers.Conv2D(4, 3, name="behind")(layers.Multiply()([value, squeezed]))
    scores = layers.Dense(3, name="predictions")(layers.GlobalAveragePooling2D()(value))
    return as_network(convscope.load(filled(keras.Model(image, scores)), preprocess="unit"))


@pytest.mark.parametrize(
    ("unit", "flat", "whole"),
    [("conv:0", False, False), ("behind:0", True, False), ("squeezed:0", True, True), ("predictions:0", True, True)],
)
def test_a_unit_without_a_map_sees_the_whole_picture(network, unit, flat, whole):
    targets = as_targets(network, unit)
    assert (is_flat(network.graph, targets), sees_all(network.graph, targets)) == (flat, whole)
