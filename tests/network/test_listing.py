"""What can be looked at, layer by layer."""

import json
from dataclasses import asdict

import pytest

import convscope
from convscope.backend import keras
from convscope.network.listing import layers as listed
from networks import filled, model_of, small

layers = keras.layers


def rows(model):
    return {info.address: info for info in listed(convscope.load(model))}


def test_every_layer_with_channels_is_listed_in_the_order_in_which_it_computes():
    assert list(rows(small())) == ["conv1", "pool1", "conv2", "pool2", "flatten", "predictions"]


def test_a_row_says_what_the_layer_is():
    conv = rows(small(side=32))["conv2"]
    assert (conv.kind, conv.type, conv.shape, conv.channels, conv.field, conv.activation) == (
        "convolution",
        "Conv2D",
        (16, 16),
        5,
        8,
        "relu",
    )
    assert conv.learns


def test_a_layer_that_learns_nothing_says_so():
    pool = rows(small())["pool1"]
    assert (pool.kind, pool.activation, pool.learns) == ("max pooling", None, False)


def test_behind_a_dense_layer_the_field_is_the_whole_image():
    dense = rows(small())["predictions"]
    assert (dense.kind, dense.shape, dense.field, dense.activation, dense.learns) == ("dense", (), None, "softmax", True)


def test_an_activation_of_its_own_is_a_row_of_its_own():
    found = rows(model_of(layers.Conv2D(2, 3, name="conv"), layers.Activation("relu", name="act"), layers.ReLU(name="relu")))
    assert found["conv"].activation is None
    assert (found["act"].kind, found["act"].learns) == ("relu", False)
    assert found["relu"].activation == "ReLU"


def test_a_field_is_measured_away_from_the_borders_where_the_size_is_free():
    convolutions = [layers.Conv2D(2, 3, strides=2, padding="same", name=f"conv{i}") for i in range(1, 6)]
    found = rows(model_of(*convolutions, shape=(None, None, 3)))
    assert [info.field for info in found.values()] == [3, 7, 15, 31, 63]
    assert found["conv1"].shape == (None, None)


def test_nested_and_shared_layers_are_listed_by_their_addresses():
    conv = layers.Conv2D(3, 3, padding="same", name="conv")
    inner = keras.Sequential([keras.Input((8, 8, 3)), conv], name="inner")
    image = keras.Input((8, 8, 3))
    assert list(rows(filled(keras.Model(image, inner(conv(inner(image))))))) == ["inner/conv", "conv", "inner#2/conv"]


def test_the_list_is_json():
    infos = listed(convscope.load(small()))
    records = json.loads(json.dumps([asdict(info) for info in infos]))
    assert records[0]["address"] == "conv1"
    assert records[0]["shape"] == [8, 8]


@pytest.mark.parametrize("size", [(28, 28), (224, 224)])
def test_a_field_is_the_architectures_even_where_the_picture_is_smaller(size):
    model = model_of(*(layers.Conv2D(2, 7, dilation_rate=6, padding="same", name=f"conv{i}") for i in (1, 2)), shape=(*size, 3))
    assert rows(model)["conv2"].field == 73
