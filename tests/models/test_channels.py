"""channels_first networks, converted: the same values, the axes in the other order."""

import numpy as np
import pytest

import convscope
from convscope.backend import keras, ops
from convscope.models.channels import channels_last, is_channels_first
from networks import filled, images
from twins import relative_error

layers = keras.layers


def network(first):
    """Return the same network in either format, every kind of layer that hangs on the axes in it."""
    form, axis = ("channels_first", 1) if first else ("channels_last", -1)
    picture = keras.Input((3, 10, 12) if first else (10, 12, 3), name="image")
    value = layers.ZeroPadding2D((1, 2), data_format=form)(picture)
    value = layers.Conv2D(4, 3, strides=2, data_format=form, name="conv")(value)
    value = layers.BatchNormalization(axis=axis, name="bn")(value)
    value = layers.PReLU(name="prelu", shared_axes=[2, 3] if first else [1, 2])(value)
    side = layers.Conv2D(2, 1, data_format=form, activation="relu", name="side")(value)
    value = layers.Concatenate(axis=axis, name="both")([value, side])
    value = layers.SeparableConv2D(5, 3, padding="same", data_format=form, name="separable")(value)
    value = layers.MaxPooling2D(2, data_format=form, name="pool")(value)
    value = layers.UpSampling2D(2, data_format=form)(value)
    value = layers.Activation("relu", name="act")(layers.Dropout(0.5)(value))
    value = layers.Softmax(axis=axis, name="soft")(value)
    return picture, value


def pair(end):
    """Return a channels_last network and the channels_first one of the same weights."""
    made = []
    for first in (False, True):
        picture, value = network(first)
        made.append(keras.Model(picture, end(value, first), name="net"))
    last, first = filled(made[0]), made[1]
    for one, other in zip(last.layers, first.layers, strict=True):
        weights = [np.asarray(ops.convert_to_numpy(weight)) for weight in one.weights]
        other.set_weights([np.moveaxis(weight, -1, 0) if "alpha" in one.weights[0].path else weight for weight in weights])
    return last, first


ENDS = {
    "maps": lambda value, first: value,
    "average": lambda value, first: layers.GlobalAveragePooling2D(data_format="channels_first" if first else "channels_last")(value),
    "flatten": lambda value, first: layers.Dense(3, name="head")(layers.Flatten(data_format="channels_first" if first else None)(value)),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_converted_network_computes_the_same(end):
    last, first = pair(ENDS[end])
    assert is_channels_first(first)
    assert not is_channels_first(last)
    converted, pixels = channels_last(first), images(2, 10, 12, 3)
    assert not is_channels_first(converted)
    found, expected = (ops.convert_to_numpy(one(pixels, training=False)) for one in (converted, last))
    assert relative_error(found, expected) < 1e-5


def test_a_flatten_in_the_old_order_keeps_its_dense_layer_right():
    picture = keras.Input((2, 3, 4), name="image")
    value = layers.ReLU(name="relu")(layers.Conv2D(2, 1, data_format="channels_first", name="conv")(picture))
    first = filled(keras.Model(picture, layers.Dense(3, name="head")(layers.Flatten(name="flat")(value)), name="net"))
    pixels = images(2, 3, 4, 2)
    kernel, bias = (ops.convert_to_numpy(one) for one in first.get_layer("conv").weights)
    rectified = np.maximum(pixels @ kernel[0, 0] + bias, 0)
    dense, offset = (ops.convert_to_numpy(one) for one in first.get_layer("head").weights)
    expected = np.moveaxis(rectified, -1, 1).reshape(2, -1) @ dense + offset
    assert relative_error(ops.convert_to_numpy(channels_last(first)(pixels)), expected) < 1e-5


def test_load_converts_and_says_so():
    _, first = pair(ENDS["average"])
    bundle = convscope.load(first, preprocess="unit")
    assert bundle.shape == (10, 12, 3)
    assert any("channels first" in note for note in bundle.notes)
    assert convscope.deconv(bundle, "conv:1", images(1, 10, 12, 3)).pixels.shape == (1, 1, 10, 12, 3)
