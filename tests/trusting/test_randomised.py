"""Random weights: a graph of copies, while the model stays as it is."""

import numpy as np
import pytest

from convscope.backend import keras
from convscope.graph.history import flatten
from convscope.models.bundle import network_digest
from convscope.trusting.randomised import Randomised, depths, first_index
from networks import array, images, model_of, tensor

layers = keras.layers


def network():
    return model_of(
        layers.Conv2D(4, 3, padding="same", activation="relu", name="first"),
        layers.BatchNormalization(name="norm"),
        layers.DepthwiseConv2D(3, name="depthwise"),
        layers.Conv2D(5, 3, name="second"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, name="scores"),
    )


def values(graph):
    addresses = ("first", "norm", "depthwise", "second", "scores")
    found = graph.run(tensor(images(2, 8, 8, 3)), [graph.find(address).index for address in addresses])
    return dict(zip(addresses, map(array, found), strict=True))


@pytest.mark.once
def test_weights_become_random_from_above_down_and_the_model_does_not_change():
    model = network()
    graph, before = flatten(model), network_digest(model)
    random = Randomised(graph, seed=3)
    at = {name: random.since(first_index(graph, graph.find(name))) for name in ("second", "first")}
    own, second, first = (values(one) for one in (graph, at["second"], at["first"]))
    assert all(np.array_equal(second[name], own[name]) for name in ("first", "norm", "depthwise"))
    assert not any(np.allclose(second[name], own[name]) for name in ("second", "scores"))
    assert not any(np.allclose(first[name], own[name]) for name in own)
    # What is random above is the same however deep it goes, and the same for one seed.
    drawn = [array(one.find("scores").operation.kernel) for one in (at["second"], at["first"], Randomised(graph, 3).since(0))]
    assert np.array_equal(drawn[0], drawn[1]) and np.array_equal(drawn[0], drawn[2])
    assert not np.array_equal(array(Randomised(graph, 4).since(0).find("scores").operation.kernel), drawn[0])
    assert network_digest(model) == before and not random.kept


def test_depths_go_from_the_unit_s_layer_to_the_first():
    graph = flatten(network())
    calls = [graph.find(name) for name in ("first", "depthwise", "second")]
    assert [call.address for call in depths(calls, graph.find("scores"))] == ["scores", "second", "depthwise", "first"]
    assert first_index(graph, graph.find("first")) == graph.find("first").index - 1
    many = [graph.find("first")] * 20
    assert len(depths(many, graph.find("scores"))) == 6
