"""Activation maps: a layer's output, for every image."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import OptionError, UnitError
from networks import array, images, model_of, small, tensor
from twins import SmallNet, relative_error

LABELS = ["Ankle boot", "Bag", "Coat"]


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(small(), labels=LABELS)


@pytest.mark.parametrize("layer", ["conv1", "pool1", "conv2", "pool2"])
def test_the_maps_are_what_the_loops_compute(bundle, layer, record_error):
    pixels = images(2, 8, 8, 3)
    twin = SmallNet([array(weight) for weight in bundle.network.weights])
    expected = np.stack([twin.forward(image)[layer] for image in pixels])
    assert record_error("activations() = loops", relative_error(convscope.activations(bundle, layer, pixels).maps, expected)) <= 1e-5


def test_many_images_pass_in_chunks_and_keep_their_order(bundle):
    pixels = images(19, 8, 8, 3)
    found = convscope.activations(bundle, "conv2", pixels).maps
    cut = keras.Model(bundle.network.input, bundle.network.get_layer("conv2").output)
    assert found.shape == (19, 4, 4, 5)
    assert relative_error(found, array(cut(tensor(pixels)))) <= 1e-6


def test_behind_a_dense_layer_there_is_one_value_a_channel_after_the_activation(bundle):
    result = convscope.activations(bundle, "predictions", images(2, 8, 8, 3))
    assert result.maps.shape == (2, 3)
    assert result.maps.sum(axis=1) == pytest.approx([1.0, 1.0])
    assert result.labels == tuple(LABELS)


def test_class_names_stay_with_the_layer_that_has_them(bundle):
    assert convscope.activations(bundle, "conv1", images(8, 8, 3)).labels is None


def test_the_network_sees_preprocessed_images():
    model = model_of(keras.layers.Conv2D(3, 1, use_bias=False, name="conv"), shape=(4, 4, 3))
    model.set_weights([np.eye(3, dtype="float32").reshape(1, 1, 3, 3)])
    image = images(4, 4, 3)
    maps = convscope.activations(convscope.load(model, preprocess="caffe"), "conv", image).maps[0]
    assert relative_error(maps, 255.0 * image[..., ::-1] - np.array([103.939, 116.779, 123.68])) <= 1e-6


def test_a_nested_layer_is_found_and_recorded_by_its_path():
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="conv")], name="inner")
    assert convscope.activations(model_of(inner), "conv", images(8, 8, 3)).layer == "inner/conv"


@pytest.mark.parametrize(
    ("layer", "options", "error", "message"),
    [
        ("conv9", {}, UnitError, "No layer `conv9`.*Closest of its layers: conv"),
        ("conv1", {"order": "name"}, OptionError, "No order `name`. Choose one of strongest, index"),
        ("conv1", {"most": 0}, OptionError, "`most` is 0. Expected a whole number at least 1, or leave it out"),
    ],
)
def test_a_wrong_question_is_answered_with_a_right_one(bundle, layer, options, error, message):
    with pytest.raises(error, match=message):
        convscope.activations(bundle, layer, images(8, 8, 3), **options)
