"""Recipes against Keras' own, and how a network's is recognised."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import OptionError
from convscope.models import PREPROCESSINGS
from convscope.models.preprocessing import named

IMAGE = np.random.default_rng(0).random((2, 5, 6, 3), dtype=np.float32)
KERAS_MODES = {"caffe": "caffe", "torch": "torch", "symmetric": "tf"}


@pytest.mark.parametrize(("ours", "theirs"), KERAS_MODES.items())
def test_recipes_equal_keras_own(ours, theirs):
    from keras.src.applications.imagenet_utils import preprocess_input

    expected = preprocess_input(IMAGE * 255.0, data_format="channels_last", mode=theirs)
    assert np.allclose(PREPROCESSINGS[ours].apply(IMAGE), expected, atol=2e-4)


def test_unit_and_none():
    assert np.array_equal(PREPROCESSINGS["unit"].apply(IMAGE), IMAGE)
    assert np.allclose(PREPROCESSINGS["none"].apply(IMAGE), IMAGE * 255)


@pytest.mark.parametrize("name", PREPROCESSINGS)
def test_the_value_range_is_that_of_black_and_white(name):
    recipe = PREPROCESSINGS[name]
    values = [np.asarray(recipe.apply(np.full((1, 1, 1, 3), end, np.float32))) for end in (0.0, 1.0)]
    assert np.allclose(recipe.value_range(), (np.min(values), np.max(values)), atol=1e-4)


def test_signals_come_back_in_rgb_order():
    signal = np.arange(3.0).reshape(1, 1, 1, 3)
    assert PREPROCESSINGS["caffe"].to_rgb(signal).ravel().tolist() == [2, 1, 0]
    assert PREPROCESSINGS["torch"].to_rgb(signal).ravel().tolist() == [0, 1, 2]


def test_a_model_that_normalises_inside_needs_none():
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(1, 3)])
    bundle = convscope.load(model)
    assert bundle.preprocessing.name == "none"
    assert "inside" in bundle.notes[-1]


def test_an_unknown_model_gets_unit_and_says_so():
    bundle = convscope.load(keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(1, 3)]))
    assert bundle.preprocessing.name == "unit"
    assert "--preprocess" in bundle.notes[-1]


@pytest.mark.parametrize(
    ("wanted", "black", "white"),
    [
        ("127/128", -127 / 128, 1.0),
        ("127.5/127.5", -1.0, 1.0),
        ("0/255", 0.0, 1.0),
        ("10,20,30/1,2,4", (-10, -10, -7.5), (245, 117.5, 56.25)),
    ],
)
def test_means_and_deviations_make_a_recipe(wanted, black, white):
    recipe = named(wanted, 3)
    assert np.allclose(recipe.apply(np.zeros((1, 1, 1, 3), np.float32)), black, atol=1e-4)
    assert np.allclose(recipe.apply(np.ones((1, 1, 1, 3), np.float32)), white, atol=1e-4)


@pytest.mark.parametrize("wanted", ["127/0", "a/b", "1,2/3", "1/2/3"])
def test_numbers_that_make_no_recipe_are_refused(wanted):
    with pytest.raises(OptionError, match="MEANS/DEVIATIONS|does not fit"):
        named(wanted, 3)


@pytest.mark.parametrize(("scale", "offset", "recipe"), [(1 / 127.5, 1.0, "none"), (1 / 255, 0.0, "none"), (2.0, 1.0, "unit")])
def test_arithmetic_before_the_first_layer_normalises_inside(scale, offset, recipe):
    picture = keras.Input((32, 32, 3), name="image")
    base = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35)
    model = keras.Model(picture, keras.layers.GlobalAveragePooling2D()(base(picture * scale - offset, training=False)))
    bundle = convscope.load(model)
    assert bundle.preprocessing.name == recipe
    assert "inside" in bundle.notes[-1]
