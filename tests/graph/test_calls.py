"""A graph is asked by address, cut where it is asked, and runs."""

import numpy as np
import pytest

from convscope.backend import keras
from convscope.errors import ModelError, UnitError
from convscope.graph.calls import Ref
from convscope.graph.history import flatten
from networks import array, filled, images, model_of, small, tensor

layers = keras.layers


def nested():
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3, name="conv"), layers.ReLU(name="relu")], name="inner")
    return flatten(model_of(inner, layers.Conv2D(2, 3, name="head")))


def test_a_nested_layer_is_found_by_its_path_and_by_its_last_name():
    graph = nested()
    assert graph.find("inner/conv") is graph.find("conv")


def test_a_last_name_that_two_models_have_is_refused_with_both_paths():
    def part(name):
        return keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(3, 3, padding="same", name="conv")], name=name)

    graph = flatten(model_of(part("left"), part("right")))
    with pytest.raises(UnitError, match="means 2 layers. Write one of left/conv, right/conv"):
        graph.find("conv")


def test_a_missing_layer_is_answered_with_near_misses_and_a_command():
    with pytest.raises(
        UnitError, match=r"No layer `conv9` in `chain` \(7 layers\)\. Closest of its layers: conv.*convscope\.layers\(model\)"
    ):
        flatten(small()).find("conv9")


def test_a_fused_layer_is_found_after_its_activation():
    graph = flatten(small())
    assert not graph.find("conv1").inner
    assert graph.preactivation(graph.find("conv1")).inner


def test_the_preactivation_of_an_activation_of_its_own_is_the_call_before():
    graph = nested()
    assert graph.preactivation(graph.find("relu")) is graph.find("inner/conv")
    assert graph.preactivation(graph.find("head")) is graph.find("head")


def test_the_score_is_before_a_softmax_and_after_a_relu():
    graph = flatten(small())
    assert graph.score(graph.find("predictions")).inner
    assert graph.score(graph.find("conv1")) is graph.find("conv1")


def test_running_to_a_layer_computes_only_what_it_needs():
    graph = flatten(small())
    assert [call.address for call in graph.ancestors([graph.find("pool1").index])] == ["image", "conv1", "conv1", "pool1"]


def test_several_targets_come_back_in_the_order_asked_for():
    graph, image = flatten(small()), tensor(images(1, 8, 8, 3))
    wanted = [graph.find(name).index for name in ("conv2", "image", "conv1", "pool1")]
    values = graph.run(image, wanted)
    assert [tuple(value.shape) for value in values] == [(1, 4, 4, 5), (1, 8, 8, 3), (1, 8, 8, 4), (1, 4, 4, 4)]
    np.testing.assert_array_equal(array(values[0]), array(graph.run(image, wanted[:1])[0]))


def test_sources_are_in_the_order_of_the_arguments():
    image = keras.Input((4, 4, 1))
    one, two = layers.Conv2D(1, 1, name="one")(image), layers.Conv2D(1, 1, name="two")(image)
    graph = flatten(filled(keras.Model(image, layers.Subtract(name="minus")([two, one]))))
    assert graph.find("minus").sources == (Ref(graph.find("two").index), Ref(graph.find("one").index))


def test_pictures_enter_where_the_rank_is_four():
    numbers, image = keras.Input((3,), name="numbers"), keras.Input((4, 4, 1), name="image")
    gated = layers.Multiply()([layers.Conv2D(3, 1, name="conv")(image), layers.Reshape((1, 1, 3))(numbers)])
    graph = flatten(filled(keras.Model([numbers, image], gated)))
    assert graph.calls[graph.image_input].address == "image"
    assert len(graph.run(tensor(images(1, 4, 4, 1)), [graph.find("conv").index])) == 1
    with pytest.raises(ModelError, match="second input, `numbers`"):
        graph.run(tensor(images(1, 4, 4, 1)), [graph.outputs[0].call])
