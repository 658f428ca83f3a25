"""Networks of several inputs: one takes the picture, the others are fixed."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras
from convscope.errors import ModelError, OptionError
from convscope.models.inputs import as_inputs
from networks import filled, images


def two_inputs():
    layers = keras.layers
    picture, number = keras.Input((8, 8, 3), name="picture"), keras.Input((2,), name="number")
    value = layers.Conv2D(3, 3, activation="relu", name="conv")(picture)
    scaled = layers.Multiply(name="scaled")([value, layers.Reshape((1, 1, 3))(layers.Dense(3, name="scale")(number))])
    return filled(keras.Model([picture, number], layers.Conv2D(2, 3, name="last")(scaled), name="two"))


def two_pictures():
    layers = keras.layers
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    conv = layers.Conv2D(3, 3, name="conv")
    return filled(keras.Model([left, right], layers.Subtract(name="difference")([conv(left), conv(right)]), name="pair"))


@pytest.mark.parametrize("given", [{"number": [0.25, -1.0]}, ["number=0.25,-1"], ("number=[0.25,-1]",)])
def test_a_fixed_value_gives_what_the_model_gives(given):
    model, pixels = two_inputs(), images(3, 8, 8, 3)
    bundle = convscope.load(model, inputs=given, preprocess="unit")
    expected = model.predict([pixels, np.tile([0.25, -1.0], (3, 1))], verbose=0)
    assert np.allclose(convscope.activations(bundle, "last", pixels).maps, expected, atol=1e-5)
    assert np.abs(convscope.deconv(bundle, "last:1", pixels[0]).pixels).max() > 0


def test_a_value_may_lie_in_a_file(tmp_path):
    np.save(tmp_path / "number.npy", np.array([1.0, 2.0]))
    assert as_inputs([f"number={tmp_path / 'number.npy'}"], two_inputs())[1]["number"].tolist() == [1.0, 2.0]


def test_the_receptive_field_does_not_reach_through_the_other_input():
    bundle = convscope.load(two_inputs(), inputs={"number": 0.5})
    fields = {info.address: info.field for info in convscope.layers(bundle)}
    assert (fields["conv"], fields["scaled"], fields["last"]) == (3, 3, 5)


def test_which_input_takes_the_picture_can_be_said():
    model, pixels = two_pictures(), images(1, 8, 8, 3)
    bundle = convscope.load(model, inputs={"right": "image", "left": 0.0}, preprocess="unit")
    assert bundle.image_input == "right"
    expected = model.predict([np.zeros_like(pixels), pixels], verbose=0)
    assert np.allclose(convscope.activations(bundle, "difference", pixels).maps, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"age": 1}, "has no input `age`"),
        (["number"], "Expected NAME=VALUE"),
        ({"number": [1, 2, 3]}, r"takes \(2,\), but received \(3,\)"),
        (["number=abc"], "not a value for the input"),
        (["number=nan"], "`nan` is not a number such as"),
        (["number=1_0"], "`1_0` is not a number such as"),
        ({"number": float("inf")}, "not finite in float32"),
        ({"number": 1e39}, "not finite in float32"),
        (["number=missing.npy"], "not a value for the input"),
    ],
)
def test_what_does_not_fit_is_said(given, said):
    with pytest.raises(OptionError, match=said):
        as_inputs(given, two_inputs())


def test_a_network_on_vectors_takes_no_image():
    with pytest.raises(ModelError, match="does not take an image"):
        convscope.load(keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]))
