"""Preprocessing that a network's BatchNorm layers tell."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.models import moments
from convscope.models.preprocessing import PREPROCESSINGS

layers = keras.layers


def network(channels=3, nested=False, seed=1):
    initial = keras.initializers.GlorotNormal(seed)
    picture = keras.Input((48, 48, channels), name="image")
    value = layers.Conv2D(12, 3, strides=2, use_bias=False, kernel_initializer=initial, name="conv")(picture)
    value = layers.ReLU()(layers.BatchNormalization(name="bn")(value))
    model = keras.Model(picture, layers.GlobalAveragePooling2D()(value), name="net")
    return keras.Sequential([keras.Input((48, 48, channels)), model, layers.Dense(3)]) if nested else model


def told(model, recipe):
    """Give a network the moments that training on pictures under a recipe leaves behind: those of other pictures, left-right turned."""
    norm = next(layer for layer in model._flatten_layers() if layer.name == "bn")
    norm.moving_mean.assign(norm.moving_mean + 1.0)  # else it is taken for untrained and not asked
    shape = model.input_shape[1:]
    pictures = moments.photographs(shape)[::2, ::-1, ::-1]
    ((layer, mean, variance),) = moments._seen(model, model.inputs[0]._keras_history.operation.name, {}, recipe.apply(pictures))
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance)
    return model


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("name", PREPROCESSINGS)
def test_the_recipe_of_the_training_is_found(name, nested):
    bundle = convscope.load(told(network(nested=nested), PREPROCESSINGS[name]))
    assert bundle.preprocessing.name == name
    assert "measured" in bundle.notes[-1]


@pytest.mark.parametrize("name", ["none", "unit", "symmetric"])
def test_it_is_found_for_grey_pictures(name):
    assert convscope.load(told(network(channels=1), PREPROCESSINGS[name])).preprocessing.name == name


def test_an_untrained_network_says_nothing():
    bundle = convscope.load(network())
    assert bundle.preprocessing.name == "unit"
    assert "--preprocess" in bundle.notes[-1]


def test_the_divergence_is_that_of_normal_distributions():
    bn = layers.BatchNormalization(epsilon=1e-9)
    bn.build((None, 4, 4, 1))
    bn.moving_mean.assign([0.5])
    bn.moving_variance.assign([4.0])
    expected = np.log(2.0) + (1.0 + 1.0) / (2 * 4.0) - 0.5
    assert moments._divergence(bn, np.array([1.5]), np.array([1.0])) == pytest.approx(expected)


def test_what_is_given_is_not_measured():
    bundle = convscope.load(told(network(), PREPROCESSINGS["caffe"]), preprocess="unit")
    assert bundle.preprocessing.name == "unit"
    assert "as given" in bundle.notes[-1]


@pytest.mark.parametrize("shape", [(64, 64, 3), (None, None, 3)])
def test_a_network_too_large_to_try_is_not_tried(shape):
    picture = keras.Input(shape, name="image")
    value = layers.BatchNormalization(name="bn")(layers.ZeroPadding2D(20_000)(layers.Conv2D(2, 3)(picture)))
    model = keras.Model(picture, layers.GlobalAveragePooling2D()(value))
    model.get_layer("bn").moving_mean.assign([1.0, 2.0])
    assert convscope.load(model).preprocessing.name == "unit"


def test_pictures_that_are_too_many_at_once_are_measured_one_by_one(monkeypatch):
    model = told(network(), PREPROCESSINGS["caffe"])
    expected = moments.guess(model, (48, 48, 3), "image", {})
    monkeypatch.setattr("convscope.models.entrance.MOST_NUMBERS", 23 * 23 * 12)
    found = moments.guess(model, (48, 48, 3), "image", {})
    assert found.distances == pytest.approx(expected.distances, rel=1e-4)


def test_an_enormous_input_is_not_filled():
    picture = keras.Input((30_000, 30_000, 3))
    value = layers.BatchNormalization(name="bn")(layers.Conv2D(2, 3)(layers.Rescaling(1 / 255.0)(picture)))
    model = keras.Model(picture, layers.GlobalAveragePooling2D()(value))
    model.get_layer("bn").moving_mean.assign([1.0, 2.0])
    assert "assumed" in convscope.load(model).notes[-1]
