"""T11 for cones: a unit's value and projection on its cone are those on the whole image; where they cannot be, there is no cone."""

import numpy as np
import pytest

from chains import CHAINS, RULESETS, TELLING, any_cones_of, cut, differences_on_cone, places, same
from convscope.backend import choose, keras, ops
from convscope.graph.history import flatten
from convscope.graph.kinds import Kind
from convscope.graph.projector import Projector
from convscope.locality.cones import cones_of
from convscope.locality.shapes import call_shapes
from networks import array, filled, images, model_of, tensor
from sampling import all_but

layers = keras.layers
# Chains with layers whose padding is no zero, or whose places are no multiples, have crops but no cones.
WITHOUT = ("odd sides", "branches", "average pooling", "gaps between windows", "transposed", "upsampling")


@pytest.mark.parametrize("half", all_but([0], [0, 1]))
@pytest.mark.parametrize("name", all_but(TELLING, [name for name in CHAINS if name not in WITHOUT]))
def test_t11_a_cone_equals_the_whole_image(name, half, record_error):
    side, chain = CHAINS[name]
    graph = flatten(model_of(*chain(), shape=(*side, 2)))
    pixels = images(1, *side, 2)
    call = list(graph.visible.values())[-1]
    shape = array(graph.run(tensor(pixels), [call.index])[0]).shape
    for position in places(shape)[half::2]:
        for rules in RULESETS.values():
            value, picture = differences_on_cone(graph, call, pixels, position, rules)
            assert record_error("T11", value) <= 1e-5, position
            assert record_error("T11", picture) <= 1e-5, (position, rules.name)


@pytest.mark.parametrize("name", WITHOUT)
def test_what_pads_with_something_else_or_moves_unevenly_has_no_cones(name):
    side, chain = CHAINS[name]
    graph = flatten(model_of(*chain(), shape=(*side, 2)))
    assert any_cones_of(graph, list(graph.visible.values())[-1], side) is None


def test_pools_that_pad_nothing_have_cones_whatever_they_are_called():
    graph = flatten(model_of(same(3), layers.MaxPooling2D(2, padding="same"), same(3), shape=(32, 32, 3)))
    pixels = images(1, 32, 32, 3)
    for position in ((8, 8), (0, 15)):
        assert max(differences_on_cone(graph, list(graph.visible.values())[-1], pixels, position, RULESETS["switches"])) <= 1e-5


def test_a_map_that_is_used_on_both_sides_of_a_product_is_cut_for_each():
    def gated(value):
        wide = layers.Conv2D(3, 5, padding="same", activation="sigmoid")(value)
        return layers.Multiply()([value, wide])

    graph = flatten(model_of(same(3), gated, same(3), shape=(32, 32, 3)))
    for position in ((8, 8), (0, 31)):
        assert max(differences_on_cone(graph, list(graph.visible.values())[-1], images(1, 32, 32, 3), position, RULESETS["guided"])) <= 1e-5


def test_branches_that_look_at_the_whole_map_have_no_cones():
    def excited(value):
        gate = layers.Dense(3, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(value))
        return layers.Multiply()([value, gate])

    graph = flatten(model_of(same(3), excited, same(3), shape=(32, 32, 3)))
    assert any_cones_of(graph, list(graph.visible.values())[-1], (32, 32)) is None


def test_what_depends_on_the_place_has_no_cones():
    graph = flatten(model_of(same(3), layers.PReLU(), same(3), shape=(32, 32, 3)))
    assert any_cones_of(graph, list(graph.visible.values())[-1], (32, 32)) is None
    free = flatten(model_of(same(3), layers.PReLU(shared_axes=[1, 2]), same(3), shape=(32, 32, 3)))
    assert any_cones_of(free, list(free.visible.values())[-1], (32, 32)) is not None


def test_cones_that_would_not_pay_are_none():
    graph = flatten(model_of(same(3), same(3), shape=(16, 16, 3)))
    call = list(graph.visible.values())[-1]
    cost = any_cones_of(graph, call, (16, 16)).cost
    # The second convolution at one place, the first at three by three; biases count as weights.
    assert cost == pytest.approx((9 * 84 + 84) / (256 * 168))
    assert cones_of(graph, call, (16, 16), cost * 0.99) is None
    assert cones_of(graph, call, (16, 16), cost * 1.01) is not None


def test_operations_that_are_no_layers_have_cones_too():
    kernel = np.random.default_rng(0).normal(size=(5, 3, 2, 3)).astype("float32")
    graph = flatten(model_of(lambda value: ops.relu(ops.conv(value, kernel, 2, "same")), same(2), shape=(31, 32, 2)))
    for position in ((8, 8), (0, 15)):
        assert (
            max(differences_on_cone(graph, list(graph.visible.values())[-1], images(1, 31, 32, 2), position, RULESETS["switches"])) <= 1e-5
        )


@pytest.mark.long
def test_every_layer_of_vgg16_and_of_resnet50_equals_the_whole_image(record_error):
    """T11 where it is used: the networks as Keras builds them, small; bench/exactness.py does it at their own sides.

    On TensorFlow every convolution of VGG16 and every eighth of ResNet50; elsewhere, as JAX compiles each operation of each, every twelfth
    of those.
    """
    every = 1 if choose() == "tensorflow" else 12
    for build, side in ((keras.applications.VGG16, 64), (keras.applications.ResNet50, 64)):
        graph = flatten(filled(build(weights=None, include_top=False, input_shape=(side, side, 3))))
        pixels = images(1, side, side, 3) * 2 - 1
        calls = [
            call for call in graph.visible.values() if call.layer_type == "Conv2D" and any_cones_of(graph, call, (side, side)) is not None
        ]
        assert len(calls) >= 13
        for call in calls[:: every if build is keras.applications.VGG16 else 8 * every]:
            rows, columns = call_shapes(graph, call, (side, side))[call.index][1:3]
            for position in ((rows // 2, columns // 2), (0, columns - 1)):
                value, picture = differences_on_cone(graph, call, pixels, position, RULESETS["switches"])
                assert record_error("T11", value) <= 1e-5, call.address
                assert record_error("T11", picture) <= 1e-5, call.address


def test_the_way_down_reads_what_its_rules_read():
    first, second, last = (layers.Conv2D(3, 3, padding="same", activation=name) for name in (None, "relu", None))
    steps = first, layers.ReLU(), layers.MaxPooling2D(2), second, last
    graph = flatten(model_of(*steps, shape=(32, 32, 3)))
    found = any_cones_of(graph, list(graph.visible.values())[-1], (32, 32))
    kinds = {name: [graph.calls[held.whole].kind for held in found.read(rules)] for name, rules in RULESETS.items()}
    assert kinds["switches"] == kinds["ties"] == [Kind.RELU]  # what the pool compares
    assert kinds["guided"] == [Kind.CONVOLUTION, Kind.RELU, Kind.CONVOLUTION]


def test_windows_of_the_whole_network_s_values_are_those_of_the_cone():
    graph = flatten(model_of(same(3), layers.ReLU(), layers.MaxPooling2D(2), same(2), shape=(32, 32, 3)))
    pixels, call = images(1, 32, 32, 3), list(graph.visible.values())[-1]
    found = any_cones_of(graph, call, (32, 32))
    position = (7, 5)
    wholes = graph.run(tensor(pixels), [held.whole for held in found.windows])
    projector = Projector(found.graph, tensor(cut(pixels, found.at(position).window)), [found.call], {found.place: tensor([position])})
    for held, value in zip(found.windows, wholes, strict=True):
        own = projector.value(found.graph.calls[held.call])
        assert array(own) == pytest.approx(cut(array(value), held.at(position)), rel=1e-5, abs=1e-6)
