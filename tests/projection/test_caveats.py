"""What is said below projections, and when: each sentence where it holds, and nowhere else."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.graph.rules import GRADIENT, GUIDED, deconvnet
from convscope.network.network import as_network
from convscope.projection.caveats import (
    CENTRED,
    GRATING,
    HONEST,
    UNPOOLED,
    WITHOUT,
    caveats,
    is_pooled,
    likeness_notes,
    wants_gradients,
    way_notes,
)
from convscope.units import Unit
from networks import images, model_of, small

pytestmark = pytest.mark.once
layers = keras.layers


@pytest.fixture(scope="module")
def network():
    return as_network(convscope.load(small()))


def way(network, layer):
    return network.graph.ancestors([network.graph.find(layer).index])


def test_there_are_switches_only_behind_a_max_pooling(network):
    assert not is_pooled(way(network, "conv1")) and is_pooled(way(network, "conv2"))


def test_gradients_are_wanted_where_the_image_does_not_change_the_projection(network):
    pooled, unpooled = way(network, "conv2"), way(network, "conv1")
    assert not wants_gradients(pooled, deconvnet(), "both") and wants_gradients(pooled, deconvnet("spread"), "both")
    assert wants_gradients(unpooled, deconvnet(), "through") and not wants_gradients(unpooled, deconvnet(), "projection")
    assert wants_gradients(pooled, GUIDED, "gradient") and not wants_gradients(unpooled, GRADIENT, "both")


def test_each_sentence_stands_where_it_holds(network):
    pooled, unpooled = way(network, "conv2"), way(network, "conv1")
    assert GRATING in caveats(pooled, [deconvnet(ties="first")]) and GRATING not in caveats(unpooled, [deconvnet(ties="first")])
    assert CENTRED in caveats(pooled, [deconvnet("center")]) and CENTRED not in caveats(pooled, [deconvnet("spread")])
    assert any(note.startswith(UNPOOLED) for note in caveats(unpooled, [deconvnet()]))
    assert any(note.startswith(WITHOUT) for note in caveats(pooled, [deconvnet("spread")]))
    assert caveats(pooled, [GRADIENT]) == ()


def test_what_several_ways_have_in_common_is_said_once():
    strided = as_network(convscope.load(model_of(layers.Conv2D(2, 3, 2, name="one"), layers.Conv2D(2, 3, name="two"), shape=(16, 16, 3))))
    notes = way_notes(strided.graph, [way(strided, "one"), way(strided, "two")], deconvnet(), (16, 16))
    assert sum("of 2 pixels comes from one" in note for note in notes) == 1 and notes.count(HONEST) == 1


def test_likeness_is_measured_for_layers_of_which_several_units_are_drawn(network):
    units, pixels = [Unit("conv2", 0), Unit("conv1", 1), Unit("conv2", 3)], images(2, 8, 8, 3)
    (note,) = likeness_notes(network, units, pixels, np.full((2, 3, 2), 2), deconvnet())
    assert note.startswith("Projections of different units of conv2 from one place")
    assert likeness_notes(network, units[:2], pixels, np.full((2, 2, 2), 2), deconvnet()) == ()
