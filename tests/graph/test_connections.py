"""What a unit is made of, on weights made by hand; what it feeds, as the same turned round."""

import numpy as np
import pytest

from convscope.backend import keras
from convscope.graph import connections as circuits
from convscope.graph.connections import Layers, connections, feeds
from convscope.graph.history import flatten
from convscope.locality.shapes import shapes_up_to
from convscope.units import Unit
from networks import filled

layers = keras.layers
ADDRESSES = ("eyes", "face", "kinds")


@pytest.fixture(scope="module")
def model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Conv2D(12, 3, padding="same", activation="relu", name="eyes"),
            layers.Conv2D(3, 3, padding="same", activation="relu", name="face"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax", name="kinds"),
        ]
    )


def between(model):
    graph = flatten(model)
    calls = {address: graph.score(graph.find(address)) for address in ADDRESSES}
    stops = {graph.image_input: "image"} | {call.index: address for address, call in calls.items()}
    return Layers(graph, stops, shapes_up_to(graph, [call.index for call in calls.values()], (8, 8))), calls


def test_a_unit_made_by_hand_says_what_it_is_made_of(model):
    kernel = np.zeros((3, 3, 12, 3), "float32")
    kernel[0, 0, 2, 1] = kernel[0, 2, 3, 1] = 1.0  # an eye on the left, another one on the right
    kernel[1, :, 7, 1] = 0.5  # a nose, twice as much
    kernel[2, 1, 9, 1], kernel[:, :, 4, 1] = -2.0, -1 / 9  # no beard, and nothing over it all
    kernel[0, 1, 5, 1], kernel[1, 1, 5, 1] = 1.0, -1.0  # an edge, whose sum is nothing
    model.get_layer("face").set_weights([kernel, np.zeros(3, "float32")])
    layers_between, calls = between(model)
    units = list(connections(layers_between, calls["face"], "face", None, 5))
    assert [one.unit for one in units] == [Unit("face", channel) for channel in range(3)]
    assert units[0].inputs == units[2].inputs == ()
    made = units[1]
    assert made.exact and [(one.source.channel, one.strength) for one in made.inputs] == [
        (7, 1.5),
        (2, 1.0),
        (3, 1.0),
        (9, -2.0),
        (4, pytest.approx(-1.0)),
    ]
    for one in made.inputs:
        np.testing.assert_array_equal(one.pattern, kernel[:, :, one.source.channel, 1])
    assert (len(made.exciting), len(made.inhibiting)) == (3, 2)


def test_an_input_counts_by_how_active_it_is(model):
    filled(model, seed=3)
    layers_between, calls = between(model)
    active = np.linspace(0.0, 4.0, 12).astype("float32")
    active[3], active[5] = -1.0, np.nan  # never above zero; not a number
    for made in connections(layers_between, calls["face"], "face", lambda layer: {"eyes": active}[layer], 12):
        for one in made.inputs:
            assert one.strength == pytest.approx(one.pattern.sum() * active[one.source.channel], rel=1e-5)
        assert {one.source.channel for one in made.inputs} == set(range(12)) - {0, 3, 5}


def test_layers_in_pieces_are_the_same(model, monkeypatch):
    filled(model, seed=4)
    layers_between, calls = between(model)
    whole = list(connections(layers_between, calls["face"], "face", None, 5))
    monkeypatch.setattr(circuits, "MOST_NUMBERS", 12 * 9)
    pieces = list(connections(layers_between, calls["face"], "face", None, 5))
    assert [one.inputs[0].source for one in pieces] == [one.inputs[0].source for one in whole]
    for one, other in zip(pieces, whole, strict=True):
        for first, second in zip(one.inputs, other.inputs, strict=True):
            np.testing.assert_array_equal(first.pattern, second.pattern)


def test_what_a_unit_feeds_is_what_others_are_made_of_turned_round(model):
    filled(model, seed=5)
    layers_between, calls = between(model)
    above = [("face", calls["face"]), ("kinds", calls["kinds"])]
    found = feeds(layers_between, above, {"eyes": 12, "face": 3, "kinds": 2}, None, 2)
    every = [made for layer, call in above for made in connections(layers_between, call, layer, None, 99)]
    known = {(one.source, made.unit): one.strength for made in every for one in made.inputs}
    for layer in ("eyes", "face"):
        for one in found[layer]:
            strengths = {unit: strength for (source, unit), strength in known.items() if source == one.unit}
            exciting = sorted((unit for unit in strengths if strengths[unit] > 0), key=lambda unit: -strengths[unit])[:2]
            inhibiting = sorted((unit for unit in strengths if strengths[unit] < 0), key=strengths.get)[:2]
            assert [(feed.target, feed.strength) for feed in one.targets] == [(unit, strengths[unit]) for unit in exciting + inhibiting]
    assert all(one.targets == () for one in found["kinds"])


def test_a_unit_without_paths_has_no_inputs(model):
    class Turned(keras.layers.Layer):
        def call(self, value):
            return keras.ops.flip(value, 1) * 1.0

    odd = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(4, 3, name="eyes"), Turned(name="turned"), layers.Conv2D(2, 3, name="face")]
    )
    graph = flatten(odd)
    eyes, face = graph.find("eyes"), graph.find("face")
    units = list(connections(Layers(graph, {eyes.index: "eyes"}, shapes_up_to(graph, [face.index], (8, 8))), face, "face", None, 5))
    assert [(one.inputs, one.exact, one.remarks) for one in units] == [
        ((), False, ("Paths through other layers are left out: `turned`.",))
    ] * 2
